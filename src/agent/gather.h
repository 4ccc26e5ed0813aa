// The first step of a cycle: fresh facts.
// Who calls: the control loop. Errors: none; what could not be learned is an unknown fact.
#pragma once

#include "agent/state.h"
#include "core/observation.h"
#include "ports/task.h"

namespace regent {

// Before the first cycle: the configuration to go by until the store has answered.
void adopt_initial_config(AgentState& state);

// Reads the store and the local server at the same time. Everything that is copied without waiting, the time first of
// all (F02), is taken after that.
Task<Observation> gather(AgentState& state);

}  // namespace regent
