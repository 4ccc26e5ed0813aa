// What a node knows of its own PostgreSQL and data directory. Written by the Postgres port, read by the rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fact.h"
#include "base/json.h"
#include "base/lsn.h"
#include "base/strong.h"
#include "model/keys.h"
#include "model/member.h"

namespace regent {

// The history that restored files must belong to: that of one timeline (F61).
struct ArchiveLimit {
  Timeline timeline;  // 0: nothing is restored at all
  History history;    // of `timeline`

  friend bool operator==(const ArchiveLimit&, const ArchiveLimit&) = default;
};

// What the operating system says about the postmaster (pid, start ticks, data directory: F11).
enum class Process {
  unknown,   // could not be told; never treated as stopped
  stopped,   // no postmaster and no orphaned backend of it (F12)
  starting,  // up, refuses connections: recovery or start-up
  running,   // up, accepts connections
  stopping,  // up, shutting down
  // No postmaster: a server in single-user mode works in the data directory, and no client can reach it (F71).
  single_user,
};

// One row of pg_stat_replication.
struct ReplicationRow {
  std::string usename;
  std::string application_name;
  std::string client_addr;
  std::string state;
  std::string sync_state;
  int sync_priority = 0;
  std::optional<Lsn> write_lsn{};
  std::optional<Lsn> flush_lsn{};
  std::optional<Lsn> replay_lsn{};

  friend bool operator==(const ReplicationRow&, const ReplicationRow&) = default;
};

// One row of pg_replication_slots.
struct SlotRow {
  std::string name;
  bool physical = true;
  bool active = false;
  bool temporary = false;
  std::string plugin;
  std::string database;
  std::optional<Lsn> restart_lsn;
  std::optional<Lsn> confirmed_flush_lsn;
  bool has_xmin = false;
  std::optional<std::uint32_t> catalog_xmin;
  std::string wal_status;  // reserved, extended, unreserved, lost; empty: reserves nothing
  bool lost = false;       // wal_status = lost, or invalidated by a conflict with recovery
  bool failover = false;   // PostgreSQL 17 takes it along by itself
  bool synced = false;     // and it is such a copy

  friend bool operator==(const SlotRow&, const SlotRow&) = default;
};

// The answer of the one monitoring query of a cycle.
struct ServerFacts {
  bool in_recovery = true;
  Timeline timeline;  // current one; on a replica the one being replayed or received
  Lsn wal;            // primary: current write position; replica: max(received, replayed)
  // That is all there is. False for a replica that was started a moment ago: on its disk lies WAL that nobody has
  // looked at yet, and some of it may have been confirmed to a primary. Its position is unknown then, not small (F10,
  // F59).
  bool wal_known = true;
  std::optional<Lsn> received;  // replica: end of received WAL
  std::optional<Lsn> replayed;  // replica
  std::optional<WallTime> replayed_at;
  bool replay_paused = false;
  std::string replication_state;  // "streaming", "in archive recovery" or empty
  // A WAL receiver process is there, whatever it does: it could still confirm something to an upstream.
  bool receiving = false;
  HostPort upstream;          // from primary_conninfo in effect; empty host: none
  std::string upstream_slot;  // primary_slot_name in effect
  int version = 0;            // server_version_num
  WallTime postmaster_start_time;
  std::vector<ReplicationRow> replication;
  std::vector<SlotRow> slots;
  std::string synchronous_standby_names;  // in effect
  std::string synchronous_commit;         // what commits wait for, unless a session wants otherwise
  // The checkpointer is in none of the long steps of a checkpoint. While it is, it does not notice a reload, and
  // commits do not wait for standbys that were named only now, whatever the setting and pg_stat_replication say.
  bool checkpointer_attentive = true;

  // Nothing that another server does moves this one, and none hears of it any more.
  bool let_go() const { return upstream.host.empty() && !receiving && replication_state != "streaming"; }
};

// From pg_controldata, read while the server is stopped.
struct ControlFacts {
  std::string state;  // "shut down", "shut down in recovery", "in production", ...
  Timeline timeline;  // of the last checkpoint
  Lsn checkpoint;     // location of the last checkpoint record
  // Where replay must at least get to (min recovery ending location); on a standby also the position compared with a
  // leader's history.
  Lsn min_recovery;
  Timeline min_recovery_timeline;

