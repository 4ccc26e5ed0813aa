// The watchdog device: it resets the machine unless it hears of us in time.
// Threading: the control loop's thread; the calls do not block. Errors: none escape, what failed is a fact.
#pragma once

#include "core/fences.h"

namespace regent {

class Watchdog {
 public:
  virtual ~Watchdog() = default;

  virtual WatchdogFacts facts() const = 0;
  // Opens the device, sets the timeout when it differs, and is the first sign of life.
  virtual void activate(const FenceOrder& order) = 0;
  // After every confirmed renewal of the lease.
  virtual void keep_alive() = 0;
  virtual void close() = 0;
};

}  // namespace regent
