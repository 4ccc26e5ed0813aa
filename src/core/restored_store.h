// A store that was put back from a backup, or built anew under the old address (F34): it says what it said then, and
// knows nothing of who led and who confirmed commits since. What this agent read before that is newer.
#pragma once

#include <cstdint>
#include <vector>

#include "base/strong.h"
#include "base/time.h"
#include "core/failsafe.h"
#include "model/cluster_view.h"
#include "model/keys.h"

namespace regent {

struct Observation;
struct Memory;

// The store as it was last read. What it answers later is at least as new, unless it is another one.
struct StoreMark {
  std::uint64_t store = 0;
  std::uint64_t term = 0;
  std::uint64_t revision = 0;
  MemberName leader;         // whom the leader key named last
  SyncState sync;            // what /sync said; empty: nothing
  Status status;             // what the last leader published
  FailsafeMembers failsafe;  // whom /failsafe named
  Timeline ticket;           // up to here the numbers of timelines were taken
  // Of the keys: they only grow. When a member says it: none.
  std::vector<Version> versions;

  friend bool operator==(const StoreMark&, const StoreMark&) = default;
};

// It is another one, and nobody has led in it yet.
struct RestoredStore {
  StoreMark before;  // by what this agent read itself, or another member that read more of it
  // The keys as they were put back: until somebody writes them, the lock is of a reign that ended, and /sync of an
  // electorate that was replaced.
  Version leader_key;
  Version sync_key;
  Instant found;  // whoever led may have a lease of that time
  // Somebody leads all the time by this key: nobody keeps a lock for so long that was put back.
  Version led_by;
  Instant led_since;

  friend bool operator==(const RestoredStore&, const RestoredStore&) = default;
};

// Somebody led in it after all, by keys of these versions: who finds such keys came late, and what it read before is
// not what counts.
struct LedStore {
  std::uint64_t store = 0;
  std::uint64_t revision = 0;
  Version leader_key;
  Version sync_key;

  friend bool operator==(const LedStore&, const LedStore&) = default;
};

// Compares what was read with what is remembered of the store, by this agent and by the members that were asked lately.
// To be called first: the versions that the memory holds are those of one store.
void digest_store(const Observation& o, Memory& m);

}  // namespace regent
