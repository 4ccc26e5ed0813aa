#include "adapters/postgres/replica_position.h"

#include <algorithm>

#include "base/log.h"

namespace regent {

// One step of reading the WAL that lies on the disk; the answer is there some looks later.
Task<void> ReplicaPosition::read_on(const ServerAnswer& answer, Instant deadline) {
  if (unreadable_for_ == answer.startup) co_return;
  std::string failure;
  if (!reading_ || reading_->server() != answer.startup) {
    auto beginning = WalReading::begin(context_, answer.startup, deadline);
    auto begun = co_await std::move(beginning);
    if (!begun) failure = begun.error().message;
    reading_.reset();
    if (begun) reading_ = std::move(*begun);
  } else if (!reading_->running()) {
    auto ending = reading_->end(context_, deadline);
    const auto end = co_await std::move(ending);
    reading_.reset();
    if (end) {
      on_disk_ = *end;
      position_of_ = answer.startup;
    } else {
      failure = end.error().message;
    }
  }
  if (failure.empty()) co_return;
  unreadable_for_ = answer.startup;
  log::info("the end of the WAL on the disk is known only when it was replayed: {}", failure);
}

Task<void> ReplicaPosition::judge(ServerAnswer& answer, Instant deadline) {
  auto& server = answer.facts;
  // A WAL receiver is started when everything that lies there was replayed, and not before.
  const bool at_end = answer.replay_waits || server.received;
  if (answer.startup != 0 && position_of_ != answer.startup) {
    on_disk_ = {};
    if (at_end) {
      position_of_ = answer.startup;
      reading_.reset();
    } else {
      auto reading = read_on(answer, deadline);
      co_await std::move(reading);
    }
  }
  server.wal_known = answer.startup != 0 ? position_of_ == answer.startup : at_end;
  if (!server.wal_known || on_disk_.lsn <= server.wal) co_return;
  server.received = server.wal = on_disk_.lsn;
  server.timeline = std::max(server.timeline, on_disk_.timeline);
}

}  // namespace regent
