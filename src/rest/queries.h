// GET, HEAD and OPTIONS: everything that can be answered from a snapshot at once.
// Threading: pure functions.
#pragma once

#include "rest/query.h"
#include "rest/respond.h"
#include "rest/status.h"

namespace regent::rest {

// `health_body` serves the health checks, which are every path that names nothing else.
HttpResponse answer_get(const Target& target, const Snapshot& snapshot, const Identity& self, const Moment& moment,
                        StatusText& health_body);

}  // namespace regent::rest
