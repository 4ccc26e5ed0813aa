#include "rest/queries.h"

#include "rest/cluster.h"
#include "rest/health.h"
#include "rest/metrics.h"
#include "rest/slots.h"

namespace regent::rest {
namespace {

int health_of(const Call& call) {
  return health_status(call.snapshot, call.self, call.target, call.moment.now);
}

}  // namespace

Handling get_health(const Call& call) {
  const auto print = [&] { return to_spaced(status_document(call.snapshot, call.self, call.moment)); };
  return json_text_response(health_of(call), call.shared.status.of(call.snapshot, call.moment.now, print));
}

Handling get_health_code(const Call& call) {
  return code_only(health_of(call));
}

Handling get_liveness(const Call& call) {
  return code_only(liveness_status(call.snapshot, call.moment.now));
}

Handling get_readiness(const Call& call) {
  return code_only(readiness_status(call.snapshot, call.self, call.target, call.moment.now));
}

Handling get_status(const Call& call) {
  return json_response(200, status_document(call.snapshot, call.self, call.moment));
}

Handling get_cluster(const Call& call) {
  if (last_cluster(call.snapshot) == nullptr) return error_page(503);
  const auto print = [&] { return to_spaced(*cluster_document(call.snapshot, call.self, call.moment.now)); };
  return json_text_response(200, call.shared.cluster.of(call.snapshot, call.moment.now, print));
}

Handling get_history(const Call& call) {
  const auto* cluster = last_cluster(call.snapshot);
  return json_response(200, cluster == nullptr ? Json::array() : history_json(cluster->history.value));
}

Handling get_config(const Call& call) {
  const auto* cluster = last_cluster(call.snapshot);
  if (cluster == nullptr || !cluster->config.exists()) return error_page(502);
  return json_response(200, cluster->config.value);
}

Handling get_metrics(const Call& call) {
  auto response = text_response(200, metrics_text(call.snapshot, call.self, call.moment));
  response.headers = {{"Content-Type", "text/plain"}};
  return response;
}

Handling get_failsafe(const Call& call) {
  const auto* cluster = last_cluster(call.snapshot);
  if (cluster == nullptr || !cluster->failsafe.exists() || !call.snapshot.observation.settings.failsafe_mode) {
    return error_page(502);
  }
  Json out = Json::object();
  for (const auto& [name, url] : cluster->failsafe.value) out[name] = url;
  return json_response(200, out);
}

Handling get_slots(const Call& call) {
  return json_response(200, slots_document(call.snapshot, call.self, call.moment));
}

}  // namespace regent::rest
