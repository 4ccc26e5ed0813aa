#include "core/rules/steps.h"

#include <algorithm>

namespace regent::rules {

void condition(Decision& d, std::string name, std::string detail) {
  d.conditions.push_back({std::move(name), std::move(detail)});
}

void wake_in(const Situation& s, Decision& d, Duration delay) {
  d.wake_at = std::min(d.wake_at, s.o.now + delay);
}

void renew_when_due(const Situation& s, Decision& d) {
  const auto due = s.o.lease.confirmed_at + renew_interval(s.o.settings.ttl, s.o.settings.loop_wait);
  // A little early rather than a whole cycle late.
  if (s.o.now + std::chrono::milliseconds(100) >= due) {
    act(d, action::RenewLease{});
    // Its outcome may stay unknown: then the next attempt comes soon, while there is time for several.
    wake_in(s, d, std::chrono::seconds(1));
  } else {
    d.wake_at = std::min(d.wake_at, due);
  }
}

job::Stop fence(const Situation& s) {
  const auto left = dead_by(s.o.lease) - s.o.now;
  if (!s.o.lease.held || left <= std::chrono::milliseconds(200)) return {.immediate = true};
  return {.escalate_after = left / 2};
}

void forget_rejoin(Memory& memory) {
  memory.rejoin = Rejoin::unchecked;
  memory.rejoin_leader = MemberName();
  memory.rejoin_timeline = Timeline{};
  memory.rewind_failures = 0;
}

}  // namespace regent::rules
