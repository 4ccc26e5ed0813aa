#include "rest/api.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "rest/cluster.h"
#include "rest/routes.h"

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

void log_request(const Route& route, const Json& body) {
  if (route.told == nullptr || body.empty()) return;
  log::info("received {} request{}", route.endpoint, route.told(body));
}

}  // namespace

struct Api::Exchange {
  HttpRequest request;
  HttpReply reply;
  Target target;
  const Route* route = nullptr;
  bool looked = false;
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

Call Api::call(const Exchange& exchange, const Json& body, const Snapshot& current, const Moment& moment) {
  return {exchange.request, exchange.target, body, current, self_, moment, shared_};
}

void Api::handle(HttpRequest request, HttpReply reply) {
  auto exchange = std::make_shared<Exchange>();
  exchange->target = parse_target(request.target);
  exchange->request = std::move(request);
  exchange->reply = std::move(reply);
  exchange->route = find_route(exchange->request.method, exchange->target);
  if (exchange->route == nullptr) {
    finish(*exchange, error_page(501, "Unsupported method ('" + exchange->request.method + "')"));
    return;
  }
  auto decided = [self = shared_from_this(), exchange](std::optional<HttpResponse> refusal) {
    if (refusal) {
      self->finish(*exchange, std::move(*refusal));
    } else {
      self->look(exchange);
    }
  };
  check_access(exchange, std::move(decided));
}

void Api::admit(HttpRequest head, HttpVerdict verdict) {
  auto exchange = std::make_shared<Exchange>();
  exchange->target = parse_target(head.target);
  exchange->request = std::move(head);
  exchange->route = find_route(exchange->request.method, exchange->target);
  if (exchange->route == nullptr) {
    verdict(std::nullopt);
    return;
  }
  check_access(exchange, [self = shared_from_this(), verdict = std::move(verdict)](auto refusal) {
    if (refusal) self->add_extra_headers(*refusal);
    verdict(std::move(refusal));
  });
}

bool Api::fresh(const Snapshot& current) const {
  return clocks_.now() - current.observation.now <= fresh_for;
}

// Peers compare positions before an election and a hand-over: those of the last cycle are not good enough (I6). A loop
// that does not come round in time is answered for with what it published last.
void Api::look(const std::shared_ptr<Exchange>& exchange) {
  using Look = Route::Look;
  const Look wanted = exchange->route->look;
  if (wanted == Look::last || (wanted == Look::recent && fresh(*snapshot()))) {
    perform(exchange);
    return;
  }
  const auto go_on = [self = shared_from_this(), exchange] {
    if (!std::exchange(exchange->looked, true)) self->perform(exchange);
  };
  const auto looked = [thread = thread_, go_on](const Result<void>&) { thread->post(go_on); };
  if (wanted == Look::store) {
    control_.submit(intent::ReadStore{}, looked);
  } else {
    control_.submit(intent::Observe{}, looked);
  }
  thread_->after(wanted == Look::members ? observe_limit_of_changes : observe_limit, go_on);
}

// A decision at once, unless names of the allowlist have to be resolved first.
void Api::check_access(const std::shared_ptr<Exchange>& exchange,
                       std::function<void(std::optional<HttpResponse>)> decided) {
  using Access = Route::Access;
  if (exchange->route->access == Access::open) {
    decided(std::nullopt);
    return;
  }
  const bool members = exchange->route->access == Access::members;
  auto decide = [self = shared_from_this(), exchange, members, decided = std::move(decided)] {
    const auto current = self->snapshot();
    const auto* cluster = last_cluster(*current);
    auto refusal = refuse_access(self->config_, cluster, self->addresses_, exchange->request, !members);
    if (!refusal && members) refusal = refuse_stranger(self->config_, cluster, self->addresses_, exchange->request);
    decided(std::move(refusal));
  };
  const auto current = snapshot();
  const auto now = clocks_.now();
  std::vector<std::string> missing;
  for (auto& name : names_to_resolve(config_, last_cluster(*current), members)) {
    const auto known = resolved_at_.find(name);
    if (known == resolved_at_.end() || now - known->second > address_life) missing.push_back(std::move(name));
  }
  if (missing.empty()) {
    decide();
    return;
  }
  const auto unresolved = std::make_shared<std::size_t>(missing.size());
  for (const auto& name : missing) {
    thread_->resolve(name, [self = shared_from_this(), name, unresolved, decide](std::vector<std::string> addresses) {
      // A name server that is down does not lock out those who were known before.
      if (!addresses.empty()) self->addresses_[name] = std::move(addresses);
      self->resolved_at_[name] = self->clocks_.now();
      if (--*unresolved == 0) decide();
    });
  }
}

void Api::perform(const std::shared_ptr<Exchange>& exchange) {
  const Route& route = *exchange->route;
  auto read = read_body(exchange->request, route.body);
  if (auto* refusal = std::get_if<HttpResponse>(&read)) {
    finish(*exchange, std::move(*refusal));
    return;
  }
  const auto& body = std::get<Json>(read);
  log_request(route, body);
  const auto current = snapshot();
  const auto now = moment();
  auto handling = route.handle(call(*exchange, body, *current, now));
  if (auto* response = std::get_if<HttpResponse>(&handling)) {
    finish(*exchange, std::move(*response));
    return;
  }
  auto& change = std::get<Change>(handling);
  // The loop answers on its own thread: everything but the hand-over happens here.
  control_.take(change.intent([self = shared_from_this(), exchange, wait = change.watch](Outcome outcome) {
    self->thread_->post([self, exchange, wait, outcome = std::move(outcome)] {
      if (!wait || !outcome.done) {
        self->finish(*exchange, outcome.answer());
        return;
      }
      WatchState state;
      state.since_cycle = self->snapshot()->cycle;
      self->watch(exchange, *wait, state, self->clocks_.now() + wait->limit);
    });
  }));
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
  add_extra_headers(response);
  exchange.reply(std::move(response));
}

void Api::add_extra_headers(HttpResponse& response) const {
  const auto error = std::find_if(response.headers.begin(), response.headers.end(),
                                  [](const auto& header) { return header.first == "Content-Length"; });
  // The pages of refused requests carry no extra headers, status lines no headers at all.
  if (response.status_line_only || error != response.headers.end()) return;
  for (const auto& [name, value] : config_.http_extra_headers) response.headers.emplace_back(name, value);
  if (!config_.tls()) return;
  for (const auto& [name, value] : config_.https_extra_headers) {
    const auto same = std::find_if(response.headers.begin(), response.headers.end(),
                                   [&](const auto& header) { return header.first == name; });
    if (same == response.headers.end())
      response.headers.emplace_back(name, value);
    else
      same->second = value;
  }
}

}  // namespace regent::rest
