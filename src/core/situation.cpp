#include "core/situation.h"

#include <algorithm>

#include "core/slots.h"

namespace regent {
namespace {

Upstream upstream_of(const Situation& s, const Member& member) {
  Upstream out;
  const auto address = parse_conn_url(member.conn_url);
  if (!address) return out;
  out.name = member.name;
  out.address = *address;
  if (s.o.settings.use_slots) out.slot = slot_name(s.o.self.name);
  return out;
}

// The key hangs on the session of this very process, or on the one that was recorded here when it was written. Or on
// none: no agent writes such a key, and it would never expire; a person put it there to have this member lead.
bool is_own(const Leader& leader, const Observation& o) {
  if (leader.session.empty()) return true;
  return leader.session == o.lease.session || leader.session == o.postgres.data.lock_session;
}

}  // namespace

std::string conn_url(const Situation& s) {
  const auto& self = s.o.self;
  const std::string& port = s.o.postgres.port;
  auto address = parse_conn_url(self.conn_url);
  const bool moved = !port.empty() && port != self.listen_port;
  // Another port is somebody's who passes connections on.
  if (!moved || !address || address->port != self.listen_port) return self.conn_url;
  address->port = port;
  return print_conn_url(*address);
}

bool crashed(const Situation& s) {
  return s.stopped && s.m.ran_as_primary && !s.m.demotion;
}

Duration unleased_patience(const Situation& s) {
  const auto& settings = s.o.settings;
  return s.namesake ? std::max(settings.ttl, settings.retry_timeout) : settings.retry_timeout;
}

const PeerAnswer* PeersFacts::find(const MemberName& name) const {
  for (const auto& answer : answers) {
    if (answer.name == name) return &answer;
  }
  return nullptr;
}

const SlotRow* UpstreamSlots::find(const std::string& name) const {
  for (const auto& slot : slots) {
    if (slot.name == name) return &slot;
  }
  return nullptr;
}

Situation survey(const Observation& observation, const Memory& memory) {
  Situation s{.o = observation, .m = memory};
  const auto& postgres = observation.postgres;
  s.view = observation.cluster.get();
  s.server = postgres.process == Process::running ? postgres.server.get() : nullptr;
  s.control = postgres.data.control ? &*postgres.data.control : nullptr;
  s.running = postgres.process == Process::running;
  s.stopped = postgres.process == Process::stopped;
  s.single_user = postgres.process == Process::single_user;
  s.primary = s.server != nullptr && !s.server->in_recovery;
  s.replica = s.server != nullptr && s.server->in_recovery;
  // An agent that was just started remembers nothing: then the missing standby.signal tells what the server was started
  // as.
  const bool started_as_primary = postgres.data.state == DataState::valid && !postgres.data.standby_signal;
  const bool unseen = s.server == nullptr && !s.stopped && !s.single_user;
  s.may_write = s.primary || (unseen && (memory.ran_as_primary || started_as_primary));
  // An agent that was restarted knows of it by the mark; while its own job sees to it there is nothing to be afraid of.
  const bool attended = observation.job.running && makes_primary(*observation.job.running);
  const bool sent = memory.promotion_sent_to == postgres.incarnation || (postgres.data.promoting && !attended);
  s.promotion_may_come = sent && !s.stopped && !s.primary;
  s.paused = observation.settings.pause;
  s.standby = observation.settings.standby_cluster.has_value();
  s.job_running = observation.job.running.has_value();
  s.holding = lease_valid(observation.lease, observation.now);
  if (s.view != nullptr) {
    const auto& leader = s.view->leader;
    s.unlocked = !leader.exists();
    s.named = leader.exists() && leader.name == observation.self.name;
    s.other_leads = leader.exists() && !s.named;
    s.holding = s.holding && s.named && leader.version == observation.lease.version;
    s.namesake = s.named && !s.holding && !is_own(leader, observation);
    s.standby_leads = s.standby && s.named && !s.namesake;
    // Its owner, when it is no primary any more, finds out like everybody else who is to lead.
    const auto& restored = memory.restored_store;
    const bool as_put_back = restored && leader.exists() && leader.version == restored->leader_key && !s.holding;
    s.lock_is_of_the_past = as_put_back && (s.named ? !s.may_write : !same_name(restored->before.leader, leader.name));
    if (s.other_leads) {
      s.leader = s.view->leader_member();
      s.leader_name = leader.name;
    }
    // The key is gone, because the leader cannot reach the store; this member promised not to take it. Or it is ours
    // after all, by a write whose answer was lost before we promised (F32).
    const bool free_for_us = s.unlocked || (s.named && !observation.lease.held);
    if (free_for_us && promised(observation.failsafe, observation.now)) {
      s.unlocked = s.named = s.namesake = s.standby_leads = false;
      s.other_leads = true;
      s.leader = &observation.failsafe.promise->leader;
      s.leader_name = s.leader->name;
    }
    if (s.other_leads) {
      s.leader_usable = s.leader != nullptr && !s.lock_is_of_the_past && s.leader->state == PgState::running &&
                        parse_conn_url(s.leader->conn_url).has_value();
    }
  }
  return s;
}

bool foreign_data(const Situation& s) {
  return s.view != nullptr && s.has_data() && s.view->initialize.exists() && !s.view->initialize.value.empty() &&
         !s.o.postgres.data.system_id.empty() && s.view->initialize.value != s.o.postgres.data.system_id.str();
}

bool key_was_changed(const Situation& s) {
  return foreign_data(s) && s.m.recognized_id == s.o.postgres.data.system_id;
}

Upstream remote_upstream(const Situation& s) {
  Upstream out;
  if (!s.o.settings.standby_cluster) return out;
  const auto& remote = *s.o.settings.standby_cluster;
  out.recovery = remote.recovery;
  out.methods = remote.create_replica_methods;
  // Not a member's name: nobody of this cluster can be called that.
  out.name = MemberName("remote:" + (remote.host.empty() ? "archive" : remote.host + ":" + remote.port));
  if (remote.host.empty()) return out;
  out.address = {remote.host, remote.port};
  out.slot = remote.primary_slot_name;
  return out;
}

bool source_usable(const Situation& s) {
  return s.standby_leads ? !remote_upstream(s).none() : s.leader_usable;
}

bool follows(const Situation& s) {
  return s.other_leads || s.standby_leads;
}

Upstream leader_upstream(const Situation& s) {
  if (s.standby_leads) return remote_upstream(s);
  return s.leader != nullptr ? upstream_of(s, *s.leader) : Upstream{};
}

const UpstreamHistory* leader_history(const Situation& s) {
  const auto* history = s.o.upstream_history.get();
  if (history == nullptr) return nullptr;
  if (s.standby_leads) {
    // Its timelines are not told in our store: a promotion there is noticed by asking again.
    const bool recent = s.o.upstream_history.age(s.o.now) <= std::chrono::seconds(30);
    return recent && history->source == remote_upstream(s).name ? history : nullptr;
  }
  if (s.leader == nullptr || history->source != s.leader->name) return nullptr;
  // Of the data directory before this one.
  if (s.m.copied_at && s.o.upstream_history.at() < *s.m.copied_at) return nullptr;
  const bool promoted_since = s.leader->timeline && history->timeline < *s.leader->timeline;
  return promoted_since || s.o.upstream_history.age(s.o.now) > std::chrono::seconds(30) ? nullptr : history;
}

namespace {

// Whom the tag names, where that one can be followed.
const Member* named_parent(const ClusterView& view, const MemberName& name, const Tags& tags) {
  const MemberName from(tags.replicatefrom);
  const Member* parent = from.empty() || from == name ? nullptr : view.member(from);
  if (parent == nullptr || parent->state != PgState::running) return nullptr;
  if (view.leader.exists() && parent->name == view.leader.name) return parent;
  // What a primary that lost the lock writes must not be confirmed by anybody (I1, I5); and where a leader has moved
  // on, one that has not may be one that nobody knows to have led.
  if (parent->role != Role::replica) return nullptr;
  const Member* leader = view.leader.exists() ? view.member(view.leader.name) : nullptr;
  const bool behind =
      leader != nullptr && leader->timeline && parent->timeline && *parent->timeline < *leader->timeline;
  return behind ? nullptr : parent;
}

}  // namespace

const Member* parent_of(const ClusterView& view, const MemberName& name, const Tags& tags) {
  const Member* parent = named_parent(view, name, tags);
  // Tags that form a ring would have all of them wait for each other's WAL: who is in it follows the leader.
  const Member* at = parent;
  for (std::size_t i = 0; at != nullptr && i < view.members.size(); ++i) {
    if (at->name == name) return nullptr;
    if (view.leader.exists() && at->name == view.leader.name) break;
    at = named_parent(view, at->name, at->tags);
  }
  return parent;
}

Upstream wanted_upstream(const Situation& s) {
  if (s.view == nullptr) return {};
  if (s.standby_leads) return remote_upstream(s);
  if (s.o.self.tags.nostream) return {.name = s.leader_name, .address = {}, .slot = {}};
  const Member* parent = parent_of(*s.view, s.o.self.name, s.o.self.tags);
  if (parent == nullptr) return leader_upstream(s);
  if (parent->name != s.m.poor_parent) return upstream_of(s, *parent);
  // Nobody else knows of it: where the leader does not keep the slots of all members, it has none for this one.
  auto upstream = leader_upstream(s);
  if (!keeps_member_slots(s)) upstream.slot.clear();
  return upstream;
}

}  // namespace regent
