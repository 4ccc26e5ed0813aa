// The guard's program, carried inside the agent: one file to install, and both are always of one build.
#pragma once

#include "adapters/os/unique_fd.h"
#include "base/result.h"

namespace regent {

// A memory file with the program, ready to be executed.
Result<UniqueFd> guard_program();

}  // namespace regent
