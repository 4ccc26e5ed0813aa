// What others need to know about an action beside what it does: written down once, for every action.
#pragma once

#include "core/decision.h"

namespace regent {

struct ActionTraits {
  // A write to the store: one that was decided under a lease is not sent any more when that ran out since (F02).
  bool dies_with_lease = false;
  // It goes on while all is well, and changes nothing that the rules look at.
  bool heartbeat = false;
  // A client may write to this server from then on, if it could not before (I2).
  bool makes_primary = false;
};

ActionTraits traits(const Action& action);

}  // namespace regent
