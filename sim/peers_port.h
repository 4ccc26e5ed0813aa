// The other members' REST API as one agent sees it: what their agents have published last.
#pragma once

#include <functional>
#include <optional>

#include "core/snapshot.h"
#include "ports/peers.h"
#include "sim/agent_process.h"
#include "sim/host_clock.h"
#include "sim/network.h"

namespace regent::sim {

class PeersPort final : public Peers {
 public:
  // The snapshot that the member's agent would answer from. nullopt: nothing answers, as with a frozen process; a null
  // pointer: the connection is refused.
  using Published = std::function<std::optional<std::shared_ptr<const Snapshot>>(int node)>;

  // Asks the member's agent for a fresh look, as its REST API does before it answers.
  using Observe = std::function<void(int node, std::function<void(std::shared_ptr<const Snapshot>)> answered)>;

  struct Parts {
    World& world;
    Network& network;
    HostClock& clock;
    AgentProcess& process;
    int node;
    Published published;
    Observe observe;
    // Hands POST /failsafe to the member's agent; false: the connection is refused. A frozen one answers when it can.
    std::function<bool(int node, FailsafeRequest request, std::function<void(bool accepted, std::string why)> answered)>
        promise;
    // A round ended: what was really answered.
    std::function<void(const FailsafeRound& round, Duration counted)> round_ended;
  };
  explicit PeersPort(Parts parts) : p_(std::move(parts)) {}

  Task<PeersFacts> ask(std::vector<Member> members, Instant deadline) override;
  Task<FailsafeRound> ask_failsafe(FailsafeMembers members, FailsafeRequest request, Instant deadline) override;

 private:
  Parts p_;
};

}  // namespace regent::sim
