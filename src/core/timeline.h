// Arithmetic of timelines: does one node's history contain another's position (I8, F61, F62)?
#pragma once

#include "base/lsn.h"
#include "core/observation.h"
#include "model/keys.h"

namespace regent {

// A place in the tree of timelines.
struct Position {
  Timeline timeline;
  Lsn lsn;

  friend bool operator==(const Position&, const Position&) = default;
};

enum class Lineage {
  contained,  // the history passes through the position: a node there can follow
  diverged,   // the history left before it, or never was there
};

// Whether the history of `timeline` (its history file) passes through `position`. `inclusive`: the position is the end
// of what a node has; otherwise it is the start of a record that must be contained as well, as the shutdown checkpoint
// of a former primary is.
Lineage lineage(Position position, bool inclusive, Timeline timeline, Lsn end, const History& history);

// Whether the two left a timeline at different places: then the same number was forked twice (F62).
bool contradict(const History& one, const History& other);

// Whether a timeline of one is another one than that of the same number of the other, though they may have been begun
// at the same place (F62). What is known of one only says nothing.
bool twins(const BranchTimes& one, const BranchTimes& other);

// What a stopped data directory holds at least, and how it must be compared.
struct LocalEnd {
  Position position;
  bool inclusive = true;
};
LocalEnd local_end(const ControlFacts& control);

// The timeline the cluster is known to be on: one above the last line of /history; 0 when nothing is recorded.
Timeline recorded_timeline(const History& history);
// The same, or what its last leader said: where numbers were left out, the history does not tell.
Timeline recorded_timeline(const ClusterView& view);
// Who made that timeline, as the cluster recorded it. Empty: nobody did.
std::string leader_of(const ClusterView& view, Timeline timeline);

}  // namespace regent
