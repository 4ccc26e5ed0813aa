#include "adapters/net/peers.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapters/net/http_client.h"
#include "adapters/os/clock.h"
#include "base/exception.h"
#include "base/log.h"

namespace regent {

namespace asio = boost::asio;

namespace {

// A member that has not seen the store for so long does not see it: more than a default ttl.
constexpr std::int64_t store_silence_s = 30;

// "Wed, 28 Aug 2024 19:39:26 GMT", seconds since the epoch.
std::optional<std::int64_t> parse_http_date(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<std::int64_t>(timegm(&parts));
}

std::optional<std::uint64_t> unsigned_of(const Json* value) {
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  const auto number = value->get<std::int64_t>();
  if (number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

std::string string_of(const Json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool true_of(const Json* value) {
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

PeerAnswer not_reachable(MemberName name, std::string why) {
  PeerAnswer answer;
  answer.name = std::move(name);
  answer.why = std::move(why);
  return answer;
}

// A question may take so long. A little less than the answers are waited for: what became of it is to be known, because
// only a question that was asked tells of a silence.
Instant question_deadline(Instant now, Instant deadline) {
  return deadline - std::min<Duration>(std::chrono::milliseconds(20), std::max(deadline - now, Duration::zero()) / 10);
}

// What one gathering waits for. The questions own it: it outlives a caller that went away.
struct Gathering {
  Gathering(const asio::any_io_executor& executor, Instant deadline) : done(executor, deadline) {}
  std::vector<PeerAnswer> answers;
  std::size_t open = 0;
  BootTimer done;
};

Task<void> ask_one(std::shared_ptr<HttpClient> client, std::shared_ptr<const PeersOptions> options, std::string api_url,
                   std::shared_ptr<Gathering> gathering, std::size_t index, Instant deadline) {
  PeerAnswer& answer = gathering->answers[index];
  const MemberName name = answer.name;
  auto url = parse_url(api_url);
  if (!url) {
    answer = not_reachable(name, url.error().message);
    co_return;
  }
  HttpRequest request;
  request.target = url->target;
  // A peer's REST threads are few; they are not to be held by idle connections.
  request.keep_alive = false;
  if (!options->username.empty()) {
    request.headers.emplace_back("Authorization", basic_authorization(options->username, options->password));
  }
  auto response = co_await client->request(url->endpoint, std::move(request), deadline);
  if (!response) {
    const ErrorKind kind = response.error().kind;
    answer = not_reachable(name, response.error().message);
    answer.silent = kind == ErrorKind::timeout || kind == ErrorKind::unreachable;
    co_return;
  }
  answer = parse_peer_status(name, response->body, response->date);
  if (!answer.reachable && response->status != 200)
    answer.why = fmt::format("{} answered {}", api_url, response->status);
}

// One round of POST /failsafe, owned like a Gathering.
struct Round {
  Round(const asio::any_io_executor& executor, Instant deadline) : done(executor, deadline) {}
  FailsafeRound round;
  std::size_t open = 0;
  BootTimer done;
};

// "http://host:8008/patroni" is where a member answers; its failsafe endpoint is next to it.
std::string failsafe_url(std::string api_url) {
  const auto scheme = api_url.find("://");
  const auto path = api_url.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  return api_url.substr(0, path) + "/failsafe";
}

Task<void> ask_one_failsafe(std::shared_ptr<HttpClient> client, std::shared_ptr<const PeersOptions> options,
                            std::string url_text, std::string body, std::shared_ptr<Round> round, std::size_t index,
                            Instant deadline) {
  auto url = parse_url(url_text);
  if (!url) {
    round->round.answers[index].why = url.error().message;
    co_return;
  }
  HttpRequest request;
  request.method = "POST";
  request.target = url->target;
  request.body = std::move(body);
  request.keep_alive = false;
  request.headers.emplace_back("Content-Type", "application/json");
  if (!options->username.empty()) {
    request.headers.emplace_back("Authorization", basic_authorization(options->username, options->password));
  }
  auto response = co_await client->request(url->endpoint, std::move(request), deadline);
  FailsafeAnswer& answer = round->round.answers[index];
  if (!response) {
    answer.why = response.error().message;
  } else if (response->status == 200) {
    answer.accepted = true;
    log::info("Got response from {} {}: {}", answer.name.str(), url_text, response->body);
  } else {
    // An error page says nothing that the status does not.
    const bool page = response->body.find('<') != std::string::npos;
    answer.why = fmt::format("{} answered {}{}", url_text, response->status, page ? "" : " " + response->body);
  }
}

class HttpPeers final : public RestPeers {
 public:
  HttpPeers(asio::any_io_executor executor, const Clock& clock, PeersOptions options)
      : executor_(executor),
        clock_(clock),
        client_(std::make_shared<HttpClient>(executor, clock, options.tls)),
        options_(std::make_shared<PeersOptions>(std::move(options))) {}

  void reconfigure(PeersOptions options) override {
    client_->reconfigure(options.tls);
    // Questions under way own the old ones.
    options_ = std::make_shared<PeersOptions>(std::move(options));
  }

  Task<PeersFacts> ask(std::vector<Member> members, Instant deadline) override {
    PeersFacts facts;
    facts.asked_at = clock_.now();
    const Instant until = question_deadline(facts.asked_at, deadline);
    const auto gathering = std::make_shared<Gathering>(executor_, deadline);
    for (const Member& member : members) {
      gathering->answers.push_back(not_reachable(
          member.name, member.api_url.empty() ? "its member key has no api_url" : "it was not asked in time"));
    }
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (members[i].api_url.empty()) continue;
      ++gathering->open;
      asio::co_spawn(executor_, ask_one(client_, options_, members[i].api_url, gathering, i, until),
                     [gathering, i](std::exception_ptr problem) {
                       PeerAnswer& answer = gathering->answers[i];
                       if (problem) answer = not_reachable(answer.name, "asking it failed: " + text_of(problem));
                       if (problem) log::error("{}: {}", answer.name.str(), answer.why);
                       if (--gathering->open == 0) gathering->done.cancel();
                     });
    }
    if (gathering->open > 0) co_await gathering->done.async_wait(asio::as_tuple(asio::use_awaitable));
    facts.answers = gathering->answers;
    co_return facts;
  }

  Task<FailsafeRound> ask_failsafe(FailsafeMembers members, FailsafeRequest request, Instant deadline) override {
    const auto round = std::make_shared<Round>(executor_, deadline);
    round->round.sent = clock_.now();
    const Instant until = question_deadline(round->round.sent, deadline);
    const std::string body = print_failsafe_request(request);
    for (const auto& [name, url] : members) {
      const bool silent = url.empty();
      round->round.answers.push_back(
          {MemberName(name), false, silent ? "the failsafe key has no address of it" : "it was not asked in time"});
    }
    std::size_t index = 0;
    for (const auto& [name, url] : members) {
      const std::size_t at = index++;
      if (url.empty()) continue;
      ++round->open;
      asio::co_spawn(executor_, ask_one_failsafe(client_, options_, failsafe_url(url), body, round, at, until),
                     [round, at](std::exception_ptr problem) {
                       FailsafeAnswer& answer = round->round.answers[at];
                       if (problem) answer = {answer.name, false, "asking it failed: " + text_of(problem)};
                       if (problem) log::error("{}: {}", answer.name.str(), answer.why);
                       if (--round->open == 0) round->done.cancel();
                     });
    }
    if (round->open > 0) co_await round->done.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return round->round;
  }

 private:
  asio::any_io_executor executor_;
  const Clock& clock_;
  std::shared_ptr<HttpClient> client_;
  std::shared_ptr<const PeersOptions> options_;
};

}  // namespace

PeersOptions peers_options(const CtlConfig& ctl, const RestConfig& rest) {
  PeersOptions options;
  options.username = ctl.username.empty() ? rest.username : ctl.username;
  options.password = ctl.username.empty() ? rest.password : ctl.password;
  options.tls.ca_file = ctl.cacert;
  options.tls.verify = !ctl.insecure && !ctl.cacert.empty();
  const bool own = !ctl.certfile.empty();
  options.tls.cert_file = own ? ctl.certfile : rest.certfile;
  options.tls.key_file = own ? ctl.keyfile : rest.keyfile;
  options.tls.key_password = own ? ctl.keyfile_password : rest.keyfile_password;
  return options;
}

std::unique_ptr<RestPeers> make_peers(asio::any_io_executor executor, const Clock& clock, PeersOptions options) {
  return std::make_unique<HttpPeers>(std::move(executor), clock, std::move(options));
}

PeerAnswer parse_peer_status(MemberName name, std::string_view body, std::string_view date) {
  const auto document = parse_json(body, "the answer of " + name.str());
  if (!document) return not_reachable(std::move(name), document.error().message);
  const std::string state = string_of(find(*document, "state"));
  if (state.empty()) return not_reachable(std::move(name), "its answer is no status document: it lacks \"state\"");

  PeerAnswer answer;
  answer.name = std::move(name);
  answer.reachable = true;
  answer.running = parse_state(state) == PgState::running;
  answer.down = parse_state(state) == PgState::stopped;
  const auto role = parse_role(string_of(find(*document, "role")));
  answer.in_recovery = role != Role::primary;
  if (const Json* xlog = find(*document, "xlog")) {
    if (const auto location = unsigned_of(find(*xlog, "location"))) {
      // Only a server out of recovery has a write position: this tells more than a word.
      answer.in_recovery = false;
      answer.wal = Lsn{*location};
    } else {
      const auto received = unsigned_of(find(*xlog, "received_location"));
      const auto replayed = unsigned_of(find(*xlog, "replayed_location"));
      answer.wal = Lsn{std::max(received.value_or(0), replayed.value_or(0))};
    }
  }
  answer.timeline = Timeline{static_cast<std::uint32_t>(unsigned_of(find(*document, "timeline")).value_or(0))};
  if (const Json* published = find(*document, "tags")) {
    const Tags tags = parse_tags(*published);
    answer.nofailover = !tags.may_lead();
    answer.failover_priority = tags.failover_priority;
  }
  if (const Json* patroni = find(*document, "patroni")) answer.own_name = string_of(find(*patroni, "name"));
  if (const Json* regent = find(*document, "regent")) {
    answer.instance = string_of(find(*regent, "instance"));
    answer.holds_back = true_of(find(*regent, "failsafe_holds_back"));
    answer.refuses = find(*regent, "refuses") != nullptr;
    const Json* upstream = find(*regent, "upstream");
    answer.let_go = upstream == nullptr || upstream->is_null();
    answer.streams_from = string_of(find(*regent, "streams_from"));
    const Json* known = find(*regent, "position_known");
    answer.wal_known = known == nullptr || !known->is_boolean() || known->get<bool>();
    answer.leader_version.value = static_cast<std::int64_t>(unsigned_of(find(*regent, "leader_version")).value_or(0));
    answer.sync_version.value = static_cast<std::int64_t>(unsigned_of(find(*regent, "sync_version")).value_or(0));
  }
  answer.watchdog_failed = true_of(find(*document, "watchdog_failed"));
  const auto seen = unsigned_of(find(*document, "dcs_last_seen"));
  const auto now = parse_http_date(date);
  if (seen && now) answer.has_dcs = *now - static_cast<std::int64_t>(*seen) <= store_silence_s;
  return answer;
}

}  // namespace regent
