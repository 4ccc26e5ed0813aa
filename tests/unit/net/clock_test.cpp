#include "adapters/os/clock.h"

#include <gtest/gtest.h>

#include "net/run_task.h"

namespace regent {
namespace {

// Longer than one piece of a wait: the pieces must add up.
TEST(SystemClock, SleepsUntilTheInstant) {
  boost::asio::io_context io;
  SystemClock clock;
  const Instant until = clock.now() + BootWait::longest_piece + 100ms;
  testing::run(io, clock.sleep_until(until));
  EXPECT_GE(clock.now(), until);
}

TEST(SystemClock, ThePastNeedsNoWait) {
  boost::asio::io_context io;
  SystemClock clock;
  testing::run(io, clock.sleep_until(Instant{}));
}

}  // namespace
}  // namespace regent
