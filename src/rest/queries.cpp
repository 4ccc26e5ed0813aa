#include "rest/queries.h"

#include "rest/cluster.h"
#include "rest/health.h"
#include "rest/metrics.h"
#include "rest/slots.h"

namespace regent::rest {
namespace {

HttpResponse get_config(const Snapshot& snapshot) {
  const auto* cluster = last_cluster(snapshot);
  if (cluster == nullptr || !cluster->config.exists()) return error_page(502);
  return json_response(200, cluster->config.value);
}

HttpResponse get_history(const Snapshot& snapshot) {
  const auto* cluster = last_cluster(snapshot);
  return json_response(200, cluster == nullptr ? Json::array() : history_json(cluster->history.value));
}

HttpResponse get_failsafe(const Snapshot& snapshot) {
  const auto* cluster = last_cluster(snapshot);
  if (cluster == nullptr || !cluster->failsafe.exists() || !snapshot.observation.settings.failsafe_mode) {
    return error_page(502);
  }
  Json out = Json::object();
  for (const auto& [name, url] : cluster->failsafe.value) out[name] = url;
  return json_response(200, out);
}

}  // namespace

HttpResponse answer_get(const Target& target, const Snapshot& snapshot, const Identity& self, const Moment& moment,
                        StatusText& health_body) {
  const auto& name = target.endpoint;
  if (name == "patroni") return json_response(200, status_document(snapshot, self, moment));
  if (name == "liveness") return code_only(liveness_status(snapshot, moment.now));
  if (name == "readiness") return code_only(readiness_status(snapshot, self, target, moment.now));
  if (name == "config") return get_config(snapshot);
  if (name == "history") return get_history(snapshot);
  if (name == "slots") return json_response(200, slots_document(snapshot, self, moment));
  if (name == "failsafe") return get_failsafe(snapshot);
  if (name == "cluster") {
    const auto document = cluster_document(snapshot, self, moment.now);
    return document ? json_response(200, *document) : error_page(503);
  }
  if (name == "metrics") {
    auto response = text_response(200, metrics_text(snapshot, self, moment));
    response.headers = {{"Content-Type", "text/plain"}};
    return response;
  }
  return json_text_response(health_status(snapshot, self, target, moment.now), health_body.of(snapshot, self, moment));
}

}  // namespace regent::rest
