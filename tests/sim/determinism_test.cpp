// A seed is a run: the same twice, and not the same as its neighbour.
#include <gtest/gtest.h>

#include "base/log.h"
#include "sim/simulation.h"

namespace regent::sim {
namespace {

Outcome run(std::uint64_t seed) {
  log::set_level(log::Level::none);
  Simulation simulation(draw_params(seed), nullptr, false);
  return simulation.run();
}

TEST(Determinism, OneSeedIsOneRun) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Outcome first = run(seed);
    const Outcome second = run(seed);
    EXPECT_EQ(first.events, second.events) << "seed " << seed;
    EXPECT_EQ(first.decisions, second.decisions) << "seed " << seed;
    EXPECT_EQ(first.commits, second.commits) << "seed " << seed;
    EXPECT_EQ(first.rules, second.rules) << "seed " << seed;
  }
}

TEST(Determinism, SeedsDiffer) {
  EXPECT_NE(run(1).events, run(2).events);
}

TEST(Determinism, NumbersAreTheSameOnEveryPlatform) {
  Rng rng(42);
  EXPECT_EQ(rng.next(), 1546998764402558742ULL);
  EXPECT_EQ(rng.next(), 6990951692964543102ULL);
}

}  // namespace
}  // namespace regent::sim
