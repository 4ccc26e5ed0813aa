#include "core/lease.h"

#include <algorithm>

namespace regent {
namespace {

// Two clocks may drift apart by a tenth over one lease before two nodes could believe in it at the same time (F25).
Duration margin(const LeaseFacts& lease) {
  return lease.ttl / 10;
}

// What a fast stop gets before it becomes an immediate one, and what that one gets before SIGKILL.
Duration stop_budget(const LeaseFacts& lease) {
  return lease.ttl / 10;
}

}  // namespace

Instant dead_by(const LeaseFacts& lease) {
  return lease.expires_at() - margin(lease);
}

Instant demote_at(const LeaseFacts& lease) {
  return dead_by(lease) - stop_budget(lease);
}

bool lease_valid(const LeaseFacts& lease, Instant now) {
  return lease.held && now < dead_by(lease);
}

bool vouched_for(const LeaseFacts& lease, Instant now) {
  return lease_valid(lease, now) && lease.extended_at > lease.confirmed_at;
}

// One more tenth: time for a round, and for another one should the first fail.
Instant ask_members_at(const LeaseFacts& lease) {
  return demote_at(lease) - lease.ttl / 10;
}

Duration renew_interval(Duration ttl, Duration loop_wait) {
  return std::min(loop_wait, ttl / 3);
}

}  // namespace regent
