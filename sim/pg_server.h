// The model of one node's PostgreSQL: its data directory, which survives, and its processes, which do not. Operations
// take virtual time and go on when the agent that asked for them dies, as signals do; base backup and rewind are
// children of the agent and die with it (F72).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/job.h"
#include "core/postgres_facts.h"
#include "core/sync.h"
#include "ports/postgres.h"
#include "sim/network.h"
#include "sim/wal.h"
#include "sim/world.h"

namespace regent::sim {

class PgServer;

// What checkers hear of the servers.
class PgListener {
 public:
  virtual ~PgListener() = default;
  // Running, serving, role or freeze changed.
  virtual void server_changed(PgServer&) = 0;
  virtual void promoted(PgServer&, std::uint32_t fork) = 0;
  virtual void initialized(PgServer&) = 0;
  virtual void record_written(PgServer&, RecordId) = 0;
  // It came from the archive.
  virtual void record_restored(PgServer&, RecordId) = 0;
  // A client was told that this record's transaction is committed.
  virtual void acknowledged(PgServer&, RecordId) = 0;
  // Whom commits wait for has changed.
  virtual void sync_names_changed(PgServer&) = 0;
};

struct Disk;

// What all servers of a run share.
struct PgWorld {
  World& world;
  Network& network;
  Wal wal;
  std::vector<PgServer*> servers;
  PgListener* listener = nullptr;
  int initdb_count = 0;
  int broken_promotions = 0;  // by a fault: each may cost a leader
  double rewind_fails = 0;    // share of rewinds that lack WAL (F70)
  double history_fails = 0;   // share of attempts to read the own history file (F55)
  // Everybody archives: whoever is promoted sees the history files of all others, and takes another number (F62).
  bool archive = false;
  Timeline archived;  // the newest history file there
  // And replicas restore from there: of every record those that went on from it.
  bool archive_feeds = false;
  bool archive_away = false;    // nobody can read it at the moment
  bool archive_hidden = false;  // the agents do not know
  std::map<RecordId, std::vector<RecordId>> archived_wal;
  // What a backup store holds, from which a replica can be made when nobody leads; null: there is none.
  std::shared_ptr<const Disk> backup;
};

using Done = std::function<void(Result<void>)>;

// A replication slot. Transaction numbers of the model are depths in the chain of WAL: vacuum on a primary removes the
// catalog rows below the oldest catalog_xmin of its slots.
struct Slot {
  bool physical = true;
  Lsn position;  // restart_lsn of a physical slot, confirmed_flush_lsn of a logical one
  std::optional<std::uint32_t> catalog_xmin;
};

struct Disk {
  DataState state = DataState::empty;
  SystemId system_id;
  std::vector<RecordId> chain;    // all WAL, flushed
  std::size_t restart_point = 0;  // so many records of it need not be replayed after a crash
  std::string control_state;      // of pg_control, e.g. "shut down"
  Timeline control_timeline;      // of the last checkpoint
  Lsn control_checkpoint;
  Timeline newest_timeline;  // of the history files in pg_wal: a promotion takes the next number
  // Histories of timelines in pg_wal; false: an empty file. A copy has the one of its own timeline, and no other.
  std::map<Timeline, bool> histories;
  std::size_t wal_from = 0;  // index in the chain: WAL of records before it is not here any more
  std::optional<ArchiveLimit> archive_limit;
  bool standby_signal = false;
  bool backup_label = false;
  bool rewind_marker = false;  // a rewind did not finish: the files fit nothing (F69)
  std::map<std::string, Slot> slots;
  bool followed = false;
  std::string lock_session;  // whose leader lock it had; not in a copy
  bool copied = false;       // the mark of a clone
  bool promoting = false;    // the mark of the agent that asked the running server to be promoted
  Timeline led_timeline;
  std::string led_by;  // the mark of the agent that last made a primary of it
  Upstream upstream;
  std::optional<std::string> sync_names;  // in the place of synchronous_standby_names, once the agent took it over
  int max_connections = 100;              // as the configuration file says

  RecordId last() const { return chain.empty() ? 0 : chain.back(); }
};

// What becomes of a promotion (F63).
enum class Promotion {
  works,
  slow,     // there is much to replay, and replay moves
  stalls,   // it does not get on: it is given up, and may come through later
  fails,    // the request cannot be made, and nothing happens
  unclear,  // the connection breaks; it may happen all the same, a little later
  dies,     // the server does not survive it
};

class PgServer {
 public:
  // `outside`: it belongs to another cluster, and no agent looks after it.
  PgServer(PgWorld& shared, int node, HostPort address, bool outside = false)
      : shared_(shared), node_(node), address_(std::move(address)), outside_(outside) {}

