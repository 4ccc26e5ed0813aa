// One incarnation of an agent's process: its io_context, and every wait of its coroutines. Waits end through here, so
// that a frozen process hears nothing until it is thawed (F02) and a killed one never does (F01).
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_set>
#include <utility>

#include "ports/task.h"

namespace regent::sim {

class AgentProcess;

// One wait of a coroutine. The world completes it; the first completion counts.
class WaitBase {
 public:
  virtual ~WaitBase() = default;
  // Forgets the waiting coroutine.
  virtual void drop() = 0;
};

template <class T>
class Wait final : public WaitBase, public std::enable_shared_from_this<Wait<T>> {
 public:
  Wait(AgentProcess& process, boost::asio::any_completion_handler<void(T)> handler)
      : process_(&process), handler_(std::move(handler)) {}

  void complete(T value);
  bool done() const { return done_; }
  // The coroutine gives up: what the operation does about it, e.g. ends its child process.
  void on_cancel(std::function<void()> act) { on_cancel_ = std::move(act); }
  void cancel(T value) {
    if (done_) return;
    if (on_cancel_) on_cancel_();
    complete(std::move(value));
  }
  void drop() override {
    done_ = true;
    process_ = nullptr;
    on_cancel_ = nullptr;
    auto gone = std::move(handler_);
  }

 private:
  AgentProcess* process_;
  boost::asio::any_completion_handler<void(T)> handler_;
  std::function<void()> on_cancel_;
  bool done_ = false;
};

class AgentProcess {
 public:
  AgentProcess() = default;
  ~AgentProcess() { end(); }
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;

  boost::asio::io_context& context() { return context_; }
  bool alive() const { return !dead_; }
  bool frozen() const { return frozen_; }

  void freeze() { frozen_ = true; }
  void thaw();
  // From now on nothing it does has an effect. Its coroutines go with end(), which must not be called from inside them.
  void doom() { dead_ = true; }
  void end();

  // Something was posted to its context from outside.
  void wake() { ready_ = true; }
  // Runs what is ready. Returns whether anything was.
  bool run_ready();

  // Runs `act` when the process is able to act: now, after the thaw, or never.
  void when_able(std::function<void()> act);

  template <class T>
  void add(std::shared_ptr<Wait<T>> wait) {
    waits_.insert(std::move(wait));
  }
  void remove(const std::shared_ptr<WaitBase>& wait) { waits_.erase(wait); }

 private:
  boost::asio::io_context context_{1};
  bool frozen_ = false;
  bool dead_ = false;
  bool ready_ = true;
  std::deque<std::function<void()>> deferred_;
  std::unordered_set<std::shared_ptr<WaitBase>> waits_;
};

template <class T>
void Wait<T>::complete(T value) {
  if (done_) return;
  done_ = true;
  on_cancel_ = nullptr;
  auto self = this->shared_from_this();
  process_->when_able([self, value = std::move(value)]() mutable {
    if (!self->handler_) return;
    AgentProcess& process = *self->process_;
    process.remove(self);
    process.wake();
    boost::asio::post(process.context(), [handler = std::move(self->handler_), value = std::move(value)]() mutable {
      std::move(handler)(std::move(value));
    });
  });
}

// Awaits what `start` sets going: start(std::shared_ptr<Wait<T>>) is called once the process is able to act.
template <class T, class Start>
Task<T> wait_for(AgentProcess& process, Start start, T when_cancelled) {
  auto initiation = [&process, start = std::move(start), when_cancelled = std::move(when_cancelled)](auto handler) {
    auto slot = boost::asio::get_associated_cancellation_slot(handler);
    auto wait = std::make_shared<Wait<T>>(process, std::move(handler));
    if (!process.alive()) return wait->drop();
    process.add(wait);
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr<Wait<T>>(wait), when_cancelled](boost::asio::cancellation_type) {
        if (auto held = weak.lock()) held->cancel(when_cancelled);
      });
    }
    process.when_able([wait, start] {
      if (!wait->done()) start(wait);
    });
  };
  boost::asio::use_awaitable_t<> token;
  co_return co_await boost::asio::async_initiate<boost::asio::use_awaitable_t<>, void(T)>(std::move(initiation), token);
}

}  // namespace regent::sim
