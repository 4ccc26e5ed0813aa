// The unsafe endpoints: what a request would change, checked against a snapshot, and how the loop's reply is told.
// Threading: pure functions.
#pragma once

#include "rest/call.h"

namespace regent::rest {

Handling patch_config(const Call& call);
Handling put_config(const Call& call);
Handling post_restart(const Call& call);
Handling delete_restart(const Call& call);
Handling post_reload(const Call& call);
Handling post_reinitialize(const Call& call);
Handling post_failsafe(const Call& call);
Handling post_sigterm(const Call& call);

// For the log: the conditions as they came.
std::string tell_body(const Json& body);

}  // namespace regent::rest
