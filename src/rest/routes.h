// Every endpoint of the REST API, one row each: who may ask, what is read, how fresh the answer is, who answers.
// docs/rest.md is printed from it.
// Threading: pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "rest/call.h"

namespace regent::rest {

struct Route {
  enum class Access {
    open,
    credentials,  // as restapi.authentication, allowlist and verify_client ask for
    members,      // the same; where nothing of it is configured, only from where a member is
  };
  // What is looked at before the answer.
  enum class Look {
    last,     // nothing: the last cycle's snapshot
    store,    // the store, after the request came
    recent,   // the server and the store, a moment ago
    server,   // the server and the store, after the request came
    members,  // the same, and the answer waits longer for it: it moves the leader
  };

  std::string_view method;
  std::string_view endpoint;  // the first segment of the path; "*": whatever no other row names
  Access access;
  BodyKind body;
  Look look;
  std::string (*told)(const Json& body);  // how the log goes on after "received X request"; null: not logged
  Handling (*handle)(const Call&);
  std::string_view since;  // the generation of Patroni that has it first, where not all have; "Regent": none has
  std::string_view help;
};

std::span<const Route> routes();

// Null: the method does not exist there.
const Route* find_route(std::string_view method, const Target& target);

}  // namespace regent::rest
