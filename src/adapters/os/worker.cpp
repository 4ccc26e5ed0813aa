#include "adapters/os/worker.h"

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace regent {

namespace asio = boost::asio;

struct WorkerPool::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable idle;
  std::deque<std::function<void()>> jobs;
  unsigned threads = 0;
  bool stop = false;

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stop || !jobs.empty(); });
      if (stop) break;
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;  // what it captured goes before the lock is taken again
      lock.lock();
    }
    --threads;
    idle.notify_all();
  }
};

class WorkerPool::Ticket {
 public:
  explicit Ticket(asio::any_io_executor executor) : executor(executor), timer(executor) {
    timer.expires_at(asio::steady_timer::time_point::max());
  }

  asio::any_io_executor executor;
  asio::steady_timer timer;  // the loop's thread only
  std::mutex mutex;          // guards the two below; given_up also stops posts to a loop that is gone
  bool given_up = false;
  bool done = false;  // the loop's thread only
};

WorkerPool::WorkerPool(unsigned threads) : state_(std::make_shared<State>()) {
  state_->threads = threads;
  for (unsigned i = 0; i < threads; ++i) std::thread([state = state_] { state->run(); }).detach();
}

WorkerPool::~WorkerPool() {
  std::unique_lock lock(state_->mutex);
  state_->stop = true;
  state_->jobs.clear();
  state_->wake.notify_all();
  state_->idle.wait_for(lock, std::chrono::seconds(1), [this] { return state_->threads == 0; });
}

void WorkerPool::push(std::function<void()> job) {
  const std::lock_guard lock(state_->mutex);
  state_->jobs.push_back(std::move(job));
  state_->wake.notify_one();
}

std::shared_ptr<WorkerPool::Ticket> WorkerPool::make_ticket(asio::any_io_executor executor) {
  return std::make_shared<Ticket>(std::move(executor));
}

bool WorkerPool::claimed(Ticket& ticket) {
  const std::lock_guard lock(ticket.mutex);
  return !ticket.given_up;
}

void WorkerPool::finished(const std::shared_ptr<Ticket>& ticket) {
  const std::lock_guard lock(ticket->mutex);
  if (ticket->given_up) return;
  asio::post(ticket->executor, [ticket] {
    ticket->done = true;
    ticket->timer.cancel();
  });
}

void WorkerPool::give_up(Ticket& ticket) {
  const std::lock_guard lock(ticket.mutex);
  ticket.given_up = true;
}

Task<void> WorkerPool::wait(std::shared_ptr<Ticket> ticket) {
  boost::system::error_code error;
  if (!ticket->done) co_await ticket->timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
}

}  // namespace regent
