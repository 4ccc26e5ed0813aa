#include "core/takeover.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/election.h"

namespace regent {
namespace {

using Kind = TakeoverStep::Kind;

// A probe says nothing about a later time.
constexpr Duration probe_is_fresh = std::chrono::milliseconds(1500);
// A leader that answers, and does not stream, is asked again now and then.
constexpr Duration ask_again = std::chrono::milliseconds(500);
// The other voters let go at about the same time.
constexpr Duration look_again = std::chrono::milliseconds(100);
// What keeps this node itself from it takes longer to go away; until then it only votes.
constexpr Duration look_at_myself = std::chrono::seconds(1);

// It knows what a vote is worth, and that it must change /sync before it connects again.
bool all_are_regent(const ClusterView& view) {
  return std::all_of(view.members.begin(), view.members.end(),
                     [](const Member& member) { return !member.regent.empty(); });
}

// The last probe, if it asked this leader, and in this reign.
const LeaderProbe* probe_of(const Situation& s, const LeaderWatch& watch) {
  const auto* probe = s.o.leader_probe.get();
  if (probe == nullptr || probe->leader != s.leader_name || probe->asked_at < watch.since) return nullptr;
  return probe;
}

// The key is held, and the lease will tell: whoever waited this long in vain stops being in the way.
bool gave_up(const Situation& s, const LeaderWatch& watch) {
  return watch.silent_since && s.o.now - *watch.silent_since > s.o.settings.ttl;
}

TakeoverStep step_of_candidate(const Situation& s) {
  const auto candidacy = stand_for_takeover(s);
  switch (candidacy.verdict) {
    case Candidacy::Verdict::stand:
      return {Kind::take, {}};
    case Candidacy::Verdict::need_peers:
      return {Kind::ask, {}};
    case Candidacy::Verdict::need_history:
    case Candidacy::Verdict::need_remote:
      return {Kind::wait, candidacy.why, s.o.now + look_again};
    case Candidacy::Verdict::hold_back:
      break;
  }
  const Instant again = s.o.peers.is_known() ? s.o.peers->asked_at + look_again : s.o.now;
  if (!own_objection(s).empty() || !branch_objection(s).empty())
    return {Kind::wait, candidacy.why, s.o.now + look_at_myself};
  if (s.o.now < again) return {Kind::wait, candidacy.why, again};
  return {Kind::ask, candidacy.why};
}

}  // namespace

std::string takeover_objection(const Situation& s) {
  if (s.view == nullptr || !s.view->leader.exists() || !s.other_leads || s.view->leader.name != s.leader_name) {
    return "nobody holds the lock";
  }
  const auto& sync = s.view->sync;
  if (!s.o.settings.synchronous()) return "synchronous mode is off";
  if (!s.o.settings.takes_over()) return "synchronous_takeover_after is off";
  if (!sync.exists() || !same_name(sync.value.leader, s.leader_name)) return "/sync is not this leader's";
  if (!sync.value.lists(s.o.self.name)) return "this node is not a confirmed synchronous standby";
  if (!s.o.store_takes_over) return "the store cannot change two keys in one transaction";
  if (s.paused) return "the cluster is paused";
  if (!s.o.self.tags.may_sync()) return "this node must not be a synchronous standby";
  if (!all_are_regent(*s.view)) return "not every member is Regent";
  if (s.m.restored_store) return "the store was put back from a backup, and /sync with it";
  if (s.view->failover.exists() && !s.view->failover.value.empty()) return "a failover or switchover is asked for";
  if (promised(s.o.failsafe, s.o.now)) return "this node promised to let the leader go on";
  if (!s.leader_usable) return "the leader's server does not run, by its member key";
  if (s.m.no_takeover_before && s.o.now < *s.m.no_takeover_before) return "the last attempt came to nothing";
  return {};
}

TakeoverStep next_takeover_step(const Situation& s) {
  if (!s.replica || s.server->replication_state == "streaming" || s.job_running) return {};
  if (!takeover_objection(s).empty() || !s.m.leader_watch || gave_up(s, *s.m.leader_watch)) return {};
  const auto& watch = *s.m.leader_watch;
  const auto* probe = probe_of(s, watch);
  if (probe == nullptr) return {Kind::probe, {}};
  if (!probe->silent()) return s.o.now - probe->ended_at < ask_again ? TakeoverStep{} : TakeoverStep{Kind::probe, {}};
  const Instant due = watch.silent_since.value_or(probe->asked_at) + s.o.settings.synchronous_takeover_after;
  if (probe->ended_at < due) {
    if (s.o.now < due) return {Kind::wait, probe->why, due};
    return {Kind::probe, {}};
  }
  if (s.o.now - probe->ended_at > probe_is_fresh) return {Kind::probe, {}};
  if (!s.server->upstream.host.empty()) return {Kind::let_go, probe->why};
  if (!s.server->let_go()) return {Kind::wait, "the WAL receiver has not ended yet", s.o.now + look_again / 5};
  return step_of_candidate(s);
}

void digest_leader_watch(const Situation& s, Memory& m) {
  if (s.view == nullptr) return;
  const auto& leader = s.view->leader;
  if (!leader.exists() || !s.other_leads || leader.name != s.leader_name) {
    m.leader_watch.reset();
    return;
  }
  const Version sync = s.view->sync.version;
  if (!m.leader_watch || m.leader_watch->leader != leader.version || m.leader_watch->sync != sync) {
    m.leader_watch = LeaderWatch{leader.version, sync, s.o.now, {}};
  }
  auto& watch = *m.leader_watch;
  if (s.server != nullptr && s.server->replication_state == "streaming") {
    watch.silent_since.reset();
  } else if (const auto* probe = probe_of(s, watch)) {
    watch.silent_since = probe->silent() ? watch.silent_since.value_or(probe->asked_at) : std::optional<Instant>();
  }
}

}  // namespace regent
