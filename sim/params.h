// What a seed decides before the run begins. Swarm testing: every seed enables its own subset of faults, at its own
// rates, so that rare combinations do not drown in common ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
  // --- drawn on their own ---
  key_edited,         // F64: /initialize, by hand
  laggard_alone,      // F59: it did not receive for a while, and all others are gone
  power_cut,          // F10: of all nodes at once; they come back in any order
  recovery_slow,      // F18, F51: a primary crashes, and takes long to recover
  server_stuck,       // F13, F54: its processes wait for the disk, and hear no signal
  data_damaged,       // F58: the control file
  data_unreadable,    // F53: the whole directory, for a while
  data_gone,          // F53: for ever, under the running server
  promotion_fails,    // F63
  nofailover,         // I15: a member may not lead any more
  promoted_by_hand,   // F75
  guard_broken,       // F04: none can be started
  switchover_later,   // F78, F23: at a planned time
  restart_later,      // F78, F23: at a planned time, or under a condition
  setting_raised,     // F19, F20: one that a standby must have as high as its primary
  old_leader_wakes,   // F02, F33: with a decision to take the lock, after somebody else led
  promoted_in_vain,   // F62, F63: the new leader dies before anybody hears of its timeline
  twin,               // F74: a copy of the leader's machine runs under its name, with what it had then
  remote_away,        // F42: the server that a standby cluster follows is not reached
  remote_fails_over,  // F61: it is replaced by one that has not all of its WAL
  remote_moves,       // F48: it gets another address
  wal_removed,        // F70: a server has none of its old WAL any more
  voter_restored,     // F59: a confirmed standby is put back from a backup, and the leader is gone
  store_restored,     // F34: the store is put back from a backup, and does not know what happened since
  dead_branch_kept,   // F61: the archive has WAL of a leader that nobody received, and a replica starts with that
};
const char* fault_name(FaultKind kind);
std::optional<FaultKind> find_fault(std::string_view name);
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
  Duration primary_race_backoff{};
  bool guard_required = false;
  bool standby_from_the_start = false;  // made as a copy of another cluster
  bool archive_feeds = false;           // replicas restore from an archive
  bool archive_hidden = false;          // and their agents do not know: it is configured where they do not look
  bool backup_store = false;            // replicas can be made when nobody leads
  // What the run begins with, alone.
  std::optional<FaultKind> opening;
  // The first bootstrap comes to grief (F72, F73).
  bool bootstrap_fails = false;
  // The last member streams from the first one, while that is there (tag replicatefrom).
  bool cascade = false;

  Duration commit_gap = std::chrono::milliseconds(200);  // mean, per node
  double rewind_fails = 0;
  double history_fails = 0;
  Duration lease_lateness{};   // F31
  double lose_reply = 0;       // all the time
  std::int64_t drift_ppm = 0;  // at most, either way

  // `bootstrap.dcs` of every node.
  Json bootstrap_dcs() const;
  // For people, one line each.
  std::vector<std::string> lines() const;
};

// Where the server is that a standby cluster follows; and where it is after it moved.
constexpr const char* remote_host = "10.8.8.8";
constexpr const char* remote_host_later = "10.8.8.9";
// Where nothing is.
constexpr const char* unreachable_host = "10.9.9.9";

class Rng;
// Some way of synchronous replication, or none.
Json draw_sync_config(Rng& rng, bool or_off);

Params draw_params(std::uint64_t seed);

}  // namespace regent::sim
