// What the control loop publishes after every cycle for readers on other threads (REST, metrics). Immutable once
// published.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/decision.h"
#include "core/observation.h"

namespace regent {

struct Snapshot {
  Observation observation;
  Decision decision;
  std::uint64_t cycle = 0;
  // The latest that the loop ever was: how long after the end of a wait it went on (F05).
  Duration most_late{};
  // So many decisions broke the contract (core/contract.h) since the agent started, and were not carried out.
  std::uint64_t refused_decisions = 0;
  // The last successful read of the store, kept through an outage; its own `at` tells how old it is.
  Fact<ClusterView> last_cluster;
  WallTime dcs_last_seen{};
};

// One writer (the loop), many readers. A reader keeps what it loaded alive for as long as it answers.
class SnapshotBoard {
 public:
  void publish(std::shared_ptr<const Snapshot> snapshot) { current_.store(std::move(snapshot)); }
  // Null until the first cycle ended.
  std::shared_ptr<const Snapshot> load() const { return current_.load(); }

 private:
  std::atomic<std::shared_ptr<const Snapshot>> current_;
};

}  // namespace regent
