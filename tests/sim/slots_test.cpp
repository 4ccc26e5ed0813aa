// The checker of logical slots is worth something only where consumers really go on at another node.
#include <gtest/gtest.h>

#include "base/log.h"
#include "sim/simulation.h"

namespace regent::sim {
namespace {

TEST(LogicalSlots, SurviveChangesOfTheLeader) {
  log::set_level(log::Level::critical);
  int takeovers = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Params params = draw_params(seed);
    params.logical_slot = true;
    Simulation simulation(params, nullptr, false);
    const Outcome outcome = simulation.run();
    EXPECT_TRUE(outcome.violations.empty()) << "seed " << seed << ": " << outcome.violations.front().text;
    takeovers += outcome.slot_takeovers;
  }
  EXPECT_GT(takeovers, 10);
}

}  // namespace
}  // namespace regent::sim