  int node() const { return node_; }
  const HostPort& address() const { return address_; }
  const Disk& disk() const { return disk_; }
  Process process() const { return process_; }
  bool in_recovery() const { return in_recovery_; }
  bool frozen() const { return frozen_; }
  bool child_running() const { return child_ != 0; }
  // A postmaster is there.
  bool up() const { return process_ != Process::stopped && process_ != Process::single_user; }
  Timeline timeline() const;
  Lsn wal_end() const;
  // What it has replayed: after a start that is less than what lies on its disk.
  bool all_replayed() const { return !in_recovery_ || replayed_ >= disk_.chain.size(); }
  // A client could get a commit acknowledged here, now.
  bool can_acknowledge() const {
    return process_ == Process::running && !in_recovery_ && serving_ && !frozen_ && !kill_pending_;
  }
  // There are standbys that follow this server, or would if they could reach it, and enough of them to let a commit of
  // it be acknowledged.
  bool could_be_confirmed() const;
  // As can_acknowledge(), but for being frozen: thawed, it would serve.
  bool is_open() const {
    return (process_ == Process::running || process_ == Process::stopping) && !in_recovery_ && serving_ &&
           !kill_pending_;
  }

  // --- what the Postgres port asks for ---
  PostgresFacts facts(Instant now) const;
  void start(const job::Start& spec, Done done);
  void stop(StopMode mode, Done done);
  void kill_tree(Done done);
  void promote(Timeline wanted, Done done);
  void checkpoint(Done done);
  void follow(Upstream upstream) {
    disk_.upstream = std::move(upstream);
    disk_.followed = true;
  }
  void initdb(Done done);
  void clone(const Upstream& source, Done done);  // without a source: from the backup store
  void rewind(const Upstream& source, Done done);
  void crash_recovery(Done done);
  void remove_data(Done done);
  void create_slot(const std::string& name) { disk_.slots.try_emplace(name, Slot{true, wal_end(), {}}); }
  void drop_slot(const std::string& name) { disk_.slots.erase(name); }
  void set_sync_names(const std::optional<std::string>& names, Done done);
  void create_logical_slot(const std::string& name);
  void advance_slot(const std::string& name, Lsn to);
  void mark_slots(bool copies) { disk_.followed = copies; }
  void forget_copy() { disk_.copied = false; }
  Result<void> record_lock(const std::string& session);
  void write_slot(const std::string& name, const Slot& slot);
  Result<UpstreamSlots> slots_of(const Upstream& source) const;
  Result<std::map<std::string, Slot>> slot_files_of(const Upstream& source) const;
  // The consumer of a logical slot confirms what it has read.
  void confirm(const std::string& name, Lsn position);
  // Catalog rows older than this are gone.
  std::uint32_t horizon() const;
  // Whether a server there answers a connection from here; false: the connection is refused, nullopt: nothing comes
  // back.
  std::optional<bool> answers_at(const HostPort& address) const;
  Result<UpstreamHistory> history_of(const action::GatherUpstreamHistory& question) const;
  Result<void> fetch_histories(const action::FetchHistories& order);
  // Nothing is restored any more.
  void close_archive() { disk_.archive_limit = ArchiveLimit{}; }
  Result<History> own_history(Timeline timeline) const;
  Result<std::string> branch_time(Timeline timeline, Lsn start) const;
  // Called whenever the postmaster appears or is gone, and when the WAL receiver ends.
  void on_process(std::function<void()> listener) { process_listener_ = std::move(listener); }

  // --- what happens to it ---
  void kill();  // SIGKILL to the whole tree, or the node losing power
  void rebooted() { disk_.lock_session.clear(); }
  void abort_child();  // the agent that ran initdb, base backup or rewind is gone
  // Neither a signal nor anything else reaches its processes, which wait for a disk (F13, F54). SIGKILL comes first
  // when they go on.
  void set_stuck_in_kernel(bool stuck);
  // Its processes are as good as gone: a SIGKILL that they cannot escape.
  bool dying() const { return kill_pending_; }
  // Crash recovery takes for ever, or until it is told otherwise (F18, F51).
  void set_recovery_slow(bool slow);
  void set_promotion(Promotion how) { promotion_ = how; }
  void set_damaged(bool damaged) { damaged_ = damaged; }  // F58: the control file cannot be read
  bool damaged() const { return damaged_; }
  bool unreadable() const { return unreadable_; }
  // F53: nothing in the directory can be read or opened; what is open goes on.
  void set_unreadable(bool unreadable);
  void remove_under_server();  // F53: the directory is gone, its processes are not
  // pg_ctl promote, by a person (F75).
  void promote_by_hand();
  void set_max_connections(int wanted) { disk_.max_connections = std::max(disk_.max_connections, wanted); }
  void set_frozen(bool frozen);
  // All WAL but what is written from now on is removed, whoever needs it (F70).
  void remove_wal() { disk_.wal_from = disk_.chain.size(); }
  // What a primary has written gets to the archive.
  void archive_wal();
  void set_receiver_stuck(bool stuck) { receiver_stuck_ = stuck; }  // F59
  void set_stop_hangs(bool hangs);                                  // F14, F15: whoever keeps a fast stop from ending
  void lose_data();                                                 // F53, the disk is replaced by an empty one
  Disk replace_disk(Disk disk);                                     // of a server that is down; returns the old one

