// A checker that cannot fail is a defect: each of these sabotages is caught within 500 runs, under the name of the
// invariant that it breaks.
#include "sim/sabotage.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/log.h"
#include "sim/simulation.h"

namespace regent::sim {
namespace {

constexpr std::uint64_t runs = 500;

// What brings out a defect that few runs show. The seeds go on from `first`, so that a change of the draw costs time
// and nothing else.
struct Hunt {
  std::uint64_t first = 1;
  bool synchronous = false;  // only runs that are
  bool bootstrap_fails = false;
  std::vector<FaultKind> faults{};  // ten times as often
};

Hunt hunt_for(const Sabotage* sabotage) {
  static const std::map<std::string_view, Hunt> hunts{
      {"position-from-replay", {.synchronous = true, .faults = {FaultKind::power_cut}}},
      {"win-without-votes",
       {.synchronous = true, .faults = {FaultKind::node_kill, FaultKind::laggard_alone, FaultKind::receiver_stuck}}},
      {"count-copies", {.synchronous = true, .faults = {FaultKind::voter_restored}}},
      {"believe-backup",
       {.synchronous = true, .faults = {FaultKind::store_restored, FaultKind::store_restored, FaultKind::sync_config}}},
      {"ignore-tags", {.faults = {FaultKind::nofailover}}},
      {"ignore-system-id", {.bootstrap_fails = true, .faults = {FaultKind::partition}}},
      {"forget-promotions", {.faults = {FaultKind::crash_point, FaultKind::agent_kill, FaultKind::promotion_fails}}},
  };
  const auto found = hunts.find(sabotage->name());
  return found == hunts.end() ? Hunt() : found->second;
}

Params params_of(std::uint64_t seed, const Hunt& hunt) {
  Params params = draw_params(seed);
  params.bootstrap_fails = params.bootstrap_fails || hunt.bootstrap_fails;
  for (const FaultKind kind : hunt.faults) params.faults.insert(params.faults.end(), 10, kind);
  return params;
}

Outcome run(const Params& params, const Sabotage* sabotage) {
  Simulation simulation(params, sabotage, false);
  return simulation.run();
}

class Sabotaged : public testing::TestWithParam<const Sabotage*> {};

TEST_P(Sabotaged, IsCaughtWithin500Runs) {
  log::set_level(log::Level::none);
  const Hunt hunt = hunt_for(GetParam());
  std::uint64_t done = 0;
  for (std::uint64_t i = 0; done < runs; ++i) {
    const std::uint64_t seed = hunt.first + i;
    const Params params = params_of(seed, hunt);
    if (hunt.synchronous && !params.synchronous.is_object()) continue;
    ++done;
    const Outcome outcome = run(params, GetParam());
    if (outcome.violations.empty()) continue;
    // What the run does without the defect proves nothing about it.
    if (!run(params, nullptr).violations.empty()) continue;
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
  for (const char* invariant : {"I1",  "I2",  "I3",  "I5",  "I6",  "I7",  "I8",  "I9",  "I10", "I11", "I12",     "I13",
                                "I15", "I16", "I17", "F04", "F61", "F64", "F71", "F73", "L3",  "L4",  "CONTRACT"}) {
    EXPECT_TRUE(broken.contains(invariant)) << invariant;
  }
}

TEST(Sabotages, AreFoundByName) {
  for (const Sabotage* sabotage : sabotages()) EXPECT_EQ(find_sabotage(sabotage->name()), sabotage);
  EXPECT_EQ(find_sabotage("no-such-defect"), nullptr);
}

}  // namespace
}  // namespace regent::sim
