#include "core/permission.h"

#include "core/action_traits.h"

namespace regent {
namespace {

// The process stood still since the facts were gathered: they are of another time.
bool too_old(const Settings& settings, Instant decided_at, Instant now) {
  return now - decided_at > settings.retry_timeout;
}

}  // namespace

Result<void> may_acquire(const FailsafeFacts& failsafe, const Settings& settings, Instant decided_at, Instant now) {
  // Somebody else may have led and gone in the meantime.
  if (too_old(settings, decided_at, now)) {
    return fail(ErrorKind::cancelled, "the decision to take the leader lock is too old");
  }
  // Perhaps given after the decision (I13).
  if (promised(failsafe, now)) {
    const std::string& leader = failsafe.promise->leader.name.str();
    return fail(ErrorKind::cancelled, leader + " was promised that it may go on leading");
  }
  return {};
}

Result<void> may_set_sync_names(const Settings& settings, Instant decided_at, Instant now) {
  // Whom commits may stop waiting for is another question by now (I17).
  if (!too_old(settings, decided_at, now)) return {};
  return fail(ErrorKind::cancelled, "the decision about synchronous standbys is too old");
}

bool overslept(const Action& action, const LeaseFacts& lease, Instant decided_at, Instant now) {
  return traits(action).dies_with_lease && lease_valid(lease, decided_at) && !lease_valid(lease, now);
}

Result<void> may_be_primary(const LeaseFacts& lease, const Settings& settings, const Fact<ClusterView>& cluster,
                            Instant now) {
  // A restart that hung began before that.
  if (settings.standby_cluster) return fail(ErrorKind::refused, "the cluster was made a standby cluster");
  if (lease.held && now < demote_at(lease)) return {};
  // In pause a primary is what a person made it, with or without the lock (I14), as far as the pause is known to last:
  // a process that was frozen in it may wake up after it.
  const bool pause_known = cluster.is_known() && cluster.age(now) <= settings.loop_wait + settings.retry_timeout;
  if (settings.pause && pause_known) return {};
  return fail(ErrorKind::refused, "the leader lease is not held, or not long enough any more");
}

}  // namespace regent
