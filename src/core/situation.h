#pragma once
#include "core/memory.h"
#include "core/observation.h"
namespace regent {
struct Situation {
  const Observation& o;
  const Memory& m;
};
}  // namespace regent
