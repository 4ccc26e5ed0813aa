// Whether what a replica tells of its position is all that it holds: after a start it tells how far it has replayed,
// and nothing of what lies on its disk beyond that (F10, F59). Threading: the loop's thread. Errors: logged; the
// position is known when replay has come to its end, then.
#pragma once

#include <optional>

#include "adapters/postgres/context.h"
#include "adapters/postgres/monitor.h"
#include "adapters/postgres/wal_end.h"

namespace regent {

class ReplicaPosition {
 public:
  explicit ReplicaPosition(Context& context) : context_(context) {}

  // Completes the answer of a server in recovery.
  Task<void> judge(ServerAnswer& answer, Instant deadline);

 private:
  Task<void> read_on(const ServerAnswer& answer, Instant deadline);

  Context& context_;
  // The process that replays, if it has come to the end of what lay on the disk when it began, or that was read here.
  int position_of_ = 0;
  Position on_disk_;  // the end that was read; none when replay came there first
  std::optional<WalReading> reading_;
  int unreadable_for_ = 0;
};

}  // namespace regent
