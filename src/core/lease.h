// The arithmetic of the leader lease (I2, I3, I4).
#pragma once

#include <algorithm>
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
  // Send time of the last failsafe round that every member accepted: they promised not to stand for one ttl, so it
  // extends the lease as a renewal does (I13).
  Instant extended_at{};
  // The last renewal was refused because this member has the lock; empty: it was not.
  MemberName taken_by{};

  // Somebody else may be promoted from here on.
  Instant expires_at() const { return std::max(confirmed_at, extended_at) + ttl; }
};

// When nobody may write here any more: a margin before the lease ends, for clocks that drift (F25).
Instant dead_by(const LeaseFacts& lease);

// When the stop must begin so that it is done by dead_by() even if it has to escalate.
Instant demote_at(const LeaseFacts& lease);

bool lease_valid(const LeaseFacts& lease, Instant now);

// Whether it is the members' word, and no longer the store's, that keeps the lease alive: the failsafe state.
bool vouched_for(const LeaseFacts& lease, Instant now);

// From here on a renewal that is still missing is too late to wait for: the members must be asked (I13).
Instant ask_members_at(const LeaseFacts& lease);

// How old a confirmation may grow before the leader renews.
Duration renew_interval(Duration ttl, Duration loop_wait);

}  // namespace regent
