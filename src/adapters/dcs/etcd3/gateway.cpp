#include "adapters/dcs/etcd3/gateway.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"

namespace regent::etcd3 {

namespace {

constexpr Duration first_pause = 100ms;
constexpr Duration longest_pause = std::chrono::seconds(1);
constexpr Duration members_lifetime = std::chrono::seconds(300);

std::string dump(const Json& request) {
  return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Members answer with their header at the top, streams with one inside of `result`.
Result<Header> header_of(const Json& body) {
  const Json* result = find(body, "result");
  return read_header(result != nullptr ? *result : body);
}

}  // namespace

Gateway::Gateway(boost::asio::any_io_executor executor, Clock& clock, Options options)
    : clock_(clock),
      client_(std::move(executor), clock, options.tls),
      options_(std::move(options)),
      endpoints_(options_.endpoints) {}

void Gateway::reconfigure(Options options) {
  client_.reconfigure(options.tls);
  // The members that were learned are learned anew.
  if (options.endpoints != options_.endpoints) {
    endpoints_ = Endpoints(options.endpoints);
    discovered_at_ = {};
  }
  options_ = std::move(options);
  ++generation_;
  prefixes_.clear();
  token_.clear();
  token_rejected_ = false;
  auth_off_ = false;
}

Result<void> Gateway::accept(const Header& header) {
  return witness_.accept(header, clock_.now(), ttl_);
}

HttpRequest Gateway::make_request(std::string target, std::string payload) const {
  HttpRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.body = std::move(payload);
  request.headers.emplace_back("Content-Type", "application/json");
  // A watch at a member that lost its leader ends instead of staying silent (F30).
  request.headers.emplace_back("Grpc-Metadata-hasleader", "true");
  if (!token_.empty()) request.headers.emplace_back("Authorization", token_);
  return request;
}

Gateway::Failure Gateway::judge(const Endpoint& endpoint, int http_status, const std::string& body) {
  const Refusal refusal = read_refusal(http_status, body);
  const std::string message = fmt::format("etcd at {}: {}", to_string(endpoint), refusal.message);
  if (wants_new_token(refusal)) {
    token_rejected_ = true;
    return {{ErrorKind::refused, message}, false, true};
  }
  switch (refusal.code) {
    case Grpc::not_found:
      return {{ErrorKind::not_found, message}, false, true};
    case Grpc::permission_denied:
    case Grpc::unauthenticated:
      return {{ErrorKind::refused, message}, false, true};
    case Grpc::invalid_argument:
    case Grpc::failed_precondition:
    case Grpc::out_of_range:
      return {{ErrorKind::failed, message}, false, true};
    default:
      break;
  }
  if (http_status == 404) {
    prefixes_.erase(endpoint);  // it was replaced by one that speaks another version
    const auto* remedy = "it does not serve its API as JSON; start it with enable-grpc-gateway: true";
    return {{ErrorKind::unreachable, fmt::format("etcd at {}: {}", to_string(endpoint), remedy)}, false, false};
  }
  // "request timed out", "leader changed": the proposal may still be committed.
  return {{ErrorKind::unreachable, message}, true, false};
}

Task<Gateway::Attempt> Gateway::post(Endpoint endpoint, std::string target, std::string payload, Instant until) {
  HttpRequest request = make_request(std::move(target), std::move(payload));
  Answer answer;
  answer.sent = clock_.now();
  auto response = co_await client_.request(endpoint, std::move(request), until);
  if (!response) {
    const ErrorKind kind = response.error().kind;
    const bool sent = kind == ErrorKind::timeout || kind == ErrorKind::failed;
    // What died under one request may be just as dead under the next.
    client_.forget(endpoint);
    const Error error{sent ? ErrorKind::unreachable : kind, "etcd: " + response.error().message};
    co_return tl::unexpected(Failure{error, sent, false});
  }
  if (response->status != 200) co_return tl::unexpected(judge(endpoint, response->status, response->body));
  auto body = parse_json(response->body, "the answer of etcd at " + to_string(endpoint));
  if (!body) co_return tl::unexpected(Failure{{ErrorKind::unreachable, body.error().message}, true, false});
  if (find(*body, "error") != nullptr) co_return tl::unexpected(judge(endpoint, 200, response->body));
  answer.body = std::move(*body);
  answer.connection = response->connection;
  co_return answer;
}

Task<tl::expected<std::string, Gateway::Failure>> Gateway::api_prefix(Endpoint endpoint, Instant until) {
  if (const auto known = prefixes_.find(endpoint); known != prefixes_.end()) co_return known->second;
  HttpRequest request;
  request.target = "/version";
  auto response = co_await client_.request(endpoint, std::move(request), until);
  if (!response) {
    client_.forget(endpoint);
    const bool late = response.error().kind == ErrorKind::timeout || response.error().kind == ErrorKind::failed;
    const Error error{late ? ErrorKind::unreachable : response.error().kind, "etcd: " + response.error().message};
    co_return tl::unexpected(Failure{error, false, false});
  }
  const std::string where = fmt::format("{}/version", to_string(endpoint));
  auto document = parse_json(response->body, where);
  auto prefix = document ? read_api_prefix(*document) : tl::unexpected(document.error());
  if (!prefix) {
    const Error error{ErrorKind::refused, fmt::format("{} is no etcd: {}", where, prefix.error().message)};
    co_return tl::unexpected(Failure{error, false, false});
  }
  if (options_.instead_of_v2) {
    auto judging = lacks_v2(endpoint, until);
    if (auto judged = co_await std::move(judging); !judged) co_return tl::unexpected(judged.error());
  }
  prefixes_[endpoint] = *prefix;
  co_return *prefix;
}

Task<tl::expected<void, Gateway::Failure>> Gateway::lacks_v2(Endpoint endpoint, Instant until) {
  HttpRequest request;
  request.target = "/v2/keys/";
  auto asking = client_.request(endpoint, std::move(request), until);
  const auto response = co_await std::move(asking);
  if (!response) {
    client_.forget(endpoint);
    const Error error{ErrorKind::unreachable, "etcd: " + response.error().message};
    co_return tl::unexpected(Failure{error, false, false});
  }
  if (response->status == 404) co_return tl::expected<void, Failure>();
  if (response->status != 200 && response->status != 401 && response->status != 403) {
    const Error unclear{ErrorKind::unreachable,
                        fmt::format("etcd at {} does not say whether it has the v2 API: HTTP {}", to_string(endpoint),
                                    response->status)};
    co_return tl::unexpected(Failure{unclear, false, false});
  }
  const Error error{ErrorKind::refused,
                    fmt::format("etcd at {} serves the v2 API, which the section etcd means and Regent does not speak: "
                                "name the section etcd3 on all members, Patroni's too, or switch v2 off",
                                to_string(endpoint))};
  co_return tl::unexpected(Failure{error, false, false});
}

Task<tl::expected<void, Gateway::Failure>> Gateway::log_in(Endpoint endpoint, std::string prefix, Instant until) {
  token_.clear();
  token_rejected_ = false;
  std::string payload = dump(authenticate(options_.username, options_.password));
  const auto generation = generation_;
  auto answered = co_await post(endpoint, prefix + "/auth/authenticate", std::move(payload), until);
  if (generation != generation_) {
    co_return tl::unexpected(Failure{{ErrorKind::unreachable, "etcd was configured anew meanwhile"}, false, false});
  }
  if (!answered) {
    Failure failure = answered.error();
    failure.maybe_applied = false;
    if (failure.error.message.find("authentication is not enabled") != std::string::npos) {
      if (!auth_off_) log::warning("etcd does not ask for authentication: etcd3.username is not used");
      auth_off_ = true;
      co_return tl::expected<void, Failure>();
    }
    if (failure.final) failure.error.kind = ErrorKind::refused;
    co_return tl::unexpected(failure);
  }
  auto token = read_token(answered->body);
  if (!token) co_return tl::unexpected(Failure{token.error(), false, false});
  token_ = *token;
  auth_off_ = false;
  co_return tl::expected<void, Failure>();
}

Task<Gateway::Attempt> Gateway::attempt(Endpoint endpoint, std::string path, std::string payload, Instant until) {
  auto prefix = co_await api_prefix(endpoint, until);
  if (!prefix) co_return tl::unexpected(prefix.error());
  for (int round = 0;; ++round) {
    if (needs_token()) {
      auto logged_in = co_await log_in(endpoint, *prefix, until);
      if (!logged_in) co_return tl::unexpected(logged_in.error());
    }
    auto answered = co_await post(endpoint, *prefix + path, payload, until);
    if (!answered) {
      // The token expired or users changed meanwhile: once more with a new one, inside of the same budget (F39).
      if (token_rejected_ && !options_.username.empty() && round == 0) continue;
      co_return answered;
    }
    auto header = header_of(answered->body);
    if (!header) co_return tl::unexpected(Failure{header.error(), true, false});
    if (auto accepted = accept(*header); !accepted) co_return tl::unexpected(Failure{accepted.error(), true, false});
    answered->header = *header;
    co_return answered;
  }
}

Task<Result<Answer>> Gateway::call(std::string path, Json request, Instant deadline) {
  const std::string payload = dump(request);
  bool maybe_applied = false;
  Error last{ErrorKind::timeout, "etcd: no time left to ask"};
  for (Duration pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
    const std::vector<Endpoint> order = endpoints_.order();
    for (std::size_t i = 0; i < order.size(); ++i) {
      const Instant now = clock_.now();
      if (now >= deadline) co_return tl::unexpected(last);
      const Instant until = now + attempt_time(deadline - now, order.size() - i);
      auto answered = co_await attempt(order[i], path, payload, until);
      if (answered) {
        endpoints_.succeeded(order[i]);
        answered->repeated = maybe_applied;
        co_return *answered;
      }
      if (answered.error().final) co_return tl::unexpected(answered.error().error);
      maybe_applied = maybe_applied || answered.error().maybe_applied;
      last = answered.error().error;
      endpoints_.failed(order[i]);
    }
    const Instant next = std::min(deadline, clock_.now() + pause);
    co_await clock_.sleep_until(next);
  }
}

Task<Result<std::shared_ptr<HttpStream>>> Gateway::open(std::string path, Json request, Instant deadline) {
  const Endpoint endpoint = endpoints_.current();
  stream_endpoint_ = endpoint;
  auto prefix = co_await api_prefix(endpoint, deadline);
  if (!prefix) {
    endpoints_.failed(endpoint);
    co_return tl::unexpected(prefix.error().error);
  }
  if (needs_token()) {
    auto logged_in = co_await log_in(endpoint, *prefix, deadline);
    if (!logged_in) co_return tl::unexpected(logged_in.error().error);
  }
  HttpRequest post = make_request(*prefix + path, dump(request));
  auto stream = co_await client_.open(endpoint, std::move(post), deadline);
  if (!stream) {
    endpoints_.failed(endpoint);
    co_return stream;
  }
  if ((*stream)->status() != 200) {
    auto body = co_await (*stream)->next(deadline);
    const Failure failure = judge(endpoint, (*stream)->status(), body ? *body : std::string());
    if (!failure.final) endpoints_.failed(endpoint);
    co_return tl::unexpected(failure.error);
  }
  co_return stream;
}

void Gateway::stream_refused(const std::string& reason) {
  if (wants_new_token(Refusal{Grpc::unknown, reason})) token_rejected_ = true;
}

void Gateway::stream_failed() {
  endpoints_.failed(stream_endpoint_);
}

Task<void> Gateway::discover(Instant deadline) {
  const Instant now = clock_.now();
  const bool fresh = discovered_at_ != Instant{} && now - discovered_at_ < members_lifetime;
  if (!options_.discover || fresh) co_return;
  Json nothing = Json::object();
  const auto generation = generation_;
  auto answer = co_await call("/cluster/member/list", std::move(nothing), deadline);
  if (!answer || generation != generation_) co_return;
  discovered_at_ = now;
  std::vector<Endpoint> advertised;
  for (const std::string& url : read_client_urls(answer->body)) {
    if (auto parsed = parse_url(url, 2379)) advertised.push_back(parsed->endpoint);
  }
  if (endpoints_.adopt(advertised)) {
    std::string names;
    for (const Endpoint& endpoint : endpoints_.order()) names += (names.empty() ? "" : ", ") + to_string(endpoint);
    log::debug("etcd endpoints: {}", names);
  }
}

}  // namespace regent::etcd3
