#include "adapters/os/waiting.h"

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

namespace regent {

namespace asio = boost::asio;

Task<void> wait_for(int fd, Ready ready) {
  auto executor = co_await asio::this_coro::executor;
  // A copy of our own: libraries close and replace their descriptors behind our back, and an epoll entry must not
  // outlive or be confused with them.
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) co_return;
  asio::posix::stream_descriptor descriptor(executor, copy);
  const auto kind =
      ready == Ready::to_read ? asio::posix::stream_descriptor::wait_read : asio::posix::stream_descriptor::wait_write;
  boost::system::error_code error;
  co_await descriptor.async_wait(kind, asio::redirect_error(asio::use_awaitable, error));
}

Task<bool> wait_for(int fd, Ready ready, Clock& clock, Instant deadline) {
  using namespace asio::experimental::awaitable_operators;
  auto wait = wait_for(fd, ready);
  auto timer = clock.sleep_until(deadline);
  auto first = co_await (std::move(wait) || std::move(timer));
  co_return first.index() == 0;
}

}  // namespace regent
