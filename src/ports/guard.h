// The guard: a process beside this one that ends the local PostgreSQL at a deadline, whatever has become of us (I3).
// Threading: the control loop's thread. Errors: none escape, what failed is a fact; every call ends by `until`.
#pragma once

#include "core/fences.h"
#include "ports/task.h"

namespace regent {

class Guard {
 public:
  virtual ~Guard() = default;

  virtual GuardFacts facts() const = 0;
  // Returns when the guard has confirmed the deadline, or cannot. Starts one when there is none or it does not answer.
  // With `leased` what an earlier agent left behind is sent home, after that.
  virtual Task<void> arm(Instant deadline, bool leased, Instant until) = 0;
  // Nothing is to be ended any more, by nobody's guard.
  virtual Task<void> disarm(Instant until) = 0;
  // Returns when the guard has died or has fenced, or at `until`.
  virtual Task<void> changed(Instant until) = 0;
};

}  // namespace regent
