#include "agent/state.h"

#include <algorithm>

namespace regent {

Instant AgentState::deadline(Duration patience) const {
  const Instant at = now();
  const Instant wanted = at + std::max(patience, shortest_call);
  if (!lease.facts().held) return wanted;
  return std::min(wanted, std::max(demote_at(lease.facts()), at + shortest_call));
}

}  // namespace regent
