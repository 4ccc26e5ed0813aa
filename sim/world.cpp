#include "sim/world.h"

#include <fmt/format.h>

namespace regent::sim {

void World::at(Duration when, std::function<void()> what) {
  queue_.push(Event{std::max(when, now_), ++sequence_, std::move(what)});
}

void World::run_until(Duration end, const std::function<bool()>& done) {
  while (!queue_.empty() && queue_.top().at <= end && violations_.empty()) {
    auto what = std::move(const_cast<Event&>(queue_.top()).what);
    now_ = queue_.top().at;
    queue_.pop();
    what();
    if (settle_) settle_();
    if (done && done()) return;
  }
  if (violations_.empty()) now_ = std::max(now_, end);
}

void World::violated(std::string invariant, std::string text) {
  trace("VIOLATION of {}: {}", invariant, text);
  violations_.push_back(Violation{now_, std::move(invariant), std::move(text)});
}

void World::print(const std::string& line) const {
  fmt::print("{:11.6f} {}\n", to_seconds(now_), line);
}

}  // namespace regent::sim
