#include "core/plan/planners.h"
#include "core/portrait.h"
#include "core/stream.h"

namespace regent::plan {
Member own_member(const Situation& s, const Decision& d) {
  Member member;
  const auto& self = s.o.self;
  member.name = self.name;
  member.conn_url = conn_url(s);
  member.api_url = self.api_url;
  member.proxy_url = self.proxy_url;
  const Portrait self_portrait = portrait(s);
  // What nobody knows now is what it was: a server that cannot be looked at may be a primary, and others would follow a
  // replica (I5). Who is taken for uninitialized is taken for one without data.
  const Member* stored = s.view == nullptr ? nullptr : s.view->member(self.name);
  const bool was_primary = stored != nullptr && stored->role == Role::primary;
  member.state = self_portrait.state.value_or(PgState::running);
  member.role = self_portrait.role.value_or(was_primary ? Role::primary : Role::replica);
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
  const auto* theirs = last_history(s);
  if (awaits_stream(s) && !s.o.postgres.restores && theirs != nullptr && theirs->stream.via == s.leader_name) {
    member.missing_wal = missing_wal(s);
  }
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
