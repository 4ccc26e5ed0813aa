#include "core/leadership.h"

namespace regent {

bool leads_now(const Observation& o, Instant now) {
  if (!lease_valid(o.lease, now)) return false;
  if (!o.cluster.is_known() || o.cluster.at() <= o.lease.confirmed_at) return true;
  const auto& leader = o.cluster->leader;
  return !leader.exists() || leader.name == o.self.name;
}

}  // namespace regent