  bool clean_primary() const { return state == "shut down"; }
  bool clean_standby() const { return state == "shut down in recovery"; }
};

enum class DataState {
  unknown,     // could not be read: I/O error, permission, missing mount (F53, F58); never treated as empty
  empty,       // absent or empty
  valid,       // a PostgreSQL data directory of this major version
  incomplete,  // our marker says that a clone or bootstrap did not finish (F72)
};

struct DataFacts {
  DataState state = DataState::unknown;
  std::string why;                      // for unknown: one sentence with the path and the remedy
  SystemId system_id;                   // valid only
  std::optional<ControlFacts> control;  // known only while the server is stopped
  // Why bootstraps with this configuration failed again and again, and when the next one makes sense; nothing: they did
  // not, as far as is known.
  std::string bootstrap_failed;
  std::optional<WallTime> bootstrap_retry_at;
  bool standby_signal = false;
  bool backup_label = false;
  // It followed another server since it was last a primary: its logical slots are copies of that one's (I16).
  bool followed = false;
  // Who was a primary with it last, as a mark in it says, which goes with every copy. Empty: there is none.
  MemberName led_by;
  Timeline led_timeline;  // and on which timeline, where that was a promotion; 0: not known
  // It is a copy, and was not seen to have caught up with a leader since it was made: it may lack what this member's
  // name confirmed before (I5).
  bool copied = false;
  // The server that runs with it was asked to be promoted, by this agent or one before it, and was not seen to have
  // left recovery (I3).
  bool promoting = false;
  bool rewind_marker = false;  // a rewind began and did not finish: never start (F69)
  // The session in whose name this very directory, on this machine as it was booted last, had the leader lock; empty:
  // nothing proves that it had it. A copy of the directory, or of the machine, proves nothing (F74).
  std::string lock_session;
};

// Indexes were built with one version of a collation, and the machine sorts by another: what is in them cannot be
// found.
struct CollationMismatch {
  std::string where;  // "database shop", "collation de_DE"
  std::string recorded, actual;

  friend bool operator==(const CollationMismatch&, const CollationMismatch&) = default;
};

// A value of `postgresql.parameters` that PostgreSQL would not understand, or that does not count: it is left out.
struct RefusedParameter {
  std::string name, value;
  bool local = false;  // it stands in the local configuration; else in the dynamic one
  std::string why;     // mostly PostgreSQL's words

  friend bool operator==(const RefusedParameter&, const RefusedParameter&) = default;
};
// "max_connections = 'many' in the dynamic configuration: ..."
std::string to_sentence(const RefusedParameter& refused);

struct PostgresFacts {
  Process process = Process::unknown;
  std::string why;                // for unknown
  std::uint32_t incarnation = 0;  // grows with every postmaster this agent saw; 0: none yet
  std::string port;               // where it listens, whatever is configured by now; empty: it is down, or not known
  Fact<ServerFacts> server;       // unknown while not running and when the query timed out (F17)
  // Since when a running server answers no new connection (F13), no monitoring query (F17), gets no WAL to the disk
  // (F54). nullopt: it does, or it is not known. Time in which nobody looked does not count.
  std::optional<Instant> deaf_since;
  std::optional<Instant> silent_since;
  std::optional<Instant> wal_stuck_since;
  DataFacts data;
  // What the configuration file says in the place of synchronous_standby_names while the agent owns it; nullopt while
  // the users' own setting is in force.
  std::optional<std::string> managed_sync_names;
  // A method to create a replica is configured that needs no server to copy from, e.g. a backup store.
  bool clones_without_leader = false;
  // A restore_command is configured for replicas: an archive can feed this one.
  bool restores = false;
  // What it may take from there; nullopt: everything, or it is not known any more.
  std::optional<ArchiveLimit> archive_limit;
  // As of a few minutes ago.
  std::vector<CollationMismatch> collations;
  std::vector<RefusedParameter> refused_parameters;
  Json pending_restart = Json::object();  // {parameter: {old_value, new_value}}
};

}  // namespace regent
