#include "rest/cluster.h"

#include <algorithm>

#include "model/cluster_report.h"

namespace regent::rest {

namespace {

// Somebody read the store since the loop did.
bool read_since(const Snapshot& snapshot) {
  return snapshot.last_cluster.is_known() && snapshot.last_cluster.at() > snapshot.observation.cluster.at();
}

}  // namespace

const ClusterView* last_cluster(const Snapshot& snapshot) {
  const auto* current = snapshot.observation.cluster.get();
  return current != nullptr && !read_since(snapshot) ? current : snapshot.last_cluster.get();
}

namespace {

// A leader without the store has lost its keys; who promised it to wait knows that it leads (I13).
ClusterView with_promised_leader(ClusterView view, const FailsafePromise& promise) {
  view.leader = {promise.leader.name, Version{1}, {}};
  if (view.member(promise.leader.name) == nullptr) {
    view.members.push_back(promise.leader);
    std::sort(view.members.begin(), view.members.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  return view;
}

}  // namespace

std::optional<Json> cluster_document(const Snapshot& snapshot, const Identity& self, Instant now) {
  const auto* cluster = last_cluster(snapshot);
  if (cluster == nullptr) return std::nullopt;
  const auto& failsafe = snapshot.observation.failsafe;
  const bool promised_only = !cluster->leader.exists() && promised(failsafe, now);
  const auto report =
      promised_only ? report_cluster(with_promised_leader(*cluster, *failsafe.promise)) : report_cluster(*cluster);
  Json out = cluster_json(report, self.scope, self.generation);
  if (!snapshot.observation.cluster.is_known() && !read_since(snapshot)) {
    out["dcs_last_seen"] = std::chrono::floor<std::chrono::seconds>(snapshot.dcs_last_seen).time_since_epoch().count();
  }
  return out;
}

}  // namespace regent::rest
