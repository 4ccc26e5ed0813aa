#include "core/plan/planners.h"

namespace regent::plan {
namespace {

PgState state_of(const Situation& s) {
  if (s.o.job.running) {
    const auto& spec = *s.o.job.running;
    if (std::holds_alternative<job::Bootstrap>(spec)) return PgState::initdb;
    if (std::holds_alternative<job::Clone>(spec)) return PgState::creating_replica;
    if (std::holds_alternative<job::Restart>(spec)) return PgState::restarting;
    if (std::holds_alternative<job::Stop>(spec) && !s.stopped) return PgState::stopping;
    if (std::holds_alternative<job::Start>(spec) && !s.running) return PgState::starting;
  }
  switch (s.o.postgres.process) {
    case Process::running:
    case Process::unknown:
      return PgState::running;
    case Process::starting:
      return PgState::starting;
    case Process::stopping:
      return PgState::stopping;
    case Process::stopped:
    case Process::single_user:
      break;
  }
  return s.m.ran_as_primary && !s.m.demotion ? PgState::crashed : PgState::stopped;
}

Role role_of(const Situation& s) {
  if (s.primary) return Role::primary;
  if (s.replica && s.standby_leads && s.holding) return Role::standby_leader;
  if (s.replica) return s.doing<job::Promote>() ? Role::promoted : Role::replica;
  if (s.may_write) return Role::primary;
  if (s.no_data()) return Role::uninitialized;
  // Paused, it is still what it was when it went down.
  if (s.paused && s.stopped && s.has_data() && !s.o.postgres.data.standby_signal) return Role::primary;
  return s.m.demotion || s.m.ran_as_primary ? Role::demoted : Role::replica;
}

}  // namespace

Member own_member(const Situation& s, const Decision& d) {
  Member member;
  const auto& self = s.o.self;
  member.name = self.name;
  member.conn_url = self.conn_url;
  member.api_url = self.api_url;
  member.proxy_url = self.proxy_url;
  member.state = state_of(s);
  member.role = role_of(s);
  member.version = patroni_version(self.generation);
  member.regent = self.version;
  member.libc = self.libc;
  member.tags = self.tags;
  if (d.memory.leaving_sync_since) {
    member.tags.nosync = true;
    member.tags.all["nosync"] = true;
  }
  member.pending_restart = !s.o.postgres.pending_restart.empty();
  if (member.pending_restart) member.pending_restart_reason = s.o.postgres.pending_restart;
  if (d.memory.scheduled_restart) member.scheduled_restart = d.memory.scheduled_restart->published;
  member.pause = s.paused;
  if (s.may_write && s.o.fences.guard.mode != FenceMode::off) member.guard = to_string(s.o.fences.guard.state);
  member.branches = s.o.branches;
  if (s.job_running) member.progress = s.o.job.progress;
  member.checkpoint_after_promote = !(s.primary && d.memory.checkpoint_due);
  if (s.server != nullptr) {
    member.xlog_location = s.server->wal;
    member.timeline = s.server->timeline;
    if (s.replica) {
      // What was replayed was received, also when it came with the base backup.
      member.receive_lsn = s.server->received ? std::optional(s.server->wal) : std::nullopt;
      member.replay_lsn = s.server->replayed;
      member.replication_state = s.server->replication_state;
    }
  }
  return member;
}

void member_key(const Situation& s, Decision& d) {
  if (s.view == nullptr) return;
  auto member = own_member(s, d);
  const auto value = print_member(member, s.o.self.generation);
  member.xlog_location.reset();
  member.receive_lsn.reset();
  member.replay_lsn.reset();
  member.progress.clear();
  const auto published = print_member(member, s.o.self.generation);
  const Member* stored = s.view->member(s.o.self.name);
  const bool there = stored != nullptr && (s.o.lease.session.empty() || stored->session == s.o.lease.session);
  // Written since by another agent of this name, whose word counts as long as it has the lock.
  if (s.namesake && s.m.member_written_at && stored != nullptr && !there) return;
  const bool due = !s.m.member_written_at || s.o.now - *s.m.member_written_at >= s.o.settings.loop_wait;
  // At rest nothing of it changes, and the session keeps the key alive: every write would wake every other member.
  const bool same = there && print_member(*stored, s.o.self.generation) == value;
  if (there && published == s.m.published && (!due || same)) return;
  d.actions.emplace_back(action::WriteMember{value});
  d.memory.published = published;
  d.memory.member_written_at = s.o.now;
}

}  // namespace regent::plan
