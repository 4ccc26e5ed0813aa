// Since when something that is looked at now and then is missing. Time in which nobody looked hardly counts.
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.h"

namespace regent {

// How often a primary is looked at between two cycles.
constexpr Duration pulse_interval = std::chrono::seconds(5);

class Pulse {
 public:
  void found(Instant asked) {
    found_at_ = std::max(found_at_, asked);
    missing_since_.reset();
  }
  // It may have ended right after the last time it was there, but how long before `asked` nobody knows.
  void missed(Instant asked) {
    if (!missing_since_) missing_since_ = std::max(found_at_, asked - pulse_interval);
  }
  void forget() { *this = Pulse(); }
  const std::optional<Instant>& missing_since() const { return missing_since_; }

 private:
  Instant found_at_{};
  std::optional<Instant> missing_since_;
};

}  // namespace regent
