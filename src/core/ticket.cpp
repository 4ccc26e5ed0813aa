#include "core/ticket.h"

#include <algorithm>

#include "core/election.h"
#include "core/timeline.h"

namespace regent {
namespace {

// A file for each number that is left out has to be made, and fetched by every standby. No honest counter is that far
// ahead: it was edited (F40).
constexpr std::uint32_t most_left_out = 1000;

Timeline own_timeline(const Situation& s) {
  if (s.server != nullptr) return s.server->timeline;
  if (s.control == nullptr) return {};
  return std::max(s.control->timeline, s.control->min_recovery_timeline);
}

// The highest number that somebody has, as far as anybody tells: `counted` as well, when that can be believed.
Timeline highest_number(const Situation& s, Timeline counted) {
  const Timeline own = own_timeline(s);
  Timeline highest = own;
  const auto consider = [&](Timeline timeline) {
    if (timeline.value <= own.value + most_left_out) highest = std::max(highest, timeline);
  };
  consider(counted);
  // Also those that were left behind: their numbers are taken.
  consider(recorded_timeline(*s.view));
  consider(s.m.highest_timeline);
  for (const auto& member : s.view->members) consider(member.timeline.value_or(Timeline{}));
  if (s.o.peers.is_known()) {
    for (const auto& peer : s.o.peers->answers) consider(peer.timeline);
  }
  return highest;
}

}  // namespace

Timeline known_timeline(const Situation& s) {
  const auto& counter = s.view->timelines.value;
  const Timeline seen = std::max(recorded_timeline(*s.view), s.m.highest_timeline);
  // As long as /sync names others, what was promised to them is not left behind (I5).
  return seen <= counter.left && sync_allows(s, s.o.self.name) ? counter.reached : seen;
}

Timeline left_by(const Situation& s) {
  const Timeline known = known_timeline(s);
  return own_timeline(s) < known ? known : Timeline{};
}

action::Ticket next_ticket(const Situation& s, Timeline left) {
  const auto& counter = s.view->timelines;
  const Timeline before = s.m.restored_store ? s.m.restored_store->before.ticket : Timeline{};
  const Timeline counted = std::max(counter.value.ticket, before);
  const Timeline number{highest_number(s, counted).value + 1};
  // Who leaves one behind goes on from where it is.
  const Timeline reached = left.value > 0 ? own_timeline(s) : std::min(counter.value.reached, number);
  return {number, print_timelines({number, reached, std::max(counter.value.left, left)}), counter.version};
}

bool promotes(const Situation& s) {
  return !s.standby && (s.replica || (s.stopped && s.control != nullptr));
}

std::optional<Timeline> held_ticket(const Situation& s) {
  const Timeline ticket = s.m.ticket;
  // The counter says which of several attempts took the lock, where an answer was lost (F32).
  const bool counted = ticket.value > 0 && s.view->timelines.value.ticket == ticket;
  // Somebody may have been promoted by hand since.
  if (!counted || ticket <= highest_number(s, {})) return std::nullopt;
  return ticket;
}

}  // namespace regent
