// The guard of one node. The model outlives the agents that arm it, as the process does: what an agent left behind
// stays armed until a later one with a lease sends it home, or it has done its work.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>

#include "ports/guard.h"
#include "ports/watchdog.h"
#include "sim/agent_process.h"
#include "sim/host_clock.h"
#include "sim/pg_server.h"

namespace regent::sim {

class GuardModel {
 public:
  GuardModel(World& world, HostClock& clock, PgServer& server) : world_(world), clock_(clock), server_(server) {}

  void arm(Instant deadline, bool leased);
  void disarm();
  // The agent is gone: its guard goes on.
  void orphan();
  // Killed. Whether the agent notices is up to the port.
  void kill();
  // Killed, and none can be started (F04).
  void set_broken(bool broken);
  bool broken() const { return broken_; }
  // The whole machine stands still, and goes on.
  void freeze() { frozen_ = true; }
  void thaw();
  void power_off();

  // Since when it is killed, and nobody has armed another one or sent it home.
  std::optional<Duration> lost_since() const { return lost_since_; }
  // Nothing ends the server in time: it was killed, stands still or did until just now, or knows of no lease.
  bool helpless() const;
  const std::optional<Instant>& own() const { return own_; }

  std::function<void(const std::string& why)> on_end;  // the port's: it was killed, or has fenced

 private:
  void watch(Instant deadline);
  void look();

  World& world_;
  HostClock& clock_;
  PgServer& server_;
  std::optional<Instant> own_;   // of the present agent
  std::optional<Instant> left_;  // the soonest that an earlier one left behind
  bool leased_ = true;
  std::optional<Duration> lost_since_;
  bool frozen_ = false;
  bool broken_ = false;
  Duration helpless_until_{};
};

class GuardPort final : public Guard {
 public:
  // `required`: no primary without one.
  GuardPort(World& world, HostClock& clock, AgentProcess& process, GuardModel& model, bool required);
  ~GuardPort() override;

  GuardFacts facts() const override { return facts_; }
  Task<void> arm(Instant deadline, bool leased, Instant until) override;
  Task<void> disarm(Instant until) override;
  Task<void> changed(Instant until) override;

 private:
  World& world_;
  HostClock& clock_;
  AgentProcess& process_;
  GuardModel& model_;
  GuardFacts facts_;
  std::shared_ptr<Wait<bool>> watcher_;
};

// No machine of the simulation has such a device.
class NoWatchdog final : public Watchdog {
 public:
  WatchdogFacts facts() const override { return {}; }
  void activate(const FenceOrder&) override {}
  void keep_alive() override {}
  void close() override {}
};

}  // namespace regent::sim
