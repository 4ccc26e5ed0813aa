// 600: nobody holds the lock and the local server runs: who takes it (I2, I6, I8, I15)?
#include "core/election.h"

#include "core/rules/steps.h"
#include "core/stream.h"
#include "core/ticket.h"
#include "core/timeline.h"

namespace regent::rules {
namespace {

bool free_lock(const Situation& s) {
  return s.unlocked && !s.stopped && s.has_data();
}

// A manual failover or a switchover that is due and names a candidate.
const Failover* due_request(const Situation& s) {
  if (!s.view->failover.exists() || s.view->failover.value.empty()) return nullptr;
  const auto& request = s.view->failover.value;
  return request.scheduled_at && *request.scheduled_at > s.o.wall ? nullptr : &request;
}
bool i_am_named(const Situation& s) {
  const auto* request = due_request(s);
  return request != nullptr && request->candidate == s.o.self.name;
}
// The request is for somebody else who could still take the lock.
bool another_is_named(const Situation& s) {
  const auto* request = due_request(s);
  if (request == nullptr || s.primary) return false;
  // It may have reasons of its own not to take the lock; nobody waits for ever (L1).
  if (s.m.named_since && s.o.now - *s.m.named_since >= std::chrono::seconds(10)) return false;
  if (!request->candidate.empty()) {
    if (request->candidate == s.o.self.name || !peers_are_fresh(s)) return false;
    const auto* peer = s.o.peers->find(request->candidate);
    // One on an old timeline will never take it, and would be waited for for ever.
    return peer != nullptr && could_lead(*peer) && peer->timeline >= known_timeline(s);
  }
  // A switchover to anybody but the old leader.
  if (request->leader != s.o.self.name || !peers_are_fresh(s)) return false;
  for (const auto& peer : s.o.peers->answers) {
    if (peer.name != s.o.self.name && could_lead(peer) && peer.in_recovery) return true;
  }
  return false;
}
bool request_needs_peers(const Situation& s) {
  const auto* request = due_request(s);
  return request != nullptr && !s.primary && !peers_are_fresh(s);
}

// The store may lose the key of a leader that is well: it takes it again at once, and its standbys never noticed (F33).
constexpr Duration let_go_after = std::chrono::milliseconds(500);

bool lets_go(const Situation& s) {
  if (!free_lock(s) || !must_let_go(s)) return false;
  return due_request(s) != nullptr || (s.m.unlocked_since && s.o.now - *s.m.unlocked_since >= let_go_after);
}

void gather_peers(const Situation& s, Decision& d) {
  say(d, "asking the other members for their positions");
  act(d, action::GatherPeers{});
  wake_in(s, d, std::chrono::seconds(1));
}

// The lock decides the request, whoever took it: left behind, it would make the new leader hand over again (L4).
void win_lock(const Situation& s, Decision& d) {
  // Nobody who has more is waited for: told in one transaction with the lock, or a death before the promotion would
  // have the cluster wait again (F63).
  take_lock(s, d, {}, left_by(s));
  if (due_request(s) != nullptr) act(d, action::DeleteKey{action::Key::failover, s.view->failover.version});
  if (!s.replica) return;
  d.memory.acquired_now = true;
  if (votes_decide(s)) d.memory.elected_on = s.view->sync.version;
}

using Verdict = Candidacy::Verdict;

// Whether the last leader still writes takes a moment to see.
constexpr Duration race_watch = std::chrono::seconds(1);

bool holds_back_race(const Situation& s) {
  const Duration backoff = s.o.settings.primary_race_backoff;
  if (!s.unlocked || s.paused || !s.replica || backoff <= Duration::zero() || s.view->failover.exists()) return false;
  if (!s.m.unlocked_since || !s.m.unlocked_wal || s.server->replication_state != "streaming") return false;
  const Duration passed = s.o.now - *s.m.unlocked_since;
  return passed < backoff && (passed < race_watch || s.server->wal > *s.m.unlocked_wal);
}

// A primary that knows by itself that the cluster went on without it need not ask anybody; while it is one, everybody
// else waits for it.
std::string primary_objection(const Situation& s) {
  if (auto why = branch_objection(s); !why.empty()) return why;
  const auto result = stand_for_election(s);
  return peers_are_fresh(s) && result.verdict == Verdict::hold_back ? result.why : std::string();
}

constexpr Rule table[] = {
    {605, "election_wait_for_server", "the lock is free, the local server is coming up or does not answer",
     "waiting for PostgreSQL to answer before the leader race", "I12, F18",
     [](const Situation& s) { return free_lock(s) && s.server == nullptr; },
     [](const Situation& s, Decision& d) {
       say(d, "waiting for PostgreSQL to answer before the leader race");
       if (s.o.postgres.process == Process::running) {
         condition(d, "PostgresDoesNotAnswer", s.o.postgres.server.why());
       }
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {610, "primary_on_dead_branch",
     "nobody holds the lock, the local server is a primary, but not of this cluster's branch",
     "demoting self because i am not the healthiest node", "I8, F02, F75",
     [](const Situation& s) {
       return free_lock(s) && s.primary && s.view->initialize.exists() && !primary_objection(s).empty();
     },
     [](const Situation& s, Decision& d) {
       say(d, "demoting self because i am not the healthiest node: {}", primary_objection(s));
       start(d, job::Stop{.escalate_after = s.o.settings.retry_timeout});
       d.memory.demotion = Demotion{Demotion::Kind::immediate, "not the healthiest node", s.o.now};
       forget_rejoin(d.memory);
     }},
    {612, "race_backoff",
     "nobody holds the lock, and what the last leader writes still arrives: its agent may be back in a moment",
     "My ({}) wal position moved since last heart beat loop, {} seconds until leader race", "L4, F02", holds_back_race,
     [](const Situation& s, Decision& d) {
       const Instant race = *s.m.unlocked_since + s.o.settings.primary_race_backoff;
       say(d, "My ({}) wal position moved since last heart beat loop, {:.0f} seconds until leader race", s.me(),
           to_seconds(race - s.o.now));
       d.wake_at = std::min(d.wake_at, race);
       wake_in(s, d, race_watch);
     }},
    {615, "let_go_of_the_last_leader",
     "nobody holds the lock, votes of standbys decide, and ours could still be moved by the last leader",
     "disconnecting from the last leader before the election", "I5, I7, F02", lets_go,
     [](const Situation&, Decision& d) {
       say(d, "disconnecting from the last leader before the election");
       act(d, action::Follow{});
       d.memory.vote_free = false;
     }},
    {620, "election_need_peers", "the lock is free and the others' positions are not known",
     "asking the other members for their positions", "I6, F44",
     [](const Situation& s) {
       return free_lock(s) && s.server != nullptr &&
              (request_needs_peers(s) || stand_for_election(s).verdict == Verdict::need_peers);
     },
     gather_peers},
    {625, "election_need_history", "the lock is free and the own history file was not read yet",
     "reading the own timeline history", "I8, F61",
     [](const Situation& s) {
       return free_lock(s) && s.server != nullptr && stand_for_election(s).verdict == Verdict::need_history;
     },
     [](const Situation& s, Decision& d) {
       say(d, "reading the own timeline history");
       condition(d, "HistoryUnknown", s.o.local_history.why());
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {627, "election_need_remote",
     "the lock of a standby cluster is free, and the own position is behind by more than it may be",
     "asking {} whether it has what is missing here", "I6, L1",
     [](const Situation& s) {
       return free_lock(s) && s.server != nullptr && stand_for_election(s).verdict == Verdict::need_remote;
     },
     [](const Situation& s, Decision& d) {
       say(d, "asking {} whether it has what is missing here", remote_upstream(s).name.str());
       act(d, ask_remote(s));
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {630, "named_candidate_stands", "a manual failover or switchover names this node",
     "taking the leader lock as the candidate of a manual {}", "I2, I8, F78",
     [](const Situation& s) {
       return free_lock(s) && s.server != nullptr && i_am_named(s) &&
              stand_as_named_candidate(s).verdict == Verdict::stand;
     },
     [](const Situation& s, Decision& d) {
       say(d, "taking the leader lock as the candidate of a manual {}",
           s.view->failover.value.leader.empty() ? "failover" : "switchover");
       win_lock(s, d);
     }},
    {635, "another_candidate_named", "a manual failover or switchover is for somebody else who can take the lock",
     "following a different leader because i am not the healthiest node", "F78",
     [](const Situation& s) { return free_lock(s) && s.server != nullptr && another_is_named(s); },
     [](const Situation& s, Decision& d) {
       say(d, "following a different leader because i am not the healthiest node");
       if (!s.m.named_since) d.memory.named_since = s.o.now;
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {640, "primary_takes_lock", "nobody holds the lock and the local server is a primary of this cluster's branch",
     "acquired session lock as a leader", "F01, F33",
     [](const Situation& s) { return free_lock(s) && s.primary && stand_for_election(s).verdict == Verdict::stand; },
     [](const Situation& s, Decision& d) {
       say(d, "acquired session lock as a leader");
       win_lock(s, d);
     }},
    {650, "win_election", "nobody holds the lock and nobody else is healthier", "taking the free leader lock",
     "I2, I6, I8",
     [](const Situation& s) { return free_lock(s) && s.replica && stand_for_election(s).verdict == Verdict::stand; },
     [](const Situation& s, Decision& d) {
       say(d, "taking the free leader lock");
       win_lock(s, d);
     }},
    {660, "not_healthiest", "nobody holds the lock and somebody else should take it",
     "following a different leader because i am not the healthiest node", "I6, I8, I15, F53",
     [](const Situation& s) { return s.unlocked && !s.stopped; },
     [](const Situation& s, Decision& d) {
       const auto why = s.has_data() ? stand_for_election(s).why : s.o.postgres.data.why;
       say(d, s.o.self.tags.may_lead() ? "following a different leader because i am not the healthiest node"
                                       : "following a different leader because I am not allowed to promote");
       condition(d, "NotACandidate", why);
       wake_in(s, d, must_let_go(s) ? let_go_after / 5 : std::chrono::seconds(1));
     }},
};

}  // namespace

std::span<const Rule> election() {
  return table;
}

}  // namespace regent::rules
