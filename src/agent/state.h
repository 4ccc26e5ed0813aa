// What the parts of the control loop share: facts that outlive a cycle, and the ports.
//
// Lifetime: every coroutine that may be suspended while the agent is destroyed (the loop, the running job, a read of
// the store for others) holds a shared_ptr to it. Threading: the control loop's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/agent.h"
#include "agent/intents.h"
#include "agent/jobs.h"
#include "agent/lease_keeper.h"
#include "agent/role_callbacks.h"
#include "agent/store_reader.h"
#include "agent/wake.h"
#include "core/memory.h"
#include "core/observation.h"

namespace regent {

struct AgentState {
  AgentState(boost::asio::any_io_executor on, AgentPorts through, Self me, SnapshotBoard& readers, AgentHooks hook)
      : executor(std::move(on)), ports(through), self(std::move(me)), board(readers), hooks(std::move(hook)) {}

  boost::asio::any_io_executor executor;
  AgentPorts ports;
  Self self;
  SnapshotBoard& board;
  AgentHooks hooks;

  Wake wake;
  LeaseKeeper lease;
  Jobs jobs;
  Intents intents;
  StoreReader store_reader;
  RoleCallbacks callbacks;
  Memory memory;
  Requests requests;

  // The last good configuration (F40) and the version it was read at.
  Settings settings;
  Company company = Company::with_patroni;  // that `settings` were read with
  Json settings_local = Json::object();     // likewise: this node's own section
  Json config = Json::object();
  std::optional<Version> config_version;

  Fact<PeersFacts> peers;
  Fact<LeaderProbe> leader_probe;
  Fact<UpstreamHistory> upstream_history;
  Fact<UpstreamSlots> upstream_slots;
  std::map<std::string, SlotFailure> slot_failures;
  Fact<History> local_history;
  Timeline local_history_of;
  BranchTimes branches;                    // of `local_history`
  std::map<Timeline, int> branches_asked;  // how often
  Fact<ClusterView> last_cluster;
  // As of the last view that was of an initialized cluster: whom to ask when all keys were deleted (F33).
  std::vector<Member> known_members;
  WallTime dcs_last_seen{};
  FailsafeFacts failsafe;
  // An attempt to take the leader lock is under way: nothing may be promised that it could break (I13).
  bool acquiring = false;
  std::optional<Instant> session_kept_at;
  std::string recorded_session;         // whose leader lock the data directory remembered when it was looked at last
  std::uint64_t refused_decisions = 0;  // that broke the contract

  Instant now() const { return ports.clock.now(); }
  FenceFacts fences() const { return {ports.guard.facts(), ports.watchdog.facts()}; }
  // When a call that may take `patience` must end: earlier when a lease is running out, because after every await the
  // deadline must still be in reach (I3); never at once, or nothing would ever succeed again.
  // With failsafe mode on it leaves time to ask the members.
  Instant deadline(Duration patience) const;
  // The same for the question to the members.
  Instant last_deadline(Duration patience) const;
};

// The shortest time any call gets.
constexpr Duration shortest_call = std::chrono::milliseconds(500);

}  // namespace regent
