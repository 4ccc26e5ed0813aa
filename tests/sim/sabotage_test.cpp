// A checker that cannot fail is a defect: each of these sabotages is caught within 500 seeds, under the name of the
// invariant that it breaks.
#include "sim/sabotage.h"

#include <gtest/gtest.h>

#include <set>

#include "base/log.h"
#include "sim/simulation.h"

namespace regent::sim {
namespace {

Outcome run(std::uint64_t seed, const Sabotage* sabotage) {
  Simulation simulation(draw_params(seed), sabotage, false);
  return simulation.run();
}

class Sabotaged : public testing::TestWithParam<const Sabotage*> {};

TEST_P(Sabotaged, IsCaughtWithin500Seeds) {
  log::set_level(log::Level::none);
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const Outcome outcome = run(seed, GetParam());
    if (outcome.violations.empty()) continue;
    // What the seed does without the defect proves nothing about it.
    if (!run(seed, nullptr).violations.empty()) continue;
    ASSERT_EQ(outcome.violations.front().invariant, GetParam()->invariant());
    RecordProperty("seed", std::to_string(seed));
    return;
  }
  FAIL() << "no checker of " << GetParam()->invariant() << " noticed " << GetParam()->name() << ": "
         << GetParam()->what();
}

std::string test_name(const testing::TestParamInfo<const Sabotage*>& info) {
  std::string name(info.param->name());
  for (char& c : name) {
    if (c == '-') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Every, Sabotaged, testing::ValuesIn(sabotages()), test_name);

TEST(Sabotages, ShowWhichInvariantsCanFail) {
  std::set<std::string_view> broken;
  for (const Sabotage* sabotage : sabotages()) broken.insert(sabotage->invariant());
  for (const char* invariant : {"I1",  "I2",  "I3",  "I5",  "I6",  "I7",  "I8",  "I9",  "I10", "I11", "I12",
                                "I13", "I15", "I16", "I17", "F61", "F64", "F71", "F73", "L3",  "L4",  "CONTRACT"}) {
    EXPECT_TRUE(broken.contains(invariant)) << invariant;
  }
}

TEST(Sabotages, AreFoundByName) {
  for (const Sabotage* sabotage : sabotages()) EXPECT_EQ(find_sabotage(sabotage->name()), sabotage);
  EXPECT_EQ(find_sabotage("no-such-defect"), nullptr);
}

}  // namespace
}  // namespace regent::sim
