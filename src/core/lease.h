// The arithmetic of the leader lease (I2, I3, I4).
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "model/cluster_view.h"

namespace regent {

// Kept by the executor, shown to the rules. `held` says what the last CONFIRMED conditional write told; reading the key
// proves nothing (F29).
struct LeaseFacts {
  bool held = false;
  std::string session;   // of this incarnation; empty while there is none
  Version version;       // of the leader key we wrote
  Instant confirmed_at;  // send time of the confirmed acquire or renewal
  Duration ttl{};        // that the store granted

  // Somebody else may be promoted from here on.
  Instant expires_at() const { return confirmed_at + ttl; }
};

// When nobody may write here any more: a margin before the lease ends, for clocks that drift (F25).
Instant dead_by(const LeaseFacts& lease);

// When the stop must begin so that it is done by dead_by() even if it has to escalate.
Instant demote_at(const LeaseFacts& lease);

bool lease_valid(const LeaseFacts& lease, Instant now);

// How old a confirmation may grow before the leader renews.
Duration renew_interval(Duration ttl, Duration loop_wait);

}  // namespace regent
