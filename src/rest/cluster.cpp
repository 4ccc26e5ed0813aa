#include "rest/cluster.h"

#include "model/cluster_report.h"

namespace regent::rest {

const ClusterView* last_cluster(const Snapshot& snapshot) {
  const auto* current = snapshot.observation.cluster.get();
  return current != nullptr ? current : snapshot.last_cluster.get();
}

std::optional<Json> cluster_document(const Snapshot& snapshot, const Identity& self) {
  const auto* cluster = last_cluster(snapshot);
  if (cluster == nullptr) return std::nullopt;
  Json out = cluster_json(report_cluster(*cluster), self.scope, self.generation);
  if (!snapshot.observation.cluster.is_known()) {
    out["dcs_last_seen"] = std::chrono::floor<std::chrono::seconds>(snapshot.dcs_last_seen).time_since_epoch().count();
  }
  return out;
}

}  // namespace regent::rest
