// Waiting on the loop with an end: for work, for a descriptor. Used by the adapters.
// Threading: the loop's thread. Errors: values; a cancelled wait unwinds as operation_aborted and guarded() turns it
// into one.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/result.h"
#include "ports/clock.h"
#include "ports/task.h"

namespace regent {

enum class Ready { to_read, to_write };

// Returns when `fd` is ready, an error on it is pending, or the waiting coroutine is cancelled. The descriptor stays
// the caller's.
Task<void> wait_for(int fd, Ready ready);

// Third-party exceptions end here.
template <class T>
Task<Result<T>> caught(Task<Result<T>> work) {
  try {
    co_return co_await std::move(work);
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) co_return fail(ErrorKind::cancelled, "cancelled");
    co_return fail(ErrorKind::failed, error.what());
  } catch (const std::exception& error) {
    co_return fail(ErrorKind::failed, error.what());
  }
}

// `work` with a deadline: past it the work is cancelled and its cleanup awaited. `what` names the work in the error.
template <class T>
Task<Result<T>> guarded(Task<Result<T>> work, Clock& clock, Instant deadline, std::string what) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto safe = caught<T>(std::move(work));
  auto timer = clock.sleep_until(deadline);
  auto first = co_await (std::move(safe) || std::move(timer));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return fail(ErrorKind::timeout, std::move(what) + " did not end in time");
}

// Waits for `fd` until `deadline`; false when that passed first.
Task<bool> wait_for(int fd, Ready ready, Clock& clock, Instant deadline);

// A descriptor that is waited for again and again: the loop gets to know it once. It has a copy of its own. May be
// replaced while somebody waits, who then waits on; and may outlive the loop.
class WatchedFd {
 public:
  WatchedFd() = default;
  WatchedFd(boost::asio::any_io_executor executor, int fd);
  WatchedFd(WatchedFd&& other) noexcept = default;
  WatchedFd& operator=(WatchedFd&& other) noexcept;
  ~WatchedFd();

  bool valid() const { return !descriptor_.expired(); }
  // As wait_for(). One waiter at a time.
  Task<void> wait(Ready ready);
  Task<bool> wait(Ready ready, Clock& clock, Instant deadline);

 private:
  class Registry;

  // Owned by the loop.
  std::weak_ptr<boost::asio::posix::stream_descriptor> descriptor_;
  Registry* registry_ = nullptr;
};

}  // namespace regent
