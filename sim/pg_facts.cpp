// What a node's agent can learn of the model PostgreSQL.
#include <algorithm>

#include "sim/pg_server.h"

namespace regent::sim {

namespace {

std::vector<SlotRow> slot_rows(const std::map<std::string, Slot>& slots) {
  std::vector<SlotRow> rows;
  for (const auto& [name, slot] : slots) {
    SlotRow row;
    row.name = name;
    row.physical = slot.physical;
    row.restart_lsn = slot.position;
    row.catalog_xmin = slot.catalog_xmin;
    row.has_xmin = slot.catalog_xmin.has_value();
    if (!slot.physical) {
      row.confirmed_flush_lsn = slot.position;
      row.database = "postgres";
      row.plugin = "test_decoding";
    }
    rows.push_back(row);
  }
  return rows;
}

// No machine's clock: it is compared with itself only.
WallTime wall_time(Duration at) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::seconds(1'725'000'000) + at));
}

}  // namespace

ServerFacts PgServer::server_facts() const {
  ServerFacts facts;
  facts.in_recovery = in_recovery_;
  facts.timeline = timeline();
  facts.wal = wal_end();
  facts.version = 150000;
  facts.postmaster_start_time = wall_time(started_at_);
  if (in_recovery_) {
    facts.wal_known = all_replayed() || wal_read_;
    if (facts.wal_known && (received_ || wal_read_)) facts.received = facts.wal;
    if (!facts.wal_known) {
      facts.wal = last_replayed() == 0 ? Lsn{} : shared_.wal.at(last_replayed()).end;
      facts.timeline = last_replayed() == 0 ? Timeline{} : shared_.wal.fork_of(last_replayed()).timeline;
    }
    facts.replayed = replay_end();
    facts.replay_paused = replay_paused();
    facts.replication_state = streaming_ ? "streaming" : shared_.archive_feeds ? "in archive recovery" : "";
    facts.receiving = streaming_;
    facts.upstream = disk_.upstream.address;
    facts.upstream_slot = disk_.upstream.slot;
  }
  facts.synchronous_standby_names = sync_text_;
  facts.checkpointer_attentive = !checkpointer_busy_;
  std::set<std::string> active;
  for (const PgServer* other : shared_.servers) {
    if (!other->streaming_ || other->upstream_server() != this) continue;
    ReplicationRow row;
    row.usename = "replicator";
    row.application_name = fmt::format("n{}", other->node_ + 1);
    row.client_addr = other->address_.host;
    row.state = "streaming";
    const bool named = sync_names_.anybody() || sync_names_.names.contains(row.application_name);
    row.sync_state = !named ? "async" : sync_names_.kind == SyncNames::Kind::quorum ? "quorum" : "sync";
    row.write_lsn = row.flush_lsn = row.replay_lsn = other->wal_end();
    facts.replication.push_back(row);
    active.insert(other->disk_.upstream.slot);
  }
  facts.slots = slot_rows(disk_.slots);
  for (SlotRow& row : facts.slots) row.active = active.count(row.name) > 0;
  return facts;
}

PostgresFacts PgServer::facts(Instant now) const {
  PostgresFacts facts;
  facts.process = process_;
  facts.clones_without_leader = shared_.backup != nullptr;
  facts.restores = shared_.archive_feeds && !shared_.archive_hidden;
  facts.archive_limit = disk_.archive_limit;
  facts.incarnation = incarnation_;
  if (process_ == Process::running && frozen_) {
    facts.deaf_since = facts.silent_since = now - (shared_.world.now() - frozen_at_);
  }
  if (process_ == Process::running && !frozen_) {
    facts.server = Fact<ServerFacts>::known(server_facts(), now);
  } else if (process_ == Process::running) {
    facts.server = Fact<ServerFacts>::unknown("the monitoring query timed out", now);
  } else {
    facts.server = Fact<ServerFacts>::unknown("not running", now);
  }
  if (process_ == Process::running && max_connections_ != disk_.max_connections) {
    facts.pending_restart["max_connections"] = {{"old_value", std::to_string(max_connections_)},
                                                {"new_value", std::to_string(disk_.max_connections)}};
  }
  if (unreadable_ && process_ == Process::stopped) {
    // The pid file cannot be read either: whether somebody still works in the directory nobody can tell.
    facts.process = Process::unknown;
    facts.why = "the pid file cannot be read: Input/output error";
    facts.server = Fact<ServerFacts>::unknown(facts.why, now);
  }
  if (unreadable_ || (damaged_ && process_ == Process::stopped && disk_.state == DataState::valid)) {
    facts.data.why = unreadable_ ? "the data directory cannot be read: Input/output error; check the disk"
                                 : "the control file of the data directory is damaged; restore it";
    facts.managed_sync_names = disk_.sync_names;
    return facts;
  }
  facts.data.state = disk_.state;
  if (disk_.state != DataState::valid) return facts;
  facts.managed_sync_names = disk_.sync_names;
  facts.data.system_id = disk_.system_id;
  facts.data.standby_signal = disk_.standby_signal;
  facts.data.backup_label = disk_.backup_label;
  facts.data.rewind_marker = disk_.rewind_marker;
  facts.data.followed = disk_.followed;
  facts.data.lock_session = disk_.lock_session;
  facts.data.copied = disk_.copied;
  facts.data.promoting = disk_.promoting && process_ != Process::stopped;
  facts.data.led_by = MemberName(disk_.led_by);
  facts.data.led_timeline = disk_.led_timeline;
  if (process_ == Process::stopped) {
    ControlFacts control;
    control.state = disk_.control_state;
    control.timeline = disk_.control_timeline;
    control.checkpoint = disk_.control_checkpoint;
    // Crash recovery keeps no such mark.
    if (control.state.find("recovery") != std::string::npos && control.state != "in crash recovery") {
      control.min_recovery = wal_end();
      control.min_recovery_timeline = timeline();
    }
    facts.data.control = control;
  }
  return facts;
}

Result<History> PgServer::own_history(Timeline wanted) const {
  if (unreadable_) return fail(ErrorKind::failed, "Input/output error");
  History history = shared_.wal.fork_of(disk_.last()).history;
  if (timeline() == wanted) return history;
  // Of one that was left: it came with the others.
  const auto left =
      std::find_if(history.begin(), history.end(), [&](const HistoryLine& line) { return line.timeline == wanted; });
  if (left == history.end()) return fail(ErrorKind::not_found, "no such history file");
  history.erase(left, history.end());
  return history;
}

Result<std::string> PgServer::branch_time(Timeline wanted, Lsn start) const {
  if (unreadable_ || disk_.chain.empty()) return fail(ErrorKind::failed, "Input/output error");
  const Fork* fork = &shared_.wal.fork_of(disk_.last());
  while (fork->timeline != wanted && fork->parent != 0) fork = &shared_.wal.fork_of(fork->parent);
  if (fork->timeline != wanted || fork->parent == 0 || shared_.wal.at(fork->parent).end != start) {
    return fail(ErrorKind::not_found, "no such timeline begins there");
  }
  return fmt::format("{} us", std::chrono::duration_cast<std::chrono::microseconds>(fork->at).count());
}

bool PgServer::replay_paused() const {
  return in_recovery_ && !disk_.chain.empty() && shared_.wal.at(disk_.last()).max_connections > max_connections_;
}

Lsn PgServer::replay_end() const {
  auto it = disk_.chain.rbegin();
  if (!all_replayed()) it += static_cast<std::ptrdiff_t>(disk_.chain.size() - replayed_);
  while (it != disk_.chain.rend() && shared_.wal.at(*it).max_connections > max_connections_) ++it;
  return it == disk_.chain.rend() ? Lsn{} : shared_.wal.at(*it).end;
}

Result<UpstreamSlots> PgServer::slots_of(const Upstream& source) const {
  auto from = reach(source);
  if (!from) return tl::unexpected(from.error());
  if ((*from)->in_recovery_) return fail(ErrorKind::refused, "the source is in recovery");
  UpstreamSlots answer;
  answer.source = source.name;
  answer.timeline = (*from)->timeline();
  answer.slots = slot_rows((*from)->disk_.slots);
  return answer;
}

Result<std::map<std::string, Slot>> PgServer::slot_files_of(const Upstream& source) const {
  auto from = reach(source);
  if (!from) return tl::unexpected(from.error());
  if ((*from)->in_recovery_) return fail(ErrorKind::refused, "the source is in recovery");
  return (*from)->disk_.slots;
}

}  // namespace regent::sim
