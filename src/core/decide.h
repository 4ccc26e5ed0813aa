// The pure heart: facts in, decision out. Total, deterministic, microseconds. No I/O, no clock, no log, no global.
#pragma once

#include "core/decision.h"
#include "core/memory.h"
#include "core/observation.h"

namespace regent {

Decision decide(const Observation& observation, const Memory& memory);

}  // namespace regent
