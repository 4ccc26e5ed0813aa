// What the simulator reaches it is to go on reaching: a rule that no run comes to any more is proven by its scenario
// alone. Rare ones are asked for by sim.clean_seeds, which runs many more seeds (--full-coverage).
#include "sim/coverage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "sim/simulation.h"

namespace regent::sim {
namespace {

// Fewer than seven of the runs here come to them: after the next change of a rule it may be none.
const std::set<int> rare = {15,  16,  54,  18,  19,  20,  25,  32,  48,  52,  110, 115, 122, 130, 140, 170, 207,
                            242, 310, 320, 325, 327, 350, 352, 354, 355, 365, 378, 405, 408, 410, 412, 415, 428,
                            432, 438, 445, 465, 468, 525, 528, 560, 565, 595, 605, 610, 612, 625, 627, 705, 712,
                            715, 717, 718, 730, 733, 734, 738, 768, 772, 776, 780, 844, 846, 877};

// As drawn, but busier: every run begins with a fault of its own, and more of them come sooner.
Params busy_params(std::uint64_t seed) {
  Params params = draw_params(seed);
  if (params.faults.empty()) return params;
  const auto first = static_cast<int>(FaultKind::recovery_slow);
  const auto last = static_cast<int>(FaultKind::twin);
  const auto opening = static_cast<FaultKind>(first + static_cast<int>(seed) % (last - first + 1));
  // Where acknowledgements are promises, nobody promotes by hand (I5).
  const bool promises = params.synchronous.is_object() || params.standby_from_the_start;
  if (opening != FaultKind::promoted_by_hand || !promises) params.opening = opening;
  params.fault_gap = std::min<Duration>(params.fault_gap, std::chrono::seconds(15));
  return params;
}

TEST(Coverage, EveryRuleThatCanBeReachedIs) {
  log::set_level(log::Level::none);
  Coverage coverage;
  for (std::uint64_t seed = 1; seed <= 160; ++seed) {
    Simulation simulation(busy_params(seed), nullptr, false);
    const Outcome outcome = simulation.run();
    EXPECT_TRUE(outcome.violations.empty()) << "run " << seed << ": " << outcome.violations.front().text;
    coverage.add(outcome.rules);
  }
  auto missing = coverage.missing();
  std::erase_if(missing, [](const Rule* rule) { return rare.contains(rule->number); });
  EXPECT_TRUE(missing.empty()) << "160 runs do not reach these rules any more: does a fault of the simulator not take "
                                  "effect, or can a rule not be reached? A reason for the latter goes to "
                                  "sim/coverage.cpp.\n"
                               << lines(missing) << coverage.table();
  EXPECT_TRUE(coverage.wrongly_excused().empty()) << "said to be out of reach, and reached:\n"
                                                  << lines(coverage.wrongly_excused());
}

TEST(Coverage, NamesRulesThatExist) {
  std::set<int> known;
  for (const auto& section : rule_sections()) {
    for (const auto& rule : section.rules) known.insert(rule.number);
  }
  for (const int rule : rare) EXPECT_TRUE(known.contains(rule)) << rule;
  for (const Excuse& excuse : excuses()) EXPECT_TRUE(known.contains(excuse.rule)) << excuse.rule;
}

// The check itself: what was not seen is missing, what was seen is not.
TEST(Coverage, MissesWhatWasNotReached) {
  Coverage coverage;
  coverage.add({{760, 3}, {880, 1}});
  const auto missing = coverage.missing();
  const auto misses = [&](int number) {
    return std::any_of(missing.begin(), missing.end(), [&](const Rule* rule) { return rule->number == number; });
  };
  EXPECT_FALSE(misses(760));
  EXPECT_TRUE(misses(720));
}

}  // namespace
}  // namespace regent::sim
