// The real clock: CLOCK_BOOTTIME, so that suspended time counts (F24), and timers on it.
// Threading: SystemClock any thread; a BootTimer like any Asio object. Errors: none.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "ports/clock.h"

namespace regent {

// CLOCK_BOOTTIME as Asio wants a clock to look.
struct BootTime {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = Instant;
  static constexpr bool is_steady = true;

  static time_point now();
};

// Asio arms its timers on CLOCK_MONOTONIC, which stands still during a suspend: a wait is cut into pieces, so that a
// timer that became due while the machine slept fires within one piece after it wakes. With a ResumeWatch it fires at
// once, and the pieces are longer: each wakes the process up.
struct BootWait {
  static std::atomic<Duration> longest_piece;

  static Duration to_wait_duration(const Duration& left) { return std::min(left, longest_piece.load()); }
  static Duration to_wait_duration(const Instant& until) { return to_wait_duration(until - BootTime::now()); }
};

using BootTimer = boost::asio::basic_waitable_timer<BootTime, BootWait>;

// Lets the timers of an io_context that became due during a suspend fire as soon as the machine is awake (F24). Without
// the kernel's help, which it then reports as not working, they fire a piece later. One for the whole program.
class ResumeWatch {
 public:
  explicit ResumeWatch(boost::asio::any_io_executor executor);

  bool works() const { return clock_set_.is_open(); }

 private:
  void listen();

  boost::asio::posix::stream_descriptor clock_set_;
  BootTimer nudge_;
};

class SystemClock : public Clock {
 public:
  Instant now() const override;
  WallTime wall() const override;
  Task<void> sleep_until(Instant until) override;
};

}  // namespace regent
