// What ends the local PostgreSQL when this process cannot (F01, F02, F04, F05): the guard, a process beside the agent,
// and the watchdog, a device that resets the machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "core/lease.h"
#include "model/fence_mode.h"
#include "model/settings.h"

namespace regent {

struct GuardFacts {
  FenceMode mode = FenceMode::off;
  enum class State {
    unsettled,  // an agent before this one may have left one behind that is armed
    idle,
    armed,
    failed,  // it could not be started, or does not answer
  };
  State state = State::unsettled;
  std::string why;   // failed: one sentence
  Instant deadline;  // armed: PostgreSQL is ended then
  // Its memory is locked; where it may not be, a machine that swaps can make it late.
  bool memory_locked = true;
  // The last time it had to.
  std::optional<Instant> fenced_at;

  bool armed() const { return state == State::armed; }
};

struct WatchdogFacts {
  FenceMode mode = FenceMode::off;
  // How much earlier than the lease the machine is reset. nullopt: half the lease.
  std::optional<Duration> safety_margin;
  bool usable = true;  // the device is there and may be written to
  enum class State { closed, active, failed };
  State state = State::closed;
  std::string why;     // failed, or not usable: one sentence
  Duration timeout{};  // active: as set

  bool active() const { return state == State::active; }
};

struct FenceFacts {
  GuardFacts guard;
  WatchdogFacts watchdog;
};

// How the fences are to be set.
struct FenceOrder {
  Instant deadline;  // of the guard
  // It is that of a confirmed lease: only then what an earlier agent left behind, whose deadline may be sooner, is sent
  // home.
  bool leased = true;
  Duration watchdog_timeout{};  // whole seconds
  Duration watchdog_slack{};    // what a cycle may be late; negative: the lease is too short for a watchdog

  friend bool operator==(const FenceOrder&, const FenceOrder&) = default;
};

FenceOrder fence_order(Instant deadline, const Settings& settings, const WatchdogFacts& watchdog);

// A fence without which this node may not be a primary is known to be missing; empty: none is.
std::string missing_fence(const FenceFacts& fences);

std::string_view to_string(GuardFacts::State state);
std::string_view to_string(WatchdogFacts::State state);

}  // namespace regent
