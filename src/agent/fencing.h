// Keeps the guard and the watchdog at what the lease allows (I3).
// Who calls: the executor, and the jobs that make a primary. Threading: the control loop's thread.
#pragma once

#include "core/fences.h"
#include "ports/task.h"

namespace regent {

struct AgentState;

// Both, as far as they are wanted and can be had; what could not be done is a fact.
Task<void> arm_fences(AgentState& state, FenceOrder order);
Task<void> disarm_fences(AgentState& state);

// The lease was confirmed, or extended by the members: fences that are armed go along. In this turn, not in the next
// cycle: an agent that is frozen in between must not be fenced by the deadline of the renewal before.
Task<void> fences_follow_lease(AgentState& state);

}  // namespace regent
