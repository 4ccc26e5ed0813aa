// The last step of a cycle: performs the actions of a decision, in order; the first failure ends the cycle, because
// what follows relied on it. Who calls: the control loop. Errors: returned; the next cycle sees facts, not hopes.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/state.h"
#include "core/settle.h"
#include "ports/task.h"

namespace regent {

struct Performed {
  std::optional<int> exit_code;  // the decision was to end
  Outcome outcome;
};

// `decided_at`: the time the decision saw.
Task<Performed> execute(std::shared_ptr<AgentState> state, std::vector<Action> actions, Instant decided_at);

// Keeps the session of a member that does not lead alive when that is due.
Task<Result<void>> keep_session(AgentState& state);
bool session_due(const AgentState& state);

}  // namespace regent
