// Servers outside: the primary of the cluster that a standby cluster follows.
#include <algorithm>

#include "sim/pg_server.h"

namespace regent::sim {

void PgServer::found() {
  disk_ = Disk{};
  disk_.state = DataState::valid;
  disk_.system_id = SystemId(fmt::format("73000000000000{:05}", ++shared_.initdb_count));
  const auto fork = shared_.wal.begin_timeline(0, Timeline{1}, node_, shared_.world.now());
  disk_.chain.push_back(shared_.wal.append(0, fork, 4096, node_));
  disk_.newest_timeline = Timeline{1};
  process_ = Process::running;
  in_recovery_ = false;
  serving_ = true;
  take_checkpoint();
}

void PgServer::take_over_from(const PgServer& other) {
  disk_ = Disk{};
  disk_.state = DataState::valid;
  disk_.system_id = other.disk_.system_id;
  disk_.chain = other.disk_.chain;
  disk_.newest_timeline = other.disk_.newest_timeline;
  disk_.histories = other.disk_.histories;
  process_ = Process::running;
  serving_ = true;
  fail_over(shared_.world.rng().chance(0.5) ? 0 : 1);
}

void PgServer::fail_over(std::size_t lost) {
  auto& chain = disk_.chain;
  chain.resize(std::max<std::size_t>(1, chain.size() - std::min(lost, chain.size())));
  disk_.wal_from = std::min(disk_.wal_from, chain.size());
  leave_recovery();
  take_checkpoint();
}

}  // namespace regent::sim
