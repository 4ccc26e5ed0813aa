#include "sim/pg_server.h"

#include <algorithm>

namespace regent::sim {

using namespace std::chrono_literals;

Timeline PgServer::timeline() const {
  return disk_.chain.empty() ? Timeline{} : shared_.wal.fork_of(disk_.last()).timeline;
}

Lsn PgServer::wal_end() const {
  return disk_.chain.empty() ? Lsn{} : shared_.wal.at(disk_.last()).end;
}

// ------------------------------------------------------------------------------------------------- processes

void PgServer::later(Duration delay, std::function<void()> act) {
  shared_.world.after(delay, [this, epoch = epoch_, act = std::move(act)] {
    if (epoch != epoch_) return;
    if (frozen_) {
      on_thaw_.push_back([this, epoch, act] {
        if (epoch == epoch_) act();
      });
    } else {
      act();
    }
  });
}

void PgServer::set_process(Process process) {
  const bool was_there = up();
  process_ = process;
  if (was_there != up() && process_listener_) process_listener_();
  tell();
}

namespace {

// Until the adapter notices that a server answers nobody.
constexpr Duration pulse_time = std::chrono::seconds(6);

}  // namespace

void PgServer::gone(bool clean) {
  ++epoch_;
  frozen_ = false;
  on_thaw_.clear();
  hung_stop_ = nullptr;
  slow_start_ = nullptr;
  kill_pending_ = false;
  serving_ = false;
  streaming_ = false;
  disk_.promoting = false;
  waiting_.clear();  // their clients never learn what became of them (F66)
  if (!clean && disk_.state == DataState::valid) {
    const bool was_primary = disk_.control_state == "in production" || disk_.control_state == "in crash recovery";
    const bool crashed_again = process_ == Process::starting && was_primary && !disk_.backup_label;
    disk_.control_state = crashed_again ? "in crash recovery" : in_recovery_ ? "in archive recovery" : "in production";
  }
  in_recovery_ = true;
  if (disk_.state == DataState::empty) disk_ = Disk{};  // nothing holds the removed files any more
  shared_.world.trace("n{}: postmaster is gone ({})", node_ + 1, clean ? "clean" : "crash");
  set_process(Process::stopped);
  auto waiters = std::move(stop_waiters_);
  stop_waiters_.clear();
  for (const auto& done : waiters) done({});
}

void PgServer::kill() {
  if (process_ == Process::single_user) return fail_child("was killed by signal 9");
  if (process_ == Process::stopped) return;
  if (!stuck_in_kernel_) return gone(false);
  kill_pending_ = true;
  tell();
}

void PgServer::set_stuck_in_kernel(bool stuck) {
  if (stuck && !up()) return;
  stuck_in_kernel_ = stuck;
  if (!stuck && kill_pending_) gone(false);
}

void PgServer::set_recovery_slow(bool slow) {
  recovery_slow_ = slow;
  if (slow || !slow_start_) return;
  later(shared_.world.rng().between(100ms, 1s), std::exchange(slow_start_, nullptr));
}

void PgServer::set_unreadable(bool unreadable) {
  unreadable_ = unreadable;
  if (unreadable) fail_child("Input/output error");
}

void PgServer::remove_under_server() {
  fail_child("Input/output error");
  if (process_ == Process::stopped) {
    disk_ = Disk{};
  } else {
    disk_.state = DataState::empty;
  }
}

Result<void> PgServer::files_usable() const {
  if (!unreadable_ && !damaged_) return {};
  return fail(ErrorKind::failed, unreadable_ ? "Input/output error" : "the control file is damaged");
}

void PgServer::set_frozen(bool frozen) {
  if (frozen_ == frozen || (frozen && !up())) return;
  frozen_ = frozen;
  frozen_at_ = shared_.world.now();
  tell();
  if (frozen) {
    shared_.world.after(pulse_time, [this] {
      if (frozen_ && process_listener_) process_listener_();
    });
    return;
  }
  auto acts = std::move(on_thaw_);
  on_thaw_.clear();
  for (const auto& act : acts) act();
  release_waiters();
}

void PgServer::start(const job::Start& spec, Done done) {
  if (process_ != Process::stopped) return done(fail(ErrorKind::failed, "a postmaster is running"));
  if (auto usable = files_usable(); !usable) return done(usable);
  if (disk_.state != DataState::valid || disk_.rewind_marker) {
    return done(fail(ErrorKind::failed, "the data directory cannot be started"));
  }
  disk_.standby_signal = !spec.as_primary;
  if (spec.as_primary) {
    disk_.led_by = application_name();
    disk_.led_timeline = {};
  }
  disk_.upstream = spec.upstream;
  if (spec.as_primary || spec.upstream.none()) disk_.archive_limit.reset();
  if (!spec.as_primary && !spec.upstream.none()) disk_.followed = true;
  ++incarnation_;
  max_connections_ = disk_.max_connections;
  started_at_ = shared_.world.now();
  in_recovery_ = true;
  serving_ = false;
  const bool crashed = !disk_.control_state.starts_with("shut down");
  set_process(Process::starting);
  Rng& rng = shared_.world.rng();
  const Duration recovery = rng.between(100ms, 800ms) + (crashed ? rng.between(50ms, 3s) : Duration{});
  // The waiting agent is told that the postmaster died, too.
  auto told = std::make_shared<bool>(false);
  auto once = [told, done = std::move(done)](Result<void> result) {
    if (!*told) done(std::move(result));
    *told = true;
  };
  stop_waiters_.push_back(
      [once](Result<void>) { once(fail(ErrorKind::failed, "the postmaster died during its start")); });
  const auto finish = [this, spec, once] { finish_start(spec, once); };
  if (crashed && recovery_slow_) {
    slow_start_ = finish;
  } else {
    later(recovery, finish);
  }
}

void PgServer::finish_start(const job::Start& spec, const Done& done) {
  if (process_ != Process::starting) return;  // it was told to stop meanwhile
  disk_.backup_label = false;
  serving_ = true;
  upstream_in_effect_ = disk_.upstream;
  sync_text_ = disk_.sync_names.value_or("");
  sync_names_ = parse_sync_names(sync_text_).value_or(SyncNames{});
  checkpointer_busy_ = false;
  sync_defined_ = sync_names_.kind != SyncNames::Kind::nobody;
  disk_.control_state = spec.as_primary ? "in production" : "in archive recovery";
  in_recovery_ = !spec.as_primary;
  process_ = Process::running;
  shared_.world.trace("n{}: PostgreSQL runs as {} on timeline {} at {}", node_ + 1,
                      spec.as_primary ? "primary" : "replica", timeline().value, to_string(wal_end()));
  if (!spec.as_primary) begin_replay();
  tell();
  if (spec.as_primary) {
    append(120);
    take_checkpoint();
  }
  done({});
}

void PgServer::stop(StopMode mode, Done done) {
  // Without the pid file nobody can tell that nothing runs.
  if (!up()) return done(unreadable_ ? files_usable() : Result<void>());
  stop_waiters_.push_back(std::move(done));
  Rng& rng = shared_.world.rng();
  if (mode == StopMode::immediate) {
    later(rng.between(10ms, 150ms), [this] { gone(false); });
    return;
  }
  if (process_ == Process::stopping) return;
  const bool was_starting = process_ == Process::starting;
  set_process(Process::stopping);
  later(rng.between(2ms, 60ms), [this] {
    serving_ = false;
    waiting_.clear();
    tell();
  });
  auto finish = [this, was_starting] {
    later(shared_.world.rng().between(100ms, 1500ms), [this, was_starting] {
      if (was_starting) return gone(false);
      finish_fast_stop();
    });
  };
  if (stop_hangs_) {
    hung_stop_ = finish;  // or until somebody escalates
  } else {
    finish();
  }
}

void PgServer::set_stop_hangs(bool hangs) {
  stop_hangs_ = hangs;
  auto go_on = std::exchange(hung_stop_, nullptr);
  if (!hangs && go_on) {
    go_on();
  } else if (hangs) {
    hung_stop_ = std::move(go_on);
  }
}

// The checkpoint of a primary's shutdown reaches every standby that is connected before the processes end.
void PgServer::finish_fast_stop() {
  serving_ = false;
  if (!in_recovery_) {
    append(112);
    take_checkpoint();
    disk_.control_state = "shut down";
    for (PgServer* other : shared_.servers) {
      if (other != this && other->streaming_ && other->upstream_server() == this) other->pump();
    }
  } else {
    disk_.control_state = "shut down in recovery";
  }
  gone(true);
}

void PgServer::kill_tree(Done done) {
  shared_.world.after(shared_.world.rng().between(5ms, 40ms), [this, done = std::move(done)] {
    if (up()) kill();
    if (up()) return stop_waiters_.push_back(done);
    done(unreadable_ ? files_usable() : Result<void>());
  });
}

void PgServer::promote_by_hand() {
  if (process_ != Process::running || !in_recovery_ || replay_paused()) return;
  later(shared_.world.rng().between(30ms, 600ms), [this] {
    if (process_ == Process::running && in_recovery_) leave_recovery();
  });
}

void PgServer::leave_recovery(Timeline wanted) {
  streaming_ = false;
  replayed_ = disk_.chain.size();
  in_recovery_ = false;
  disk_.standby_signal = false;
  disk_.control_state = "in production";
  if (shared_.archive) disk_.newest_timeline = std::max(disk_.newest_timeline, shared_.archived);
  // History files are there for all numbers below the wanted one, some of them empty.
  disk_.newest_timeline = std::max({Timeline{std::max(disk_.newest_timeline, timeline()).value + 1}, wanted});
  shared_.archived = std::max(shared_.archived, disk_.newest_timeline);
  disk_.histories[disk_.newest_timeline] = true;
  const auto fork = shared_.wal.begin_timeline(disk_.last(), disk_.newest_timeline, node_, shared_.world.now());
  const auto before = horizon();
  disk_.chain.push_back(shared_.wal.append(disk_.last(), fork, 50, node_));
  shared_.wal.at(disk_.last()).horizon = before;
  shared_.wal.at(disk_.last()).max_connections = max_connections_;
  shared_.world.trace("n{}: PostgreSQL is promoted to timeline {} at {}", node_ + 1, timeline().value,
                      to_string(wal_end()));
  if (listener() != nullptr) listener()->promoted(*this, fork);
  tell();
  // PostgreSQL's own checkpoint after the promotion is in no hurry (F70).
  later(shared_.world.rng().between(1s, 20s), [this] { take_checkpoint(); });
}

void PgServer::checkpoint(Done done) {
  if (process_ != Process::running) return done(fail(ErrorKind::unreachable, "the server does not run"));
  auto told = std::make_shared<bool>(false);
  auto once = [told, done = std::move(done)](Result<void> result) {
    if (!*told) done(std::move(result));
    *told = true;
  };
  stop_waiters_.push_back([once](Result<void>) { once(fail(ErrorKind::failed, "the connection was lost")); });
  later(shared_.world.rng().between(50ms, 1500ms), [this, once] {
    if (process_ == Process::running && !in_recovery_) {
      append(112);
      take_checkpoint();
    }
    once({});
  });
}

void PgServer::take_checkpoint() {
  if (disk_.chain.empty()) return;
  disk_.control_timeline = timeline();
  disk_.control_checkpoint = shared_.wal.at(disk_.last()).start;
  disk_.restart_point = disk_.chain.size();
}

// ------------------------------------------------------------------------------------------------------- WAL

void PgServer::append(std::uint32_t length) {
  const RecordId parent = disk_.last();
  const RecordId record = shared_.wal.append(parent, shared_.wal.at(parent).fork, length, node_);
  // Vacuum: as far as the slots let it.
  const auto before = parent == 0 ? 0 : shared_.wal.at(parent).horizon;
  shared_.wal.at(record).horizon = std::max(before, oldest_needed());
  shared_.wal.at(record).max_connections = max_connections_;
  disk_.chain.push_back(record);
  if (listener() != nullptr) listener()->record_written(*this, record);
}

void PgServer::acknowledge(RecordId record) {
  if (listener() == nullptr) return;
  shared_.wal.at(record).acknowledged = true;
  listener()->acknowledged(*this, record);
}

void PgServer::commit() {
  if (!can_acknowledge()) return;
  append(static_cast<std::uint32_t>(shared_.world.rng().range(80, 400)));
  if (waits_for().kind == SyncNames::Kind::nobody) {
    acknowledge(disk_.last());
  } else {
    waiting_.push_back(disk_.last());
    release_waiters();
  }
}

// ------------------------------------------------------------------------------------- synchronous replication

std::vector<const PgServer*> PgServer::standbys() const {
  std::vector<const PgServer*> found;
  for (const PgServer* other : shared_.servers) {
    if (other != this && other->streaming_ && other->upstream_server() == this) found.push_back(other);
  }
  return found;
}

// As PostgreSQL counts: with priorities the first connected ones of the list have to confirm, else any of them.
bool PgServer::confirmed(RecordId record) const {
  const SyncNames names = waits_for();
  const auto depth = shared_.wal.at(record).depth;
  std::size_t counted = 0, have = 0;
  for (const PgServer* standby : standbys()) {
    if (!names.anybody() && !names.names.contains(standby->application_name())) continue;
    if (names.kind == SyncNames::Kind::priority && counted == names.needed) break;
    ++counted;
    const auto& chain = standby->disk_.chain;
    if (depth < chain.size() && chain[depth] == record) ++have;
  }
  return have >= names.needed;
}

void PgServer::release_waiters() {
  if (frozen_ || !serving_) return;
  const bool nobody = waits_for().kind == SyncNames::Kind::nobody;
  while (!waiting_.empty() && (nobody || confirmed(waiting_.front()))) {
    const RecordId record = waiting_.front();
    waiting_.erase(waiting_.begin());
    acknowledge(record);
  }
}

void PgServer::notice_sync_names() {
  checkpointer_busy_ = false;
  sync_defined_ = sync_names_.kind != SyncNames::Kind::nobody;
  shared_.world.trace("n{}: commits wait for '{}'", node_ + 1, sync_text_);
  if (listener() != nullptr) listener()->sync_names_changed(*this);
  release_waiters();
}

void PgServer::reload_sync_names(Duration checkpointer_busy) {
  sync_text_ = disk_.sync_names.value_or("");
  sync_names_ = parse_sync_names(sync_text_).value_or(SyncNames{});
  const bool first = !sync_defined_ && sync_names_.kind != SyncNames::Kind::nobody;
  if (first && checkpointer_busy > Duration::zero()) {
    checkpointer_busy_ = true;
    later(checkpointer_busy, [this] { notice_sync_names(); });
  } else {
    notice_sync_names();
  }
}

void PgServer::set_sync_names(const std::optional<std::string>& names, Done done) {
  disk_.sync_names = names;
  if (!up()) return done({});
  Rng& rng = shared_.world.rng();
  const Duration busy = rng.chance(0.2) ? rng.between(50ms, 4s) : Duration{};
  later(rng.between(1ms, 20ms), [this, busy, done = std::move(done)] {
    reload_sync_names(busy);
    done({});
  });
}

bool PgServer::could_be_confirmed() const {
  const SyncNames names = waits_for();
  if (names.kind == SyncNames::Kind::nobody) return true;
  const auto willing = std::count_if(shared_.servers.begin(), shared_.servers.end(), [&](const PgServer* other) {
    const bool named = names.anybody() || names.names.contains(other->application_name());
    const bool streams = other->streaming_ && other->upstream_server() == this;
    const bool here = streams || find(other->disk_.upstream.address) == this;
    return other != this && named && here && other->up() && other->in_recovery_;
  });
  return static_cast<std::size_t>(willing) >= names.needed;
}

std::optional<bool> PgServer::answers_at(const HostPort& address) const {
  const PgServer* server = find(address);
  if (server == nullptr || !shared_.network.connected(node_, server->node_)) return std::nullopt;
  if (server->up() && server->frozen_) return std::nullopt;
  return server->up();
}

PgServer* PgServer::find(const HostPort& address) const {
  for (PgServer* server : shared_.servers) {
    if (server->address_ == address) return server;
  }
  return nullptr;
}

PgServer* PgServer::upstream_server() const {
  return upstream_in_effect_.none() ? nullptr : find(upstream_in_effect_.address);
}

// A walreceiver gets on only when all it has is part of what the sender has.
bool PgServer::can_stream_from(const PgServer& source) const {
  if (source.process_ != Process::running && source.process_ != Process::stopping) return false;
  if (source.frozen_ || !shared_.network.connected(node_, source.node_)) return false;
  if (source.disk_.system_id != disk_.system_id) return false;
  const auto& theirs = source.disk_.chain;
  const auto& ours = disk_.chain;
  return ours.size() <= theirs.size() && theirs[ours.size() - 1] == ours.back() && finds_its_way(source);
}

void PgServer::pump() {
  const bool streamed = streaming_;
  move_on(streamed);
  if (streamed && !streaming_ && process_listener_) process_listener_();
}

void PgServer::move_on(bool streamed) {
  streaming_ = false;
  if (process_ != Process::running || !in_recovery_ || frozen_) return;
  upstream_in_effect_ = disk_.upstream;
  if (!streamed && all_replayed()) {
    restore_wal();
    replayed_ = disk_.chain.size();
  }
  if (!all_replayed() || upstream_in_effect_.none()) return;
  received_ = true;  // it asks for a stream, whether it gets one or not
  PgServer* source = upstream_server();
  if (source == nullptr || source == this || !can_stream_from(*source)) return;
  streaming_ = true;
  keep_histories(*source);
  if (receiver_stuck_) return;
  const auto& theirs = source->disk_.chain;
  disk_.chain.insert(disk_.chain.end(), theirs.begin() + static_cast<std::ptrdiff_t>(disk_.chain.size()), theirs.end());
  replayed_ = disk_.chain.size();
  // A restart point follows the primary's checkpoints, at some distance.
  if (shared_.world.rng().chance(0.02)) {
    const auto point = std::min(disk_.restart_point, disk_.chain.size());
    disk_.restart_point = point + shared_.world.rng().below(disk_.chain.size() - point + 1);
  }
  disk_.newest_timeline = std::max(disk_.newest_timeline, source->timeline());
  source->release_waiters();
  send_feedback(*source);
}

// --------------------------------------------------------------------------------- children of the agent

void PgServer::child(Duration duration, Done done, std::function<Result<void>()> finish) {
  const std::uint64_t id = ++last_child_;
  child_ = id;
  child_done_ = std::move(done);
  shared_.world.after(duration, [this, id, finish = std::move(finish)] {
    if (child_ != id) return;
    child_ = 0;
    auto told = std::move(child_done_);
    child_done_ = nullptr;
    told(finish());
  });
}

void PgServer::leave_single_user(const std::string& control_state) {
  if (process_ != Process::single_user) return;
  disk_.control_state = control_state;
  set_process(Process::stopped);
}

void PgServer::abort_child() {
  child_ = 0;
  child_done_ = nullptr;
  leave_single_user("in crash recovery");
}

void PgServer::fail_child(const std::string& why) {
  child_ = 0;
  leave_single_user("in crash recovery");
  if (const Done told = std::exchange(child_done_, nullptr)) told(fail(ErrorKind::failed, why));
}

void PgServer::initdb(Done done) {
  if (auto usable = files_usable(); !usable) return done(usable);
  if (disk_.state != DataState::empty) return done(fail(ErrorKind::failed, "the data directory is not empty"));
  disk_ = Disk{};
  disk_.state = DataState::incomplete;
  child(shared_.world.rng().between(300ms, 3s), std::move(done), [this]() -> Result<void> {
    disk_.state = DataState::valid;
    disk_.system_id = SystemId(fmt::format("73000000000000{:05}", ++shared_.initdb_count));
    const auto fork = shared_.wal.begin_timeline(0, Timeline{1}, node_, shared_.world.now());
    disk_.chain.push_back(shared_.wal.append(0, fork, 4096, node_));
    disk_.newest_timeline = Timeline{1};
    disk_.control_state = "shut down";
    take_checkpoint();
    if (listener() != nullptr) listener()->initialized(*this);
    return {};
  });
}

Result<PgServer*> PgServer::reach(const Upstream& source) const {
  PgServer* server = find(source.address);
  if (server == nullptr || server == this) return fail(ErrorKind::unreachable, "no such server");
  if (!shared_.network.connected(node_, server->node_) || server->process_ != Process::running || server->frozen_) {
    return fail(ErrorKind::unreachable, "the source does not answer");
  }
  return server;
}

void PgServer::clone(const Upstream& source, Done done) {
  if (auto usable = files_usable(); !usable) return done(usable);
  if (disk_.state != DataState::empty) return done(fail(ErrorKind::failed, "the data directory is not empty"));
  if (source.none()) return restore(std::move(done));
  if (auto from = reach(source); !from) return done(tl::unexpected(from.error()));
  disk_ = Disk{};
  disk_.state = DataState::incomplete;
  child(shared_.world.rng().between(1s, 8s), std::move(done), [this, source]() -> Result<void> {
    auto from = reach(source);
    if (!from || (*from)->disk_.state != DataState::valid || !(*from)->files_usable())
      return fail(ErrorKind::failed, "the base backup broke off");
    const Disk& theirs = (*from)->disk_;
    disk_.state = DataState::valid;
    disk_.system_id = theirs.system_id;
    disk_.chain = theirs.chain;
    disk_.restart_point = disk_.chain.size();
    disk_.newest_timeline = theirs.newest_timeline;
    if (timeline().value > 1) disk_.histories[timeline()] = true;
    disk_.wal_from = disk_.chain.size();
    disk_.control_state = "in production";
    disk_.control_timeline = timeline();
    disk_.control_checkpoint = wal_end();
    disk_.backup_label = true;
    disk_.standby_signal = true;
    disk_.sync_names = theirs.sync_names;
    disk_.led_by = theirs.led_by;
    disk_.led_timeline = theirs.led_timeline;
    disk_.copied = true;
    return {};
  });
}

void PgServer::restore(Done done) {
  if (shared_.backup == nullptr) return done(fail(ErrorKind::failed, "there is no backup"));
  disk_ = Disk{};
  disk_.state = DataState::incomplete;
  child(shared_.world.rng().between(1s, 8s), std::move(done), [this, backup = shared_.backup]() -> Result<void> {
    disk_.state = DataState::valid;
    disk_.system_id = backup->system_id;
    disk_.chain = backup->chain;
    disk_.restart_point = disk_.chain.size();
    disk_.newest_timeline = backup->newest_timeline;
    if (timeline().value > 1) disk_.histories[timeline()] = true;
    disk_.wal_from = disk_.chain.size();
    disk_.control_state = "in production";
    disk_.control_timeline = timeline();
    disk_.control_checkpoint = wal_end();
    disk_.backup_label = true;
    disk_.standby_signal = true;
    disk_.sync_names = backup->sync_names;
    disk_.led_by = backup->led_by;
    disk_.led_timeline = backup->led_timeline;
    disk_.copied = true;
    return {};
  });
}

// As pg_rewind behaves: it compares the timelines of the two control files and takes equal ones for "nothing to do"
// (F70).
void PgServer::rewind(const Upstream& source, Done done) {
  const auto not_begun = [&](std::string why) { done(fail(ErrorKind::not_begun, std::move(why))); };
  if (process_ != Process::stopped) return not_begun("the server must be stopped");
  if (auto usable = files_usable(); !usable) return not_begun(usable.error().message);
  if (disk_.state != DataState::valid) return not_begun("there is nothing to rewind");
  if (!disk_.control_state.starts_with("shut down") && !disk_.rewind_marker) {
    return done(fail(ErrorKind::failed, "target server must be shut down cleanly"));
  }
  auto from = reach(source);
  if (!from) return not_begun(from.error().message);
  if (shared_.world.rng().chance(shared_.rewind_fails)) return not_begun("the rewind login is refused");
  const Disk& theirs = (*from)->disk_;
  if (theirs.system_id != disk_.system_id) return done(fail(ErrorKind::failed, "different system identifiers"));
  if (shared_.world.rng().chance(shared_.rewind_fails)) {
    return done(fail(ErrorKind::failed, "could not find previous WAL record"));
  }
  if (theirs.control_timeline == disk_.control_timeline && !disk_.rewind_marker) return done({});
  disk_.rewind_marker = true;
  child(shared_.world.rng().between(300ms, 4s), std::move(done), [this, source]() -> Result<void> {
    auto again = reach(source);
    if (!again || (*again)->disk_.state != DataState::valid || !(*again)->files_usable())
      return fail(ErrorKind::failed, "pg_rewind broke off");
    const Disk& newest = (*again)->disk_;
    // It goes back to where the two histories seem to part: what follows a twin of a common timeline stays (F62).
    if (!shared_.wal.seem_common(disk_.last(), newest.chain.back())) disk_.chain = newest.chain;
    disk_.restart_point = disk_.chain.size();
    disk_.led_by = newest.led_by;
    disk_.led_timeline = newest.led_timeline;
    disk_.slots.clear();  // pg_rewind leaves none of the target's and takes none of the source's
    disk_.lock_session.clear();
    disk_.followed = false;
    disk_.newest_timeline = std::max(disk_.newest_timeline, newest.newest_timeline);
    disk_.histories = newest.histories;
    disk_.wal_from = newest.wal_from;
    disk_.archive_limit.reset();
    disk_.control_state = "in archive recovery";
    disk_.control_timeline = newest.control_timeline;
    disk_.control_checkpoint = newest.control_checkpoint;
    disk_.rewind_marker = false;
    disk_.standby_signal = true;
    return {};
  });
}

void PgServer::crash_recovery(Done done) {
  if (process_ != Process::stopped) return done(fail(ErrorKind::failed, "the server must be stopped"));
  if (auto usable = files_usable(); !usable) return done(usable);
  if (disk_.state != DataState::valid || disk_.rewind_marker || disk_.backup_label) {
    return done(fail(ErrorKind::failed, "the data directory cannot be recovered"));
  }
  // As long as a start takes: there may be much to replay.
  Rng& rng = shared_.world.rng();
  const bool long_lasting = recovery_slow_ || rng.chance(0.2);
  const Duration takes = long_lasting ? rng.between(5s, 60s) : rng.between(300ms, 3s);
  set_process(Process::single_user);
  child(takes, std::move(done), [this]() -> Result<void> {
    append(120);
    take_checkpoint();
    disk_.standby_signal = true;
    leave_single_user("shut down");
    return {};
  });
}

Result<void> PgServer::record_lock(const std::string& session) {
  if (disk_.state != DataState::valid || unreadable_) return fail(ErrorKind::failed, "there is no data directory");
  disk_.lock_session = session;
  return {};
}

void PgServer::remove_data(Done done) {
  if (process_ != Process::stopped) return done(fail(ErrorKind::failed, "the server must be stopped"));
  if (unreadable_) return done(files_usable());
  child(shared_.world.rng().between(20ms, 300ms), std::move(done), [this]() -> Result<void> {
    disk_ = Disk{};
    return {};
  });
}

void PgServer::lose_data() {
  stuck_in_kernel_ = false;
  kill();
  abort_child();
  disk_ = Disk{};
}

Disk PgServer::replace_disk(Disk disk) {
  abort_child();
  return std::exchange(disk_, std::move(disk));
}

}  // namespace regent::sim
