// GET, HEAD and OPTIONS: everything that can be answered from a snapshot at once.
// Threading: pure functions.
#pragma once

#include "rest/call.h"

namespace regent::rest {

Handling get_health(const Call& call);
Handling get_health_code(const Call& call);
Handling get_liveness(const Call& call);
Handling get_readiness(const Call& call);
Handling get_status(const Call& call);
Handling get_cluster(const Call& call);
Handling get_history(const Call& call);
Handling get_config(const Call& call);
Handling get_metrics(const Call& call);
Handling get_failsafe(const Call& call);
Handling get_slots(const Call& call);

}  // namespace regent::rest
