#include <algorithm>

#include "core/plan/planners.h"
#include "core/rules/steps.h"

namespace regent::plan {

void hang_watch(const Situation& s, Decision& d) {
  const auto& postgres = s.o.postgres;
  // A query that waits says little by itself, and has a condition of its own.
  if (!s.may_write || !s.running || (!postgres.deaf_since && !postgres.wal_stuck_since)) return;
  const bool told = std::any_of(d.conditions.begin(), d.conditions.end(),
                                [](const Condition& condition) { return condition.name == "PostgresHangs"; });
  if (!told) d.conditions.push_back({"PostgresHangs", rules::hang_symptoms(s)});
  d.wake_at = std::min(d.wake_at, s.o.now + std::chrono::seconds(1));
  if (const auto at = rules::hangs_at(s); at && *at > s.o.now) d.wake_at = std::min(d.wake_at, *at);
}

}  // namespace regent::plan
