// One machine: its clocks, its PostgreSQL, and the agent that runs on it now, if any.
#pragma once

#include <memory>
#include <optional>

#include "agent/agent.h"
#include "sim/agent_process.h"
#include "sim/dcs_port.h"
#include "sim/guard_port.h"
#include "sim/host_clock.h"
#include "sim/peers_port.h"
#include "sim/pg_port.h"
#include "sim/pg_server.h"
#include "sim/sabotage.h"

namespace regent::sim {

class Node;
class Simulation;

// One incarnation of the agent, with its ports.
struct AgentRun {
  AgentRun(Simulation& sim, Node& node);
  ~AgentRun();

  AgentProcess process;
  SnapshotBoard board;
  ClockPort clock;
  DcsPort dcs;
  PgPort postgres;
  PeersPort peers;
  GuardPort guard;
  NoWatchdog watchdog;
  std::unique_ptr<Dcs> tampered_dcs;
  std::unique_ptr<Postgres> tampered_postgres;
  std::unique_ptr<Peers> tampered_peers;
  std::unique_ptr<Guard> tampered_guard;
  std::unique_ptr<Agent> agent;
  std::optional<int> exit_code;
};

class Node {
 public:
  Node(Simulation& sim, int index, Duration boot_offset, std::int64_t drift_ppm);

  const int index;
  MemberName name;
  HostClock clock;
  PgServer server;
  GuardModel guard;
  StoreLink link;
  Json cached_config;
  Tags tags;

  // --- its agent ---
  bool has_agent() const { return run_ != nullptr; }
  bool frozen() const { return run_ != nullptr && run_->process.frozen(); }
  // It runs, and would act.
  bool able() const { return run_ != nullptr && run_->process.alive() && !frozen() && !run_->exit_code; }
  // Since when without a break, and since when in this incarnation.
  Duration able_since() const { return able_since_; }
  Duration started_at() const { return started_at_; }
  AgentRun* run() { return run_.get(); }
  const AgentRun* run() const { return run_.get(); }

  void start_agent();
  void kill_agent();
  void freeze_agent();
  void thaw_agent();
  // Runs what is ready; buries an agent that died or ended on the way.
  void settle();
  // The whole machine loses power.
  void power_off();
  // The tag nofailover in its configuration file, which the agent reads again (I15).
  void forbid_leading(bool forbidden);
  // Since when; while it is.
  const std::optional<Duration>& forbidden_since() const { return forbidden_since_; }
  // A person promotes its server, whatever the cluster thinks of that (F75).
  void promote_by_hand();
  // Since when it is a primary for that reason; until it was closed.
  const std::optional<Duration>& primary_by_hand() const { return by_hand_; }
  void closed() { by_hand_.reset(); }

  // From its next start on its agent has the name, the addresses and the configuration of that node, or its own (F74).
  void stand_in_for(const Node* original);
  bool is_twin() const { return original_ != nullptr; }
  const PgServer& addressed() const { return original_ != nullptr ? original_->server : server; }
  // The leader key is of the session of its agent.
  bool took(const std::string& session) const { return run_ != nullptr && run_->dcs.session() == session; }

  // Dies, or freezes for a while, at the n-th boundary of an action from now on.
  struct Ambush {
    enum class At { anything, takeover, acquisition };
    int boundaries = 0;
    std::optional<Duration> freeze_for;  // nullopt: dies
    At at = At::anything;                // only ahead of such an action
  };
  void lay(Ambush ambush) { ambush_ = ambush; }
  void clear_ambush() { ambush_.reset(); }

  // Another node took the lock over while this one had it; until it knows, and its server is down.
  bool overtaken = false;

  // Somebody deleted the leader key while it had the lock; until it knows.
  bool deposed = false;
  // The same, until it has the lock again: an agent that is frozen just then cannot give way before its lease ends
  // (F33).
  bool evicted = false;

  // What its agent last knew: cut off from the store, it does not hear that a pause is over (I14).
  bool believes_paused = false;
  Duration believed_paused_at{};  // the last time it did

  // The lease as last confirmed to this incarnation; held is false while there is none.
  LeaseFacts lease;
  // In true time: until when the server may be open under the last lease that any of its agents had. Zero once it was
  // closed since.
  Duration owed_by{};
  // In true time; zero when there never was a lease.
  Duration lease_dead_by() const { return lease.held ? clock.when(dead_by(lease)) : Duration{}; }

 private:
  friend struct AgentRun;
  void at_boundary(const Action& action, bool done);

  Simulation& sim_;
  std::unique_ptr<AgentRun> run_;
  Duration able_since_{};
  Duration started_at_{};
  std::optional<Ambush> ambush_;
  std::optional<Duration> forbidden_since_;
  std::optional<Duration> by_hand_;
  const Node* original_ = nullptr;
};

}  // namespace regent::sim
