// A voter that had let go of the leader may have given somebody its vote. Before it connects to anybody again it
// changes /sync: whoever counts on the vote fails, because it compares what it read (I7).
#include <algorithm>

#include "core/plan/planners.h"
#include "core/sync.h"

namespace regent::plan {
namespace {

struct Attaches {
  bool operator()(const job::Start& start) const { return !start.as_primary && !start.upstream.none(); }
  bool operator()(const job::Restart& restart) const { return !restart.as_primary && !restart.upstream.none(); }
  bool operator()(const job::CopySlots& copy) const { return !copy.upstream.none(); }
  template <class Other>
  bool operator()(const Other&) const {
    return false;
  }
};

bool attaches(const Action& action) {
  if (const auto* follow = std::get_if<action::Follow>(&action)) return !follow->upstream.none();
  const auto* start = std::get_if<action::StartJob>(&action);
  return start != nullptr && std::visit(Attaches{}, start->spec);
}

}  // namespace

void withdraw_vote(const Situation& s, Decision& d) {
  // Also while nobody holds the lock: it may be about to attach to a leader that it promised to follow (I13).
  if (s.m.vote_free || s.view == nullptr || s.view->leader.name == s.o.self.name) return;
  const auto at = std::find_if(d.actions.begin(), d.actions.end(), attaches);
  if (at == d.actions.end()) return;
  // What it let go for came to nothing: no hurry with the next time.
  if (s.replica && s.server->let_go()) d.memory.no_takeover_before = s.o.now + s.o.settings.loop_wait;
  const auto& sync = s.view->sync;
  const bool votes_count = sync.exists() && sync.value.lists(s.o.self.name) && electable(sync.value).quorum > 0;
  if (!votes_count) return;
  d.actions.insert(at, action::WriteKey{action::Key::sync, print_sync(sync.value, s.o.self.generation), sync.version});
}

}  // namespace regent::plan
