#include "core/leadership.h"

namespace regent {
namespace {

constexpr Duration time_to_take_it_again = std::chrono::seconds(2);

}  // namespace

bool leads_now(const Observation& o, Instant now) {
  if (!lease_valid(o.lease, now)) return false;
  if (!o.cluster.is_known() || o.cluster.at() <= o.lease.confirmed_at) return true;
  const auto& leader = o.cluster->leader;
  // Somebody deleted the key: it is taken again at once, if this process gets to it (F02, F33).
  if (!leader.exists()) return now - o.cluster.at() <= time_to_take_it_again;
  return leader.name == o.self.name;
}

}  // namespace regent
