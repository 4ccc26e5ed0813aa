// The local PostgreSQL: observation and the steps that jobs are made of.
//
// Threading: the control loop's thread; nothing blocks it. Every call ends by its deadline; the long ones can be
// cancelled through asio's cancellation, and then leave no child process behind (F72).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/decision.h"
#include "core/job.h"
#include "core/observation.h"
#include "core/postgres_facts.h"
#include "model/settings.h"
#include "ports/task.h"

namespace regent {

enum class StopMode {
  fast,
  // The same, and logical replication connections are ended, or all of them: one whose other side does not answer keeps
  // the server from ending (F15). A logical one does so before the last record is written, which standbys need.
  fast_without_decoding,
  fast_without_replication,
  immediate,
};

// A replication slot's state file.
struct SlotCopy {
  std::string name;
  std::string state;
  Lsn confirmed;  // what its consumer had confirmed then
};

class Postgres {
 public:
  virtual ~Postgres() = default;

  // Process, monitoring query, control data and data directory. Never fails: what could not be learned is unknown.
  virtual Task<PostgresFacts> observe(Instant deadline) = 0;
  // Returns when the postmaster exited or appeared, when the WAL receiver that observe() saw has ended, or at `until`.
  // Through pidfd: within milliseconds.
  virtual Task<void> changed(Instant until) = 0;

  // The dynamic configuration changed: takes effect with the next apply_config(), start() or restart().
  virtual void set_config(const Json& dynamic_config) = 0;
  // Rewrites postgresql.conf, pg_hba.conf, pg_ident.conf if their content differs, reloads the running server. Returns
  // whether anything changed. Also rewrites patroni.dynamic.json.
  virtual Task<Result<bool>> apply_config(Instant deadline) = 0;
  // What would not count of the parameters in this dynamic configuration, were it the cluster's. An error: nobody
  // knows.
  virtual Task<Result<std::vector<RefusedParameter>>> check_config(Json dynamic_config, Instant deadline) = 0;
  // The last content of patroni.dynamic.json, for a store that lost /config; null when there is none.
  virtual Json cached_dynamic_config() const = 0;

  // --- steps of jobs ---
  // initdb with the configured options; roles and databases are made by bootstrap_roles() once the server runs.
  virtual Task<Result<void>> initdb(Instant deadline) = 0;
  // Superuser, replication and rewind roles with their grants, bootstrap.users, then post_bootstrap.
  virtual Task<Result<void>> bootstrap_roles(Instant deadline) = 0;

  // Writes all files, puts or removes standby.signal FIRST, then starts the postmaster and waits until it accepts
  // connections (replica: until hot standby does) or died. A timeout leaves it starting.
  virtual Task<Result<void>> start(job::Start spec, Instant deadline) = 0;
  // What is configured to run once ahead of a stop in order, while clients are still served. No error keeps the server
  // from being stopped.
  virtual Task<Result<void>> before_stop(Instant deadline) = 0;
  // Sends the signal and waits for the postmaster and its children to be gone.
  virtual Task<Result<void>> stop(StopMode mode, Instant deadline) = 0;
  // Of a server that was shut down: the WAL with its last checkpoint goes to the archive, though the segment is not
  // full.
  virtual Task<Result<void>> archive_shutdown(Instant deadline) = 0;
  // SIGKILL to the postmaster and every process of its tree; needs no fork (F04).
  virtual Task<Result<void>> kill_tree(Instant deadline) = 0;
  // What is configured to run ahead of a promotion, and whatever else of it may take its time. An error: there is to be
  // none, and the server was not asked.
  virtual Task<Result<void>> before_promotion(job::Promote promotion, Instant deadline) = 0;
  // Onto the timeline of this number, or of the next one that PostgreSQL does not know of yet. refused: the server was
  // not asked, nothing is under way. Any other error leaves open whether it is still promoted, for as long as it runs.
  virtual Task<Result<void>> promote(Timeline timeline, Instant deadline) = 0;
  virtual Task<Result<void>> checkpoint(Instant deadline) = 0;
  // New upstream without a restart.
  virtual Task<Result<void>> follow(Upstream upstream, Instant deadline) = 0;

