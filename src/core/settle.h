// What of a decision becomes true: its memory speaks of what its actions did, and some of them may have failed (ADR 4).
#pragma once

#include <cstddef>
#include <optional>

#include "base/result.h"
#include "core/decision.h"

namespace regent {

// How the actions of a decision went.
struct Outcome {
  std::size_t done = 0;         // so many succeeded, in order
  std::optional<Error> failed;  // then one failed, and what followed was not done
};

// Something changed, or was learned, that the rules should look at now.
bool had_effects(const Decision& decision, const Outcome& outcome);

// The memory to go on with. `before`: what the decision was made with.
Memory settle(const Memory& before, const Decision& decision, const Outcome& outcome);

}  // namespace regent
