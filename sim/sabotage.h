// Deliberate defects, put around the ports or between observation, decision and execution; the code of the agent stays
// as it is. A checker that lets all of them pass would be worth nothing: a test demands that each is caught.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/decision.h"
#include "core/observation.h"
#include "ports/dcs.h"
#include "ports/guard.h"
#include "ports/peers.h"
#include "ports/postgres.h"

namespace regent::sim {

class DcsPort;
class PgPort;
class HostClock;
class PeersPort;
class GuardPort;

class Sabotage {
 public:
  virtual ~Sabotage() = default;

  virtual std::string_view name() const = 0;
  virtual std::string_view what() const = 0;
  // That a checker must find broken by it. Whatever else it breaks on the way does not count.
  virtual std::string_view invariant() const = 0;
  // Null: the port stays as it is. The decorator must not outlive the port.
  virtual std::unique_ptr<Dcs> around(DcsPort&, HostClock&) const { return nullptr; }
  virtual std::unique_ptr<Postgres> around(PgPort&) const { return nullptr; }
  virtual std::unique_ptr<Peers> around(PeersPort&) const { return nullptr; }
  virtual std::unique_ptr<Guard> around(GuardPort&) const { return nullptr; }
  // A member says yes to POST /failsafe and thinks no more of it.
  virtual bool forgets_promises() const { return false; }
  virtual void tamper(Observation&) const {}
  virtual void tamper(const Observation&, Decision&) const {}
  // A defect of decide() itself, which its contract must notice.
  virtual void misjudge(const Observation&, Decision&) const {}
};

// Each is caught within 500 seeds, under the name of its invariant.
const std::vector<const Sabotage*>& sabotages();
// Null when there is none of that name.
const Sabotage* find_sabotage(std::string_view name);

}  // namespace regent::sim
