#include "sim/agent_process.h"

namespace regent::sim {

void AgentProcess::thaw() {
  frozen_ = false;
  while (!deferred_.empty() && !frozen_ && !dead_) {
    auto act = std::move(deferred_.front());
    deferred_.pop_front();
    act();
  }
}

void AgentProcess::when_able(std::function<void()> act) {
  if (dead_) return;
  if (frozen_) {
    deferred_.push_back(std::move(act));
  } else {
    act();
  }
}

bool AgentProcess::run_ready() {
  if (frozen_ || dead_ || !ready_) return false;
  ready_ = false;
  context_.restart();
  std::size_t ran = 0;
  // Frozen in the middle, it does nothing more, whatever is ready.
  while (!frozen_ && context_.poll_one() > 0) ++ran;
  if (frozen_) ready_ = true;
  return ran > 0;
}

// Dropping a coroutine's handler makes Asio post the unwinding of its frames; running what is posted may let other
// parts of the agent go on, whose waits are dropped at once because the process is dead.
void AgentProcess::end() {
  dead_ = true;
  deferred_.clear();
  do {
    auto waits = std::move(waits_);
    waits_.clear();
    for (const auto& wait : waits) wait->drop();
    context_.restart();
  } while (context_.poll() > 0);
}

}  // namespace regent::sim
