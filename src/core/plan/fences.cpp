// The guard and the watchdog are armed while a client could write here, and only then (I3, I14).
#include <algorithm>

#include "core/action_traits.h"
#include "core/plan/planners.h"

namespace regent::plan {
namespace {

// The jobs that make a primary arm the fences by themselves, right before the step that does it.
bool primary_in_the_making(const Situation& s, const Decision& d) {
  if (s.o.job.running && makes_primary(*s.o.job.running)) return true;
  return std::any_of(d.actions.begin(), d.actions.end(), [](const Action& act) { return traits(act).makes_primary; });
}

// In recovery by the last look, and a primary by now or at any moment: a job is at it, a promotion that was given up
// may still come, or the look is of before one was sent (F02). The job armed the fences once, but a pause disarms them
// under it, and the guard may have been killed.
bool may_come_to_write(const Situation& s) {
  if (s.single_user) return false;
  if (s.o.job.running && makes_primary(*s.o.job.running)) return true;
  if (s.stopped) return false;
  const auto& ended = s.o.job.ended;
  const bool of_before = ended && makes_primary(ended->spec) && s.o.postgres.server.at() < ended->at;
  return s.promotion_may_come || (s.o.lease.held && of_before);
}

// A server in single-user mode has no clients, and what it is interrupted in has to be done again (F71).
bool nobody_can_write(const Situation& s) {
  return s.stopped || s.single_user || (s.replica && !may_come_to_write(s));
}

bool takes_lock(const Decision& d) {
  return std::any_of(d.actions.begin(), d.actions.end(),
                     [](const Action& act) { return std::holds_alternative<action::AcquireLeader>(act); });
}

// When no client may be served any more. Without a lease: when the stop that rule 15 began must be over; but what was
// armed under a lease is never put off.
std::optional<FenceOrder> order(const Situation& s, const Decision& d) {
  const FenceFacts& fences = s.o.fences;
  if (s.o.lease.held) return fence_order(dead_by(s.o.lease), s.o.settings, fences.watchdog);
  if (fences.guard.armed()) return std::nullopt;
  std::optional<Instant> until;
  if (s.m.unleased_since) until = *s.m.unleased_since + unleased_patience(s) + s.o.settings.retry_timeout;
  // An agent that dies right after it took the lock leaves a primary behind that is guarded.
  if (takes_lock(d)) {
    LeaseFacts granted;
    granted.confirmed_at = s.o.now;
    granted.ttl = s.o.settings.ttl;
    until = dead_by(granted);
  }
  if (!until) return std::nullopt;
  auto unleased = fence_order(*until, s.o.settings, fences.watchdog);
  unleased.leased = false;
  return unleased;
}

bool armed_as_ordered(const FenceFacts& fences, const FenceOrder& order) {
  const auto& [guard, watchdog] = fences;
  const bool guarded = guard.mode == FenceMode::off || (guard.armed() && guard.deadline == order.deadline);
  // One that cannot be had, and need not be, is not asked for again and again.
  const bool given_up = watchdog.mode == FenceMode::automatic && watchdog.state == WatchdogFacts::State::failed;
  const bool watched =
      watchdog.mode == FenceMode::off || given_up || (watchdog.active() && watchdog.timeout == order.watchdog_timeout);
  return guarded && watched;
}

bool at_rest(const FenceFacts& fences) {
  const auto& [guard, watchdog] = fences;
  const bool guard_rests = guard.mode == FenceMode::off || guard.state == GuardFacts::State::idle;
  return guard_rests && (watchdog.mode == FenceMode::off || watchdog.state == WatchdogFacts::State::closed);
}

void report(const FenceFacts& fences, Decision& d) {
  const auto& [guard, watchdog] = fences;
  if (guard.mode != FenceMode::off && guard.state == GuardFacts::State::failed) {
    d.conditions.push_back({"GuardFailed", "nothing ends PostgreSQL if this agent cannot: " + guard.why});
  }
  if (watchdog.mode == FenceMode::required && (!watchdog.usable || watchdog.state == WatchdogFacts::State::failed)) {
    d.conditions.push_back({"WatchdogFailed", watchdog.why});
  }
}

}  // namespace

void fences(const Situation& s, Decision& d) {
  const FenceFacts& fences = s.o.fences;
  report(fences, d);
  // In front of everything: a step that fails ends the cycle.
  const auto first = d.actions.begin();
  // A standby leader has the lock, and nobody can write there.
  const bool harmless = s.paused || (nobody_can_write(s) && !primary_in_the_making(s, d));
  if (harmless) {
    if (!at_rest(fences)) d.actions.insert(first, action::DisarmFences{});
    return;
  }
  const auto wanted = order(s, d);
  const bool exposed = s.may_write || may_come_to_write(s);
  if (!exposed || !wanted || armed_as_ordered(fences, *wanted)) return;
  d.actions.insert(first, action::ArmFences{*wanted});
  // What cannot be armed now is tried again soon.
  d.wake_at = std::min(d.wake_at, s.o.now + std::chrono::seconds(1));
}

}  // namespace regent::plan
