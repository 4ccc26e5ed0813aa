// What confirmed writes tell about the leader lease. Reading the key never changes anything here (F29).
// Who calls: the executor. Threading: the control loop's thread.
#pragma once

#include "base/result.h"
#include "core/lease.h"
#include "ports/dcs.h"

namespace regent {

class LeaseKeeper {
 public:
  const LeaseFacts& facts() const { return facts_; }

  void acquired(const Result<LeaseGrant>& outcome);
  // conflict: the lease is lost now, unless the members vouch for it and nobody else has the key: then it may only have
  // expired while the store was away, and the next look at it tells. Any other failure is an unknown outcome: nothing
  // changes, the deadline least of all (F32).
  void renewed(const Result<LeaseGrant>& outcome, Instant now);
  // Every member promised not to stand, in answer to what was sent then (I13). `counted`: how long they keep to it.
  void extended(Instant sent, Duration counted);
  // Whatever the outcome, we no longer count on the lease: the key may be gone.
  void released();
  // It ran out, and the server is known to be down: there is nothing left to stop in its name. While the server may
  // still run, a lease that ran out stays "held", because its deadline is what the stop is measured by (I3).
  void expired();

 private:
  void grant(const LeaseGrant& granted);

  LeaseFacts facts_;
};

}  // namespace regent
