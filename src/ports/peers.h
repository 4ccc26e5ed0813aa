// The other members' REST API.
#pragma once

#include <vector>

#include "core/observation.h"
#include "model/member.h"
#include "ports/task.h"

namespace regent {

class Peers {
 public:
  virtual ~Peers() = default;

  // GET /patroni of all of them in parallel. One answer per member, by the deadline; an unreachable one says why (F44).
  virtual Task<PeersFacts> ask(std::vector<Member> members, Instant deadline) = 0;

  // POST /failsafe to all of them in parallel. One answer per member, by the deadline; no answer is a no (I13).
  virtual Task<FailsafeRound> ask_failsafe(FailsafeMembers members, FailsafeRequest request, Instant deadline) = 0;
};

}  // namespace regent
