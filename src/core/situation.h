#pragma once
#include "core/observation.h"
#include "core/memory.h"
namespace regent { struct Situation { const Observation& o; const Memory& m; }; }
