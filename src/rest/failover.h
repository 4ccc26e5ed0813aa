// Switchover and failover requests: their checks, and how their end is recognized.
// Threading: pure functions.
#pragma once

#include "rest/changes.h"

namespace regent::rest {

// `action` is "switchover" or "failover".
Handling request_failover(const std::string& action, const Json& body, const Snapshot& snapshot, const Identity& self,
                          const Moment& moment);

Handling delete_switchover(const Snapshot& snapshot);

// A time in the future with its zone, or the refusal. `what` is scheduled: "switchover", "restart".
std::variant<HttpResponse, WallTime> parse_schedule(const Json& value, std::string_view what, WallTime now);

}  // namespace regent::rest
