// How long the steps of a switchover took, as the leader that hands over sees them.
// Threading: any. Errors: none.
#pragma once

#include <optional>
#include <string>

#include "base/strong.h"
#include "base/time.h"

namespace regent {

struct Memory;
struct Situation;

struct Handover {
  std::string kind;  // "switchover" or "manual failover"
  Instant asked;     // when this leader saw the request
  Instant ready;     // a candidate was ready, and the checkpoint ahead of the stop began
  Instant refusing;  // from here on nothing could be written
  std::optional<Instant> stopped;
  std::optional<Instant> taken;     // somebody else held the lock
  std::optional<Instant> writable;  // and its server was a primary
  MemberName successor;

  friend bool operator==(const Handover&, const Handover&) = default;
};

// Notes what is to be seen of it in this cycle. A node that leads again has nothing to tell of.
void digest_handover(const Situation& s, Memory& m);

// "switchover to n2: writes were paused for 0.21 s (...)"; only of one that is over.
std::string print_handover(const Handover& handover);

}  // namespace regent
