#include <fmt/format.h>

#include "core/plan/planners.h"

namespace regent::plan {

void store_watch(const Situation& s, Decision& d) {
  if (!s.m.restored_store || s.view == nullptr) return;
  const auto& restored = *s.m.restored_store;
  d.conditions.push_back(
      {"StoreRestored",
       fmt::format("the store is older than it was, as after a restore from a backup: until somebody leads, what was "
                   "read before counts{}{}",
                   restored.before.leader.empty() ? "" : ": the last leader was ", restored.before.leader.str())});
}

}  // namespace regent::plan
