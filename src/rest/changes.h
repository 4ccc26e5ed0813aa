// The unsafe endpoints: what a request would change, checked against a snapshot, and how the loop's reply is told.
// Threading: pure functions.
#pragma once

#include <functional>
#include <variant>

#include "ports/control.h"
#include "rest/query.h"
#include "rest/respond.h"
#include "rest/status.h"

namespace regent::rest {

// A switchover or failover that was asked for and whose end the client waits for.
struct Watch {
  std::string action;  // "switchover" or "failover"
  MemberName old_leader;
  MemberName candidate;  // empty: any
  Duration limit{};
};

struct Change {
  Intent intent;
  std::function<HttpResponse(const Result<Json>&)> answer;
  // When there is one and the intent succeeded, the answer is watch_result() of a later snapshot instead.
  std::optional<Watch> watch;
};

// An answer at once, or a change for the loop.
using Handling = std::variant<HttpResponse, Change>;

// Whether the method exists for the endpoint; access is checked before the body is looked at.
bool is_change(std::string_view method, std::string_view endpoint);

// Only for pairs that is_change() knows.
Handling handle_change(const HttpRequest& request, const Target& target, const Snapshot& snapshot, const Identity& self,
                       const Moment& moment);

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
