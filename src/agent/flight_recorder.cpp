#include "agent/flight_recorder.h"

#include <fmt/format.h>

#include "core/action_traits.h"

namespace regent {

namespace {

std::string describe(const Decision& decision) {
  std::string text = fmt::format("{:03} {}: {}\n", decision.rule, decision.rule_name, decision.sentence);
  for (const Action& action : decision.actions) {
    // They differ from cycle to cycle and would make every decision a new one.
    if (!traits(action).heartbeat) text += fmt::format("  {}\n", to_text(action));
  }
  for (const Condition& condition : decision.conditions) {
    text += fmt::format("  ! {}: {}\n", condition.name, condition.detail);
  }
  return text;
}

}  // namespace

void FlightRecorder::record(const Observation& observation, const Memory& before, const Decision& decision) {
  const WallTime at = observation.wall;
  std::string text = describe(decision);
  // Two decisions often take turns, e.g. one that asks and one that has the answer: the last two count as neighbours.
  for (std::size_t back = 1; back <= 2 && back <= entries_.size(); ++back) {
    Entry& entry = entries_[entries_.size() - back];
    if (entry.text != text) continue;
    entry.last = at;
    ++entry.times;
    return;
  }
  if (entries_.size() >= capacity_) entries_.pop_front();
  if (entries_.size() >= replayable_) entries_[entries_.size() - replayable_].record.reset();
  entries_.push_back({at, at, 1, std::move(text), std::make_unique<Record>(decision.rule, observation, before)});
}

std::string FlightRecorder::text() const {
  std::string out;
  for (const Entry& entry : entries_) {
    out += to_rest_time(entry.first);
    if (entry.times > 1) out += fmt::format(" to {}, {} times", to_rest_time(entry.last), entry.times);
    out += "\n" + entry.text;
  }
  return out;
}

std::string FlightRecorder::records() const {
  std::string out;
  for (const Entry& entry : entries_) {
    if (entry.record) out += print_record(*entry.record) + "\n";
  }
  return out;
}

}  // namespace regent
