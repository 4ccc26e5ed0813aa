// The takeover: a synchronous standby takes the lock from a leader that gives no sign of life, before its lease ends.
//
// Why nothing acknowledged is lost (I5, I7), although the old leader may be alive and may not know. Every set of
// standbys that lets a commit be acknowledged meets every set that /sync lets elect: the candidate and so many other
// voters. These have let go of the old leader, so it cannot get the confirmation of any such set any more; and whatever
// it got before is held by one of them, none of which is ahead of the candidate. It could change whom its commits wait
// for only after it changed /sync, and a voter that had let go connects again only after IT changed /sync. The one
// transaction that makes the candidate the leader fails if /sync changed, and changes it itself. docs/adr/0008.
#pragma once

#include <string>

#include "core/situation.h"

namespace regent {

struct TakeoverStep {
  enum class Kind {
    none,    // no part in a takeover, or the leader is there: go on following
    probe,   // the stream ended: is there any sign of life?
    wait,    // until `again`; `why` says for what
    let_go,  // disconnect from the leader
    ask,     // the others' positions and whether they have let go
    take,    // the lock
  };
  Kind kind = Kind::none;
  std::string why;
  Instant again{};
};

// The next step on the way to a takeover, as a candidate or as one who only votes. Pure.
TakeoverStep next_takeover_step(const Situation& s);

// Why this node has no part in one; empty: it has.
std::string takeover_objection(const Situation& s);

// Keeps LeaderWatch up to date.
void digest_leader_watch(const Situation& s, Memory& m);

}  // namespace regent
