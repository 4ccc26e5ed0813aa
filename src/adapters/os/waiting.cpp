#include "adapters/os/waiting.h"

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace regent {

namespace asio = boost::asio;

WatchedFd::WatchedFd(asio::any_io_executor executor, int fd) {
  // A copy of our own: libraries close and replace their descriptors behind our back, and an epoll entry must not
  // outlive or be confused with them.
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy >= 0) descriptor_.emplace(std::move(executor), copy);
}

Task<void> WatchedFd::wait(Ready ready) {
  if (!valid()) {
    // No descriptors are left. Whoever waits in a loop must not keep everybody else from going on.
    asio::steady_timer moment(co_await asio::this_coro::executor, std::chrono::milliseconds(10));
    co_await moment.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return;
  }
  const auto kind =
      ready == Ready::to_read ? asio::posix::stream_descriptor::wait_read : asio::posix::stream_descriptor::wait_write;
  boost::system::error_code error;
  co_await descriptor_->async_wait(kind, asio::redirect_error(asio::use_awaitable, error));
}

Task<bool> WatchedFd::wait(Ready ready, Clock& clock, Instant deadline) {
  using namespace asio::experimental::awaitable_operators;
  auto waiting = wait(ready);
  auto timer = clock.sleep_until(deadline);
  auto first = co_await (std::move(waiting) || std::move(timer));
  co_return first.index() == 0;
}

Task<void> wait_for(int fd, Ready ready) {
  WatchedFd watched(co_await asio::this_coro::executor, fd);
  auto waiting = watched.wait(ready);
  co_await std::move(waiting);
}

Task<bool> wait_for(int fd, Ready ready, Clock& clock, Instant deadline) {
  using namespace asio::experimental::awaitable_operators;
  auto wait = wait_for(fd, ready);
  auto timer = clock.sleep_until(deadline);
  auto first = co_await (std::move(wait) || std::move(timer));
  co_return first.index() == 0;
}

}  // namespace regent
