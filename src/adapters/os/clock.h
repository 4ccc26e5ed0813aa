// The real clock: CLOCK_BOOTTIME, so that suspended time counts (F24), and timers on it.
// Threading: SystemClock any thread; a BootTimer like any Asio object. Errors: none.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>

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
// timer that became due while the machine slept fires within one piece after it wakes.
struct BootWait {
  static constexpr Duration longest_piece = std::chrono::seconds(1);

  static Duration to_wait_duration(const Duration& left) { return left < longest_piece ? left : longest_piece; }
  static Duration to_wait_duration(const Instant& until) { return to_wait_duration(until - BootTime::now()); }
};

using BootTimer = boost::asio::basic_waitable_timer<BootTime, BootWait>;

class SystemClock : public Clock {
 public:
  Instant now() const override;
  WallTime wall() const override;
  Task<void> sleep_until(Instant until) override;
};

}  // namespace regent
