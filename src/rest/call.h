// A request as the endpoints see it, and what becomes of it: an answer at once, or a change for the control loop.
#pragma once

#include <functional>
#include <optional>
#include <utility>
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

// How it ended, to be told on the HTTP server's thread.
struct Outcome {
  bool done = false;
  std::function<HttpResponse()> answer;
};

struct Change {
  // The intent, which tells its outcome on the control loop's thread.
  std::function<Intent(std::function<void(Outcome)>)> intent;
  // When there is one and the intent succeeded, the answer is watch_result() of a later snapshot instead.
  std::optional<Watch> watch;
};

// `answer`: from Result<Kind::Answer> to the response.
template <class Kind, class Answer>
Change change(Kind intent, Answer answer) {
  auto bind = [intent = std::move(intent), answer = std::move(answer)](std::function<void(Outcome)> tell) -> Intent {
    auto reply = [answer, tell = std::move(tell)](Result<typename Kind::Answer> result) {
      const bool done = result.has_value();
      tell({done, [answer, result = std::move(result)] { return answer(result); }});
    };
    return Asked<Kind>{intent, std::move(reply)};
  };
  return {std::move(bind), std::nullopt};
}

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
  SharedTexts& shared;
};

}  // namespace regent::rest
