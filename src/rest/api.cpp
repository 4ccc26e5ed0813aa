#include "rest/api.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "rest/cluster.h"
#include "rest/health.h"
#include "rest/queries.h"

namespace regent::rest {
namespace {

// How often a waiting switchover looks at the newest snapshot.
constexpr Duration watch_interval = std::chrono::milliseconds(100);
// A status document is answered from what is younger, else from a new look at the server.
constexpr Duration fresh_for = std::chrono::milliseconds(100);
constexpr Duration observe_limit = std::chrono::milliseconds(500);
// A request that moves the leader waits longer for it: refusing it for what was true a moment ago helps nobody.
constexpr Duration observe_limit_of_changes = std::chrono::seconds(5);
// How long an address of the allowlist is believed.
constexpr Duration address_life = std::chrono::seconds(30);

// Documents that somebody reads to decide or to see what a change did, unlike health checks.
bool tells_positions_or_keys(const std::string& endpoint) {
  return endpoint == "patroni" || endpoint == "cluster" || endpoint == "history" || endpoint == "config" ||
         endpoint == "slots";
}

void log_request(const HttpRequest& request, const Target& target) {
  const auto& what = target.endpoint;
  const bool worth = what == "switchover" || what == "failover" || what == "restart" || what == "reinitialize";
  if (!worth || request.method != "POST" || !request.body || request.body->empty()) return;
  const auto body = parse_json(*request.body, "the request body");
  if (!body || !body->is_object()) return;
  if (what == "restart" || what == "reinitialize") {
    log::info("received {} request: {}", what, to_spaced(*body));
    return;
  }
  const auto show = [&](std::string_view key) -> std::string {
    const Json* value = find(*body, key);
    if (value == nullptr) return "None";
    const auto text = value->is_string() ? value->get<std::string>() : to_spaced(*value);
    // A client writes no lines of its own into the log.
    return text.find_first_of("\r\n") == std::string::npos ? text : to_spaced(*value);
  };
  const auto candidate = find(*body, "candidate") != nullptr ? show("candidate") : show("member");
  log::info("received {} request with leader={} candidate={} scheduled_at={}", what, show("leader"), candidate,
            show("scheduled_at"));
}

}  // namespace

struct Api::Exchange {
  HttpRequest request;
  HttpReply reply;
  Target target;
  std::size_t unresolved = 0;
  bool answered = false;
};

Api::Api(const SnapshotBoard& board, Control& control, RestConfig config, Identity self, Clocks clocks,
         std::shared_ptr<HttpThread> thread)
    : board_(board),
      control_(control),
      config_(std::move(config)),
      self_(std::move(self)),
      clocks_(std::move(clocks)),
      thread_(std::move(thread)) {
  auto first = std::make_shared<Snapshot>();
  // A loop that has not ended its first cycle is alive for as long as one that ended it now.
  first->observation.now = clocks_.now();
  first_ = std::move(first);
}

std::shared_ptr<const Snapshot> Api::snapshot() const {
  auto current = board_.load();
  return current ? current : first_;
}

Moment Api::moment() const {
  return Moment{clocks_.now(), clocks_.wall(), log::queued(), log::lost()};
}

void Api::reconfigure(RestConfig config) {
  thread_->post([self = shared_from_this(), config = std::move(config)]() mutable {
    self->config_ = std::move(config);
    self->resolved_at_.clear();
  });
}

void Api::handle(HttpRequest request, HttpReply reply) {
  auto exchange = std::make_shared<Exchange>();
  exchange->target = parse_target(request.target);
  exchange->request = std::move(request);
  exchange->reply = std::move(reply);
  const auto& method = exchange->request.method;
  const auto& endpoint = exchange->target.endpoint;
  const bool young_enough = endpoint == "patroni" && fresh(*snapshot());
  if (method == "GET" && tells_positions_or_keys(endpoint) && !young_enough) {
    observe_and_answer(exchange);
  } else if (method == "GET") {
    finish(*exchange, answer_get(exchange->target, *snapshot(), self_, moment(), health_body_));
  } else if (method == "HEAD" || method == "OPTIONS") {
    finish(*exchange, code_only(health_status(*snapshot(), self_, exchange->target, clocks_.now())));
  } else if (is_change(method, exchange->target.endpoint)) {
    check_access(exchange);
  } else {
    finish(*exchange, error_page(501, "Unsupported method ('" + method + "')"));
  }
}

bool Api::fresh(const Snapshot& current) const {
  return clocks_.now() - current.observation.now <= fresh_for;
}

// Peers compare positions before an election and a hand-over: those of the last cycle are not good enough (I6). A loop
// that does not come round in time is answered for with what it published last.
void Api::observe_and_answer(const std::shared_ptr<Exchange>& exchange) {
  const auto answer = [self = shared_from_this(), exchange] {
    if (std::exchange(exchange->answered, true)) return;
    self->finish(*exchange,
                 answer_get(exchange->target, *self->snapshot(), self->self_, self->moment(), self->health_body_));
  };
  control_.submit(intent::Observe{}, [thread = thread_, answer](Result<Json>) { thread->post(answer); });
  thread_->after(observe_limit, answer);
}

void Api::check_access(std::shared_ptr<Exchange> exchange) {
  const auto current = snapshot();
  const auto now = clocks_.now();
  std::vector<std::string> missing;
  const bool failsafe = exchange->target.endpoint == "failsafe";
  for (auto& name : names_to_resolve(config_, last_cluster(*current), failsafe)) {
    const auto known = resolved_at_.find(name);
    if (known == resolved_at_.end() || now - known->second > address_life) missing.push_back(std::move(name));
  }
  if (missing.empty()) {
    decide_access(exchange);
    return;
  }
  exchange->unresolved = missing.size();
  for (const auto& name : missing) {
    thread_->resolve(name, [self = shared_from_this(), exchange, name](std::vector<std::string> addresses) {
      // A name server that is down does not lock out those who were known before.
      if (!addresses.empty()) self->addresses_[name] = std::move(addresses);
      self->resolved_at_[name] = self->clocks_.now();
      if (--exchange->unresolved == 0) self->decide_access(exchange);
    });
  }
}

void Api::decide_access(const std::shared_ptr<Exchange>& exchange) {
  const auto current = snapshot();
  const bool failsafe = exchange->target.endpoint == "failsafe";
  auto refusal = refuse_access(config_, last_cluster(*current), addresses_, exchange->request, !failsafe);
  if (!refusal && failsafe) {
    refusal = refuse_stranger(config_, last_cluster(*current), addresses_, exchange->request);
  }
  if (refusal) {
    finish(*exchange, std::move(*refusal));
    return;
  }
  log_request(exchange->request, exchange->target);
  const auto& endpoint = exchange->target.endpoint;
  const bool names_candidates =
      exchange->request.method == "POST" && (endpoint == "switchover" || endpoint == "failover");
  if (!names_candidates) {
    perform(exchange);
    return;
  }
  // Members as they are now, not as of the last cycle, however young: one that has just come back is a candidate.
  const auto go_on = [self = shared_from_this(), exchange] {
    if (!std::exchange(exchange->answered, true)) self->perform(exchange);
  };
  control_.submit(intent::Observe{}, [thread = thread_, go_on](Result<Json>) { thread->post(go_on); });
  thread_->after(observe_limit_of_changes, go_on);
}

void Api::perform(const std::shared_ptr<Exchange>& exchange) {
  auto handling = handle_change(exchange->request, exchange->target, *snapshot(), self_, moment());
  if (auto* response = std::get_if<HttpResponse>(&handling)) {
    finish(*exchange, std::move(*response));
    return;
  }
  auto& change = std::get<Change>(handling);
  // The loop answers on its own thread: everything but the hand-over happens here.
  auto intent = std::move(change.intent);
  control_.submit(std::move(intent), [self = shared_from_this(), exchange, answer = std::move(change.answer),
                                      wait = std::move(change.watch)](Result<Json> result) {
    self->thread_->post([self, exchange, answer, wait, result = std::move(result)] {
      if (!wait || !result) {
        self->finish(*exchange, answer(result));
        return;
      }
      WatchState state;
      state.since_cycle = self->snapshot()->cycle;
      self->watch(exchange, *wait, state, self->clocks_.now() + wait->limit);
    });
  });
}

void Api::watch(const std::shared_ptr<Exchange>& exchange, Watch watched, WatchState state, Instant until) {
  auto result = watch_result(watched, state, *snapshot());
  if (!result && clocks_.now() >= until) result = watch_timeout(watched);
  if (result) {
    finish(*exchange, std::move(*result));
    return;
  }
  thread_->after(watch_interval, [self = shared_from_this(), exchange, watched = std::move(watched), state, until] {
    self->watch(exchange, watched, state, until);
  });
}

void Api::finish(const Exchange& exchange, HttpResponse response) const {
  const auto error = std::find_if(response.headers.begin(), response.headers.end(),
                                  [](const auto& header) { return header.first == "Content-Length"; });
  // The pages of refused requests carry no extra headers, status lines no headers at all.
  if (!response.status_line_only && error == response.headers.end()) {
    for (const auto& [name, value] : config_.http_extra_headers) response.headers.emplace_back(name, value);
    if (config_.tls()) {
      for (const auto& [name, value] : config_.https_extra_headers) {
        const auto same = std::find_if(response.headers.begin(), response.headers.end(),
                                       [&](const auto& header) { return header.first == name; });
        if (same == response.headers.end())
          response.headers.emplace_back(name, value);
        else
          same->second = value;
      }
    }
  }
  exchange.reply(std::move(response));
}

}  // namespace regent::rest
