// A voter that had let go of the leader may have given somebody its vote. Before it connects to anybody again it
// changes /sync: whoever counts on the vote fails, because it compares what it read (I7).
#include <algorithm>

#include "core/plan/planners.h"
#include "core/sync.h"

namespace regent::plan {
namespace {

struct UpstreamOf {
  const Upstream* operator()(const job::Start& start) const { return start.as_primary ? nullptr : &start.upstream; }
  const Upstream* operator()(const job::Restart& again) const { return again.as_primary ? nullptr : &again.upstream; }
  const Upstream* operator()(const job::CopySlots& copy) const { return &copy.upstream; }
  template <class Other>
  const Upstream* operator()(const Other&) const {
    return nullptr;
  }
};

// The server that the action connects the local one to; nullptr: none.
const Upstream* attaches_to(const Action& action) {
  const Upstream* upstream = nullptr;
  if (const auto* follow = std::get_if<action::Follow>(&action)) upstream = &follow->upstream;
  if (const auto* start = std::get_if<action::StartJob>(&action)) upstream = std::visit(UpstreamOf{}, start->spec);
  return upstream == nullptr || upstream->none() ? nullptr : upstream;
}

// Whoever took the lock after the leader that /sync names may be counting on the vote at this moment, and cannot
// confirm a commit before it wrote /sync itself: following it takes nothing back.
bool is_elected(const Situation& s, const Upstream& upstream) {
  return s.other_leads && same_name(upstream.name, s.view->leader.name) &&
         !same_name(upstream.name, s.view->sync.value.leader);
}

}  // namespace

void withdraw_vote(const Situation& s, Decision& d) {
  // Also while nobody holds the lock: it may be about to attach to a leader that it promised to follow (I13).
  if (s.m.vote_free || s.view == nullptr || s.view->leader.name == s.o.self.name) return;
  const auto at =
      std::find_if(d.actions.begin(), d.actions.end(), [](const Action& a) { return attaches_to(a) != nullptr; });
  if (at == d.actions.end()) return;
  // What it let go for came to nothing: no hurry with the next time.
  if (s.replica && s.server->let_go()) d.memory.no_takeover_before = s.o.now + s.o.settings.loop_wait;
  const auto& sync = s.view->sync;
  // As it was put back nobody votes by it (F34).
  const bool votes_count =
      !s.m.restored_store && sync.exists() && sync.value.lists(s.o.self.name) && electable(sync.value).quorum > 0;
  if (!votes_count || is_elected(s, *attaches_to(*at))) return;
  d.actions.insert(at, action::WriteKey{action::Key::sync, print_sync(sync.value, s.o.self.generation), sync.version});
}

}  // namespace regent::plan
