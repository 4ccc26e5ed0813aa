// Switchover and failover requests: their checks, and how their end is recognized.
// Threading: pure functions.
#pragma once

#include "rest/call.h"

namespace regent::rest {

Handling post_switchover(const Call& call);
Handling post_failover(const Call& call);
Handling delete_switchover(const Call& call);

// For the log: who is to hand over to whom, and when.
std::string tell_members(const Json& body);

// A time in the future with its zone, or the refusal. `what` is scheduled: "switchover", "restart".
std::variant<HttpResponse, WallTime> parse_schedule(const Json& value, std::string_view what, WallTime now);

// What a Watch saw so far; keep one per request.
struct WatchState {
  bool key_seen = false;          // a snapshot showed the request waiting
  std::uint64_t since_cycle = 0;  // cycle of the snapshot that was current when the key had been written
};

// nullopt: not decided yet. A request that vanished while the old leader still leads has failed; it counts as vanished
// only once it was seen, or when two whole cycles did not show it: the current snapshot may be older than the key.
std::optional<HttpResponse> watch_result(const Watch& watch, WatchState& state, const Snapshot& snapshot);
// Nothing was decided until the limit.
HttpResponse watch_timeout(const Watch& watch);

}  // namespace regent::rest
