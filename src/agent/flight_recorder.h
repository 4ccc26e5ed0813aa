// The last decisions, in words and so that they can be made again: what the agent saw and thought before something went
// wrong (O1, O3). Repeats are counted, so that a quiet night does not push out the evening's incident.
// Who calls: main, through the agent's `decided` hook. Threading: the control loop's thread. Memory: bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "base/time.h"
#include "core/decision.h"
#include "core/record.h"

namespace regent {

class FlightRecorder {
 public:
  // `replayable`: of so many it keeps what they were made from, which takes more room.
  explicit FlightRecorder(std::size_t capacity = 1000, std::size_t replayable = 50)
      : capacity_(capacity), replayable_(replayable) {}

  // `before`: the memory that the decision was made with.
  void record(const Observation& observation, const Memory& before, const Decision& decision);

  // One paragraph per decision, oldest first.
  std::string text() const;
  // One line of JSON per decision, oldest first, for `regent-sim --replay`.
  std::string records() const;

 private:
  struct Entry {
    WallTime first;
    WallTime last;
    std::uint64_t times = 1;
    std::string text;
    std::unique_ptr<Record> record;  // of the first time; null: it was let go of
  };

  std::size_t capacity_;
  std::size_t replayable_;
  std::deque<Entry> entries_;
};

}  // namespace regent
