#include "adapters/os/clock.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>

#include "adapters/os/unique_fd.h"

namespace regent {

namespace asio = boost::asio;

namespace {

// Should the kernel for once not tell that the machine slept.
constexpr Duration noticed_resume = std::chrono::minutes(1);
constexpr std::time_t never = std::time_t{1} << 40;

// The kernel cancels such a timer when somebody sets the wall clock, and a suspend ends with that.
bool arm(int fd) {
  const itimerspec far{{}, {never, 0}};
  return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, nullptr) == 0;
}

}  // namespace

std::atomic<Duration> BootWait::longest_piece{std::chrono::seconds(10)};

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

ResumeWatch::ResumeWatch(asio::any_io_executor executor) : clock_set_(executor), nudge_(executor) {
  UniqueFd fd(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!fd.valid() || !arm(fd.get())) return;
  clock_set_.assign(fd.release());
  BootWait::longest_piece.store(noticed_resume);
  listen();
}

void ResumeWatch::listen() {
  clock_set_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    std::uint64_t ticks = 0;
    const auto ignored = ::read(clock_set_.native_handle(), &ticks, sizeof ticks);
    static_cast<void>(ignored);
    if (!arm(clock_set_.native_handle())) return;
    // Asio looks at what is due when its first timer ends: this one is before all others.
    nudge_.expires_at(Instant{});
    nudge_.async_wait([](boost::system::error_code) {});
    listen();
  });
}

}  // namespace regent
