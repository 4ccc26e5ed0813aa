// Replication slots of the model PostgreSQL, as far as losing or skipping changes goes (I16).
#include <algorithm>

#include "sim/pg_server.h"

namespace regent::sim {

// What decoding from `position` on needs: catalog rows as of the first record after it.
namespace {

std::uint32_t depth_at(const Wal& wal, const std::vector<RecordId>& chain, Lsn position) {
  const auto found = std::find_if(chain.begin(), chain.end(), [&](RecordId id) { return wal.at(id).end > position; });
  return found == chain.end() ? static_cast<std::uint32_t>(chain.size()) : wal.at(*found).depth;
}

}  // namespace

void PgServer::create_logical_slot(const std::string& name) {
  if (process_ != Process::running || in_recovery_) return;
  disk_.slots.try_emplace(name, Slot{false, wal_end(), static_cast<std::uint32_t>(disk_.chain.size())});
}

void PgServer::advance_slot(const std::string& name, Lsn to) {
  const auto found = disk_.slots.find(name);
  if (found == disk_.slots.end() || process_ != Process::running) return;
  Slot& slot = found->second;
  slot.position = std::max(slot.position, std::min(to, in_recovery_ ? replay_end() : wal_end()));
  if (!slot.physical)
    slot.catalog_xmin = std::max(*slot.catalog_xmin, depth_at(shared_.wal, disk_.chain, slot.position));
}

void PgServer::confirm(const std::string& name, Lsn position) {
  advance_slot(name, position);
}

void PgServer::write_slot(const std::string& name, const Slot& slot) {
  if (process_ == Process::stopped && disk_.state == DataState::valid) disk_.slots[name] = slot;
}

std::uint32_t PgServer::oldest_needed() const {
  auto oldest = static_cast<std::uint32_t>(disk_.chain.size());
  for (const auto& [name, slot] : disk_.slots) oldest = std::min(oldest, slot.catalog_xmin.value_or(oldest));
  return oldest;
}

std::uint32_t PgServer::horizon() const {
  return disk_.chain.empty() ? 0 : shared_.wal.at(disk_.last()).horizon;
}

// hot_standby_feedback: what our slots need holds the vacuum of the primary back, through our physical slot there.
void PgServer::send_feedback(PgServer& source) const {
  const auto there = source.disk_.slots.find(disk_.upstream.slot);
  if (there == source.disk_.slots.end() || !there->second.physical) return;
  there->second.position = std::max(there->second.position, wal_end());
  std::optional<std::uint32_t> oldest;
  for (const auto& [name, slot] : disk_.slots) {
    if (slot.catalog_xmin) oldest = std::min(oldest.value_or(*slot.catalog_xmin), *slot.catalog_xmin);
  }
  there->second.catalog_xmin = oldest;
}

}  // namespace regent::sim
