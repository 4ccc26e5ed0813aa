// The imperative shell: observe, decide, act, again, until there is nothing left to do. The same code runs in the
// daemon and, unchanged, in the simulator: everything it touches is a port.
//
// Threading: run() and all state belong to the executor given; take(), request_shutdown() and request_reload() may be
// called from any thread. Errors: none escape; what failed is a fact of the next cycle.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "core/snapshot.h"
#include "ports/clock.h"
#include "ports/control.h"
#include "ports/dcs.h"
#include "ports/guard.h"
#include "ports/peers.h"
#include "ports/postgres.h"
#include "ports/watchdog.h"

namespace regent {

struct AgentState;

struct AgentPorts {
  Clock& clock;
  Dcs& dcs;
  Postgres& postgres;
  Peers& peers;
  Guard& guard;
  Watchdog& watchdog;
};

struct AgentHooks {
  // Instead of decide(), and beyond its contract: tests of the loop alone.
  std::function<Decision(const Observation&, const Memory&)> decide;
  // After every decision, before its actions: logging, the flight recorder, the simulator's coverage and checkers.
  // `before`: the memory that it was made with.
  std::function<void(const Observation&, const Memory& before, const Decision&)> decided;
  // Before and after every action: the simulator's crash points (F63, F64).
  std::function<void(const Action&, bool done)> acting;
  // POST /reload: reads the local configuration again and calls request_reload(). Without it only the files are
  // rewritten.
  std::function<void()> reload;
  // The simulator's sabotages: deliberate defects between observation, decision and execution. Empty in the daemon.
  std::function<void(Observation&)> tamper_facts;
  std::function<void(const Observation&, Decision&)> tamper_decision;
  // The same as a defect of decide() itself, which its contract must notice.
  std::function<void(const Observation&, Decision&)> misjudge;
};

class Agent : public Control {
 public:
  Agent(boost::asio::any_io_executor executor, AgentPorts ports, Self self, SnapshotBoard& board,
        AgentHooks hooks = {});
  ~Agent() override;

  // The control loop. Ends with the exit code after a decision to exit.
  Task<int> run();

  // SIGTERM: an orderly hand-over, then run() ends.
  void request_shutdown();
  // SIGHUP: the local configuration was read again.
  void request_reload(Self self);

  void take(Intent intent) override;

 private:
  // Shared with the coroutines, which may be destroyed before or after this object.
  std::shared_ptr<AgentState> state_;
};

}  // namespace regent
