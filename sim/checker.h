// What watches a run and says which invariant broke. A checker sees the truth of the whole world, which no agent does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/decision.h"
#include "core/observation.h"
#include "ports/dcs.h"
#include "sim/store.h"
#include "sim/wal.h"

namespace regent::sim {

class Node;
class Simulation;

class Checker {
 public:
  explicit Checker(Simulation& sim) : sim_(sim) {}
  virtual ~Checker() = default;

  virtual void decided(Node&, const Observation&, const Decision&) {}
  virtual void agent_changed(Node&) {}   // started, died, frozen, thawed
  virtual void server_changed(Node&) {}  // its PostgreSQL: process, role, freeze
  virtual void promoted(Node&, std::uint32_t /*fork*/) {}
  virtual void initialized(Node&) {}
  virtual void record_written(Node&, RecordId) {}
  virtual void record_restored(Node&, RecordId) {}  // from the archive
  virtual void acknowledged(Node&, RecordId) {}
  virtual void sync_names_changed(Node&) {}
  virtual void sync_names_requested(Node&, const std::optional<std::string>&) {}
  virtual void key_changed(const std::string& /*path*/, const StoreKey* /*before*/, const StoreKey* /*after*/,
                           int /*by*/) {}
  virtual void view_read(Node&, const std::shared_ptr<const ClusterView>&) {}
  virtual void lease_confirmed(Node&, const LeaseGrant&) {}
  virtual void round_ended(Node&, const FailsafeRound&) {}
  virtual void write_requested(Node&, const std::string& /*path*/, Version /*expect*/) {}
  virtual void release_requested(Node&) {}
  virtual void start_requested(Node&, const job::Start&) {}
  virtual void promote_requested(Node&) {}
  virtual void initdb_requested(Node&) {}
  virtual void removal_requested(Node&) {}
  virtual void tick() {}  // once a second

 protected:
  Simulation& sim_;
};

// All of them.
std::vector<std::unique_ptr<Checker>> make_checkers(Simulation& sim);

}  // namespace regent::sim
