// The last decisions, in words: what the agent thought before something went wrong (O1, O3). Repeats are counted, so
// that a quiet night does not push out the evening's incident. Who calls: main, through the agent's `decided` hook.
// Threading: the control loop's thread. Memory: bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "base/time.h"
#include "core/decision.h"

namespace regent {

class FlightRecorder {
 public:
  explicit FlightRecorder(std::size_t capacity = 1000) : capacity_(capacity) {}

  void record(WallTime at, const Decision& decision);
  // One paragraph per decision, oldest first.
  std::string text() const;

 private:
  struct Entry {
    WallTime first;
    WallTime last;
    std::uint64_t times = 1;
    std::string text;
  };

  std::size_t capacity_;
  std::deque<Entry> entries_;
};

}  // namespace regent
