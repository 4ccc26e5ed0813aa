// A few threads for calls that could block: files on a disk or mount that hangs (F55). The loop waits for the answer
// only until a deadline; a call that hangs keeps its thread, and the ones queued behind it are skipped once nobody
// waits. Threading: ask() on the loop's thread; the function runs on a worker thread and must not touch the loop's
// state.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/os/waiting.h"
#include "base/result.h"
#include "ports/clock.h"
#include "ports/task.h"

namespace regent {

class WorkerPool {
 public:
  explicit WorkerPool(unsigned threads = 2);
  // Waits a moment for running calls; one that hangs is left behind.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // The function's result, or timeout. What it captured must own itself: the call may outlive the question.
  template <class T>
  Task<Result<T>> ask(std::function<Result<T>()> call, Clock& clock, Instant deadline, std::string what);

 private:
  struct State;
  class Ticket;  // one question: cancellable, wakes the asking coroutine

  static std::shared_ptr<Ticket> make_ticket(boost::asio::any_io_executor executor);
  static bool claimed(Ticket& ticket);
  static void finished(const std::shared_ptr<Ticket>& ticket);
  static void give_up(Ticket& ticket);
  static Task<void> wait(std::shared_ptr<Ticket> ticket);
  void push(std::function<void()> job);

  std::shared_ptr<State> state_;
};

template <class T>
Task<Result<T>> WorkerPool::ask(std::function<Result<T>()> call, Clock& clock, Instant deadline, std::string what) {
  auto ticket = make_ticket(co_await boost::asio::this_coro::executor);
  auto answer = std::make_shared<Result<T>>(fail(ErrorKind::timeout, what + " did not answer in time"));
  auto box = std::make_shared<Result<T>>();
  // Gives the question up however this coroutine ends: an answer that comes later is dropped.
  struct Guard {
    std::shared_ptr<Ticket> ticket;
    ~Guard() { give_up(*ticket); }
  } guard{ticket};
  push([ticket, box, call = std::move(call)] {
    if (!claimed(*ticket)) return;
    try {
      *box = call();
    } catch (const std::exception& error) {
      *box = fail(ErrorKind::failed, error.what());
    }
    finished(ticket);
  });
  using namespace boost::asio::experimental::awaitable_operators;
  auto done = wait(ticket);
  auto timer = clock.sleep_until(deadline);
  auto first = co_await (std::move(done) || std::move(timer));
  if (first.index() == 0) co_return std::move(*box);
  co_return std::move(*answer);
}

}  // namespace regent
