#include "adapters/os/clock.h"

#include <time.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace regent {

namespace asio = boost::asio;

Instant BootTime::now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

Instant SystemClock::now() const {
  return BootTime::now();
}

WallTime SystemClock::wall() const {
  return std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
}

Task<void> SystemClock::sleep_until(Instant until) {
  BootTimer timer(co_await asio::this_coro::executor, until);
  // A cancelled wait is an early return, not an error.
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace regent
