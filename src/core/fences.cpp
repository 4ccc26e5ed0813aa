#include "core/fences.h"

#include <array>

namespace regent {

FenceOrder fence_order(Instant deadline, const Settings& settings, const WatchdogFacts& watchdog) {
  FenceOrder order;
  order.deadline = deadline;
  const auto ttl = std::chrono::floor<std::chrono::seconds>(settings.ttl);
  const auto margin = watchdog.safety_margin;
  order.watchdog_timeout = margin ? Duration(ttl) - *margin : Duration(std::chrono::seconds(ttl.count() / 2));
  order.watchdog_slack = order.watchdog_timeout - settings.loop_wait;
  return order;
}

std::string missing_fence(const FenceFacts& fences) {
  const auto& [guard, watchdog] = fences;
  if (watchdog.mode == FenceMode::required && (!watchdog.usable || watchdog.state == WatchdogFacts::State::failed)) {
    return "watchdog could not be activated: " + watchdog.why;
  }
  if (guard.mode == FenceMode::required && guard.state == GuardFacts::State::failed) {
    return "the guard could not be armed: " + guard.why;
  }
  return {};
}

std::string_view to_string(GuardFacts::State state) {
  constexpr std::array<std::string_view, 4> words{"unsettled", "idle", "armed", "failed"};
  return words.at(static_cast<std::size_t>(state));
}

std::string_view to_string(WatchdogFacts::State state) {
  constexpr std::array<std::string_view, 3> words{"closed", "active", "failed"};
  return words.at(static_cast<std::size_t>(state));
}

}  // namespace regent
