#include "adapters/os/clock.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "net/run_task.h"

namespace regent {
namespace {

TEST(SystemClock, SleepsUntilTheInstant) {
  boost::asio::io_context io;
  SystemClock clock;
  const Instant until = clock.now() + 100ms;
  testing::run(io, clock.sleep_until(until));
  EXPECT_GE(clock.now(), until);
}

TEST(SystemClock, WaitsInPieces) {
  EXPECT_EQ(BootWait::to_wait_duration(50ms), 50ms);
  EXPECT_EQ(BootWait::to_wait_duration(std::chrono::hours(1)), BootWait::longest_piece.load());
}

// Pieces must add up: a timer looks at the clock after each.
TEST(SystemClock, AWaitThatIsCutShortGoesOn) {
  struct ShortPieces {
    static Duration to_wait_duration(const Duration& left) { return std::min<Duration>(left, 5ms); }
    static Duration to_wait_duration(const Instant& until) { return to_wait_duration(until - BootTime::now()); }
  };
  boost::asio::io_context io;
  const Instant until = BootTime::now() + 50ms;
  boost::asio::basic_waitable_timer<BootTime, ShortPieces> timer(io, until);
  Instant woken{};
  timer.async_wait([&](boost::system::error_code) { woken = BootTime::now(); });
  io.run();
  EXPECT_GE(woken, until);
}

TEST(ResumeWatch, TheKernelTellsOfAResume) {
  boost::asio::io_context io;
  const ResumeWatch watch(io.get_executor());
  EXPECT_TRUE(watch.works());
  // It waits for as long as the process lives, and keeps nobody from ending.
  io.poll();
}

TEST(SystemClock, ThePastNeedsNoWait) {
  boost::asio::io_context io;
  SystemClock clock;
  testing::run(io, clock.sleep_until(Instant{}));
}

}  // namespace
}  // namespace regent
