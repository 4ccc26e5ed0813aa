// What every decision must satisfy, whatever rule or planner made it: a net below the rules. It knows nothing of them,
// only of what the actions of one decision mean beside each other and beside the facts (I2, I10, I11, I13, F64).
// Asserted in tests and in the simulator; in the daemon the actions of a decision that breaks it are not performed.
#pragma once

#include <string>
#include <vector>

#include "core/decision.h"
#include "core/observation.h"

namespace regent {

// One sentence for each clause that is broken; empty: none is.
std::vector<std::string> violations(const Observation& observation, const Decision& decision);

}  // namespace regent
