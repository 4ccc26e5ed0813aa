// The only way to learn the time (I4). The simulator owns its own.
#pragma once

#include "base/time.h"
#include "ports/task.h"

namespace regent {

class Clock {
 public:
  virtual ~Clock() = default;

  virtual Instant now() const = 0;  // CLOCK_BOOTTIME
  virtual WallTime wall() const = 0;
  // Returns at `until` or later, or early when the waiting coroutine is cancelled.
  virtual Task<void> sleep_until(Instant until) = 0;
};

}  // namespace regent
