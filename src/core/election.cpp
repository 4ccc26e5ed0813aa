#include "core/election.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/sync.h"
#include "core/ticket.h"
#include "core/timeline.h"

namespace regent {
namespace {

using Verdict = Candidacy::Verdict;

// Nobody who belongs to the cluster, present or missed for a while, could stand on another branch.
bool everybody_is_on_my_branch(const Situation& s) {
  const auto& members = s.view->members;
  const bool all_here = std::all_of(members.begin(), members.end(), [&](const Member& member) {
    const auto* peer = s.o.peers->find(member.name);
    return member.name == s.o.self.name ||
           (peer != nullptr && peer->reachable && peer->running && peer->timeline == s.server->timeline);
  });
  const auto& known = s.view->status.value.retain_slots;
  const bool none_missed = std::all_of(known.begin(), known.end(), [&](const std::string& slot) {
    return std::any_of(members.begin(), members.end(), [&](const Member& m) { return slot_name(m.name) == slot; });
  });
  // Generations before 4 keep no list of those who are missed: unknown is not "nobody" (I8).
  return all_here && none_missed && !known.empty();
}

// What the last leader published; of a store that was put back, before that (F34).
const Status& published(const Situation& s) {
  return s.m.restored_store ? s.m.restored_store->before.status : s.view->status.value;
}

// Where the cluster is, as far as this node's own history tells. The number that follows the last recorded fork is
// often the next one, and nobody wrote it down: one that a promotion used up which came to nothing, or which is
// archived from another branch, is left out.
Timeline reached_timeline(const Situation& s, Timeline known) {
  const History& recorded = s.view->history.value;
  const History& mine = *s.o.local_history;
  if (recorded.empty()) return known;
  const auto fork = std::find_if(mine.begin(), mine.end(), [&](const HistoryLine& line) {
    return line.timeline == recorded.back().timeline && line.switch_lsn == recorded.back().switch_lsn;
  });
  if (fork == mine.end()) return known;
  const auto next = std::next(fork);
  return std::max(known, next == mine.end() ? s.server->timeline : next->timeline);
}

// Somebody whose timeline is none of ours: two branches may leave the recorded one at the same place.
const Member* stranger(const Situation& s, Timeline at_least) {
  const History& mine = *s.o.local_history;
  const auto is_mine = [&](Timeline timeline) {
    return timeline == s.server->timeline ||
           std::any_of(mine.begin(), mine.end(), [&](const HistoryLine& line) { return line.timeline == timeline; });
  };
  const auto& members = s.view->members;
  const auto found = std::find_if(members.begin(), members.end(), [&](const Member& member) {
    return member.name != s.o.self.name && member.timeline && *member.timeline >= at_least &&
           !is_mine(*member.timeline);
  });
  return found == members.end() ? nullptr : &*found;
}

// Where the cluster left the timeline this node is on; nullopt: it did not, as far as its history tells, and is on
// another branch. Without a line for it nobody knows how far the newest timeline's leader got before it died (F63):
// then there is nothing but this node's own position to go by.
std::optional<Lsn> left_mine_at(const Situation& s) {
  const Timeline mine = s.server->timeline;
  const History& recorded = s.view->history.value;
  const auto left =
      std::find_if(recorded.begin(), recorded.end(), [&](const HistoryLine& line) { return line.timeline == mine; });
  if (left != recorded.end()) return left->switch_lsn;
  const bool goes_on = recorded.empty() || recorded_timeline(recorded) == mine;
  return goes_on && s.view->timelines.value.reached <= mine ? std::optional(s.server->wal) : std::nullopt;
}

// Somebody else was on a newer timeline, as their key or what they answer tells.
const MemberName* somebody_newer(const Situation& s) {
  for (const auto& member : s.view->members) {
    if (member.name != s.o.self.name && member.timeline > s.server->timeline) return &member.name;
  }
  for (const auto& peer : s.o.peers->answers) {
    if (peer.reachable && peer.running && peer.timeline > s.server->timeline) return &peer.name;
  }
  return nullptr;
}

// The cluster was on a newer timeline, and nobody who has it may ever come back. Where no acknowledgement is a promise,
// the bound for what may be lost decides (I6, L1); WAL of the newer timeline counts from where it began.
//
// `once_free`: what a member says of itself while somebody leads; else that one would wait for it in vain to take over.
Candidacy check_older_branch(const Situation& s, Timeline newest, bool once_free) {
  const Timeline mine = s.server->timeline;
  const auto behind = [&](std::string_view why = {}) {
    return Candidacy{Verdict::hold_back, fmt::format("my timeline {} is behind the cluster's timeline {}{}", mine.value,
                                                     newest.value, why)};
  };
  if (!(s.unlocked || once_free) || !s.replica || next_ticket(s).number <= newest) return behind();
  // Its commits waited for those who can elect, from the first one on: whoever these elect has them (ADR 11).
  const auto& sync = electorate(s);
  if (sync_rules(s) && sync.lists(s.o.self.name) && !same_name(sync.leader, s.o.self.name)) {
    return {Verdict::stand, {}};
  }
  if (s.o.settings.synchronous()) return behind();
  if (!s.o.local_history.is_known()) return {Verdict::need_history, "the own timeline history is not known"};
  const auto left = left_mine_at(s);
  if (!left || contradict(*s.o.local_history, s.view->history.value)) return behind(", which left it before");
  const Lsn reached = published(s).optime;
  const auto lost = bytes_between(std::min(s.server->wal, *left), reached);
  if (reached.value == 0) return behind(", and nobody knows how far that one got");
  if (lost > s.o.settings.maximum_lag_on_failover) return behind(fmt::format(", and {} bytes are missing", lost));
  if (once_free) return {Verdict::stand, {}};
  // Everybody else had the time to show up.
  if (!s.m.unlocked_since || s.o.now - *s.m.unlocked_since < s.o.settings.loop_wait) return behind();
  if (!peers_are_fresh(s)) return {Verdict::need_peers, {}};
  if (const auto* newer = somebody_newer(s)) return behind(fmt::format(", where {} is", newer->str()));
  return {Verdict::stand, {}};
}

// I8: is the branch this node stands on the one that the cluster's history describes?
Candidacy check_branch(const Situation& s, bool once_free = false) {
  const Timeline mine = s.server->timeline;
  // On the remote server's timelines, which are not recorded here; whoever leads compares itself with that server.
  if (s.standby) return {Verdict::stand, {}};
  const Timeline at_least = known_timeline(s);
  if (mine < at_least) return check_older_branch(s, at_least, once_free);
  if (mine == at_least || at_least.value == 0) return {Verdict::stand, {}};
  // A timeline that nobody recorded: a leader died before it could (F63), or somebody promoted by hand (F61, F75). The
  // fork must not lie before what the recorded timeline's leader published.
  if (!s.o.local_history.is_known()) return {Verdict::need_history, "the own timeline history is not known"};
  // What another leader published about the old timeline does not count against a confirmed standby, nor against the
  // leader that left it: nothing was acknowledged without them (F60).
  if (sync_rules(s) && sync_allows(s, s.o.self.name)) return {Verdict::stand, {}};
  const Timeline known = reached_timeline(s, at_least);
  if (const Member* other = known == at_least ? nullptr : stranger(s, at_least)) {
    return {Verdict::hold_back, fmt::format("my timeline {} does not descend from timeline {}, where {} is", mine.value,
                                            other->timeline->value, other->name.str())};
  }
  if (mine == known) return {Verdict::stand, {}};
  // What was published last is of this very branch.
  if (published(s).timeline == mine) return {Verdict::stand, {}};
  const Lsn reached = published(s).optime;
  const History& history = *s.o.local_history;
  const auto left =
      std::find_if(history.begin(), history.end(), [&](const HistoryLine& line) { return line.timeline == known; });
  if (left == history.end()) {
    return {Verdict::hold_back,
            fmt::format("my timeline {} does not descend from the cluster's timeline {}", mine.value, known.value)};
  }
  if (bytes_between(left->switch_lsn, reached) > s.o.settings.maximum_lag_on_failover) {
    // A person had this branch promoted, and it was followed by everybody: there is no other one left to wait for (L1).
    if (!peers_are_fresh(s)) return {Verdict::need_peers, {}};
    if (everybody_is_on_my_branch(s)) return {Verdict::stand, {}};
    return {Verdict::hold_back, fmt::format("my timeline {} left timeline {} at {}, but that one went on to {}",
                                            mine.value, known.value, to_string(left->switch_lsn), to_string(reached))};
  }
  return {Verdict::stand, {}};
}

// I13: a leader without the store counts on the members that the failsafe key names, and on nobody else.
Candidacy check_failsafe_key(const Situation& s) {
  // Of a store that was put back, /config is of the past as well.
  const auto& members = s.m.restored_store ? s.m.restored_store->before.failsafe : s.view->failsafe.value;
  if (!(s.o.settings.failsafe_mode || s.m.restored_store) || members.empty() || members.contains(s.me()))
    return {Verdict::stand, {}};
  if (s.unlocked && !peers_are_fresh(s)) return {Verdict::need_peers, {}};
  // Whoever it names may serve on where nobody sees it. Only a person who has seen that nobody leads can know better,
  // unless a member knows better still.
  const auto* request = s.view->failover.exists() ? &s.view->failover.value : nullptr;
  if (request != nullptr && request->leader.empty() && request->candidate == s.o.self.name) {
    if (const auto* bound = s.o.peers.is_known() ? bound_by_promise(*s.o.peers) : nullptr) {
      return {Verdict::hold_back,
              fmt::format("{} promised a leader without the store not to stand, and I would be a second one",
                          bound->name.str())};
    }
    if (s.view->failover.version != s.m.request_under_lock) return {Verdict::stand, {}};
  }
  // Or all of them say that they do not: without the lock none of them will.
  const bool nobody_serves =
      s.unlocked && std::all_of(members.begin(), members.end(), [&](const auto& member) {
        const auto* peer = s.o.peers->find(MemberName(member.first));
        return peer != nullptr && peer->reachable && (peer->down || (peer->running && peer->in_recovery));
      });
  if (nobody_serves) return {Verdict::stand, {}};
  return {Verdict::hold_back,
          "the failsafe key does not name me; if those that it names are down for good, ask for a failover to me"};
}

// It passes: the others wait for a member that is ahead, instead of being told that it refuses.
Candidacy check_forgotten_promise(const Situation& s) {
  const auto bound = may_have_promised(s, s.o.now);
  if (!bound) return {Verdict::stand, {}};
  return {Verdict::hold_back,
          fmt::format("I may have promised a leader not to stand, for {:.0f} more seconds", to_seconds(*bound))};
}

// A promotion here would use indexes in which nothing is where this machine looks for it. It does so already where the
// last leader had the same library.
Candidacy check_collation(const Situation& s) {
  const bool same = !s.m.leader_libc.empty() && s.m.leader_libc == s.o.self.libc;
  if (!s.o.settings.check_collation || s.primary || same) return {Verdict::stand, {}};
  if (const auto& found = s.o.postgres.collations; !found.empty()) {
    return {Verdict::hold_back, fmt::format("{} was sorted by version {} of its collation, and I have {}",
                                            found.front().where, found.front().recorded, found.front().actual)};
  }
  // Databases tell by themselves from 15 on.
  const bool tells = s.server->version >= 150000;
  if (tells || s.m.leader_libc.empty() || s.o.self.libc.empty()) return {Verdict::stand, {}};
  return {Verdict::hold_back,
          fmt::format("my C library is {}, and the last leader's was {}", s.o.self.libc, s.m.leader_libc)};
}

// The lock is free in a store that was put back (F34). A lease of the one before it, unless it was ours, may be good
// for as long as any is (I1); and the members, whose keys went with their sessions, have to show up: they may have read
// more of it.
Candidacy check_restored_store(const Situation& s) {
  const auto& restored = s.m.restored_store;
  if (!restored || s.primary) return {Verdict::stand, {}};
  Instant over = s.m.unlocked_since.value_or(s.o.now) + s.o.settings.loop_wait;
  if (!same_name(restored->before.leader, s.o.self.name)) over = std::max(over, restored->found + s.o.settings.ttl);
  if (s.o.now >= over) return {Verdict::stand, {}};
  return {Verdict::hold_back, fmt::format("the store was put back from a backup: whoever led may have a lease, and "
                                          "members may know more of it, for {:.0f} more seconds",
                                          to_seconds(over - s.o.now))};
}

// A person who names this member knows what was lost.
Candidacy check_copy(const Situation& s) {
  if (!lacks_votes(s)) return {Verdict::stand, {}};
  return {Verdict::hold_back,
          "my data is a copy that has not caught up with a leader yet, and may lack what I confirmed before"};
}

// Nothing about this node forbids it, whoever else there is.
Candidacy check_self_and_branch(const Situation& s, bool once_free) {
  if (!s.o.self.tags.may_lead()) return {Verdict::hold_back, "I am not allowed to promote"};
  if (auto bound = check_failsafe_key(s); bound.verdict != Verdict::stand) return bound;
  if (s.server == nullptr) return {Verdict::hold_back, "the state of PostgreSQL is not known"};
  if (s.o.postgres.data.rewind_marker) return {Verdict::hold_back, "a rewind did not finish"};
  if (s.m.no_promotion_before && s.o.now < *s.m.no_promotion_before) {
    return {Verdict::hold_back, "my last promotion failed"};
  }
  if (s.m.demotion && s.replica && !s.standby) return {Verdict::hold_back, "I handed over a moment ago"};
  if (auto missing = missing_fence(s.o.fences); !missing.empty()) return {Verdict::hold_back, std::move(missing)};
  if (auto sorted = check_collation(s); sorted.verdict != Verdict::stand) return sorted;
  return check_branch(s, once_free);
}
Candidacy check_self(const Situation& s) {
  return check_self_and_branch(s, false);
}
Candidacy check_self_once_free(const Situation& s) {
  return check_self_and_branch(s, !s.unlocked);
}

// I5: a server that was just started has more than it can tell, and would let itself be overtaken, or overtake.
Candidacy check_position(const Situation& s) {
  if (s.server->wal_known) return {Verdict::stand, {}};
  return {Verdict::hold_back, fmt::format("the end of the WAL on the disk is not known yet, {} was replayed so far",
                                          to_string(s.server->wal))};
}

// Whether a member whose position nobody knows is still to be waited for. Where no commit waits for standbys: as long
// as a primary may take to recover, and no longer (L1).
bool waits_for_position(const Situation& s) {
  return sync_rules(s) || !s.m.unlocked_since || s.o.now - *s.m.unlocked_since < s.o.settings.primary_start_timeout;
}

bool lags(const Situation& s, Lsn wal) {
  return bytes_between(wal, published(s).optime) > s.o.settings.maximum_lag_on_failover;
}

// Whoever leads a standby cluster serves no commits of its own: what it lacks of what the last leader had comes from
// the remote server, if that is there.
Candidacy check_lag_of_copy(const Situation& s, std::string lag) {
  const auto remote = remote_upstream(s);
  if (remote.none()) return {Verdict::hold_back, std::move(lag)};
  const auto& asked = s.o.upstream_history;
  const bool recent = asked.age(s.o.now) < std::chrono::seconds(10);
  const auto* answer = asked.get();
  if (!recent || (answer != nullptr && answer->source != remote.name)) return {Verdict::need_remote, {}};
  if (answer != nullptr) return {Verdict::stand, {}};
  return {Verdict::hold_back, fmt::format("{}, and {} does not answer", lag, remote.name.str())};
}

Candidacy check_lag(const Situation& s) {
  // The confirmed set says who has what; the published position counts WAL that no standby could confirm (F60).
  if (sync_rules(s)) {
    if (sync_allows(s, s.o.self.name)) return {Verdict::stand, {}};
    // Others may know that the store was put back, and that it is me (F34).
    const bool long_free = s.m.unlocked_since && s.o.now - *s.m.unlocked_since >= s.o.settings.loop_wait;
    if (long_free && !peers_are_fresh(s, s.o.settings.loop_wait)) return {Verdict::need_peers, {}};
    return {Verdict::hold_back, "I am not a synchronous standby of the last leader"};
  }
  if (s.primary || !lags(s, s.server->wal)) return {Verdict::stand, {}};
  const auto lag = bytes_between(s.server->wal, published(s).optime);
  auto why = fmt::format("my WAL position is {} bytes behind the last leader's", lag);
  if (s.standby) return check_lag_of_copy(s, std::move(why));
  return {Verdict::hold_back, std::move(why)};
}

Candidacy check_peers(const Situation& s) {
  for (const auto& peer : s.o.peers->answers) {
    if (!peer.reachable || !peer.running) continue;
    if (!peer.in_recovery && peer.name != s.o.self.name && !s.primary) {
      return {Verdict::hold_back, fmt::format("Primary ({}) is still alive", peer.name.str())};
    }
    if (!could_lead(peer) || !sync_allows(s, peer.name)) continue;
    if (!peer.wal_known && peer.name != s.o.self.name && waits_for_position(s)) {
      return {Verdict::hold_back, fmt::format("the WAL position of {} is not known yet", peer.name.str())};
    }
    // On a newer timeline, and behind by more than it may be: it holds back itself, and must not hold back everybody.
    if (!sync_rules(s) && lags(s, peer.wal)) continue;
    if (is_ahead(peer.timeline, peer.wal, s.server->timeline, s.server->wal)) {
      return {Verdict::hold_back, fmt::format("Wal position of {} is ahead of my wal position", peer.name.str())};
    }
    const bool level = peer.timeline == s.server->timeline && peer.wal == s.server->wal;
    if (level && peer.failover_priority > s.o.self.tags.failover_priority) {
      return {Verdict::hold_back,
              fmt::format("{} has equally tolerable WAL position and priority {}, while this node has priority {}",
                          peer.name.str(), peer.failover_priority, s.o.self.tags.failover_priority)};
    }
  }
  return {Verdict::stand, {}};
}

// I7: so many other voters must be behind nothing that this node has not, and must stay where they are.
Candidacy check_votes(const Situation& s) {
  if (!sync_rules(s)) return {Verdict::stand, {}};
  const auto& sync = electorate(s);
  if (same_name(sync.leader, s.o.self.name)) return {Verdict::stand, {}};
  // Whom its commits wait for is not who may be elected: it would serve clients before it can change either.
  if (s.primary) return {Verdict::hold_back, "/sync is of " + sync.leader.str() + ", which led after me"};
  const auto needed = electable(sync).quorum;
  std::size_t votes = 0;
  for (const auto& peer : s.o.peers->answers) {
    const bool voter = peer.reachable && peer.running && sync.lists(peer.name) && peer.name != s.o.self.name;
    if (!voter || !peer.wal_known) continue;
    if (is_ahead(peer.timeline, peer.wal, s.server->timeline, s.server->wal)) continue;
    // The last leader may still run and write to it; what it confirms after this election would be lost (F02).
    if (!peer.let_go) continue;
    // While the key is held it may connect again at any moment, but not without changing /sync.
    const bool stays = peer.leader_version == s.view->leader.version && peer.sync_version == s.view->sync.version;
    if (!s.view->leader.exists() || stays) ++votes;
  }
  if (votes >= needed) return {Verdict::stand, {}};
  return {Verdict::hold_back, fmt::format("I have {} of {} votes of synchronous standbys", votes, needed)};
}

// What the others see of the leader counts more than that this node sees nothing of it.
Candidacy check_second_opinion(const Situation& s) {
  const auto address = parse_conn_url(s.leader->conn_url);
  const auto leader_at = address ? address->host + ":" + address->port : std::string();
  bool others = false, answered = false;
  for (const auto& member : s.view->members) {
    if (member.name == s.o.self.name || member.name == s.leader_name) continue;
    others = true;
    const auto* peer = s.o.peers->find(member.name);
    if (peer == nullptr || !peer->reachable) continue;
    answered = true;
    if (peer->streams_from == leader_at) {
      return {Verdict::hold_back, fmt::format("{} still receives WAL from {}", peer->name.str(), s.leader_name.str())};
    }
  }
  if (!others || answered) return {Verdict::stand, {}};
  return {Verdict::hold_back, "no other member answers: it may be this node that is cut off"};
}

}  // namespace

const PeerAnswer* bound_by_promise(const PeersFacts& peers) {
  const auto found = std::find_if(peers.answers.begin(), peers.answers.end(),
                                  [](const PeerAnswer& peer) { return peer.reachable && peer.holds_back; });
  return found == peers.answers.end() ? nullptr : &*found;
}

const SyncState& electorate(const Situation& s) {
  static const SyncState nobody;
  if (s.view == nullptr) return nobody;
  return s.m.restored_store ? s.m.restored_store->before.sync : s.view->sync.value;
}

bool sync_rules(const Situation& s) {
  // Of a store that was put back, /config is of the past as well.
  return (s.o.settings.synchronous() || s.m.restored_store) && !electorate(s).empty();
}

bool sync_allows(const Situation& s, const MemberName& name) {
  return !sync_rules(s) || electorate(s).names(name);
}

bool votes_decide(const Situation& s) {
  return sync_rules(s) && electable(electorate(s)).quorum > 0;
}

bool must_let_go(const Situation& s) {
  if (!votes_decide(s) || !s.unlocked || !s.replica || s.server->upstream.host.empty()) return false;
  return electorate(s).lists(s.o.self.name);
}

bool could_lead(const PeerAnswer& peer) {
  return peer.reachable && peer.running && !peer.nofailover && peer.failover_priority > 0 && !peer.watchdog_failed &&
         peer.has_dcs && !peer.refuses;
}

bool is_ahead(Timeline timeline, Lsn wal, Timeline other_timeline, Lsn other_wal) {
  return timeline != other_timeline ? timeline > other_timeline : wal > other_wal;
}

bool peers_are_fresh(const Situation& s, Duration limit) {
  if (!s.o.peers.is_known() || s.o.now - s.o.peers->asked_at > limit) return false;
  // Answers of before the lock was free may be of another election, or of a leader that was not one yet.
  return !s.m.unlocked_since || s.o.peers->asked_at >= *s.m.unlocked_since;
}

std::string own_objection(const Situation& s) {
  // In a pause it goes on running; the others need not wait for it.
  if (foreign_data(s)) return "my data belongs to another cluster";
  for (const auto check : {check_self_once_free, check_copy}) {
    if (auto result = check(s); result.verdict == Verdict::hold_back) return result.why;
  }
  return {};
}

bool lacks_votes(const Situation& s) {
  return s.o.postgres.data.copied && s.replica && sync_rules(s) && electorate(s).lists(s.o.self.name);
}

std::string branch_objection(const Situation& s) {
  const auto result = check_branch(s);
  return result.verdict == Verdict::hold_back ? result.why : std::string();
}

Candidacy stand_for_election(const Situation& s) {
  for (const auto check :
       {check_self, check_copy, check_forgotten_promise, check_restored_store, check_position, check_lag}) {
    if (auto result = check(s); result.verdict != Verdict::stand) return result;
  }
  if (!peers_are_fresh(s)) return {Verdict::need_peers, {}};
  if (auto result = check_peers(s); result.verdict != Verdict::stand) return result;
  return check_votes(s);
}

Candidacy stand_for_takeover(const Situation& s) {
  for (const auto check : {check_self, check_copy, check_forgotten_promise, check_position}) {
    if (auto result = check(s); result.verdict != Verdict::stand) return result;
  }
  if (!peers_are_fresh(s)) return {Verdict::need_peers, {}};
  for (const auto check : {check_second_opinion, check_peers, check_votes}) {
    if (auto result = check(s); result.verdict != Verdict::stand) return result;
  }
  return {Verdict::stand, {}};
}

Candidacy stand_as_named_candidate(const Situation& s) {
  for (const auto check : {check_self, check_forgotten_promise, check_restored_store}) {
    if (auto result = check(s); result.verdict != Verdict::stand) return result;
  }
  if (!peers_are_fresh(s)) return {Verdict::need_peers, {}};
  // A failover to a named member is a person's decision, for better or worse; a switchover must not lose anything (I5).
  if (!s.view->failover.value.leader.empty()) {
    if (!sync_allows(s, s.o.self.name)) {
      return {Verdict::hold_back, "I am not a synchronous standby of the last leader"};
    }
    if (auto result = check_copy(s); result.verdict != Verdict::stand) return result;
    if (auto result = check_votes(s); result.verdict != Verdict::stand) return result;
  }
  for (const auto& peer : s.o.peers->answers) {
    const bool alive = peer.reachable && peer.running && !peer.in_recovery && peer.name != s.o.self.name;
    if (alive) return {Verdict::hold_back, fmt::format("Primary ({}) is still alive", peer.name.str())};
  }
  return {Verdict::stand, {}};
}

}  // namespace regent
