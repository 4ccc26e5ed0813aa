#include "agent/fencing.h"

#include "agent/state.h"

namespace regent {

namespace {

// A guard that is there answers within microseconds; what does not by then is replaced.
constexpr Duration guard_time = std::chrono::seconds(1);

}  // namespace

Task<void> arm_fences(AgentState& state, FenceOrder order) {
  if (state.ports.watchdog.facts().mode != FenceMode::off) state.ports.watchdog.activate(order);
  if (state.ports.guard.facts().mode == FenceMode::off) co_return;
  auto arm = state.ports.guard.arm(order.deadline, order.leased, state.now() + guard_time);
  co_await std::move(arm);
}

Task<void> disarm_fences(AgentState& state) {
  state.ports.watchdog.close();
  if (state.ports.guard.facts().mode == FenceMode::off) co_return;
  auto disarm = state.ports.guard.disarm(state.now() + guard_time);
  co_await std::move(disarm);
}

Task<void> fences_follow_lease(AgentState& state) {
  const LeaseFacts& lease = state.lease.facts();
  if (!lease.held) co_return;
  if (state.ports.watchdog.facts().active()) state.ports.watchdog.keep_alive();
  if (!state.ports.guard.facts().armed()) co_return;
  auto arm = state.ports.guard.arm(dead_by(lease), true, state.now() + guard_time);
  co_await std::move(arm);
}

}  // namespace regent
