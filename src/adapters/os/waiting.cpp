#include "adapters/os/waiting.h"

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <set>

namespace regent {

namespace asio = boost::asio;

using Descriptor = asio::posix::stream_descriptor;

// An Asio object must not outlive its context, and what waits on the loop's behalf does: the context owns them all.
class WatchedFd::Registry : public asio::execution_context::service {
 public:
  using key_type = Registry;
  static asio::execution_context::id id;

  explicit Registry(asio::execution_context& context) : service(context) {}

  std::weak_ptr<Descriptor> add(Descriptor descriptor) {
    return *all_.insert(std::make_shared<Descriptor>(std::move(descriptor))).first;
  }
  void remove(const std::shared_ptr<Descriptor>& descriptor) { all_.erase(descriptor); }

 private:
  void shutdown() noexcept override { all_.clear(); }

  std::set<std::shared_ptr<Descriptor>> all_;
};

asio::execution_context::id WatchedFd::Registry::id;

WatchedFd::WatchedFd(asio::any_io_executor executor, int fd) {
  // A copy of our own: libraries close and replace their descriptors behind our back, and an epoll entry must not
  // outlive or be confused with them.
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return;
  Descriptor descriptor(executor, copy);
  registry_ = &asio::use_service<Registry>(asio::query(executor, asio::execution::context));
  descriptor_ = registry_->add(std::move(descriptor));
}

WatchedFd& WatchedFd::operator=(WatchedFd&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(registry_, other.registry_);
  return *this;
}

WatchedFd::~WatchedFd() {
  if (const auto descriptor = descriptor_.lock()) registry_->remove(descriptor);
}

Task<void> WatchedFd::wait(Ready ready) {
  const auto descriptor = descriptor_.lock();
  if (!descriptor) {
    // No descriptors are left. Whoever waits in a loop must not keep everybody else from going on.
    asio::steady_timer moment(co_await asio::this_coro::executor, std::chrono::milliseconds(10));
    co_await moment.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return;
  }
  const auto kind = ready == Ready::to_read ? Descriptor::wait_read : Descriptor::wait_write;
  boost::system::error_code error;
  co_await descriptor->async_wait(kind, asio::redirect_error(asio::use_awaitable, error));
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
