#include "core/digest.h"

#include <algorithm>

#include "core/election.h"
#include "core/situation.h"
#include "core/stream.h"
#include "core/takeover.h"
#include "core/timeline.h"

namespace regent {
namespace {

// 1, 2, 4, ... seconds, at most a minute.
Duration back_off(int failures) {
  return std::chrono::seconds(1 << std::clamp(failures - 1, 0, 6));
}

struct JobDigest {
  const Observation& o;
  Memory& m;
  bool ok;

  void operator()(const job::Bootstrap&) const {
    m.bootstrapped = ok;
    m.bootstrap_put_aside = false;
    m.bootstrap_failed = ok ? "" : o.job.ended->error->message;
    const auto kind = ok ? ErrorKind::refused : o.job.ended->error->kind;
    m.bootstrap_at_fault = kind == ErrorKind::failed || kind == ErrorKind::invalid;
  }
  void operator()(const job::Clone& clone) const {
    if (ok) {
      if (clone.remote) m.bootstrapped = true;
      m.clone_failures = 0;
      m.retry_at.reset();
      m.reinitialized = m.reinitializing;
      m.reinitializing = false;
      m.reinit_from_leader = false;
      // A fresh copy continues its source's history by construction, but the leader may have changed meanwhile.
      m.rejoin = Rejoin::unchecked;
      m.copied_at = o.now;
      m.copy_goal.reset();
    } else {
      ++m.clone_failures;
      m.retry_at = o.now + back_off(m.clone_failures);
    }
  }
  void operator()(const job::Start& start) const {
    if (ok) {
      m.retry_at.reset();
      m.crashed_at.reset();
      m.start_failures = 0;
      m.ran_as_primary = start.as_primary;
    } else {
      m.retry_at = o.now + back_off(++m.start_failures);
    }
  }
  void operator()(const job::Restart& restart) const {
    if (ok) m.ran_as_primary = restart.as_primary;
  }
  void operator()(const job::Promote&) const {
    m.ticket = {};  // used up, or perhaps used up
    if (!ok) {
      m.no_promotion_before = o.now + std::max(back_off(++m.promote_failures), o.settings.loop_wait);
      if (o.job.ended->error->kind != ErrorKind::refused) m.promotion_sent_to = o.postgres.incarnation;
      return;
    }
    m.promote_failures = 0;
    m.promoted_at = o.now;
    m.no_promotion_before.reset();
    m.ran_as_primary = true;
    m.checkpoint_due = true;
    m.acquired_now = false;
  }
  void operator()(const job::Checkpoint&) const {
    if (ok) {
      m.checkpoint_due = false;
    } else {
      m.retry_at = o.now + back_off(1);
    }
  }
  void operator()(const job::CrashRecovery&) const {
    m.rejoin = Rejoin::unchecked;
    // That it did not come to an end, or was ended, says nothing about a rewind, and is no reason to remove the data
    // (F71).
    m.recovery_failures = ok ? 0 : m.recovery_failures + 1;
    m.retry_at = ok ? std::optional<Instant>() : o.now + back_off(m.recovery_failures);
  }
  void operator()(const job::Rewind&) const {
    if (!ok && o.job.ended->error->kind == ErrorKind::cancelled) return;  // by us, whatever it was about to find
    // Its exit code is not believed: the histories are compared again (F70). Until they agree it counts as a failure,
    // or a pg_rewind that sees nothing to do would be run again for ever.
    m.rejoin = Rejoin::unchecked;
    // A login, an archive or a checkpoint that is missing will be there again, and is no reason to remove the data.
    if (!ok && o.job.ended->error->kind == ErrorKind::not_begun) {
      m.retry_at = o.now + back_off(++m.rewinds.waits);
      return;
    }
    m.rewinds.waits = 0;
    ++m.rewinds.failures;
    // 4, 32 and 64 seconds: what makes pg_rewind fail may pass as well, e.g. an archive that lacks WAL.
    if (!ok) m.retry_at = o.now + back_off(3 * m.rewinds.failures);
  }
  void operator()(const job::Stop&) const {}
  void operator()(const job::CopySlots&) const {
    m.slot_copy_failures = ok ? 0 : m.slot_copy_failures + 1;
    m.slot_copy_at = ok ? std::optional<Instant>() : o.now + 10 * back_off(m.slot_copy_failures);
  }
  void operator()(const job::RemoveData& removal) const {
    if (!removal.failure.empty()) m.bootstrap_put_aside = ok || o.postgres.data.state == DataState::empty;
    if (ok) {
      m.rejoin = Rejoin::unchecked;
      m.rewinds = {};
      m.ran_as_primary = false;
    } else {
      m.retry_at = o.now + back_off(1);
    }
  }
};

void digest_leader(const Observation& o, Memory& m) {
  const auto* view = o.cluster.get();
  if (view == nullptr) return;
  m.highest_timeline = std::max(m.highest_timeline, recorded_timeline(*view));
  // A leader that the members let go on without the store is one, too.
  const bool promised = o.peers.is_known() && o.peers.age(o.now) <= fresh_answers && bound_by_promise(*o.peers);
  if ((view->leader.exists() || promised) && view->failover.exists()) m.request_under_lock = view->failover.version;
  const Member* leader = view->leader_member();
  if (leader != nullptr && !leader->libc.empty()) m.leader_libc = leader->libc;
  if (leader == nullptr || leader->name == o.self.name) return;
  if (leader->role == Role::primary && leader->timeline) {
    m.highest_timeline = std::max(m.highest_timeline, *leader->timeline);
  }
  const bool another = m.rejoin_leader != leader->name;
  const bool promoted_since = leader->timeline && *leader->timeline > m.rejoin_timeline;
  if (m.rejoin != Rejoin::unchecked && (another || promoted_since)) {
    m.rejoin = Rejoin::unchecked;
    m.poor_parent = MemberName();
    if (another) m.rewinds = {};
  }
}

// Since when the names in effect are what commits wait for. Seen twice: between its own reload and the other processes'
// there are a few microseconds in which the monitoring connection is ahead of them.
void digest_sync(const Situation& s, Memory& m) {
  if (s.server == nullptr) return;
  const auto& names = s.server->synchronous_standby_names;
  const auto incarnation = s.o.postgres.incarnation;
  const SyncWatch watch{names, incarnation, s.primary, {}};
  const auto& known = m.sync_watch;
  if (!known || known->names != names || known->incarnation != incarnation || known->primary != s.primary) {
    m.sync_watch = watch;
  } else if (!m.sync_watch->since && s.server->checkpointer_attentive) {
    m.sync_watch->since = s.server->wal;
  }
}

void digest_stream(const Situation& s, Memory& m) {
  // It was not stopped after all.
  if (m.rejoin == Rejoin::cut_off && s.replica && !s.job_running) m.rejoin = Rejoin::unchecked;
  if (!awaits_stream(s)) return m.stream_watch.reset();
  if (!m.stream_watch) m.stream_watch = StreamWatch{s.o.now, s.server->wal, s.o.now};
  if (m.stream_watch->wal != s.server->wal) {
    m.stream_watch->wal = s.server->wal;
    m.stream_watch->moved = s.o.now;
  }
}

// A synchronous standby that is about to stop tells the leader first.
void digest_leaving(const Situation& s, Memory& m) {
  const auto& asked = s.o.requests;
  const bool due = m.scheduled_restart && m.scheduled_restart->at <= s.o.wall;
  const bool leaving = asked.shutdown || asked.restart || asked.reinit || due || m.restart_id || m.reinitializing;
  if (!leaving || s.named || s.unlocked) m.leaving_sync_since.reset();
}

}  // namespace

Memory digest(const Observation& o, Memory m) {
  if (o.job.ended && o.job.ended->id > m.seen_job) {
    m.seen_job = o.job.ended->id;
    std::visit(JobDigest{o, m, !o.job.ended->error}, o.job.ended->spec);
  }
  digest_store(o, m);
  digest_leader(o, m);
  const auto s = survey(o, m);
  if (s.primary && s.holding) {
    m.ran_as_primary = true;
    m.crashed_at.reset();
  }
  if (s.stopped || s.primary || s.single_user) m.promotion_sent_to.reset();
  if (s.running) m.reinitialized = false;
  // What it had as a leader of an earlier reign is not known to be there after the next promotion (I16).
  if (s.replica) m.led_slots.clear();
  if (s.replica && !s.promotion_may_come) {
    m.ran_as_primary = false;
    m.crashed_at.reset();
    m.checkpoint_due = false;
    const bool graceful = m.demotion && m.demotion->kind == Demotion::Kind::graceful;
    const bool over = s.other_leads || (m.demotion && o.now - m.demotion->since >= std::chrono::seconds(10));
    if (!graceful || over) m.demotion.reset();
  }
  // Known to be down as the primary, and nobody asked for it: from here primary_start_timeout counts, also one of 0.
  if (s.stopped && s.has_data() && s.holding && m.ran_as_primary && !m.demotion && !m.crashed_at && !s.job_running) {
    m.crashed_at = o.now;
  }
  // What was found out about another source says nothing about the remote server.
  if (s.standby_leads && m.rejoin != Rejoin::unchecked && m.rejoin_leader != remote_upstream(s).name) {
    m.rejoin = Rejoin::unchecked;
    m.rewinds = {};
  }
  const bool bootstrapping = s.doing<job::Bootstrap>() || m.bootstrapped;
  if (!s.may_write || o.lease.held || bootstrapping) {
    m.unleased_since.reset();
  } else if (!m.unleased_since) {
    m.unleased_since = o.now;
  }
  if (o.postgres.process == Process::unknown && s.named) {
    m.unknown_since = m.unknown_since.value_or(o.now);
  } else if (s.view != nullptr || o.postgres.process != Process::unknown) {
    m.unknown_since.reset();
  }
  if (s.running || (s.view != nullptr && !s.standby)) m.recopies_remote = false;
  if (s.view != nullptr) {
    const auto& request = s.view->failover.value;
    const bool due = !request.empty() && (!request.scheduled_at || *request.scheduled_at <= o.wall);
    const bool leads = s.holding && (s.primary || (s.standby_leads && s.replica));
    m.hand_over_since = due && leads ? m.hand_over_since.value_or(o.now) : std::optional<Instant>();
  }
  digest_handover(s, m);
  if (s.unlocked) {
    m.unlocked_since = m.unlocked_since.value_or(o.now);
    if (!m.unlocked_wal && s.server != nullptr) m.unlocked_wal = s.server->wal;
  } else if (s.view != nullptr) {
    m.unlocked_since.reset();
    m.unlocked_wal.reset();
  }
  if (s.view != nullptr && (!s.unlocked || !s.view->failover.exists())) m.named_since.reset();
  if (s.namesake) {
    m.namesake_since = m.namesake_since.value_or(o.now);
  } else if (s.view != nullptr) {
    m.namesake_since.reset();
  }
  if (!s.holding && s.view != nullptr) {
    m.acquired_now = false;
    m.ticket = {};
  }
  if (!m.acquired_now) m.elected_on = {};
  if (!s.may_write) m.promoted_at.reset();
  if (s.view != nullptr && !s.view->initialize.value.empty() && !key_was_changed(s)) {
    m.seen_system_id = SystemId(s.view->initialize.value);
    if (s.has_data() && m.seen_system_id == o.postgres.data.system_id) m.recognized_id = m.seen_system_id;
  }
  if (s.named) m.bootstrapped = false;
  if (s.view != nullptr) {
    m.failsafe_members = s.view->failsafe.value;
    // Those of before may go by what they knew (F34).
    if (m.restored_store) m.failsafe_members.merge(FailsafeMembers(m.restored_store->before.failsafe));
  }
  digest_sync(s, m);
  digest_leaving(s, m);
  digest_stream(s, m);
  digest_leader_watch(s, m);
  // Seen attached, or seen without an upstream: then what we say is that this server stays disconnected.
  if (s.replica) m.vote_free = !s.server->upstream.host.empty();
  return m;
}

}  // namespace regent
