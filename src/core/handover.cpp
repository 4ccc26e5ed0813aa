#include "core/handover.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/situation.h"

namespace regent {

void digest_handover(const Situation& s, Memory& m) {
  if (!m.handover) return;
  auto& handover = *m.handover;
  if (s.holding && (s.primary || s.standby_leads) && handover.stopped) {
    // It leads again: because it came to nothing, or much later. What there is to tell next is about the next time.
    m.handover.reset();
    return;
  }
  if (handover.writable) return;
  if (!handover.stopped) handover.refusing = std::max(handover.ready, s.o.job.refusing_since.value_or(handover.ready));
  if (s.stopped && !handover.stopped) handover.stopped = s.o.now;
  if (!s.other_leads) return;
  if (!handover.taken) {
    handover.stopped = handover.stopped.value_or(s.o.now);
    handover.taken = s.o.now;
    handover.successor = s.leader_name;
  }
  if (s.leader != nullptr && s.leader->state == PgState::running && s.leader->role == Role::primary) {
    handover.writable = s.o.now;
    handover.successor = s.leader_name;
  }
}

std::string print_handover(const Handover& handover) {
  const auto seconds = [](Instant from, std::optional<Instant> to) { return to_seconds(*to - from); };
  return fmt::format(
      "{} to {}: writes were paused for {:.2f} s (candidate ready after {:.2f}, checkpoint {:.2f}, stopped in {:.2f}, "
      "taken over in {:.2f}, promoted in {:.2f})",
      handover.kind, handover.successor.str(), seconds(handover.refusing, handover.writable),
      seconds(handover.asked, handover.ready), seconds(handover.ready, handover.refusing),
      seconds(handover.refusing, handover.stopped), seconds(*handover.stopped, handover.taken),
      seconds(*handover.taken, handover.writable));
}

}  // namespace regent