  // Base backup from `source` into the empty data directory, with a marker while it is incomplete.
  virtual Task<Result<void>> clone(Upstream source, Instant deadline) = 0;
  // Single-user recovery of a stopped former primary.
  virtual Task<Result<void>> crash_recovery(Instant deadline) = 0;
  // pg_rewind with its pre-steps, with a marker while it changes files. not_begun: it did not come to that, because
  // something was missing: a login, the archive, a checkpoint of the source. Any other error: pg_rewind ran, and could
  // not, or was ended; or the crash recovery of a disk that was not shut down failed.
  virtual Task<Result<void>> rewind(Upstream source, Instant deadline) = 0;
  // Empties the data directory, or renames it to `<data_dir>.failed`.
  virtual Task<Result<void>> remove_data(job::RemoveData removal, Instant deadline) = 0;

  // Whether anything answers in PostgreSQL's protocol where this server listens. timeout, unreachable: nothing did;
  // any other error: it could not be asked.
  virtual Task<Result<void>> probe(Upstream server, Instant deadline) = 0;
  // IDENTIFY_SYSTEM and TIMELINE_HISTORY of a possible upstream, and what a stream from it needs. Fails only when the
  // source does not tell its own history.
  virtual Task<Result<UpstreamHistory>> upstream_history(action::GatherUpstreamHistory question, Instant deadline) = 0;
  // Removes the mark that clone() leaves (DataFacts::copied).
  virtual Task<Result<void>> forget_copy(Instant deadline) = 0;
  // A file that is there stays as it is, unless it is the source's own and empty.
  virtual Task<Result<void>> fetch_histories(action::FetchHistories order, Instant deadline) = 0;
  // The history file of the own timeline in pg_wal; empty on timeline 1. From then on there is a file for every number
  // below, which standbys of older timelines ask for.
  virtual Task<Result<History>> local_history(Timeline timeline, Instant deadline) = 0;
  // The time in the record with which this timeline of the local WAL begins, at `start`; an error when it is not there
  // any more.
  virtual Task<Result<std::string>> branch_time(Timeline timeline, Lsn start, Instant deadline) = 0;

  // Owns synchronous_standby_names from now on, across restarts and whatever the configuration says, or gives it back
  // (nullopt). Returns when a running server has it in effect. An error leaves open which value the file holds.
  virtual Task<Result<void>> set_sync_names(std::optional<std::string> names, Instant deadline) = 0;

  virtual Task<Result<void>> create_slot(std::string name, Instant deadline) = 0;
  // One that is in use stays, and is an error; one that is absent is none.
  virtual Task<Result<void>> drop_slot(std::string name, Instant deadline) = 0;
  virtual Task<Result<void>> create_logical_slot(action::SyncSlots::Logical slot, Instant deadline) = 0;
  // Never beyond what is there: the server itself stops at the end of its WAL.
  virtual Task<Result<void>> advance_slot(action::SyncSlots::Advance slot, Instant deadline) = 0;
  // Leaves a mark in the data directory, or takes it away: its logical slots are copies of another server's.
  virtual Task<Result<void>> mark_slots(bool copies, Instant deadline) = 0;
  // Notes in the data directory, for the agents after this one on this machine, whose session has the leader lock. It
  // comes back as DataFacts::lock_session, unless the directory or the machine is a copy (F74).
  virtual Task<Result<void>> record_lock(std::string session, Instant deadline) = 0;
  // The slots of the leader; an error when the source is no primary.
  virtual Task<Result<UpstreamSlots>> upstream_slots(Upstream source, Instant deadline) = 0;
  // Logical slots of the leader as they are on its disk, and back onto the disk of the stopped local server (I16).
  virtual Task<Result<std::vector<SlotCopy>>> read_slots(Upstream source, std::vector<std::string> names,
                                                         Instant deadline) = 0;
  virtual Task<Result<void>> write_slots(std::vector<SlotCopy> slots, Instant deadline) = 0;

  // Starts a callback script (on_start, on_stop, on_role_change, ...) and returns at once; a newer one kills the older.
  virtual void run_callback(std::string_view action, std::string_view role_word) = 0;

  // What the running job is doing, for people; empty when there is nothing to say.
  virtual std::string progress() const = 0;
};

}  // namespace regent
