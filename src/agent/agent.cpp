#include "agent/agent.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "agent/loop.h"
#include "agent/state.h"

namespace regent {

Agent::Agent(boost::asio::any_io_executor executor, AgentPorts ports, Self self, SnapshotBoard& board, AgentHooks hooks)
    : state_(std::make_shared<AgentState>(std::move(executor), ports, std::move(self), board, std::move(hooks))) {}

Agent::~Agent() = default;

Task<int> Agent::run() {
  return run_loop(state_);
}

void Agent::request_shutdown() {
  boost::asio::post(state_->executor, [state = state_] {
    state->requests.shutdown = true;
    state->wake.ring();
  });
}

void Agent::request_reload(Self self) {
  boost::asio::post(state_->executor, [state = state_, self = std::move(self)]() mutable {
    state->self = std::move(self);
    state->requests.reload = true;
    state->wake.ring();
  });
}

void Agent::take(Intent intent) {
  auto call = [state = state_, intent = std::move(intent)]() mutable { state->intents.take(state, std::move(intent)); };
  boost::asio::post(state_->executor, std::move(call));
}

}  // namespace regent
