#include "agent/store_reader.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "agent/state.h"
#include "base/log.h"

namespace regent {

namespace {

// Whoever asked has waited long enough then, and takes what is known.
constexpr Duration patience = std::chrono::milliseconds(500);

// The loop's own facts stay as they are: it decides by what it read itself.
void publish(const AgentState& state, ClusterView view, Instant asked) {
  const auto current = state.board.load();
  if (!current) return;
  auto snapshot = std::make_shared<Snapshot>(*current);
  snapshot->last_cluster = Fact<ClusterView>::known(std::move(view), asked);
  snapshot->dcs_last_seen = state.ports.clock.wall();
  state.board.publish(std::move(snapshot));
}

}  // namespace

void StoreReader::ask(const std::shared_ptr<AgentState>& state, Reply<intent::ReadStore> reply) {
  waiting_.push_back(std::move(reply));
  if (std::exchange(reading_, true)) return;
  auto reading = read(state);
  boost::asio::co_spawn(state->executor, std::move(reading), [state](std::exception_ptr problem) {
    state->store_reader.reading_ = false;
    if (problem) log::error("a read of the store for a reader of the REST API broke");
  });
}

Task<void> StoreReader::read(std::shared_ptr<AgentState> state) {
  auto& waiting = state->store_reader.waiting_;
  while (!waiting.empty()) {
    const std::vector<Reply<intent::ReadStore>> answered = std::exchange(waiting, {});
    const Instant asked = state->now();
    auto looking = state->ports.dcs.look(asked + patience);
    auto view = co_await std::move(looking);
    if (view) publish(*state, std::move(*view), asked);
    for (const Reply<intent::ReadStore>& reply : answered) reply({});
  }
}

void StoreReader::close() {
  for (const Reply<intent::ReadStore>& reply : std::exchange(waiting_, {})) {
    reply(fail(ErrorKind::cancelled, "the agent is shutting down"));
  }
}

}  // namespace regent
