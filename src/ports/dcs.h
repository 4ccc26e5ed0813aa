// The distributed configuration store. One interface for etcd, ZooKeeper, Consul, Kubernetes and the embedded Raft.
//
// Threading: the control loop's thread. Every call ends by its deadline. Errors:
// - conflict: the condition did not hold, nothing was written (I11). The only error that is a "no".
// - timeout, unreachable: the outcome is UNKNOWN (F32); a write may have been applied.
// - refused: the store answered and forbids it (credentials, permissions); counts as an outage (F39).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "core/decision.h"
#include "core/lease.h"
#include "model/cluster_view.h"
#include "ports/task.h"

namespace regent {

// A confirmed acquire or renewal.
struct LeaseGrant {
  std::string session;
  Version version;  // of the leader key
  Instant sent;     // when the request that granted it was sent (I4)
  Duration ttl{};   // granted by the store
};

class Dcs {
 public:
  virtual ~Dcs() = default;

  // A fresh, linearizable read of all keys of the cluster in one snapshot. Refuses answers of a store with an older
  // term than one seen before (F29).
  virtual Task<Result<ClusterView>> read(Instant deadline) = 0;

  // The same for readers beside the loop, which decides nothing by it: may be under way while anything else is, but
  // only once at a time, and changed() still tells the loop of whatever this one has seen.
  virtual Task<Result<ClusterView>> look(Instant deadline) { return read(deadline); }

  // Returns when a key that decisions depend on (leader, failover, config, sync, initialize, history, failsafe) may
  // have changed since the last read, or at `until`. A hint only: a silent watch proves nothing (F30).
  virtual Task<void> changed(Instant until) = 0;

  // Sets the lease length for sessions made from now on; a session whose length differs is replaced at the next
  // opportunity that loses nothing.
  virtual void set_ttl(Duration ttl) = 0;

  // Makes sure that there is a live session (lease) and refreshes it. Used by members that do not lead.
  virtual Task<Result<void>> keep_session(Instant deadline) = 0;
  virtual std::string session() const = 0;  // empty: none

  // Creates the leader key with our name, or, when `expect` is not absent, replaces our own key of an earlier
  // incarnation at exactly that version; with a ticket the counter of timelines is written in the same transaction, or
  // nothing is (conflict). After an unknown outcome: re-reads, and reports a grant only if the key carries our name and
  // our session (F32). Which number an earlier attempt took, that had no answer, the counter tells.
  virtual Task<Result<LeaseGrant>> acquire_leader(action::AcquireLeader lock, Instant deadline) = 0;
  // Whether take_over() can be done as one transaction.
  virtual bool takes_over() const = 0;
  // Replaces the leader key of another member by ours, /sync by `take.value` and the counter of timelines, if all are
  // still at the versions given; else nothing is written (conflict). After an unknown outcome: as acquire_leader().
  // refused where takes_over() is false.
  virtual Task<Result<LeaseGrant>> take_over(action::TakeOver take, Instant deadline) = 0;
  // Refreshes the lease and then confirms, linearizably, that the leader key is still the one at `version` on our
  // session. conflict: it is not; the lease is lost now, and the error names the holder when that is another member.
  virtual Task<Result<LeaseGrant>> renew_leader(Version version, Instant deadline) = 0;
  // Deletes the leader key if it is still ours at `version`.
  virtual Task<Result<void>> release_leader(Version version, Instant deadline) = 0;

  // Returns the new version.
  virtual Task<Result<Version>> write(action::WriteKey write, Instant deadline) = 0;
  virtual Task<Result<void>> erase(action::DeleteKey erase, Instant deadline) = 0;
  // members/<own name>, on our session, unconditional: nobody else writes it.
  virtual Task<Result<void>> write_member(std::string value, Instant deadline) = 0;
  virtual Task<Result<void>> erase_member(Instant deadline) = 0;
  // Ends the session on an orderly exit, so that its keys vanish at once.
  virtual Task<void> close(Instant deadline) = 0;
};

}  // namespace regent
