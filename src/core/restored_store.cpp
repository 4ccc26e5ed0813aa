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
  if (view.sync.version != restored.sync_key) return true;
  const Member* leader = view.leader_member();
  if (leader == nullptr || leader->role == Role::replica) return false;
  // There is nothing to write where no commit waits for standbys, nor where /sync is as it was.
  if (view.sync.exists() && view.sync.value != restored.before.sync) return false;
  return view.leader.version != restored.leader_key || same_name(leader->name, restored.before.leader);
}

// Who comes back late finds keys that were written long ago.
bool is_led_for_long(RestoredStore& restored, const ClusterView& view, const Observation& o) {
  const Member* leader = view.leader_member();
  const bool leads = leader != nullptr && leader->role != Role::replica;
  if (!leads || view.leader.version != restored.led_by) {
    restored.led_by = leads ? view.leader.version : Version{};
    restored.led_since = o.now;
  }
  return leads && o.now - restored.led_since >= 2 * o.settings.ttl;
}

void digest_view(const ClusterView& view, const Observation& o, Memory& m) {
  if (m.store_mark && is_another(*m.store_mark, view)) {
    // Twice in a row: what the first one said was old already.
    StoreMark before = m.restored_store ? m.restored_store->before : *m.store_mark;
    before.at = m.store_mark->at;
    m.restored_store = RestoredStore{std::move(before), view.leader.version, view.sync.version, {}, {}};
    forget_versions(m);
  } else if (m.restored_store && (is_led(*m.restored_store, view) || is_led_for_long(*m.restored_store, view, o))) {
    m.restored_store.reset();
  }
}

// A member that was cut off, or whose agent was just started, has not read what others have.
void learn(const PeerAnswer& peer, const ClusterView& view, Instant now, Memory& m) {
  if (!peer.reachable || !peer.restored_store || is_led(*peer.restored_store, view)) return;
  const StoreMark& theirs = peer.restored_store->before;
  if (!m.restored_store) {
    m.restored_store = peer.restored_store;
    m.restored_store->before.at = now;
    forget_versions(m);
    return;
  }
  StoreMark& mine = m.restored_store->before;
  if (theirs.store != mine.store || std::pair(theirs.term, theirs.revision) <= std::pair(mine.term, mine.revision)) {
    return;
  }
  const Instant at = mine.at;
  mine = theirs;
  mine.at = at;
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
  mark.at = o.cluster.at();
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
