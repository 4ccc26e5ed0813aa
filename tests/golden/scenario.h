// The language of golden scenarios: commands state what one node sees, `decide` runs the core on it. One scenario is
// one story; its expected output is the complete decision trace, rewritten by one command and reviewed as a diff.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/decision.h"
#include "core/memory.h"
#include "core/observation.h"
#include "core/settle.h"

namespace regent::golden {

class Scenario {
 public:
  Scenario();

  // Runs one command line and returns what it prints: the decision trace of `decide`, nothing for the others. Throws
  // std::runtime_error, with the line, when the command cannot be understood.
  std::string run(const std::string& line);

  const std::set<int>& rules_hit() const { return rules_hit_; }

 private:
  using Words = std::vector<std::string>;

  std::string decide_once();
  void grant_ticket();
  void apply(const action::Ticket& ticket);
  void decide_from_record(const Decision& decision) const;
  void me(const Words& words);
  void store(const Words& words);
  void key(const Words& words, const std::string& rest);
  void leader(const Words& words);
  void member(const Words& words);
  void postgres(const Words& words);
  void data(const Words& words);
  void lease(const Words& words);
  void guard(const std::vector<std::string>& words);
  void watchdog(const std::vector<std::string>& words);
  void failsafe(const Words& words);
  void peer(const Words& words);
  void probe(const Words& words);
  void history(const Words& words);
  void archive(const Words& words);
  void refused(const Words& words, const std::string& rest);
  void job(const Words& words, const std::string& rest);
  void request(const Words& words);
  void slot(const Words& words);
  void theirs(const Words& words);
  void remember(const Words& words);
  void fails(const Words& words);
  ServerFacts& server();
  void refresh();

  Observation o_;
  Memory memory_;
  ClusterView view_;
  bool store_answers_ = true;
  bool ticket_ = false;  // the lock that is held came with a timeline number
  std::optional<ServerFacts> server_;
  std::string silence_;  // why it is not known
  Duration seen_ago_{};
  PeersFacts peers_;
  UpstreamSlots their_slots_;
  Json config_;
  std::int64_t next_version_ = 10;
  std::optional<Outcome> fails_;
  std::set<int> rules_hit_;
};

}  // namespace regent::golden
