// Virtual time: one queue of events ordered by (time, sequence), one source of chance, the trace, and the violations
// found. Threading: one thread per world; two worlds share nothing.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "sim/rng.h"

namespace regent::sim {

struct Violation {
  Duration at{};
  std::string invariant;  // "I1", "L2", ...
  std::string text;
};

class World {
 public:
  World(std::uint64_t seed, bool tracing) : rng_(seed), tracing_(tracing) {}

  // True time since the start of the run. Nodes see it through their own clocks only.
  Duration now() const { return now_; }
  Rng& rng() { return rng_; }

  void at(Duration when, std::function<void()> what);
  void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }
  // Called after every event, before the next one: agents that got something run until they are idle.
  void set_settle(std::function<void()> settle) { settle_ = std::move(settle); }

  // Runs events up to and including `end`, or until a violation was found or `done` says so.
  void run_until(Duration end, const std::function<bool()>& done = {});

  bool tracing() const { return tracing_; }
  template <class... Args>
  void trace(fmt::format_string<Args...> format, Args&&... args) {
    if (tracing_) print(fmt::format(format, std::forward<Args>(args)...));
  }

  void violated(std::string invariant, std::string text);
  const std::vector<Violation>& violations() const { return violations_; }
  std::uint64_t events() const { return sequence_; }

 private:
  struct Event {
    Duration at;
    std::uint64_t sequence;
    std::function<void()> what;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };
  void print(const std::string& line) const;

  Duration now_{};
  Rng rng_;
  bool tracing_;
  std::uint64_t sequence_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> queue_;
  std::function<void()> settle_;
  std::vector<Violation> violations_;
};

}  // namespace regent::sim
