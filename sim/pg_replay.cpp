// How a replica gets on after its start: it replays what lies on its disk, and only then receives more.
#include <algorithm>

#include "sim/pg_server.h"

namespace regent::sim {

using namespace std::chrono_literals;

// A hot standby answers as soon as its files agree with each other, long before it has replayed what lies on its disk;
// and nothing is received before (F10).
void PgServer::begin_replay() {
  Rng& rng = shared_.world.rng();
  received_ = wal_read_ = false;
  const std::size_t all = disk_.chain.size(), point = std::min(disk_.restart_point, all);
  const bool clean = all == 0 || rng.chance(0.3);
  replayed_ = clean ? all : std::max<std::size_t>(1, point + rng.below(all - point + 1));
  if (all_replayed()) return;
  if (rng.chance(0.7)) later(rng.between(100ms, 3s), [this] { wal_read_ = true; });
  later(rng.between(100ms, 3s), [this] { go_on_replaying(); });
}

void PgServer::go_on_replaying() {
  if (process_ != Process::running || all_replayed()) return;
  Rng& rng = shared_.world.rng();
  const std::size_t left = disk_.chain.size() - replayed_;
  replayed_ += rng.chance(0.3) ? left : rng.below(left + 1);
  if (!all_replayed()) later(rng.between(100ms, 5s), [this] { go_on_replaying(); });
}

RecordId PgServer::last_replayed() const {
  return replayed_ == 0 || disk_.chain.empty() ? 0 : disk_.chain[std::min(replayed_, disk_.chain.size()) - 1];
}

}  // namespace regent::sim
