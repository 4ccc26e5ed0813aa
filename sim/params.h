// What a seed decides before the run begins. Swarm testing: every seed enables its own subset of faults, at its own
// rates, so that rare combinations do not drown in common ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace regent::sim {

enum class FaultKind {
  node_kill,        // F10: agent and PostgreSQL at once
  agent_kill,       // F01
  agent_freeze,     // F02
  node_freeze,      // F03
  agent_restart,    // F09: SIGTERM
  guard_kill,       // the process that ends the server at the deadline
  crash_point,      // F63, F64: the agent dies between two actions
  freeze_point,     // the same, frozen
  server_kill,      // F12, F16
  server_freeze,    // F13
  receiver_stuck,   // F59
  stop_hangs,       // F14, F15
  partition,        // F41-F43, F46
  store_outage,     // F26
  leader_blind,     // F28: the leader, and nobody else, loses the store
  leader_cut_off,   // F41, F42: the leader, and nobody else, loses the members
  standby_cluster,  // the cluster is to follow another one for a while
  store_member,     // F29
  slow_store,       // F27
  lost_replies,     // F32
  silent_watch,     // F30
  wall_jump,        // F22, F23
  data_lost,        // F53
  key_deleted,      // F33
  switchover,       // F78
  failover,
  pause,  // F79
  restart,
  reinit,
  config,
  sync_config,  // other synchronous standbys are wanted: F65
};
const char* fault_name(FaultKind kind);
const std::vector<FaultKind>& all_faults();

struct Params {
  std::uint64_t seed = 0;
  int nodes = 3;
  Duration fault_phase = std::chrono::seconds(180);
  Duration fault_gap = std::chrono::seconds(20);  // mean
  std::vector<FaultKind> faults;

  Duration ttl = std::chrono::seconds(30);
  Duration loop_wait = std::chrono::seconds(10);
  Duration retry_timeout = std::chrono::seconds(10);
  std::uint64_t maximum_lag = 4096;  // bytes
  Duration primary_start_timeout = std::chrono::seconds(300);
  bool use_pg_rewind = true;
  bool remove_on_rewind_failure = true;
  bool remove_on_diverged = true;
  bool check_timeline = false;
  bool failsafe_mode = false;
  Json synchronous;           // keys of /config; null: asynchronous
  bool logical_slot = false;  // a permanent one that somebody decodes (I16)

  Duration commit_gap = std::chrono::milliseconds(200);  // mean, per node
  double rewind_fails = 0;
  Duration lease_lateness{};   // F31
  double lose_reply = 0;       // all the time
  std::int64_t drift_ppm = 0;  // at most, either way

  // `bootstrap.dcs` of every node.
  Json bootstrap_dcs() const;
  // For people, one line each.
  std::vector<std::string> lines() const;
};

class Rng;
// Some way of synchronous replication, or none.
Json draw_sync_config(Rng& rng, bool or_off);

Params draw_params(std::uint64_t seed);

}  // namespace regent::sim
