// Time: intervals on CLOCK_BOOTTIME, the wall clock only for display and schedules (I4).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace regent {

using Duration = std::chrono::nanoseconds;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

// CLOCK_BOOTTIME: it goes on while the machine is suspended, so suspended time counts against a lease (F24). It does
// not have now(): only the Clock port reads clocks, so that core/ and the simulator never touch the machine's.
struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};

using Instant = BootClock::time_point;

// The wall clock, microseconds since the epoch, UTC.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

constexpr double to_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
constexpr Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// "2024-08-28 19:39:26.352526+00:00", as the REST API prints times.
std::string to_rest_time(WallTime time);

// "2024-08-28T19:39:26.352526+00:00", as the history key and schedules are written.
std::string to_iso_time(WallTime time);

// Reads an ISO 8601 time. nullopt when the text is no such time or carries no time zone: a schedule without one is
// ambiguous and is refused.
std::optional<WallTime> parse_iso_time(std::string_view text);

}  // namespace regent
