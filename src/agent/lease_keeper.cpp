#include "agent/lease_keeper.h"

#include <algorithm>

#include "base/log.h"

namespace regent {

void LeaseKeeper::grant(const LeaseGrant& granted) {
  if (facts_.extended_at > facts_.confirmed_at) log::info("failsafe mode ended: the leader lock is confirmed again");
  facts_.held = true;
  facts_.session = granted.session;
  facts_.version = granted.version;
  facts_.confirmed_at = granted.sent;  // not when the answer arrived (I4)
  facts_.ttl = granted.ttl;
  facts_.taken_by = MemberName();
}

void LeaseKeeper::acquired(const Result<LeaseGrant>& outcome) {
  if (outcome) grant(*outcome);
}

void LeaseKeeper::renewed(const Result<LeaseGrant>& outcome, Instant now) {
  if (outcome) {
    grant(*outcome);
  } else if (outcome.error().kind == ErrorKind::conflict) {
    facts_.taken_by = MemberName(outcome.error().holder);
    // Whoever has the lock now was promised nothing, or knows better.
    if (!facts_.taken_by.empty() || !vouched_for(facts_, now)) facts_.held = false;
  }
}

void LeaseKeeper::extended(Instant sent, Duration counted) {
  if (facts_.extended_at <= facts_.confirmed_at) {
    log::warning("failsafe mode began: all members let this leader go on without the leader lock");
  }
  facts_.extended_at = sent - (facts_.ttl - std::min(facts_.ttl, counted));
}

void LeaseKeeper::released() {
  facts_.held = false;
}

void LeaseKeeper::expired() {
  facts_.held = false;
}

}  // namespace regent
