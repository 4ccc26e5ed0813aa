// 500: there is data and no server runs on it: crash in place, rejoin by comparing histories, rewind, start
// (F12, F61, F69-F72).
#include <algorithm>

#include "core/election.h"
#include "core/rules/steps.h"
#include "core/slots.h"
#include "core/stream.h"
#include "core/timeline.h"

namespace regent::rules {
namespace {

bool down(const Situation& s) {
  return s.stopped && s.has_data();
}
bool crashed_as_leader(const Situation& s) {
  return down(s) && s.holding && s.m.ran_as_primary && !s.m.demotion && !s.o.postgres.data.rewind_marker && !s.standby;
}

// It was no crash: this agent could not confirm its lease in time, although it may have reached the store. Whatever
// keeps it from the processor has not gone with that.
bool fenced_lately(const Situation& s) {
  const auto& fenced_at = s.o.fences.guard.fenced_at;
  return fenced_at && s.o.now - *fenced_at < s.o.settings.ttl;
}

// Longer than it may take, or not at all: is there somebody who could do better?
bool gives_up(const Situation& s) {
  return crashed_as_leader(s) && (start_timed_out(s) || fenced_lately(s) || s.m.start_failures > 0);
}

// A primary's disk whose end of WAL nobody knows, because it crashed; or whose recovery did, whatever it was started as
// then.
bool crashed_disk(const Situation& s) {
  const auto& data = s.o.postgres.data;
  if (s.control == nullptr || data.backup_label || data.rewind_marker) return false;
  const bool was_open = s.control->state.starts_with("in production") && !data.standby_signal;
  return was_open || s.control->state.starts_with("in crash recovery");
}

// Whose disk it is: this node's, which was a primary with it; or a copy of another member's, e.g. a snapshot of its
// volume (F71).
enum class Origin { own, copy, unknown };

// The timeline that the disk is on. A promotion's first checkpoint may have been missing.
Timeline timeline_on_disk(const ControlFacts& control) {
  return std::max(control.timeline, control.min_recovery_timeline);
}

Origin origin(const Situation& s) {
  if (!s.other_leads || s.view == nullptr) return Origin::own;
  const Timeline here = timeline_on_disk(*s.control);
  const auto recorded = leader_of(*s.view, here);
  const auto& marked = s.o.postgres.data.led_by;
  // Both may know more than the other: a person promoted it, or somebody else took the same number (F62, F75).
  if (marked == s.o.self.name || same_name(MemberName(recorded), s.o.self.name)) return Origin::own;
  if (!marked.empty() || !recorded.empty()) return Origin::copy;
  // Made by another program. Nobody leads a timeline that another one led before.
  const auto* theirs = leader_history(s);
  if (theirs != nullptr && s.o.local_history.is_known() && contradict(*s.o.local_history, theirs->history)) {
    return Origin::own;
  }
  if (theirs != nullptr && !theirs->in_recovery) return theirs->timeline == here ? Origin::copy : Origin::own;
  // It has the lock, and is still to be promoted: off this timeline, if it led it or not.
  if (s.leader != nullptr && s.leader->timeline && *s.leader->timeline > here) return Origin::own;
  return Origin::unknown;
}

// A former primary: compared by its last checkpoint it would pass for a part of the leader's history. A copy has no end
// of its own: recovered as a standby it goes on where its original does, and in single-user mode it would leave it.
bool crashed_primary(const Situation& s) {
  return crashed_disk(s) && origin(s) == Origin::own;
}

// Answers of a leader that has yet to be promoted are asked for again.
bool asks_for_origin(const Situation& s) {
  return crashed_disk(s) && origin(s) == Origin::unknown;
}

bool must_rewind(const Situation& s) {
  return s.o.postgres.data.rewind_marker || s.m.rejoin == Rejoin::diverged;
}

// Only a directory that ever was a primary's, or replayed a branch, can have left the leader's history; asking costs
// one short connection, guessing costs the data.
bool can_check(const Situation& s) {
  return source_usable(s) && s.control != nullptr;
}

// A remote server that does not answer is no reason to stay down: the leader's is, because it may be a moment's matter.
bool asked_in_vain_lately(const Situation& s) {
  return s.standby_leads && !s.o.upstream_history.is_known() &&
         s.o.upstream_history.age(s.o.now) < std::chrono::seconds(10);
}

// nullopt: the leader's history is not known.
std::optional<Lineage> compare_stopped(const Situation& s) {
  const auto* theirs = leader_history(s);
  if (theirs == nullptr) return std::nullopt;
  if (s.o.local_history.is_known() && contradict(*s.o.local_history, theirs->history)) return Lineage::diverged;
  if (is_twin(s)) return Lineage::diverged;
  const auto end = local_end(*s.control);
  return lineage(end.position, end.inclusive, theirs->timeline, theirs->wal, theirs->history);
}

bool ready_for_rewinds(const Situation& s) {
  return s.standby_leads || s.leader->checkpoint_after_promote;
}

// The last attempt to rewind; nullptr: something else was done since.
const JobEnd* last_rewind(const Situation& s) {
  const auto& ended = s.o.job.ended;
  return ended && std::holds_alternative<job::Rewind>(ended->spec) ? &*ended : nullptr;
}

// Why it came to nothing, and what a person can do about it.
bool report_rewind(const Situation& s, Decision& d) {
  const JobEnd* rewind = last_rewind(s);
  if (rewind == nullptr) return false;
  const auto why = rewind->error ? rewind->error->message : "pg_rewind saw nothing to do, and the histories differ";
  condition(
      d, "RewindFailed",
      why + (s.m.rewinds.failures == 0 ? "; it is tried again" : "; it is tried again; or reinitialize this member"));
  return true;
}
// It did all it could, and will again: there is no hurry.
constexpr Duration after_vain_rewinds = std::chrono::seconds(60);

void renew_if_leading(const Situation& s, Decision& d) {
  if (s.holding) renew_when_due(s, d);
}

constexpr Rule table[] = {
    {510, "crash_give_up",
     "our primary crashed, it does not start, primary_start_timeout has passed or the guard ended it, and somebody "
     "else "
     "can take over",
     "stopped PostgreSQL to fail over after a crash", "L1, F05, F12, F51",
     [](const Situation& s) { return gives_up(s) && somebody_could_take_over(s); },
     [](const Situation& s, Decision& d) {
       say(d, start_timed_out(s) || fenced_lately(s) ? "stopped PostgreSQL to fail over after a crash"
                                                     : "removed leader key after trying and failing to start postgres");
       act(d, action::ReleaseLeader{});
       d.memory.demotion = Demotion{Demotion::Kind::immediate, "the primary crashed", s.o.now};
       d.memory.ran_as_primary = false;
       d.memory.crashed_at.reset();
       forget_rejoin(d.memory);
     }},
    {515, "crash_ask_peers",
     "our primary crashed, it does not start, primary_start_timeout has passed or the guard ended it: can somebody "
     "take "
     "over?",
     "Primary crashed. Failing over.", "L1, F05", [](const Situation& s) { return gives_up(s) && !peers_are_fresh(s); },
     [](const Situation& s, Decision& d) {
       say(d, "Primary crashed. Failing over.");
       renew_when_due(s, d);
       act(d, action::GatherPeers{});
     }},
    {520, "crash_restart", "our primary crashed and the lock is ours: start it again in place",
     "starting primary after failure", "L1, F12, F16",
     [](const Situation& s) { return crashed_as_leader(s) && !s.backing_off(); },
     [](const Situation& s, Decision& d) {
       say(d, "starting primary after failure");
       if (start_timed_out(s)) {
         condition(d, "PrimaryStartTimedOut",
                   "primary start has timed out, but continuing to wait because failover is not possible");
       }
       // The server comes up writable: the lease must be known to be good at this moment, not a cycle ago (I2).
       act(d, action::RenewLease{});
       start(d, job::Start{.as_primary = true, .upstream = {}});
     }},
    {525, "crash_backoff", "our primary crashed and its last start failed a moment ago",
     "waiting before the next attempt to start the primary", "F51",
     [](const Situation& s) { return crashed_as_leader(s); },
     [](const Situation& s, Decision& d) {
       say(d, "waiting before the next attempt to start the primary");
       condition(d, "PrimaryDoesNotStart",
                 s.o.job.ended && s.o.job.ended->error ? s.o.job.ended->error->message : "the start failed");
       renew_when_due(s, d);
       d.wake_at = std::min(d.wake_at, *s.m.retry_at);
     }},
    {527, "hand_over_wait", "this node was demoted to hand over, and no replica is known to have all of its WAL",
     "waiting for a replica to receive everything before the leader key is released", "F09, I6",
     [](const Situation& s) { return down(s) && awaits_receiver(s); },
     [](const Situation& s, Decision& d) { await_receiver(s, d); }},
    {528, "hand_over_failed", "a switchover stopped this node, and the candidate did not receive all of its WAL",
     "{}: nobody received everything, starting again as the leader", "F09, F78, I6",
     [](const Situation& s) {
       const bool switching =
           s.m.demotion && s.m.demotion->kind == Demotion::Kind::graceful && s.view->failover.exists();
       return down(s) && s.holding && switching && s.m.ran_as_primary && !somebody_received_everything(s);
     },
     [](const Situation& s, Decision& d) {
       say(d, "{}: nobody received everything, starting again as the leader", s.m.demotion->reason);
       act(d, action::RenewLease{});
       act(d, action::DeleteKey{action::Key::failover, s.view->failover.version});
       d.memory.demotion.reset();
     }},
    {529, "standby_after_stop", "the cluster was made a standby cluster, its old primary is down, and the lock is ours",
     "stopped: this cluster follows {} from now on", "F64",
     [](const Situation& s) { return down(s) && s.holding && s.m.demotion && s.standby; },
     [](const Situation& s, Decision& d) {
       say(d, "stopped: this cluster follows {} from now on", remote_upstream(s).name.str());
       act(d, action::RenewLease{});
       // Whom commits waited for says nothing about who may lead a cluster that has none, and would outlive it.
       if (s.view->sync.exists()) act(d, action::DeleteKey{action::Key::sync, s.view->sync.version});
       d.memory.demotion.reset();
       d.memory.ran_as_primary = false;
       d.wake_at = s.o.now;
     }},
    {530, "release_after_stop", "this node was demoted, its server is down, the lock is still ours",
     "Leader key released", "F09, F64, I3", [](const Situation& s) { return down(s) && s.holding && s.m.demotion; },
     [](const Situation& s, Decision& d) {
       say(d, "Leader key released");
       const Status& told = s.view->status.value;
       const bool clean = s.control != nullptr && s.control->clean_primary();
       if (clean &&
           (told.optime < s.control->checkpoint || (told.optime == s.control->checkpoint && !told.shut_down))) {
         act(d, action::WriteKey{action::Key::status, print_status(last_status(s)), s.view->status.version});
       }
       act(d, action::ReleaseLeader{});
       d.memory.ran_as_primary = false;
     }},
    {535, "demoted_wait", "this node handed over: give the others a moment to take the lock",
     "waiting for the new leader after demotion", "L4",
     [](const Situation& s) {
       return down(s) && s.unlocked && s.m.demotion && s.m.demotion->kind == Demotion::Kind::graceful &&
              s.o.now - s.m.demotion->since < std::chrono::seconds(10) && s.view->members.size() > 1;
     },
     [](const Situation& s, Decision& d) {
       say(d, "waiting for the new leader after demotion");
       d.wake_at = std::min(d.wake_at, s.m.demotion->since + std::chrono::seconds(10));
     }},
    {540, "rejoin_backoff", "an attempt to rejoin failed a moment ago", "waiting before the next attempt to rejoin",
     "F69", [](const Situation& s) { return down(s) && s.backing_off() && !s.holding; },
     [](const Situation& s, Decision& d) {
       say(d, "waiting before the next attempt to rejoin");
       if (!report_rewind(s, d)) {
         condition(d, "DoesNotStart", s.o.job.ended && s.o.job.ended->error ? s.o.job.ended->error->message : "");
       }
       d.wake_at = std::min(d.wake_at, *s.m.retry_at);
     }},
    {545, "rewind_remove", "the histories diverged, rewinding is out, and the data directory may be replaced by a copy",
     "removing the data directory: it diverged from the leader", "I10, F69",
     [](const Situation& s) { return down(s) && source_usable(s) && must_rewind(s) && may_reclone(s); },
     [](const Situation& s, Decision& d) {
       say(d, "removing the data directory: it diverged from the leader");
       renew_if_leading(s, d);
       start(d, job::RemoveData{});
       // The next one to get the lock would have to do the same, until nobody has any data.
       d.memory.recopies_remote = s.standby_leads;
     }},
    {550, "rewind", "the histories diverged: rewind from the leader", "running pg_rewind from {}", "I8, F69, F70",
     [](const Situation& s) {
       return down(s) && source_usable(s) && must_rewind(s) && may_rewind(s) && !crashed_primary(s) &&
              ready_for_rewinds(s);
     },
     [](const Situation& s, Decision& d) {
       say(d, "running pg_rewind from {}", leader_upstream(s).name.str());
       report_rewind(s, d);
       renew_if_leading(s, d);
       start(d, job::Rewind{leader_upstream(s)});
     }},
    {552, "rewind_wait_checkpoint", "the leader has not finished the checkpoint after its promotion",
     "waiting for checkpoint on {} before rewind", "F70",
     [](const Situation& s) {
       return down(s) && s.leader_usable && must_rewind(s) && may_rewind(s) && !ready_for_rewinds(s);
     },
     [](const Situation& s, Decision& d) {
       say(d, "waiting for checkpoint on {} before rewind", s.leader->name.str());
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {555, "crash_recovery", "a former primary crashed: its end of WAL must be known before it can rejoin",
     "doing crash recovery in a single user mode", "F71",
     // Also where rewinding is out: compared by its last checkpoint it would pass for a part of the leader's history.
     [](const Situation& s) {
       return down(s) && follows(s) && crashed_primary(s) && (may_rewind(s) || !must_rewind(s));
     },
     [](const Situation& s, Decision& d) {
       say(d, "doing crash recovery in a single user mode");
       renew_if_leading(s, d);
       start(d, job::CrashRecovery{});
     }},
    {556, "single_user_server", "a server in single-user mode works in the data directory, and no job of ours runs it",
     "waiting for the single-user server in the data directory to end", "F71, I3",
     [](const Situation& s) { return s.single_user && !s.job_running; },
     [](const Situation& s, Decision& d) {
       say(d, "waiting for the single-user server in the data directory to end");
       condition(d, "SingleUserServer",
                 "no server can be started while somebody works in the data directory in single-user mode");
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {557, "crash_ask_leader", "a primary's disk that was not shut down: is it this node's, or a copy of the leader's?",
     "asking the leader {} whose disk this is", "I8, F71",
     [](const Situation& s) { return down(s) && follows(s) && asks_for_origin(s); },
     [](const Situation& s, Decision& d) {
       say(d, "asking the leader {} whose disk this is", s.leader_name.str());
       const bool answered =
           leader_history(s) != nullptr && s.o.upstream_history.age(s.o.now) < std::chrono::seconds(1);
       if (source_usable(s) && !answered) {
         act(d, action::GatherUpstreamHistory{leader_upstream(s)});
       } else if (!answered) {
         condition(d, "LeaderUnusable", "nobody can tell yet whose disk this is: the leader's server does not run");
       }
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {560, "rejoin_stuck", "the histories diverged, and neither a rewind nor a new copy is possible or allowed",
     "waiting: this node diverged from the leader and cannot be rewound", "L3, I10, F61",
     [](const Situation& s) { return down(s) && source_usable(s) && must_rewind(s); },
     [](const Situation& s, Decision& d) {
       renew_if_leading(s, d);
       say(d, "waiting: this node diverged from the leader and cannot be rewound");
       if (is_twin(s)) {
         condition(d, "TwinTimeline",
                   "a local timeline is another one than the leader's of the same number, which pg_rewind cannot tell "
                   "apart; allow remove_data_directory_on_diverged_timelines, or reinitialize this member");
       } else {
         condition(d, "Forked",
                   "the local history left the leader's; allow use_pg_rewind or "
                   "remove_data_directory_on_diverged_timelines, or reinitialize this member");
       }
       d.memory.rejoin = Rejoin::diverged;
     }},
    {565, "rewind_unfinished", "a rewind did not finish and there is no leader to finish it from",
     "waiting for a leader to finish pg_rewind", "F69",
     [](const Situation& s) { return down(s) && s.o.postgres.data.rewind_marker; },
     [](const Situation& s, Decision& d) {
       say(d, "waiting for a leader to finish pg_rewind");
       condition(d, "RewindFailed", "a rewind did not finish; the data directory must not be started");
       give_back(s, d);
     }},
    {570, "rejoin_compare", "a leader is there and the histories were not compared yet",
     "comparing the timeline history with the leader {}", "I8, F61, F62",
     [](const Situation& s) {
       return down(s) && follows(s) && can_check(s) && s.m.rejoin == Rejoin::unchecked &&
              leader_history(s) == nullptr && !asked_in_vain_lately(s);
     },
     [](const Situation& s, Decision& d) {
       say(d, "comparing the timeline history with the leader {}", leader_upstream(s).name.str());
       renew_if_leading(s, d);
       act(d, ask_history(s));
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {572, "rejoin_histories",
     "the leader's history contains ours, and history files between them are missing, or an archive could feed another "
     "branch",
     "fetching the timeline histories up to the one of {}", "I8, L2, F61",
     [](const Situation& s) {
       return down(s) && follows(s) && can_check(s) && s.m.rejoin == Rejoin::unchecked &&
              compare_stopped(s) == Lineage::contained && fetch_histories(s).has_value();
     },
     [](const Situation& s, Decision& d) {
       say(d, "fetching the timeline histories up to the one of {}", leader_upstream(s).name.str());
       renew_if_leading(s, d);
       fetch_and_look_again(s, d);
     }},
    {573, "cut_off_remove",
     "the WAL that comes next is nowhere any more, and the data directory may be replaced by a copy",
     "removing the data directory: the WAL that it needs is gone", "I10, L2",
     [](const Situation& s) {
       return down(s) && s.other_leads && s.leader_usable && s.m.rejoin == Rejoin::cut_off && may_recopy(s);
     },
     [](const Situation&, Decision& d) {
       say(d, "removing the data directory: the WAL that it needs is gone");
       start(d, job::RemoveData{});
     }},
    {574, "rejoin_too_soon",
     "the leader is still in recovery and lacks what is here: it may yet be another one that is promoted",
     "waiting for the leader {} to be promoted before anything is given up here", "I5, I10, F34",
     [](const Situation& s) {
       return down(s) && s.other_leads && !s.standby && can_check(s) && s.m.rejoin == Rejoin::unchecked &&
              compare_stopped(s) == Lineage::diverged && leader_history(s)->in_recovery;
     },
     [](const Situation& s, Decision& d) {
       const auto text = fmt::format("waiting for the leader {} to be promoted before anything is given up here",
                                     s.leader_name.str());
       say(d, "{}", text);
       condition(d, "LeaderNotPromoted", text);
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {575, "rejoin_judge", "the histories are known: do we continue the leader's?", "Local timeline={} lsn={}",
     "I8, F61, F62",
     [](const Situation& s) {
       return down(s) && follows(s) && can_check(s) && s.m.rejoin == Rejoin::unchecked && leader_history(s) != nullptr;
     },
     [](const Situation& s, Decision& d) {
       const auto end = local_end(*s.control);
       const auto& theirs = *s.o.upstream_history;
       const auto verdict = compare_stopped(s);
       if (is_twin(s)) d.memory.rewinds.out = true;
       d.memory.rejoin = verdict == Lineage::contained ? Rejoin::clean : Rejoin::diverged;
       if (verdict == Lineage::contained) d.memory.rewinds = {};
       const bool in_vain = last_rewind(s) != nullptr && !last_rewind(s)->error && verdict == Lineage::diverged;
       if (in_vain && s.m.rewinds.failures >= most_rewinds) d.memory.retry_at = s.o.now + after_vain_rewinds;
       d.memory.rejoin_leader = theirs.source;
       d.memory.rejoin_timeline = theirs.timeline;
       say(d, "Local timeline={} lsn={}; primary_timeline={}: {}", end.position.timeline.value,
           to_string(end.position.lsn), theirs.timeline.value,
           verdict == Lineage::contained ? "the leader's history contains it" : "the histories diverged");
       d.wake_at = s.o.now;
     }},
    {580, "start_with_lock", "the lock is ours and the server is down: start it read-only first",
     "starting as readonly because i had the session lock", "I2, F10, F63",
     [](const Situation& s) { return down(s) && s.named && !s.namesake; },
     [](const Situation& s, Decision& d) {
       say(d, "starting as readonly because i had the session lock");
       if (s.holding) {
         act(d, action::RenewLease{});
       } else {
         take_lock(s, d, s.view->leader.version);
       }
       // A standby leader goes on from the remote server, or from its archive.
       const auto source = s.standby_leads ? remote_upstream(s) : Upstream{};
       const bool compared = source.none() || s.m.rejoin == Rejoin::clean;
       start(d, job::Start{.upstream = compared ? source : Upstream{}});
       if (compared) d.memory.remote_settings = source.recovery;
     }},
    {590, "start_secondary", "there is data to start from: start as a replica", "starting as a secondary", "I12",
     [](const Situation& s) { return down(s); },
     [](const Situation& s, Decision& d) {
       say(d, "starting as a secondary");
       // Not compared with the leader's history, it starts without an upstream: it must not replay beyond a fork.
       const bool compared = s.m.rejoin == Rejoin::clean;
       start(d, job::Start{.upstream = compared ? wanted_upstream(s) : Upstream{}});
       if (s.namesake) report_namesake(s, d);
       d.memory.ran_as_primary = false;
     }},
    {595, "server_unknown", "whether the server runs is not known", "waiting: the state of PostgreSQL is not known",
     "F11, F17", [](const Situation& s) { return s.o.postgres.process == Process::unknown && !s.may_write; },
     [](const Situation& s, Decision& d) {
       say(d, "waiting: the state of PostgreSQL is not known");
       condition(d, "PostgresUnknown", s.o.postgres.why);
       if (s.holding && !out_of_sight(s)) renew_when_due(s, d);
     }},
};

}  // namespace

std::span<const Rule> recovery() {
  return table;
}

}  // namespace regent::rules
