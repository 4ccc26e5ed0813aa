#include "rest/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/restart.h"
#include "core/situation.h"
#include "rest/cluster.h"
#include "rest/failover.h"

namespace regent::rest {
namespace {

// The loop did not say no; it could not.
HttpResponse unavailable(const Error& error) {
  const bool unknown = error.kind == ErrorKind::timeout || error.kind == ErrorKind::unreachable;
  return text_response(503, unknown ? fmt::format("result unknown: {}", error.message) : error.message);
}

bool is_set(const Target& target, std::string_view parameter) {
  const auto* value = target.find(parameter);
  return value != nullptr && (*value == "true" || *value == "1");
}

// Somebody wants a value that PostgreSQL does not understand written all the same.
bool insists(const Target& target) {
  return is_set(target, "force_invalid");
}

}  // namespace

Handling patch_config(const Call& call) {
  return change(intent::PatchConfig{call.body, insists(call.target), is_set(call.target, "dry_run")},
                [](const Result<Json>& reply) {
                  if (reply) return json_response(200, *reply);
                  if (reply.error().kind == ErrorKind::invalid) return text_response(400, reply.error().message);
                  if (reply.error().kind == ErrorKind::not_found) return error_page(503);
                  if (reply.error().kind == ErrorKind::conflict) return error_page(409);
                  return unavailable(reply.error());
                });
}

Handling put_config(const Call& call) {
  return change(intent::ReplaceConfig{call.body, insists(call.target), is_set(call.target, "dry_run")},
                [](const Result<Json>& reply) {
                  if (reply) return json_response(200, *reply);
                  if (reply.error().kind == ErrorKind::invalid) return text_response(400, reply.error().message);
                  if (reply.error().kind == ErrorKind::conflict) return error_page(502);
                  return unavailable(reply.error());
                });
}

Handling post_reload(const Call&) {
  return change(intent::Reload{}, [](const Result<void>& reply) {
    return reply ? text_response(202, "reload scheduled") : text_response(500, reply.error().message);
  });
}

namespace {

struct WantedRestart {
  RestartFilter filter;
  std::optional<Duration> timeout;
  std::optional<WallTime> at;
  Json published = Json::object();  // the conditions as they were given
};

HttpResponse bad_role(Generation generation) {
  switch (generation) {
    case Generation::v2_1:
      return text_response(400, "PostgreSQL role should be either master or replica");
    case Generation::v3:
      return text_response(400, "PostgreSQL role should be either primary or replica");
    case Generation::v4:
      break;
  }
  return text_response(400, "PostgreSQL role should be either primary, standby_leader, or replica");
}

bool is_restart_role(const std::string& role, Generation generation) {
  if (role == "primary" || role == "replica") return true;
  return generation == Generation::v4 ? role == "standby_leader" : role == "master";
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_spaced(value);
}

// Reads the body in its order; the first thing that is wrong is the answer.
std::optional<HttpResponse> read_restart(const Json& body, Generation generation, WallTime wall, WantedRestart& out) {
  for (const auto& [key, value] : body.items()) {
    out.published[key] = value;
    if (key == "schedule") {
      const auto schedule = parse_schedule(value, "restart", wall);
      if (const auto* wrong = std::get_if<HttpResponse>(&schedule)) return *wrong;
      out.at = std::get<WallTime>(schedule);
      out.published[key] = to_iso_time(*out.at);
    } else if (key == "role") {
      const auto role = text_of(value);
      if (!is_restart_role(role, generation)) return bad_role(generation);
      out.filter.role = parse_role(role);
    } else if (key == "postgres_version") {
      const auto number = parse_version_number(text_of(value));
      if (!number) return text_response(400, number.error().message);
      out.filter.below_version = *number;
    } else if (key == "timeout") {
      out.timeout = parse_seconds(value);
      if (!out.timeout || *out.timeout <= Duration{}) {
        return text_response(400, "Timeout should be a positive number of seconds");
      }
    } else if (key == "restart_pending") {
      out.filter.pending = true;  // whatever its value: the mere key is the filter
    } else {
      return text_response(400, fmt::format("Unknown filter for the scheduled restart: {}", key));
    }
  }
  return std::nullopt;
}

HttpResponse schedule_outcome(const Result<std::string>& reply, int accepted, int refused) {
  if (reply) return text_response(accepted, *reply);
  return text_response(reply.error().kind == ErrorKind::refused ? refused : 503, reply.error().message);
}

Handling schedule_restart(WantedRestart wanted, const Snapshot& snapshot) {
  ScheduledRestart plan;
  plan.at = *wanted.at;
  plan.filter = wanted.filter;
  plan.timeout = wanted.timeout;
  if (const auto local = local_server(snapshot); local.facts != nullptr) {
    plan.postmaster_start_time = to_rest_time(local.facts->postmaster_start_time);
    wanted.published["postmaster_start_time"] = plan.postmaster_start_time;
  }
  plan.published = std::move(wanted.published);
  return change(intent::ScheduleRestart{std::move(plan)},
                [](const Result<std::string>& reply) { return schedule_outcome(reply, 202, 409); });
}

}  // namespace

Handling post_restart(const Call& call) {
  const Snapshot& snapshot = call.snapshot;
  if (snapshot.observation.settings.pause && call.body.contains("schedule")) {
    return text_response(500, "Can't schedule restart in the paused state");
  }
  WantedRestart wanted;
  if (const auto wrong = read_restart(call.body, call.self.generation, call.moment.wall, wanted)) return *wrong;
  if (wanted.at) return schedule_restart(std::move(wanted), snapshot);
  const Situation s = survey(snapshot.observation, snapshot.decision.memory);
  if (restart_objection(wanted.filter, s)) return text_response(503, "restart conditions are not satisfied");
  RestartRequest request;
  request.filter = wanted.filter;
  request.timeout = wanted.timeout;
  return change(intent::Restart{request}, [](const Result<std::string>& reply) {
    if (!reply) return text_response(503, reply.error().message);
    return text_response(200, *reply);
  });
}

Handling delete_restart(const Call&) {
  return change(intent::ScheduleRestart{std::nullopt},
                [](const Result<std::string>& reply) { return schedule_outcome(reply, 200, 404); });
}

Handling post_reinitialize(const Call& call) {
  const Snapshot& snapshot = call.snapshot;
  ReinitRequest request;
  request.force = is_true(find(call.body, "force"));
  request.from_leader = is_true(find(call.body, "from_leader"));
  if (const auto* cluster = snapshot.observation.cluster.get()) {
    if (!cluster->leader.exists()) return text_response(503, "Cluster has no leader, can not reinitialize");
    if (cluster->leader.name == call.self.name) return text_response(503, "I am the leader, can not reinitialize");
  }
  if (snapshot.decision.memory.reinitializing && !request.force) {
    return text_response(503, "reinitialize already in progress");
  }
  return change(intent::Reinit{request}, [](const Result<std::string>& reply) {
    if (!reply) return text_response(503, reply.error().message);
    return text_response(200, *reply);
  });
}

// A failsafe acknowledgement promises not to race for ttl (I13): only the loop, which keeps the promise, may give it.
Handling post_failsafe(const Call& call) {
  if (!call.snapshot.observation.settings.failsafe_mode) return error_page(502);
  auto read = read_body(call.request, BodyKind::object);
  if (auto* refusal = std::get_if<HttpResponse>(&read)) return std::move(*refusal);
  if (lease_valid(call.snapshot.observation.lease, call.moment.now)) return text_response(500, "Running as a leader");
  auto request = parse_failsafe_request(std::get<Json>(read));
  if (!request) return error_page(400);
  return change(intent::PromiseFailsafe{std::move(*request)}, [](const Result<std::optional<Lsn>>& reply) {
    if (!reply) return text_response(500, reply.error().message);
    auto response = text_response(200, "Accepted");
    if (*reply) response.headers.emplace_back("lsn", std::to_string((*reply)->value));
    return response;
  });
}

std::string tell_body(const Json& body) {
  return ": " + to_spaced(body);
}

Handling post_sigterm(const Call&) {
  return text_response(501, "Stopping the agent by request is not supported: send it SIGTERM");
}

}  // namespace regent::rest
