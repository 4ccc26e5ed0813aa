#include "agent/state.h"

#include <algorithm>

namespace regent {

Instant AgentState::deadline(Duration patience) const {
  const Instant at = now();
  const Instant wanted = at + std::max(patience, shortest_call);
  if (!lease.facts().held) return wanted;
  const Instant last = settings.failsafe_mode ? ask_members_at(lease.facts()) : demote_at(lease.facts());
  return std::min(wanted, std::max(last, at + shortest_call));
}

Instant AgentState::last_deadline(Duration patience) const {
  const Instant at = now();
  return std::min(at + patience, std::max(demote_at(lease.facts()), at + shortest_call));
}

}  // namespace regent