  // --- a server outside: the primary of the cluster that a standby cluster follows ---
  void found();                                // it is there, as the primary of a cluster of its own
  void take_over_from(const PgServer& other);  // it is promoted with what it has of the other one's WAL
  void fail_over(std::size_t lost);            // another server takes its place, which lacks so many records
  void move_to(HostPort address) { address_ = std::move(address); }

  void commit();  // a client commits, if it can
  void pump();    // replication moves on
  PgServer* upstream_server() const;
  bool streaming() const { return streaming_; }
  // Whom commits wait for, now. Nobody while the checkpointer has not noticed the first names, whatever the setting
  // says.
  SyncNames waits_for() const { return sync_defined_ ? sync_names_ : SyncNames{}; }
  std::string application_name() const { return fmt::format("n{}", node_ + 1); }

 private:
  void later(Duration delay, std::function<void()> act);
  void fail_child(const std::string& why);  // what it works on is not there any more, or it was killed
  void child(Duration duration, Done done, std::function<Result<void>()> finish);
  // The child that works on the data as a server in single-user mode ended, one way or the other.
  void leave_single_user(const std::string& control_state);
  void set_process(Process process);
  void gone(bool clean);
  void append(std::uint32_t length);
  void acknowledge(RecordId record);
  bool confirmed(RecordId record) const;
  void release_waiters();
  void reload_sync_names(Duration checkpointer_busy);
  void notice_sync_names();
  void move_on(bool streamed);
  void begin_replay();
  void go_on_replaying();
  RecordId last_replayed() const;
  std::vector<const PgServer*> standbys() const;
  void take_checkpoint();
  std::uint32_t oldest_needed() const;  // by the slots of this server
  void send_feedback(PgServer& source) const;
  bool can_stream_from(const PgServer& source) const;
  // History files and WAL from our position on are there.
  bool finds_its_way(const PgServer& source) const;
  void keep_histories(const PgServer& source);
  StreamFacts stream_facts(const PgServer& via, Timeline since, Timeline newest) const;
  // PostgreSQL asks the archive first, and takes whatever goes on from where it is.
  void restore_wal();
  bool may_restore(RecordId record) const;
  void restore(Done done);
  Result<PgServer*> reach(const Upstream& source) const;
  PgServer* find(const HostPort& address) const;
  void finish_start(const job::Start& spec, const Done& done);
  void leave_recovery(Timeline wanted = {});  // 0: the next number it knows
  // Nullopt-like: what keeps anybody from working on the files.
  Result<void> files_usable() const;
  // Replay stands still before a record of a primary with a higher setting (F19).
  bool replay_paused() const;
  Lsn replay_end() const;
  PgListener* listener() const { return outside_ ? nullptr : shared_.listener; }
  void finish_fast_stop();
  void watch_promotion(Done once, bool stalls, Duration still);
  ServerFacts server_facts() const;
  void tell() {
    if (listener() != nullptr) listener()->server_changed(*this);
  }

  PgWorld& shared_;
  int node_;
  HostPort address_;
  const bool outside_;
  Disk disk_;

  Process process_ = Process::stopped;
  std::uint64_t epoch_ = 0;  // grows when the processes are gone: what they were about to do does not happen
  std::uint32_t incarnation_ = 0;
  bool in_recovery_ = true;
  bool serving_ = false;
  bool frozen_ = false;
  Duration frozen_at_{};
  bool streaming_ = false;
  bool receiver_stuck_ = false;
  bool stop_hangs_ = false;
  std::function<void()> hung_stop_;  // goes on when nothing keeps it any more
  bool recovery_slow_ = false;
  std::function<void()> slow_start_;  // likewise
  std::size_t replayed_ = 0;          // records; all of them once a WAL receiver has run
  bool received_ = false;             // one has, since the start
  bool wal_read_ = false;             // the agent has read what lies on the disk
  Promotion promotion_ = Promotion::works;
  bool stuck_in_kernel_ = false;
  bool kill_pending_ = false;
  bool damaged_ = false;
  bool unreadable_ = false;
  int max_connections_ = 100;  // in effect
  Duration started_at_{};
  Upstream upstream_in_effect_;
  SyncNames sync_names_;  // in effect in the processes that serve
  std::string sync_text_;
  bool sync_defined_ = false;  // what the checkpointer told the others: whether to wait at all
  bool checkpointer_busy_ = false;
  std::vector<RecordId> waiting_;  // commits whose clients were not told yet
  std::uint64_t child_ = 0;        // running child of the agent; 0: none
  std::uint64_t last_child_ = 0;
  Done child_done_;
  std::vector<Done> stop_waiters_;
  std::vector<std::function<void()>> on_thaw_;
  std::function<void()> process_listener_;
};

}  // namespace regent::sim
