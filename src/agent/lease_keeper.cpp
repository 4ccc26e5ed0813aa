#include "agent/lease_keeper.h"

namespace regent {

void LeaseKeeper::grant(const LeaseGrant& granted) {
  facts_.held = true;
  facts_.session = granted.session;
  facts_.version = granted.version;
  facts_.confirmed_at = granted.sent;  // not when the answer arrived (I4)
  facts_.ttl = granted.ttl;
}

void LeaseKeeper::acquired(const Result<LeaseGrant>& outcome) {
  if (outcome) grant(*outcome);
}

void LeaseKeeper::renewed(const Result<LeaseGrant>& outcome) {
  if (outcome) {
    grant(*outcome);
  } else if (outcome.error().kind == ErrorKind::conflict) {
    facts_.held = false;
  }
}

void LeaseKeeper::released() {
  facts_.held = false;
}

void LeaseKeeper::expired() {
  facts_.held = false;
}

}  // namespace regent
