// The control loop: gather, decide, act, publish, wait for whatever comes first.
// Who calls: Agent::run(). Threading: the control loop's thread. Errors: none escape.
#pragma once

#include <memory>

#include "agent/state.h"
#include "ports/task.h"

namespace regent {

// Ends with the exit code after a decision to exit.
Task<int> run_loop(std::shared_ptr<AgentState> state);

}  // namespace regent
