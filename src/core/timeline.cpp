#include "core/timeline.h"

#include <algorithm>

namespace regent {

Lineage lineage(Position position, bool inclusive, Timeline timeline, Lsn end, const History& history) {
  if (position.timeline == timeline) {
    // `end` is a moment old: a replica on the same timeline may be past it. A former primary's record may not.
    return inclusive || position.lsn < end ? Lineage::contained : Lineage::diverged;
  }
  const auto left = std::find_if(history.begin(), history.end(),
                                 [&](const HistoryLine& line) { return line.timeline == position.timeline; });
  if (left == history.end()) return Lineage::diverged;
  // Promotion happens between records: a record that starts before the switch is contained whole.
  const bool contained = inclusive ? position.lsn <= left->switch_lsn : position.lsn < left->switch_lsn;
  return contained ? Lineage::contained : Lineage::diverged;
}

bool contradict(const History& one, const History& other) {
  return std::any_of(one.begin(), one.end(), [&](const HistoryLine& line) {
    return std::any_of(other.begin(), other.end(), [&](const HistoryLine& twin) {
      return twin.timeline == line.timeline && twin.switch_lsn != line.switch_lsn;
    });
  });
}

bool twins(const BranchTimes& one, const BranchTimes& other) {
  return std::any_of(one.begin(), one.end(), [&](const auto& branch) {
    const auto found = other.find(branch.first);
    return found != other.end() && found->second != branch.second;
  });
}

LocalEnd local_end(const ControlFacts& control) {
  if (control.clean_primary()) return {{control.timeline, control.checkpoint}, false};
  const bool beyond_checkpoint = control.min_recovery.value != 0 && control.min_recovery_timeline.value != 0;
  if (beyond_checkpoint) return {{control.min_recovery_timeline, control.min_recovery}, true};
  return {{control.timeline, control.checkpoint}, true};
}

Timeline recorded_timeline(const History& history) {
  return history.empty() ? Timeline{} : Timeline{history.back().timeline.value + 1};
}

Timeline recorded_timeline(const ClusterView& view) {
  return std::max(recorded_timeline(view.history.value), view.timelines.value.reached);
}

std::string leader_of(const ClusterView& view, Timeline timeline) {
  const History& lines = view.history.value;
  const auto next =
      std::find_if(lines.begin(), lines.end(), [&](const HistoryLine& line) { return line.timeline >= timeline; });
  if (next == lines.begin()) return {};
  // A number that was left out is nobody's.
  const bool there = next == lines.end() ? timeline == recorded_timeline(view) : next->timeline == timeline;
  return there ? std::prev(next)->new_leader : std::string();
}

}  // namespace regent
