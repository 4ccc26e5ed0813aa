// The health checks load balancers and orchestrators poll.
// Threading: pure functions.
#pragma once

#include "rest/query.h"
#include "rest/status.h"

namespace regent::rest {

// Status of any path under GET, HEAD and OPTIONS that is no endpoint of its own: 200 or 503. Roles are found as a part
// of the path (T4). /primary is 200 only while the lease is valid at `now`, the role is primary and the server accepts
// connections: at most one node says so (L5, F49).
int health_status(const Snapshot& snapshot, const Identity& self, const Target& target, Instant now);

// 200 while the control loop goes round: within ttl on a primary, twice that on a replica, always in pause.
int liveness_status(const Snapshot& snapshot, Instant now);

// 200 on the leader and on a replica that serves fresh data.
int readiness_status(const Snapshot& snapshot, const Identity& self, const Target& target, Instant now);

}  // namespace regent::rest
