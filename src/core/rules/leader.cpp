// 700: the leader key holds our name.
#include <algorithm>

#include "core/election.h"
#include "core/plan/planners.h"
#include "core/rules/steps.h"
#include "core/stream.h"
#include "core/ticket.h"
#include "core/timeline.h"

namespace regent::rules {
namespace {

bool due(const Situation& s, const Failover& request) {
  return !request.scheduled_at || *request.scheduled_at <= s.o.wall;
}

// The lock is ours, and the local server is what the leader's should be.
bool leads(const Situation& s) {
  return s.holding && (s.primary || (s.standby_leads && s.replica));
}

// A request that is for this leader to act on now.
bool asked_to_hand_over(const Situation& s) {
  if (!leads(s) || !s.view->failover.exists() || s.view->failover.value.empty()) return false;
  const auto& request = s.view->failover.value;
  return due(s, request) && request.candidate != s.o.self.name &&
         (request.leader.empty() || request.leader == s.o.self.name) &&
         !(s.paused && (request.candidate.empty() || request.scheduled_at));
}
// One that can never be acted on: for another leader, or for ourselves.
bool asked_in_vain(const Situation& s) {
  if (!leads(s) || !s.view->failover.exists()) return false;
  const auto& request = s.view->failover.value;
  if (request.empty()) return true;
  const bool wrong = request.candidate == s.o.self.name || (!request.leader.empty() && request.leader != s.o.self.name);
  return wrong && due(s, request);
}

bool is_good_target(const Situation& s, const PeerAnswer& peer, const Failover& request) {
  if (peer.name == s.o.self.name || !could_lead(peer) || !peer.in_recovery || peer.holds_back) return false;
  if (!request.leader.empty() && !sync_allows(s, peer.name)) return false;
  if (!request.candidate.empty() && peer.name != request.candidate) return false;
  // It must be receiving from here right now, or it would miss what is written until the stop.
  const Member* member = s.view->member(peer.name);
  const Member* parent = member == nullptr ? nullptr : parent_of(*s.view, member->name, member->tags);
  const bool cascaded = parent != nullptr && parent->name != s.o.self.name;
  const bool streams = std::any_of(s.server->replication.begin(), s.server->replication.end(), [&](const auto& row) {
    return row.application_name == peer.name.str() && row.state == "streaming";
  });
  if (!streams && !cascaded) return false;
  return peer.timeline == s.server->timeline &&
         bytes_between(peer.wal, s.server->wal) <= s.o.settings.maximum_lag_on_failover;
}
bool has_target(const Situation& s) {
  const auto& request = s.view->failover.value;
  return std::any_of(s.o.peers->answers.begin(), s.o.peers->answers.end(),
                     [&](const auto& peer) { return is_good_target(s, peer, request); });
}
// Not a target now, but it may be one in a moment: it was restarted or is changing its upstream.
bool has_hopeful(const Situation& s) {
  const auto& wanted = s.view->failover.value.candidate;
  return std::any_of(s.o.peers->answers.begin(), s.o.peers->answers.end(), [&](const PeerAnswer& peer) {
    return could_lead(peer) && peer.in_recovery && (wanted.empty() || peer.name == wanted);
  });
}
bool candidates_answered(const Situation& s) {
  return peers_are_fresh(s) && s.m.hand_over_since && s.o.peers->asked_at >= *s.m.hand_over_since;
}
// Why the last promotion, a moment ago, came to nothing although the lock is ours.
const Error* promotion_error(const Situation& s) {
  const bool lately = s.m.no_promotion_before && s.o.now < *s.m.no_promotion_before;
  if (!s.holding || !s.replica || s.m.demotion || !lately || !s.o.job.ended) return nullptr;
  if (!std::holds_alternative<job::Promote>(s.o.job.ended->spec) || !s.o.job.ended->error) return nullptr;
  return &*s.o.job.ended->error;
}
// The stop after it came to nothing.
bool left_to_itself(const Situation& s) {
  return s.holding && s.promotion_may_come && !s.paused && !s.job_running;
}
std::string kind(const Situation& s) {
  return s.view->failover.value.leader.empty() ? "manual failover" : "switchover";
}

// They were given a little after they were asked for, on clocks of their own (F25).
Instant promises_end(const Situation& s) {
  const auto& round = s.o.failsafe.round;
  return round ? round->sent + s.o.lease.ttl + s.o.lease.ttl / 10 : Instant();
}

// Somebody recorded a timeline that this node never was on: it slept through a promotion (F02), or took a lock that was
// held and given back after it had asked for it (F32). What that one acknowledged would be left out.
Timeline timeline_of_the_cluster(const Situation& s) {
  return s.primary ? recorded_timeline(s.view->history.value) : known_timeline(s);
}
bool timeline_is_old(const Situation& s) {
  if (!s.named || s.paused || !(s.primary || (s.replica && s.holding && !s.standby))) return false;
  const Timeline newest = timeline_of_the_cluster(s);
  return s.server->timeline < newest;
}

bool must_be_promoted(const Situation& s) {
  return s.holding && s.replica && !s.m.demotion && !s.standby;
}

bool standby_leader_runs(const Situation& s) {
  return s.holding && s.standby_leads && s.replica;
}
bool compared_with_remote(const Situation& s) {
  return s.m.rejoin == Rejoin::clean;
}
// Not compared yet, or nothing arrives: was the comparison right (F61)? Asked now and then, never in a hurry.
bool must_ask_remote(const Situation& s) {
  const auto remote = remote_upstream(s);
  if (remote.none()) return false;
  const auto* history = s.o.upstream_history.get();
  const bool of_another = history != nullptr && history->source != remote.name;
  if (!of_another && s.o.upstream_history.age(s.o.now) < std::chrono::seconds(10)) return false;
  return !compared_with_remote(s) || s.server->replication_state != "streaming";
}
bool answered_by_remote(const Situation& s) {
  return !compared_with_remote(s) && leader_history(s) != nullptr;
}
bool source_differs(const Situation& s) {
  const auto wanted = remote_upstream(s);
  if (!wanted.none() && !compared_with_remote(s)) return false;
  return wanted.recovery != s.m.remote_settings || wanted.address.host != s.server->upstream.host ||
         (!wanted.none() && (wanted.address != s.server->upstream || wanted.slot != s.server->upstream_slot));
}

// What it runs may be the primary: then it goes on, allowed to be promoted or not.
bool retakes_lock(const Situation& s) {
  return s.named && !s.holding && !s.namesake && (s.o.self.tags.may_lead() || !s.replica) && !out_of_sight(s);
}

constexpr Rule table[] = {
    {705, "old_timeline", "the lock is ours, but the cluster went on to a newer timeline than the local one",
     "demoting self because my timeline {} is behind the cluster's timeline {}", "I8, F02", timeline_is_old,
     [](const Situation& s, Decision& d) {
       say(d, "demoting self because my timeline {} is behind the cluster's timeline {}", s.server->timeline.value,
           timeline_of_the_cluster(s).value);
       if (s.replica) {
         act(d, action::ReleaseLeader{});
         return;
       }
       condition(d, "Forked", "this node was the leader of an older timeline");
       start(d, job::Stop{.immediate = true});
       d.memory.demotion = Demotion{Demotion::Kind::immediate, "the timeline is old", s.o.now};
       forget_rejoin(d.memory);
     }},
    {708, "own_lock_need_peers",
     "the lock holds our name, the local server is in recovery, and others may know that the store was put back",
     "asking the other members before the lock in my name is taken again", "I5, F34",
     [](const Situation& s) { return retakes_lock(s) && s.replica && !s.standby && !peers_are_fresh(s); },
     [](const Situation& s, Decision& d) {
       say(d, "asking the other members before the lock in my name is taken again");
       act(d, action::GatherPeers{});
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {710, "own_lock_of_the_past",
     "the lock holds our name, but not our session: an earlier incarnation of this agent held it",
     "I am the leader but not owner of the lease", "I2, I11, F01", retakes_lock,
     [](const Situation& s, Decision& d) {
       say(d, "I am the leader but not owner of the lease");
       take_lock(s, d, s.view->leader.version);
     }},
    {711, "namesake_holds_lock",
     "the lock holds our name, and nothing proves that this machine took it: a twin may live, with newer data",
     "waiting for a leader lock in my name that I have no record of", "I1, F74",
     [](const Situation& s) { return s.namesake; },
     [](const Situation& s, Decision& d) {
       say(d, "waiting for a leader lock in my name that I have no record of");
       report_namesake(s, d);
     }},
    {712, "fence_missing", "the lock is ours, and what must be there to end the primary in time is not",
     "demoting self because {}", "I3",
     [](const Situation& s) {
       return s.holding && s.primary && !s.paused && !missing_fence(s.o.fences).empty() && !s.m.demotion;
     },
     [](const Situation& s, Decision& d) {
       say(d, "demoting self because {}", missing_fence(s.o.fences));
       start(d, job::Stop{.immediate = true});
       d.memory.demotion = Demotion{Demotion::Kind::immediate, "a fence is missing", s.o.now};
       forget_rejoin(d.memory);
     }},
    {714, "votes_withdrawn",
     "the lock was won by votes, and /sync was changed since: somebody took a vote back before it was counted on",
     "releasing the leader key: the votes it was won by do not count any more", "I5, I7",
     [](const Situation& s) {
       const bool counted = s.holding && s.replica && s.m.acquired_now && !s.m.elected_on.absent();
       return counted && votes_decide(s) && s.view->sync.version != s.m.elected_on &&
              !same_name(electorate(s).leader, s.o.self.name);
     },
     [](const Situation&, Decision& d) {
       say(d, "releasing the leader key: the votes it was won by do not count any more");
       act(d, action::ReleaseLeader{});
     }},
    {715, "leader_may_not_lead", "the lock holds our name, but this member is not allowed to lead",
     "demoting self because I am not allowed to lead", "I15",
     [](const Situation& s) { return s.named && !s.o.self.tags.may_lead() && s.replica; },
     [](const Situation& s, Decision& d) {
       say(d, "demoting self because I am not allowed to lead");
       if (s.holding) act(d, action::ReleaseLeader{});
     }},
    {716, "demote_cluster", "the cluster was made a standby cluster, and the local server is its primary",
     "demoting the cluster to a standby cluster", "F09, F64",
     [](const Situation& s) { return s.holding && s.primary && s.standby && !s.paused; },
     [](const Situation& s, Decision& d) {
       say(d, "demoting the cluster to a standby cluster");
       act(d, action::RenewLease{});
       // Cleanly: whoever is to lead from now on must be able to receive everything.
       auto stop = graceful_stop(s);
       stop.archive = true;
       start(d, stop);
       d.memory.demotion = Demotion{Demotion::Kind::graceful, "demote-cluster", s.o.now};
       forget_rejoin(d.memory);
     }},
    {717, "promotion_refused", "the lock is ours, and the promotion was refused before PostgreSQL was asked",
     "releasing the leader key: {}", "L1",
     [](const Situation& s) {
       const Error* why = promotion_error(s);
       return why != nullptr && why->kind == ErrorKind::refused;
     },
     [](const Situation& s, Decision& d) {
       say(d, "releasing the leader key: {}", promotion_error(s)->message);
       act(d, action::ReleaseLeader{});
     }},
    {718, "promotion_failed", "the lock is ours, and nobody knows how far a promotion got that failed",
     "stopping PostgreSQL because its promotion failed: {}", "I2, L1, F63",
     [](const Situation& s) { return promotion_error(s) != nullptr || left_to_itself(s); },
     [](const Situation& s, Decision& d) {
       // It may still happen: the lock goes only after the server did (F64).
       const Error* why = promotion_error(s);
       say(d, "stopping PostgreSQL because its promotion failed: {}",
           why != nullptr ? why->message : "it may still come");
       renew_when_due(s, d);
       start(d, job::Stop{.immediate = true});
       d.memory.demotion = Demotion{Demotion::Kind::immediate, "the promotion failed", s.o.now};
       forget_rejoin(d.memory);
     }},
    {719, "prepare_synchronous_mode",
     "the lock is ours, the local server is in recovery, and /sync or the server's setting is still another leader's",
     "claiming synchronous replication before the promotion", "I5, I7, F63",
     [](const Situation& s) { return s.holding && s.replica && !s.m.demotion && !plan::sync_prepared(s); },
     [](const Situation& s, Decision& d) {
       say(d, "claiming synchronous replication before the promotion");
       renew_when_due(s, d);
       plan::prepare_sync(s, d);
     }},
    {720, "promote", "the lock is ours, the local server is in recovery, and this is no standby cluster",
     "promoted self to leader by acquiring session lock", "I2, I12, F18, F63",
     [](const Situation& s) { return must_be_promoted(s) && held_ticket(s); },
     [](const Situation& s, Decision& d) {
       say(d, s.m.acquired_now ? "promoted self to leader by acquiring session lock"
                               : "promoted self to leader because I had the session lock");
       // What was confirmed a moment ago may be lost by now; the promotion must not start on memory (I2).
       act(d, action::RenewLease{});
       start(d, job::Promote{*held_ticket(s), has_everything(s)});
       forget_rejoin(d.memory);
     }},
    {721, "take_timeline",
     "the lock is ours, the local server is in recovery, and no timeline number is at hand for it",
     "taking timeline {} for the promotion", "I8, F32, F62", must_be_promoted,
     [](const Situation& s, Decision& d) {
       const auto ticket = next_ticket(s);
       say(d, "taking timeline {} for the promotion", ticket.number.value);
       renew_when_due(s, d);
       act(d, action::WriteKey{action::Key::timelines, ticket.value, ticket.expect});
       d.memory.ticket = ticket.number;
     }},
    {725, "promote_not_after_demotion", "the lock is ours, but this node is on its way down", "Leader key released",
     "F64", [](const Situation& s) { return s.holding && s.replica && s.m.demotion && !s.standby; },
     [](const Situation&, Decision& d) {
       say(d, "Leader key released");
       act(d, action::ReleaseLeader{});
     }},
    {730, "failover_request_done", "the failover key names a request that is over or never was ours",
     "Cleaning up failover key after acquiring leader lock...", "F78",
     [](const Situation& s) { return asked_in_vain(s); },
     [](const Situation& s, Decision& d) {
       say(d, "Cleaning up failover key after acquiring leader lock...");
       renew_when_due(s, d);
       act(d, action::DeleteKey{action::Key::failover, s.view->failover.version});
     }},
    {733, "switchover_stale", "a switchover was scheduled for a time that passed long ago",
     "Found a stale switchover value, cleaning up: {}", "F78",
     [](const Situation& s) {
       if (!asked_to_hand_over(s) || s.m.hand_over_since != s.o.now) return false;
       const auto& at = s.view->failover.value.scheduled_at;
       return at && is_stale(s, *at);
     },
     [](const Situation& s, Decision& d) {
       say(d, "Found a stale switchover value, cleaning up: {}", to_iso_time(*s.view->failover.value.scheduled_at));
       renew_when_due(s, d);
       act(d, action::DeleteKey{action::Key::failover, s.view->failover.version});
     }},
    {734, "switchover_wait_for_promises",
     "asked to hand over, and the members still keep a promise not to take the lock",
     "{}: waiting for failsafe mode to end", "I13, F78",
     [](const Situation& s) { return asked_to_hand_over(s) && s.o.now < promises_end(s); },
     [](const Situation& s, Decision& d) {
       say(d, "{}: waiting for failsafe mode to end", kind(s));
       renew_when_due(s, d);
       d.wake_at = std::min(d.wake_at, promises_end(s));
     }},
    {735, "switchover_ask_peers", "asked to hand over: the candidates' positions are not known",
     "{}: asking the candidates", "F78",
     [](const Situation& s) { return asked_to_hand_over(s) && !candidates_answered(s); },
     [](const Situation& s, Decision& d) {
       say(d, "{}: asking the candidates", kind(s));
       renew_when_due(s, d);
       act(d, action::GatherPeers{});
     }},
    {738, "switchover_wait_for_candidate",
     "asked to hand over, and a member that could take over does not stream from here yet",
     "{}: waiting for a candidate to stream", "F78, F09",
     [](const Situation& s) {
       const bool patient = s.m.hand_over_since && s.o.now - *s.m.hand_over_since < std::chrono::seconds(10);
       return asked_to_hand_over(s) && !has_target(s) && has_hopeful(s) && patient;
     },
     [](const Situation& s, Decision& d) {
       say(d, "{}: waiting for a candidate to stream", kind(s));
       renew_when_due(s, d);
       act(d, action::GatherPeers{});
       wake_in(s, d, std::chrono::milliseconds(200));
     }},
    {740, "switchover_impossible", "asked to hand over, and nobody can take over",
     "{}: no healthy members found, {} is not possible", "F78, I6",
     [](const Situation& s) { return asked_to_hand_over(s) && !has_target(s); },
     [](const Situation& s, Decision& d) {
       say(d, "{}: no healthy members found, {} is not possible", kind(s), kind(s));
       renew_when_due(s, d);
       act(d, action::DeleteKey{action::Key::failover, s.view->failover.version});
     }},
    {745, "switchover", "asked to hand over, and a candidate is ready", "{}: demoting myself", "F64, F78",
     [](const Situation& s) { return asked_to_hand_over(s) && !s.standby_leads; },
     [](const Situation& s, Decision& d) {
       say(d, "{}: demoting myself", kind(s));
       act(d, action::RenewLease{});
       start(d, graceful_stop(s));
       d.memory.demotion = Demotion{Demotion::Kind::graceful, kind(s), s.o.now};
       d.memory.handover = Handover{kind(s), s.m.hand_over_since.value_or(s.o.now), s.o.now, s.o.now, {}, {}, {}, {}};
       forget_rejoin(d.memory);
     }},
    {750, "checkpoint_after_promotion", "promoted, and the checkpoint that lets others rewind from here is due",
     "no action. I am ({}), the leader with the lock", "F70",
     [](const Situation& s) { return s.holding && s.primary && s.m.checkpoint_due && !s.backing_off(); },
     [](const Situation& s, Decision& d) {
       say(d, "no action. I am ({}), the leader with the lock", s.me());
       renew_when_due(s, d);
       start(d, job::Checkpoint{});
     }},
    {760, "leader", "the lock is ours and the local server is the primary",
     "no action. I am ({}), the leader with the lock", "I3, L1",
     [](const Situation& s) { return s.holding && s.primary; },
     [](const Situation& s, Decision& d) {
       say(d, "no action. I am ({}), the leader with the lock", s.me());
       renew_when_due(s, d);
       const auto& planned = s.view->failover.value.scheduled_at;
       if (planned && *planned > s.o.wall) {
         wake_in(s, d, std::chrono::duration_cast<Duration>(*planned - s.o.wall));
       }
     }},
    {768, "leader_out_of_sight", "the lock is ours, and for retry_timeout nobody could tell whether the server runs",
     "not renewing the leader lock: the state of PostgreSQL is not known", "L1, I3, F53, F64",
     [](const Situation& s) { return s.named && out_of_sight(s); },
     [](const Situation& s, Decision& d) {
       say(d, "not renewing the leader lock: the state of PostgreSQL is not known");
       condition(d, "PostgresUnknown", s.o.postgres.why);
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {770, "leader_server_silent", "the lock is ours and the local server does not answer in time",
     "Error communicating with PostgreSQL. Will try again later", "F17, F13",
     [](const Situation& s) { return s.holding && s.server == nullptr && !s.stopped; },
     [](const Situation& s, Decision& d) {
       const bool starting = s.o.postgres.process == Process::starting;
       say(d, starting ? "waiting for PostgreSQL to finish starting"
                       : "Error communicating with PostgreSQL. Will try again later");
       if (!starting) condition(d, "PostgresDoesNotAnswer", s.o.postgres.server.why());
       renew_when_due(s, d);
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {772, "standby_switchover", "a standby leader is asked to hand over, and a candidate streams from it",
     "{}: demoting myself", "F78", [](const Situation& s) { return asked_to_hand_over(s); },
     [](const Situation& s, Decision& d) {
       say(d, "{}: demoting myself", kind(s));
       act(d, action::ReleaseLeader{});
     }},
    {774, "standby_compare", "a standby leader: does the remote server's history contain our position?",
     "comparing the timeline history with {}", "I8, F61",
     [](const Situation& s) { return standby_leader_runs(s) && must_ask_remote(s); },
     [](const Situation& s, Decision& d) {
       say(d, "comparing the timeline history with {}", remote_upstream(s).name.str());
       renew_when_due(s, d);
       act(d, ask_history(s));
       d.memory.rejoin = Rejoin::unchecked;
     }},
    {776, "standby_diverged", "a standby leader whose position is not part of the remote server's history",
     "stopping PostgreSQL: it diverged from {}", "I8, F61",
     [](const Situation& s) {
       return standby_leader_runs(s) && answered_by_remote(s) && compare_running(s) == Lineage::diverged &&
              (may_rewind(s) || may_reclone(s));
     },
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL: it diverged from {}", remote_upstream(s).name.str());
       condition(d, "Forked", "the local history left the remote server's");
       renew_when_due(s, d);
       start(d, job::Stop{});
       d.memory.rejoin = Rejoin::diverged;
       d.memory.rejoin_leader = s.o.upstream_history->source;
       d.memory.rejoin_timeline = s.o.upstream_history->timeline;
     }},
    {778, "standby_contained", "a standby leader whose position is part of the remote server's history",
     "Local timeline={} lsn={}", "I8",
     [](const Situation& s) {
       return standby_leader_runs(s) && answered_by_remote(s) && compare_running(s) != Lineage::diverged;
     },
     [](const Situation& s, Decision& d) {
       const auto here = local_position(s);
       say(d, "Local timeline={} lsn={}", here.timeline.value, to_string(here.lsn));
       renew_when_due(s, d);
       if (auto fetch = fetch_histories(s)) act(d, std::move(*fetch));
       d.memory.rejoin = Rejoin::clean;
       d.memory.rejoin_leader = s.o.upstream_history->source;
       d.memory.rejoin_timeline = s.o.upstream_history->timeline;
       d.wake_at = s.o.now;
     }},
    {780, "standby_follow", "a standby leader that does not follow the remote server as it should",
     "following a new upstream: {}", "L2",
     [](const Situation& s) { return standby_leader_runs(s) && source_differs(s); },
     [](const Situation& s, Decision& d) {
       const auto source = remote_upstream(s);
       say(d, "following a new upstream: {}", source.name.str());
       renew_when_due(s, d);
       act(d, action::Follow{source});
       d.memory.remote_settings = source.recovery;
     }},
    {790, "standby_leader", "the lock is ours, and the local server follows the remote one",
     "no action. I am ({}), the standby leader with the lock", "L2", standby_leader_runs,
     [](const Situation& s, Decision& d) {
       say(d, "no action. I am ({}), the standby leader with the lock", s.me());
       renew_when_due(s, d);
       if (remote_upstream(s).none()) return;
       if (answered_by_remote(s)) {
         condition(d, "Forked", "the local history left the remote server's, and it can neither be rewound nor copied");
       } else if (!compared_with_remote(s)) {
         condition(d, "RemoteUnreachable", s.o.upstream_history.why());
       } else if (s.server->replication_state.empty()) {
         condition(d, "FollowingButNotStreaming", "the upstream is set, but no WAL is received from it");
       }
     }},
};

}  // namespace

std::span<const Rule> leader() {
  return table;
}

}  // namespace regent::rules
