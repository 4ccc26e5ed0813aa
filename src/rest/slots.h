// GET /slots: the ledger of the replication slots of this member. Patroni has no such endpoint.
// Threading: pure functions.
#pragma once

#include "rest/status.h"

namespace regent::rest {

Json slots_document(const Snapshot& snapshot, const Identity& self, const Moment& moment);

}  // namespace regent::rest
