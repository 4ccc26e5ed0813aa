// A request as the endpoints see it, and what becomes of it: an answer at once, or a change for the control loop.
#pragma once

#include <functional>
#include <optional>
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

using Handling = std::variant<HttpResponse, Change>;

enum class BodyKind {
  none,
  optional,  // an object, or nothing
  object,    // an object that is not empty
  own,       // the handler reads it
};
// The body as it is wanted; an HttpResponse when it is not.
std::variant<HttpResponse, Json> read_body(const HttpRequest& request, BodyKind kind);

// Lives as long as the call of a handler.
struct Call {
  const HttpRequest& request;
  const Target& target;
  const Json& body;  // an object; empty where the route reads none
  const Snapshot& snapshot;
  const Identity& self;
  const Moment& moment;
  StatusText& health_body;  // serves the health checks
};

}  // namespace regent::rest
