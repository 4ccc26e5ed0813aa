// Which rules the runs of many seeds reached. What is never reached is not proven: a rule that no run can reach needs a
// reason, and every other one has to be reached.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/rule.h"

namespace regent::sim {

// Why the runs need not come to this rule.
struct Excuse {
  enum class Kind {
    never,   // no state of the simulated world brings it about: reached, the reason is wrong
    seldom,  // two things have to meet in one moment: one run in thousands
  };
  int rule;
  Kind kind;
  const char* why;
};
const std::vector<Excuse>& excuses();

class Coverage {
 public:
  // What one seed decided, by rule.
  void add(const std::map<int, std::uint64_t>& decisions);

  // Neither reached nor excused.
  std::vector<const Rule*> missing() const;
  // Said to be reached never, and reached all the same: the reason is wrong.
  std::vector<const Rule*> wrongly_excused() const;

  // One line per rule: in how many seeds it decided, and how often.
  std::string table() const;
  // The rules never reached, with the reasons of those that are excused; empty: there are none.
  std::string unreached() const;

 private:
  struct Reached {
    std::uint64_t seeds = 0;
    std::uint64_t decisions = 0;
  };
  std::map<int, Reached> reached_;
};

// "410 data_gone_leader: the data directory is gone although the lock is ours", one line each.
std::string lines(const std::vector<const Rule*>& rules);

}  // namespace regent::sim
