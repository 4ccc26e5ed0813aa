#include <fmt/format.h>

#include <algorithm>

#include "core/plan/planners.h"

namespace regent::plan {
namespace {

// The reading of the WAL, or its replay, may have come to its end.
constexpr Duration look_again = std::chrono::milliseconds(500);

}  // namespace

void position_watch(const Situation& s, Decision& d) {
  if (!s.replica || s.server->wal_known) return;
  d.conditions.push_back({"PositionUnknown", fmt::format("the end of the WAL on the disk is not known yet: {} was "
                                                         "replayed so far; until then this member does not vote, and "
                                                         "is not overtaken",
                                                         to_string(s.server->wal))});
  d.wake_at = std::min(d.wake_at, s.o.now + look_again);
}

}  // namespace regent::plan
