#include <fmt/format.h>

#include <algorithm>

#include "core/election.h"
#include "core/plan/planners.h"

namespace regent::plan {
namespace {

// The reading of the WAL, or its replay, may have come to its end.
constexpr Duration look_again = std::chrono::milliseconds(500);

bool caught_up(const Situation& s) {
  if (s.primary) return s.holding;
  const auto& goal = s.m.copy_goal;
  return s.replica && s.server->wal_known && goal && s.server->timeline == goal->timeline && s.server->wal >= goal->lsn;
}

}  // namespace

void position_watch(const Situation& s, Decision& d) {
  if (s.o.postgres.process == Process::starting) d.conditions.push_back({"Starting", s.o.postgres.server.why()});
  if (!s.replica || s.server->wal_known) return;
  d.conditions.push_back({"PositionUnknown", fmt::format("the end of the WAL on the disk is not known yet: {} was "
                                                         "replayed so far; until then this member does not vote, and "
                                                         "is not overtaken",
                                                         to_string(s.server->wal))});
  d.wake_at = std::min(d.wake_at, s.o.now + look_again);
}

void copy_watch(const Situation& s, Decision& d) {
  if (!s.o.postgres.data.copied) return;
  const auto* theirs = leader_history(s);
  if (s.replica && s.other_leads && theirs != nullptr && !theirs->in_recovery) {
    d.memory.copy_goal = Position{theirs->timeline, theirs->wal};
  }
  if (caught_up(s)) {
    d.actions.emplace_back(action::ForgetCopy{});
  } else if (lacks_votes(s)) {
    d.conditions.push_back({"NotCaughtUp",
                            "this data directory is a copy: until it has caught up with a leader, this member neither "
                            "stands nor votes, because it may lack what it confirmed before"});
  }
}

}  // namespace regent::plan
