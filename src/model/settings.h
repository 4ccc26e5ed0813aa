// The dynamic configuration (`config` key) as the core uses it: typed, defaulted, clamped (compat §1.10).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "model/member.h"
#include "model/slots.h"

namespace regent {

// Who else is in the cluster: Patroni's members enforce its smallest times.
enum class Company { with_patroni, ourselves };
Company company_of(const std::vector<Member>& members);

// `standby_cluster`: this cluster is a copy of another one, and nobody in it may be promoted (compat §1.8).
struct StandbyCluster {
  std::string host;  // may be a list, of which the writable one counts; empty: the archive only
  std::string port;
  std::string primary_slot_name;                    // on the remote server; empty: no slot
  std::vector<std::string> create_replica_methods;  // empty: those of everybody
  // restore_command, archive_cleanup_command, recovery_min_apply_delay: for the standby leader only.
  std::map<std::string, std::string> recovery;

  friend bool operator==(const StandbyCluster&, const StandbyCluster&) = default;
};
enum class SyncMode { off, on, quorum };
// What is done about a primary that hangs (F13, F54).
enum class HangPolicy {
  failover,  // its processes are killed and a replica takes over; where none can, it is started again
  restart,   // it is killed and started again in place
  report,    // a condition names it
};

struct Settings {
  // As where nothing is written (model/config_table.h).
  Settings();

  Duration ttl;
  Duration loop_wait;
  Duration retry_timeout;
  std::uint64_t maximum_lag_on_failover;  // bytes
  int max_timelines_history;              // 0: all
  Duration primary_start_timeout;
  Duration primary_race_backoff;
  Duration primary_stop_timeout;
  // Not Patroni's. How long a primary may answer neither a query nor a new connection; 0: for ever.
  Duration primary_hang_timeout;
  // Likewise while it still answers queries, but no new connection, or its WAL does not get to the disk.
  Duration primary_stall_timeout;
  HangPolicy primary_hang_policy;
  Duration member_slots_ttl;
  bool check_timeline;
  // Not Patroni's. A replica that sorts text otherwise than the last leader did is not elected.
  bool check_collation;
  bool pause;
  SyncMode synchronous_mode;
  bool synchronous_mode_strict;
  int synchronous_node_count;
  std::int64_t maximum_lag_on_syncnode;  // bytes; not positive: no limit
  // How long a leader must give no sign of life before a synchronous standby takes the lock over; zero: never.
  Duration synchronous_takeover_after;
  bool failsafe_mode;
  std::optional<StandbyCluster> standby_cluster;
  bool use_pg_rewind;
  bool use_slots;
  bool remove_data_directory_on_rewind_failure;
  bool remove_data_directory_on_diverged_timelines;
  SlotSpecs permanent_slots;
  std::vector<SlotMatcher> ignore_slots;

  bool has_logical_slots() const;

  // What had to be changed or could not be understood, one sentence each; per key, never the whole document (F40).
  std::vector<std::string> problems;

  // Whether the leader keeps synchronous standbys. A standby cluster has none.
  bool synchronous() const { return synchronous_mode != SyncMode::off && !standby_cluster; }
  // Whether its standbys may take the lock over before the lease ends.
  bool takes_over() const { return synchronous() && synchronous_takeover_after > Duration::zero(); }
};

// Total: whatever the document holds, the result is usable. Keys with wrong values keep their default.
// `local` is this node's own `postgresql` section, which wins where both may set a key.
Settings parse_settings(const Json& config, Company company = Company::with_patroni, const Json& local = {});

}  // namespace regent
