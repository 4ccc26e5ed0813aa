// 200: the store does not answer. An outage is no reason to restart anything before the lease margin (F26, F28).
#include "core/rules/steps.h"

namespace regent::rules {
namespace {

bool lost(const Situation& s) {
  return s.view == nullptr && !s.paused;
}

void report(const Situation& s, Decision& d) {
  condition(d, "StoreUnreachable", s.o.cluster.why());
  wake_in(s, d, std::chrono::seconds(1));
}

constexpr Rule table[] = {
    {210, "store_lost_serving", "the store does not answer, our lease is still good",
     "DCS is not accessible; continuing as the leader until the lock runs out", "I3, F26",
     [](const Situation& s) { return lost(s) && s.holding && s.may_write; },
     [](const Situation& s, Decision& d) {
       say(d, "DCS is not accessible; continuing as the leader until the lock runs out");
       report(s, d);
       // A renewal may get through where a read of everything does not (F27).
       renew_when_due(s, d);
       d.wake_at = std::min(d.wake_at, demote_at(s.o.lease));
     }},
    {230, "store_lost_read_only", "the store does not answer, the primary was stopped for it: serve reads",
     "demoted self because DCS is not accessible and I was a leader", "F26",
     [](const Situation& s) {
       return lost(s) && s.stopped && s.has_data() && !s.job_running && s.m.demotion &&
              s.m.demotion->kind == Demotion::Kind::offline && !s.o.postgres.data.rewind_marker && !s.backing_off();
     },
     [](const Situation& s, Decision& d) {
       say(d, "demoted self because DCS is not accessible and I was a leader");
       report(s, d);
       start(d, job::Start{});
       d.memory.ran_as_primary = false;
     }},
    {240, "store_lost", "the store does not answer and there is nothing to be done about it", "DCS is not accessible",
     "F26", lost,
     [](const Situation& s, Decision& d) {
       say(d, "DCS is not accessible");
       report(s, d);
     }},
};

}  // namespace

std::span<const Rule> store() {
  return table;
}

}  // namespace regent::rules
