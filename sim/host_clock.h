// A machine's clocks: boot time with an offset and a drift of its own (F24, F25), and a wall clock that jumps (F22,
// F23).
#pragma once

#include "ports/clock.h"
#include "sim/agent_process.h"
#include "sim/world.h"

namespace regent::sim {

class HostClock {
 public:
  HostClock(const World& world, Duration boot_offset, std::int64_t drift_ppm)
      : world_(world), boot_offset_(boot_offset), drift_ppm_(drift_ppm) {}

  Instant boot() const { return Instant(boot_offset_ + local(world_.now())); }
  WallTime wall() const {
    constexpr std::chrono::seconds epoch(1'725'000'000);
    return WallTime(std::chrono::duration_cast<std::chrono::microseconds>(epoch + world_.now() + wall_jump_));
  }
  void jump_wall(Duration by) { wall_jump_ += by; }
  std::int64_t drift_ppm() const { return drift_ppm_; }

  // When, in true time, this clock will show at least `instant`.
  Duration when(Instant instant) const {
    const auto local_ns = (instant.time_since_epoch() - boot_offset_).count();
    if (local_ns <= 0) return Duration{};
    const std::int64_t scale = million + drift_ppm_;
    return Duration(local_ns / scale * million + local_ns % scale * million / scale + 1000);
  }

 private:
  static constexpr std::int64_t million = 1'000'000;

  Duration local(Duration true_time) const {
    const std::int64_t ns = true_time.count();
    return Duration(ns + ns / million * drift_ppm_ + ns % million * drift_ppm_ / million);
  }

  const World& world_;
  Duration boot_offset_;
  std::int64_t drift_ppm_;
  Duration wall_jump_{};
};

class ClockPort final : public Clock {
 public:
  ClockPort(World& world, HostClock& clock, AgentProcess& process) : world_(world), clock_(clock), process_(process) {}

  Instant now() const override { return clock_.boot(); }
  WallTime wall() const override { return clock_.wall(); }
  Task<void> sleep_until(Instant until) override {
    auto start = [this, until](std::shared_ptr<Wait<bool>> wait) {
      world_.at(clock_.when(until), [wait] { wait->complete(true); });
    };
    co_await wait_for<bool>(process_, start, false);
  }

 private:
  World& world_;
  HostClock& clock_;
  AgentProcess& process_;
};

}  // namespace regent::sim
