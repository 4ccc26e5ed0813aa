#include "core/rules/steps.h"

#include <algorithm>

#include "core/election.h"
#include "core/ticket.h"

namespace regent::rules {
namespace {

// Nobody writes while we wait: a replica that streams needs milliseconds.
constexpr Duration hand_over_patience = std::chrono::seconds(5);

}  // namespace

void take_lock(const Situation& s, Decision& d, Version expect, Timeline left) {
  action::AcquireLeader lock{.expect = expect};
  if (promotes(s)) {
    lock.ticket = next_ticket(s, left);
    d.memory.ticket = lock.ticket->number;
  }
  act(d, std::move(lock));
}

void give_back(const Situation& s, Decision& d) {
  if (s.holding) {
    act(d, action::ReleaseLeader{});
  } else if (s.has_lock()) {
    act(d, action::AcquireLeader{.expect = s.view->leader.version});
  }
}

void condition(Decision& d, std::string name, std::string detail) {
  d.conditions.push_back({std::move(name), std::move(detail)});
}

void wake_in(const Situation& s, Decision& d, Duration delay) {
  d.wake_at = std::min(d.wake_at, s.o.now + delay);
}

bool is_stale(const Situation& s, WallTime planned) {
  return s.o.wall - planned > std::chrono::duration_cast<WallTime::duration>(s.o.settings.loop_wait * 3 / 2);
}

void renew_when_due(const Situation& s, Decision& d) {
  const auto interval = renew_interval(s.o.settings.ttl, s.o.settings.loop_wait);
  const auto due = s.o.lease.confirmed_at + interval;
  // A little early rather than a whole cycle late.
  if (s.o.now + std::chrono::milliseconds(100) >= due) {
    act(d, action::RenewLease{});
    // After a failure, an unknown outcome too, the loop comes again sooner, while there is time for several attempts.
    wake_in(s, d, interval);
  } else {
    d.wake_at = std::min(d.wake_at, due);
  }
}

job::Stop fence(const Situation& s) {
  const auto left = dead_by(s.o.lease) - s.o.now;
  if (!s.o.lease.held || left <= std::chrono::milliseconds(200)) return {.immediate = true};
  return {.escalate_after = left / 2};
}

job::Stop graceful_stop(const Situation& s) {
  job::Stop stop{.checkpoint = s.primary};
  // As Patroni: only where commits wait for standbys a stop that hangs may be cut short.
  if (s.o.settings.synchronous()) stop.escalate_after = s.o.settings.primary_stop_timeout;
  return stop;
}

std::string hang_symptoms(const Situation& s) {
  const auto& postgres = s.o.postgres;
  std::string text;
  const auto tell = [&](const std::optional<Instant>& since, std::string_view what) {
    if (since) text += fmt::format("{}{} for {:.0f} s", text.empty() ? "" : ", ", what, to_seconds(s.o.now - *since));
  };
  tell(postgres.deaf_since, "it answers no new connection");
  tell(postgres.silent_since, "it answers no query");
  tell(postgres.wal_stuck_since, "its WAL does not get to the disk");
  return text;
}

std::optional<Instant> hangs_at(const Situation& s) {
  const auto& settings = s.o.settings;
  const auto& postgres = s.o.postgres;
  if (!s.may_write || !s.running) return std::nullopt;
  std::optional<Instant> at;
  const auto due = [&](Instant since, Duration patience) {
    if (patience > Duration::zero() && (!at || since + patience < *at)) at = since + patience;
  };
  // A query alone may wait for a lock (F17).
  if (postgres.deaf_since && postgres.silent_since) {
    due(std::max(*postgres.deaf_since, *postgres.silent_since), settings.primary_hang_timeout);
  }
  if (postgres.deaf_since) due(*postgres.deaf_since, settings.primary_stall_timeout);
  if (postgres.wal_stuck_since) due(*postgres.wal_stuck_since, settings.primary_stall_timeout);
  return at;
}

bool hangs(const Situation& s) {
  const auto at = hangs_at(s);
  return at && s.o.now >= *at;
}

void report_namesake(const Situation& s, Decision& d) {
  const Duration waited = s.m.namesake_since ? s.o.now - *s.m.namesake_since : Duration::zero();
  condition(
      d, "NamesakeHoldsLock",
      waited < s.o.settings.ttl
          ? fmt::format("the leader lock holds the name {}, and nothing here proves that this machine took it: it "
                        "is left alone until it expires, within {:.0f} s unless another agent of this name lives",
                        s.me(), to_seconds(s.o.settings.ttl))
          : fmt::format("another agent named {} renews the leader lock; end one of the two, or give this member "
                        "another name",
                        s.me()));
  wake_in(s, d, std::chrono::seconds(1));
}

bool somebody_received_everything(const Situation& s) {
  if (!peers_are_fresh(s)) return false;
  const auto& wanted = s.view->failover.value.candidate;
  return std::any_of(s.o.peers->answers.begin(), s.o.peers->answers.end(), [&](const PeerAnswer& peer) {
    const bool named = wanted.empty() ? sync_allows(s, peer.name) : peer.name == wanted;
    return named && could_lead(peer) && peer.timeline == s.control->timeline && peer.wal > s.control->checkpoint;
  });
}

bool awaits_receiver(const Situation& s) {
  const bool handing_over = s.holding && s.stopped && s.control != nullptr && s.control->clean_primary() &&
                            s.m.demotion && s.m.demotion->kind == Demotion::Kind::graceful;
  if (!handing_over || !s.o.job.ended || s.o.now - s.o.job.ended->at >= hand_over_patience) return false;
  const bool alone = std::none_of(s.view->members.begin(), s.view->members.end(), [&](const Member& member) {
    return member.name != s.o.self.name && member.state == PgState::running && member.tags.may_lead();
  });
  if (alone) return false;
  return !somebody_received_everything(s);
}

void await_receiver(const Situation& s, Decision& d) {
  say(d, "waiting for a replica to receive everything before the leader key is released");
  renew_when_due(s, d);
  act(d, action::GatherPeers{});
  wake_in(s, d, std::chrono::milliseconds(100));
}

bool out_of_sight(const Situation& s) {
  return s.m.unknown_since && !s.paused && s.o.now - *s.m.unknown_since >= s.o.settings.retry_timeout;
}

bool start_timed_out(const Situation& s) {
  return s.m.crashed_at && s.o.now - *s.m.crashed_at >= s.o.settings.primary_start_timeout;
}

bool somebody_could_take_over(const Situation& s, Duration limit) {
  return peers_are_fresh(s, limit) &&
         std::any_of(s.o.peers->answers.begin(), s.o.peers->answers.end(), [&](const auto& peer) {
           return could_lead(peer) && peer.name != s.o.self.name && peer.in_recovery && sync_allows(s, peer.name);
         });
}

bool may_rewind(const Situation& s) {
  return s.o.settings.use_pg_rewind && s.o.self.has_rewind_credentials && !s.m.rewinds.out;
}
bool may_reclone(const Situation& s) {
  const bool failed = s.m.rewinds.failures >= most_rewinds || s.m.rewinds.out;
  if (!failed && may_rewind(s)) return false;
  return s.o.settings.remove_data_directory_on_diverged_timelines ||
         (failed && s.o.settings.remove_data_directory_on_rewind_failure);
}
bool may_recopy(const Situation& s) {
  return s.o.settings.remove_data_directory_on_diverged_timelines ||
         s.o.settings.remove_data_directory_on_rewind_failure;
}
Position local_position(const Situation& s) {
  return {s.server->timeline, s.server->replayed.value_or(s.server->wal)};
}

bool is_twin(const Situation& s) {
  return s.leader != nullptr && twins(s.o.branches, s.leader->branches);
}

Lineage compare_running(const Situation& s) {
  const auto& theirs = *s.o.upstream_history;
  if (s.o.local_history.is_known() && contradict(*s.o.local_history, theirs.history)) return Lineage::diverged;
  if (is_twin(s)) return Lineage::diverged;
  const auto here = local_position(s);
  // A leader that has not promoted yet may still be on an older timeline than we are: nothing to judge by.
  if (theirs.timeline < here.timeline && theirs.in_recovery) return Lineage::contained;
  return lineage(here, true, theirs.timeline, theirs.wal, theirs.history);
}

bool leaves_sync(const Situation& s) {
  if (s.view == nullptr || !s.replica || !s.other_leads || !s.o.settings.synchronous()) return false;
  if (!s.view->sync.value.lists(s.o.self.name)) return false;
  // The leader looks at the members once per loop_wait.
  return !s.m.leaving_sync_since || s.o.now - *s.m.leaving_sync_since < 2 * s.o.settings.loop_wait;
}

void leave_sync(const Situation& s, Decision& d) {
  say(d, "waiting for the leader to do without this synchronous standby");
  if (!s.m.leaving_sync_since) d.memory.leaving_sync_since = s.o.now;
  d.wake_at = std::min(d.wake_at, d.memory.leaving_sync_since.value() + 2 * s.o.settings.loop_wait);
}

void forget_rejoin(Memory& memory) {
  memory.rejoin = Rejoin::unchecked;
  memory.rejoin_leader = MemberName();
  memory.rejoin_timeline = Timeline{};
  memory.rewinds = {};
}

}  // namespace regent::rules
