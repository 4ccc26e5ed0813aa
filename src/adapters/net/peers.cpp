#include "adapters/net/peers.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "adapters/net/http_client.h"
#include "adapters/os/clock.h"
#include "base/exception.h"
#include "base/log.h"
#include "core/peer_status.h"

namespace regent {

namespace asio = boost::asio;

namespace {

// "Wed, 28 Aug 2024 19:39:26 GMT", seconds since the epoch.
std::optional<std::int64_t> parse_http_date(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const char* end = strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<std::int64_t>(timegm(&parts));
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
    answer = unreachable_peer(name, url.error().message);
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
    answer = unreachable_peer(name, response.error().message);
    answer.silent = kind == ErrorKind::timeout || kind == ErrorKind::unreachable;
    co_return;
  }
  answer = parse_peer_status(name, response->body, parse_http_date(response->date));
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
    std::uint64_t position = 0;
    const auto& lsn = response->lsn;
    const auto [end, wrong] = std::from_chars(lsn.data(), lsn.data() + lsn.size(), position);
    if (wrong == std::errc() && end == lsn.data() + lsn.size()) answer.wal = Lsn{position};
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
      gathering->answers.push_back(unreachable_peer(
          member.name, member.api_url.empty() ? "its member key has no api_url" : "it was not asked in time"));
    }
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (members[i].api_url.empty()) continue;
      ++gathering->open;
      asio::co_spawn(executor_, ask_one(client_, options_, members[i].api_url, gathering, i, until),
                     [gathering, i](std::exception_ptr problem) {
                       PeerAnswer& answer = gathering->answers[i];
                       if (problem) answer = unreachable_peer(answer.name, "asking it failed: " + text_of(problem));
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
          {MemberName(name), false, silent ? "the failsafe key has no address of it" : "it was not asked in time", {}});
    }
    std::size_t index = 0;
    for (const auto& [name, url] : members) {
      const std::size_t at = index++;
      if (url.empty()) continue;
      ++round->open;
      asio::co_spawn(executor_, ask_one_failsafe(client_, options_, failsafe_url(url), body, round, at, until),
                     [round, at](std::exception_ptr problem) {
                       FailsafeAnswer& answer = round->round.answers[at];
                       if (problem) answer = {answer.name, false, "asking it failed: " + text_of(problem), {}};
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

}  // namespace regent
