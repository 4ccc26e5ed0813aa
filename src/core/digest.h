// What happened since the last cycle, turned into memory: ended jobs, role changes, a store that came or went.
#pragma once

#include "core/memory.h"
#include "core/observation.h"

namespace regent {

Memory digest(const Observation& observation, Memory memory);

}  // namespace regent
