// A world of fakes for the commands, and the cluster of the recorded transcripts in it.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "ctl/app.h"

namespace regent::ctl::testing {

struct FakeKeys {
  std::map<std::string, RawKey> keys;  // by path
  std::int64_t revision = 100;
  std::string broken;  // why nobody can read or write; empty: fine
  bool removed = false;

  void put(const std::string& path, const std::string& value, const std::string& session = "");
  void drop(const std::string& path) { keys.erase(path); }
  std::string value(const std::string& path) const;
};

struct Sent {
  std::string method, url, body;
};

// Everything a command can touch. Clusters by name; "demo" has n1 (leader), n2 and n3.
class World : public Stores, public Http, public Databases, public Terminal {
 public:
  World();

  // Runs `regentctl <words>` and collects what it says.
  int run(std::vector<std::string> words);

  // --- what the world looks like ---
  std::map<std::string, FakeKeys> clusters;
  std::deque<Result<HttpAnswer>> answers;  // in order; none left: unreachable
  std::deque<Result<QueryRows>> rows;
  std::deque<std::string> input;
  std::map<std::string, std::string> files;
  std::string all_input;
  Result<std::string> edited = std::string();
  std::function<void()> on_sleep;
  std::string program = "patronictl";
  std::map<std::string, std::string> environment;
  LocalConfig config;
  std::string config_error;
  int zone_minutes = 0;

  // --- what happened ---
  std::string stdout_text, stderr_text;
  std::vector<Sent> sent;
  std::vector<std::string> queries;
  std::vector<QueryTarget> targets;
  LocalConfig seen_config;
  int sleeps = 0;

  FakeKeys& demo() { return clusters["demo"]; }
  void answer(int status, const std::string& body) { answers.emplace_back(HttpAnswer{status, body}); }

  Result<std::unique_ptr<Store>> open(const LocalConfig& config) override;
  Result<HttpAnswer> request(std::string method, std::string url, std::optional<std::string> body,
                             Duration timeout) override;
  Result<std::unique_ptr<Session>> connect(const QueryTarget& target) override;
  void out(const std::string& text) override { stdout_text += text; }
  void err(const std::string& text) override { stderr_text += text; }
  std::optional<std::string> read_line(bool hidden) override;
  std::string read_all() override { return all_input; }
  Result<std::string> read_file(const std::string& path) override;
  bool interactive() const override { return false; }
  void clear() override { stdout_text += "<clear>"; }
  void page(const std::string& text) override { stdout_text += text; }
  Result<std::string> edit(const std::string& text, const std::string& name) override;
  void sleep(Duration time) override;
  WallTime now() override;
  std::chrono::minutes zone_offset(WallTime at) override;
};

// The table that most commands show first.
extern const char* const demo_table;

}  // namespace regent::ctl::testing
