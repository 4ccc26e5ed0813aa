#include "rest/slots.h"

#include <cmath>

#include "core/slots.h"

namespace regent::rest {
namespace {

Json lsn(const std::optional<Lsn>& position) {
  return position ? Json(position->value) : Json();
}

Json entry_document(const SlotEntry& entry, const Moment& moment) {
  const auto& row = entry.row;
  Json out = Json::object();
  out["name"] = row.name;
  out["type"] = row.physical ? "physical" : "logical";
  if (!row.physical) {
    out["database"] = row.database;
    out["plugin"] = row.plugin;
  }
  out["owner"] = to_string(entry.owner);
  if (entry.missing) {
    out["missing"] = true;
    return out;
  }
  out["active"] = row.active;
  // As long as this agent has watched it.
  if (entry.idle_since) out["idle_seconds"] = std::round(to_seconds(moment.now - *entry.idle_since));
  out["retained_bytes"] = entry.retained ? Json(*entry.retained) : Json();
  out["restart_lsn"] = lsn(row.restart_lsn);
  if (!row.physical) out["confirmed_flush_lsn"] = lsn(row.confirmed_flush_lsn);
  if (!row.wal_status.empty()) out["wal_status"] = row.wal_status;
  if (row.lost) out["lost"] = true;
  if (row.has_xmin) out["holds_back_vacuum"] = true;
  if (row.failover) out["failover"] = true;
  // Of a copy: whether it would be offered after a promotion.
  if (entry.proven) out["ready"] = *entry.proven;
  return out;
}

}  // namespace

Json slots_document(const Snapshot& snapshot, const Identity& self, const Moment& moment) {
  Json out = Json::object();
  out["scope"] = self.scope;
  out["name"] = self.name.str();
  Json slots = Json::array();
  for (const auto& entry : slot_ledger(snapshot.observation, snapshot.decision.memory)) {
    slots.push_back(entry_document(entry, moment));
  }
  out["slots"] = std::move(slots);
  return out;
}

}  // namespace regent::rest
