// Timeline numbers as tickets: a promotion takes a number that nobody else was ever given, and that no timeline which
// anybody knows of has (I8, F62).
#pragma once

#include <optional>

#include "core/decision.h"
#include "core/situation.h"

namespace regent {

// The number to take now. The local server's position, running or stopped, must be known. `left`: that nobody has to
// come back up to there any more is told with it.
action::Ticket next_ticket(const Situation& s, Timeline left = {});

// Whether a lock that is taken now is taken to be promoted.
bool promotes(const Situation& s);

// The number that was taken with the lock, if a promotion may still use it; nullopt: another one is to be taken first.
std::optional<Timeline> held_ticket(const Situation& s);

// The timeline the cluster is known to have reached, and did not leave behind: what is recorded, or what a leader was
// seen on before.
Timeline known_timeline(const Situation& s);
// Of a node that takes the lock, or leads, on an older timeline than that: what it leaves behind; 0: nothing.
Timeline left_by(const Situation& s);

}  // namespace regent
