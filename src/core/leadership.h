// Whether this node is the leader, for whoever asks from outside.
#pragma once

#include "core/observation.h"

namespace regent {

// The lease is valid by its deadline, and the store was not seen to name another leader since it was confirmed.
bool leads_now(const Observation& observation, Instant now);

}  // namespace regent
