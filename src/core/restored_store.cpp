#include "core/restored_store.h"

#include <utility>

#include "core/election.h"
#include "core/memory.h"
#include "core/observation.h"
#include "core/timeline.h"

namespace regent {
namespace {

std::vector<Version> versions_of(const ClusterView& view) {
  return {view.initialize.version, view.leader.version,  view.config.version,    view.status.version,
          view.sync.version,       view.history.version, view.timelines.version, view.failsafe.version};
}

bool is_another(const StoreMark& mark, const ClusterView& view) {
  if (view.store != mark.store || view.term < mark.term || view.revision < mark.revision) return true;
  // It may have caught up with the revision since. A key that was deleted may be absent, or have a newer version.
  const auto now = versions_of(view);
  for (std::size_t i = 0; i < now.size() && i < mark.versions.size(); ++i) {
    if (!now[i].absent() && now[i] < mark.versions[i]) return true;
  }
  return false;
}

// Numbers of another store say nothing in this one, and may be met again.
void forget_versions(Memory& m) {
  m.elected_on = {};
  m.request_under_lock = {};
  m.failsafe_written_for = {};
  m.applied_config = {};
  m.leader_watch.reset();
  m.sync_fenced = false;
}

// Somebody was elected by what the members remember, and said so; or goes on as before.
bool is_led(const RestoredStore& restored, const ClusterView& view) {
  const StoreMark& before = restored.before;
  const bool anew = view.leader.exists() && view.leader.version != restored.leader_key;
  const bool goes_on = view.leader.exists() && same_name(view.leader.name, before.leader);
  // A voter that takes its vote back writes it as well, and knows nothing.
  if (view.sync.version != restored.sync_key && (anew || goes_on)) return true;
  const Member* leader = view.leader_member();
  if (leader == nullptr || leader->role == Role::replica) return false;
  if (view.leader.version == restored.leader_key) {
    // It goes on, with a store that lacks nothing of what is known.
    return goes_on && view.sync.value == before.sync && view.failsafe.value == before.failsafe &&
           view.status.value.optime >= before.status.optime;
  }
  // There is nothing to write where no commit waits for standbys, nor where /sync is as it was.
  return !view.sync.exists() || view.sync.value == before.sync;
}

// Its keys were written by somebody who led.
bool is_late(const RestoredStore& restored, const LedStore& led, const ClusterView& view) {
  if (led.store != view.store || led.revision > view.revision) return false;
  const bool leader = !led.leader_key.absent() && restored.leader_key >= led.leader_key;
  return leader || (!led.sync_key.absent() && restored.sync_key >= led.sync_key);
}

// Who comes back late finds keys that were written long ago.
bool is_led_for_long(RestoredStore& restored, const ClusterView& view, const Observation& o) {
  const Member* leader = view.leader_member();
  // By the members' word alone nobody writes anything.
  const bool promised = view.leader.name == o.self.name && vouched_for(o.lease, o.now);
  const bool leads = leader != nullptr && leader->role != Role::replica && !promised;
  if (!leads || view.leader.version != restored.led_by) {
    restored.led_by = leads ? view.leader.version : Version{};
    restored.led_since = o.now;
  }
  return leads && o.now - restored.led_since >= 2 * o.settings.ttl;
}

void settle(const LedStore& led, Memory& m) {
  m.restored_store.reset();
  m.led_store = led;
}

void digest_view(const ClusterView& view, const Observation& o, Memory& m) {
  if (m.store_mark && is_another(*m.store_mark, view)) {
    // Twice in a row: what the first one said was old already.
    RestoredStore restored;
    restored.before = m.restored_store ? m.restored_store->before : *m.store_mark;
    restored.leader_key = view.leader.version;
    restored.sync_key = view.sync.version;
    restored.found = o.now;
    m.restored_store = std::move(restored);
    m.led_store.reset();
    forget_versions(m);
  } else if (m.restored_store && (is_led(*m.restored_store, view) || is_led_for_long(*m.restored_store, view, o))) {
    settle({view.store, view.revision, view.leader.version, view.sync.version}, m);
  }
}

// A member that was cut off, or whose agent was just started, has not read what others have.
void learn(const PeerAnswer& peer, const ClusterView& view, Instant now, Memory& m) {
  if (!peer.reachable) return;
  if (m.restored_store && peer.led_store && is_late(*m.restored_store, *peer.led_store, view)) {
    return settle(*peer.led_store, m);
  }
  if (!peer.restored_store || is_led(*peer.restored_store, view)) return;
  if (m.led_store && is_late(*peer.restored_store, *m.led_store, view)) return;
  const StoreMark& theirs = peer.restored_store->before;
  if (!m.restored_store) {
    m.restored_store = peer.restored_store;
    m.restored_store->found = now;
    forget_versions(m);
    return;
  }
  StoreMark& mine = m.restored_store->before;
  const bool newer = std::pair(theirs.term, theirs.revision) > std::pair(mine.term, mine.revision);
  if (theirs.store == mine.store && newer) mine = theirs;
}

}  // namespace

void digest_store(const Observation& o, Memory& m) {
  const ClusterView* view = o.cluster.get();
  if (view == nullptr) return;
  digest_view(*view, o, m);
  if (o.peers.is_known() && o.now - o.peers->asked_at <= fresh_answers) {
    for (const auto& peer : o.peers->answers) learn(peer, *view, o.now, m);
  }
  StoreMark mark;
  mark.store = view->store;
  mark.term = view->term;
  mark.revision = view->revision;
  mark.leader = view->leader.name;
  mark.sync = view->sync.value;
  mark.status = view->status.value;
  // It goes without saying as long as the history that is put back with it says it.
  if (mark.status.timeline.value == 0) mark.status.timeline = recorded_timeline(*view);
  mark.failsafe = view->failsafe.value;
  mark.ticket = view->timelines.value.ticket;
  mark.versions = versions_of(*view);
  if (!view->leader.exists() && m.store_mark) mark.leader = m.store_mark->leader;
  m.store_mark = std::move(mark);
}

}  // namespace regent
