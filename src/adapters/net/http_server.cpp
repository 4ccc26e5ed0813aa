#include "adapters/net/http_server.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "adapters/net/http_stream.h"
#include "adapters/net/http_wire.h"
#include "base/exception.h"
#include "base/log.h"
#include "ports/task.h"

namespace regent {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using tcp = asio::ip::tcp;

namespace {

using Parser = http::request_parser<http::string_body>;
using boost::system::error_code;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// Deadlines are seconds long: that one is noticed so much later harms nobody, and a timer for each costs more than a
// request.
constexpr Duration sweep_interval = std::chrono::milliseconds(250);
// Accepted in one go, before those who are connected get their turn.
constexpr int accepted_at_once = 32;

// Where an answer waits for its connection.
struct Slot {
  explicit Slot(asio::io_context& io) : filled(io, asio::steady_timer::time_point::max()) {}

  asio::steady_timer filled;
  bool answered = false;
  std::optional<HttpResponse> response;  // a gate's answer may be none
};

// One accepted client, as the server sees it from outside of its coroutine.
struct Connection {
  Connection(std::unique_ptr<ClientStream> stream, const tcp::endpoint& peer) : stream(std::move(stream)), peer(peer) {}

  using Clock = std::chrono::steady_clock;
  void expires_after(Duration limit) { deadline = Clock::now() + limit; }
  void expires_never() { deadline = Clock::time_point::max(); }

  const std::unique_ptr<ClientStream> stream;
  const tcp::endpoint peer;
  Clock::time_point deadline = Clock::time_point::max();  // the stream is closed soon after it
  bool waiting_for_request = true;                        // its end has not arrived yet
  bool read_everything = false;                           // the client sent one request, and nothing after it
  std::shared_ptr<Slot> slot;
  std::list<std::shared_ptr<Connection>>::iterator place;  // in the server's list
};

// Held by the copies of a reply or verdict. The last one that goes without an answer says so.
class Answer {
 public:
  Answer(std::weak_ptr<asio::io_context> io, std::weak_ptr<Slot> slot) : io_(std::move(io)), slot_(std::move(slot)) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() {
    if (!given_) give(error_page(500));
  }

  void give(std::optional<HttpResponse> response) {
    if (given_.exchange(true)) return;
    // The loop may be gone, or go while we post: the copy keeps it until then.
    const auto io = io_.lock();
    if (!io) return;
    // At once if the handler answers while it is asked, which is on the loop's thread.
    asio::dispatch(*io, [slot = slot_, response = std::move(response)]() mutable {
      const auto waiting = slot.lock();
      if (!waiting) return;
      waiting->answered = true;
      waiting->response = std::move(response);
      waiting->filled.cancel();
    });
  }

 private:
  std::weak_ptr<asio::io_context> io_;
  std::weak_ptr<Slot> slot_;
  std::atomic<bool> given_{false};
};

std::string peer_address(const tcp::endpoint& peer) {
  const auto address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

// nullopt: the client went away or was too slow, there is nobody to answer to.
std::optional<HttpResponse> refusal(error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return error_page(431);
  if (error == http::error::body_limit) return error_page(413);
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() == http::make_error_code(http::error::bad_method).category()) return error_page(400);
  return std::nullopt;
}

// The head of it: without the body.
HttpRequest to_request(const Parser& parser, std::string peer, bool certificate) {
  const auto& message = parser.get();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  const auto authorization = message.find(http::field::authorization);
  if (authorization != message.end()) request.authorization = std::string(authorization->value());
  request.peer = std::move(peer);
  request.client_certificate = certificate;
  return request;
}

// Clients are accepted when their request is there, so that one wake-up serves for both. One who says nothing is
// accepted too, a second or so later. When more of those come than the kernel keeps for us, it has them accepted at
// once, by means of SYN cookies (F06). Without this option everything works, and costs more.
void accept_with_request(tcp::acceptor& acceptor) {
  const int seconds = 1;
  ::setsockopt(acceptor.native_handle(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
}

// Reads until the parser has the header, or the whole request. What came behind it stays in the buffer.
Task<error_code> read(ClientStream& stream, beast::flat_buffer& buffer, Parser& parser, bool whole) {
  parser.eager(whole);
  const auto enough = [&] { return whole ? parser.is_done() : parser.is_header_done(); };
  while (!enough()) {
    error_code error = http::error::need_more;
    if (buffer.size() > 0) buffer.consume(parser.put(buffer.data(), error));
    if (!error) continue;
    if (error != http::error::need_more) co_return error;
    const auto room = beast::read_size(buffer, 4096);
    if (room == 0) co_return http::error::buffer_overflow;
    const auto free = buffer.prepare(room);
    const auto count = co_await stream.read_some(static_cast<char*>(free.data()), free.size());
    // Nobody is there to answer to, in both cases.
    if (!count || *count == 0) co_return http::error::end_of_stream;
    buffer.commit(*count);
  }
  co_return error_code{};
}

// Null where it is not encrypted.
Result<std::shared_ptr<ssl::context>> make_context(const RestConfig& config) {
  if (!config.tls()) return std::shared_ptr<ssl::context>();
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  if (auto loaded = load_certificates(*context, config); !loaded) return tl::unexpected(loaded.error());
  return context;
}

}  // namespace

class RestServer::Impl : public HttpThread, public std::enable_shared_from_this<RestServer::Impl> {
 public:
  Impl(RestConfig config, HttpServerLimits limits) : config_(std::move(config)), limits_(limits) {}

  Result<void> start(HttpHandler handler, HttpGate gate);
  void reconfigure(RestConfig config, std::function<void(Result<void>)> done);
  void stop();
  std::uint16_t port() const { return port_; }

  void post(std::function<void()> work) override { asio::post(*io_, std::move(work)); }
  void after(Duration delay, std::function<void()> work) override;
  void resolve(std::string host, std::function<void(std::vector<std::string>)> done) override;

 private:
  // An address and the socket that listens there.
  struct Listener {
    tcp::acceptor acceptor;
    tcp::endpoint address;
    bool given_up = false;
    std::string trouble;  // why it listens no more, as it was said last; empty: it listens
  };
  using Listeners = std::list<std::shared_ptr<Listener>>;
  struct Change {
    RestConfig config;
    std::function<void(Result<void>)> done;
  };

  Task<Result<std::vector<tcp::endpoint>>> endpoints(const RestConfig& config);
  tcp::acceptor listening(const tcp::endpoint& address, error_code& error);
  Result<void> listen(Listeners& listeners, const tcp::endpoint& endpoint, const RestConfig& config);
  Result<Listeners> listen_everywhere(const std::vector<tcp::endpoint>& wanted, const RestConfig& config);
  void accept_on(const Listeners& listeners);
  Task<Result<void>> change(RestConfig config);
  void change_next();
  Task<Result<void>> listen_anew(const RestConfig& config);
  Task<void> accept(std::shared_ptr<Listener> listener);
  int accept_waiting(tcp::acceptor& acceptor);
  void reopen(Listener& listener);
  void admit(UniqueFd client, const tcp::endpoint& peer);
  // The coroutine owns the connection; `this` lives until the thread was joined.
  Task<void> serve(std::shared_ptr<Connection> connection);
  Task<void> converse(Connection& connection);
  Task<std::optional<HttpResponse>> exchange(Connection& connection);
  // What the gate or the handler says: `put` is given the request's reply.
  template <class Put>
  Task<std::optional<HttpResponse>> ask(Connection& connection, Put put);
  void watch_deadlines();
  void close_late();
  void make_room();
  void close_all();

  RestConfig config_;
  const HttpServerLimits limits_;
  HttpHandler handler_;
  HttpGate gate_;
  // Shared so that a reply that comes after the end finds out about it.
  std::shared_ptr<asio::io_context> io_ = std::make_shared<asio::io_context>(1);
  std::shared_ptr<ssl::context> tls_;  // null: plain
  Listeners listeners_;
  std::deque<Change> changes_;                          // the first is being made
  std::list<std::shared_ptr<Connection>> connections_;  // oldest first
  asio::steady_timer sweep_{*io_};                      // for all deadlines
  bool sweeping_ = false;
  std::set<std::shared_ptr<asio::steady_timer>> timers_;
  std::atomic<std::uint16_t> port_{0};
  bool closing_ = false;
  std::thread thread_;
};

Result<void> RestServer::Impl::start(HttpHandler handler, HttpGate gate) {
  handler_ = std::move(handler);
  gate_ = std::move(gate);
  auto context = make_context(config_);
  if (!context) return tl::unexpected(context.error());
  tls_ = std::move(*context);
  std::optional<Result<void>> opened;
  asio::co_spawn(*io_, listen_anew(config_), [&](std::exception_ptr problem, Result<void> done) {
    opened = problem ? fail(ErrorKind::failed, "restapi.listen: " + text_of(problem)) : std::move(done);
  });
  // Its own thread comes when it listens.
  while (!opened) io_->run_one();
  if (!*opened) return *opened;
  // Signals are the main thread's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "regent-rest");
    io_->run();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

void RestServer::Impl::stop() {
  if (thread_.joinable()) {
    asio::post(*io_, [this] { close_all(); });
    thread_.join();
  }
  // They may own what owns us.
  handler_ = nullptr;
  gate_ = nullptr;
}

void RestServer::Impl::close_all() {
  closing_ = true;
  error_code ignored;
  for (const auto& listener : listeners_) listener->acceptor.close(ignored);
  sweep_.cancel();
  for (const auto& timer : timers_) timer->cancel();
  // Closing one ends its coroutine, later; the list stays as it is meanwhile.
  for (const auto& connection : connections_) {
    connection->stream->close();
    if (connection->slot) connection->slot->filled.cancel();
  }
}

Task<Result<std::vector<tcp::endpoint>>> RestServer::Impl::endpoints(const RestConfig& config) {
  using Endpoints = std::vector<tcp::endpoint>;
  const auto& host = config.listen_host;
  const auto port = config.listen_port;
  if (host.empty() || host == "*") co_return Endpoints{{asio::ip::address_v6::any(), port}};
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) co_return Endpoints{{address, port}};
  tcp::resolver resolver(*io_);
  const auto [problem, found] =
      co_await resolver.async_resolve(host, std::to_string(port), tcp::resolver::passive, as_result);
  if (problem) {
    co_return fail(ErrorKind::invalid,
                   fmt::format("restapi.listen: {} is no address of this machine: {}", host, problem.message()));
  }
  Endpoints out;
  for (const auto& entry : found) out.push_back(entry.endpoint());
  co_return out;
}

tcp::acceptor RestServer::Impl::listening(const tcp::endpoint& address, error_code& error) {
  tcp::acceptor acceptor(*io_);
  acceptor.open(address.protocol(), error);
  const bool every = address.address() == asio::ip::address_v6::any();
  if (!error && address.address().is_v6()) {
    // "*" and "::" stand for both families.
    error_code ignored;
    acceptor.set_option(asio::ip::v6_only(!every), ignored);
  }
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(address, error);
  if (!error) accept_with_request(acceptor);
  if (!error) acceptor.listen(1024, error);
  if (!error) acceptor.native_non_blocking(true, error);
  return acceptor;
}

Result<void> RestServer::Impl::listen(Listeners& listeners, const tcp::endpoint& endpoint, const RestConfig& config) {
  error_code error;
  auto acceptor = listening(endpoint, error);
  if (error) {
    return fail(error == asio::error::address_in_use || error == asio::error::access_denied ? ErrorKind::refused
                                                                                            : ErrorKind::invalid,
                fmt::format("restapi.listen: cannot listen on {}:{}: {}; another program may use the port, or the "
                            "address is not this machine's",
                            config.listen_host, config.listen_port, error.message()));
  }
  const auto address = acceptor.local_endpoint(error);
  listeners.push_back(std::make_shared<Listener>(Listener{std::move(acceptor), address, false, {}}));
  return {};
}

Result<RestServer::Impl::Listeners> RestServer::Impl::listen_everywhere(const std::vector<tcp::endpoint>& wanted,
                                                                        const RestConfig& config) {
  Listeners opened;
  std::optional<Error> first;
  for (const auto& endpoint : wanted) {
    auto listening = listen(opened, endpoint, config);
    if (listening) continue;
    // A name may stand for an address of a family that this machine lacks; a taken port is a mistake.
    if (listening.error().kind == ErrorKind::refused) return tl::unexpected(listening.error());
    if (!first) first = listening.error();
  }
  const bool every = wanted.front().address() == asio::ip::address_v6::any();
  if (opened.empty() && every) {
    const auto again = listen(opened, {asio::ip::address_v4::any(), config.listen_port}, config);
    if (!again) return tl::unexpected(again.error());
  }
  if (opened.empty()) return tl::unexpected(*first);
  return opened;
}

void RestServer::Impl::accept_on(const Listeners& listeners) {
  port_ = listeners.front()->address.port();
  for (const auto& listener : listeners) {
    asio::co_spawn(*io_, accept(listener), [](std::exception_ptr problem) {
      // Nothing may end it but the end of the server.
      if (problem) log::critical("restapi: a listening socket is given up after an error that nobody expected");
    });
  }
}

// Where it listens already nothing changes.
Task<Result<void>> RestServer::Impl::listen_anew(const RestConfig& config) {
  const bool same = config.listen_host == config_.listen_host && config.listen_port == config_.listen_port;
  if (same && !listeners_.empty()) co_return Result<void>();
  const auto wanted = co_await endpoints(config);
  if (!wanted) co_return tl::unexpected(wanted.error());
  if (closing_) co_return fail(ErrorKind::refused, "the REST API ends");
  auto opened = listen_everywhere(*wanted, config);
  // The old sockets may be in the way of the new ones: of those of their own port.
  const bool in_the_way = std::any_of(listeners_.begin(), listeners_.end(), [&](const auto& listener) {
    return listener->address.port() == config.listen_port;
  });
  if (!opened && (!in_the_way || opened.error().kind != ErrorKind::refused)) co_return tl::unexpected(opened.error());
  std::vector<tcp::endpoint> before;
  error_code ignored;
  for (const auto& listener : listeners_) {
    before.push_back(listener->address);
    listener->given_up = true;
    listener->acceptor.close(ignored);
  }
  std::optional<Error> refused;
  if (!opened) {
    opened = listen_everywhere(*wanted, config);
    if (!opened) refused = opened.error();
    if (!opened) opened = listen_everywhere(before, config_);
  }
  if (opened) {
    listeners_ = std::move(*opened);
    accept_on(listeners_);
  } else {
    // Not even the old ones can be had again: whoever accepts on them goes on trying.
    for (const auto& listener : listeners_) listener->given_up = false;
  }
  if (refused) co_return tl::unexpected(*refused);
  co_return Result<void>();
}

Task<Result<void>> RestServer::Impl::change(RestConfig config) {
  auto context = make_context(config);
  if (!context) co_return tl::unexpected(context.error());
  auto listening = listen_anew(config);
  if (auto done = co_await std::move(listening); !done) co_return done;
  // Who is connected already goes on with the certificate that was shown.
  tls_ = std::move(*context);
  config_ = std::move(config);
  co_return Result<void>();
}

// One after the other: a name in an address takes its time, and the last one that was asked for is to be in force.
void RestServer::Impl::change_next() {
  if (changes_.empty() || closing_) return;
  asio::co_spawn(*io_, change(changes_.front().config), [this](std::exception_ptr problem, Result<void> outcome) {
    if (closing_) return;
    if (problem) outcome = fail(ErrorKind::failed, text_of(problem));
    changes_.front().done(std::move(outcome));
    changes_.pop_front();
    change_next();
  });
}

void RestServer::Impl::reconfigure(RestConfig config, std::function<void(Result<void>)> done) {
  asio::post(*io_, [this, config = std::move(config), done = std::move(done)]() mutable {
    changes_.push_back({std::move(config), std::move(done)});
    if (changes_.size() == 1) change_next();
  });
}

Task<void> RestServer::Impl::accept(std::shared_ptr<Listener> listener) {
  const auto over = [&] { return closing_ || listener->given_up; };
  asio::steady_timer pause(*io_);
  while (!over()) {
    auto [error] = co_await listener->acceptor.async_wait(tcp::acceptor::wait_read, as_result);
    if (over()) co_return;
    int problem = error.value();
    try {
      if (problem == 0) problem = accept_waiting(listener->acceptor);
    } catch (const std::exception& failure) {
      log::error("restapi: a client could not be accepted: {}", failure.what());
      problem = ENOMEM;
    }
    if (problem == 0) continue;
    // Out of descriptors or memory: others need a moment to give some back (F06).
    pause.expires_after(std::chrono::milliseconds(100));
    co_await pause.async_wait(as_result);
    const bool scarce = problem == EMFILE || problem == ENFILE || problem == ENOMEM || problem == ENOBUFS;
    if (!scarce && !over()) reopen(*listener);
  }
}

// A socket that listens no more would leave the members without this one's word, and nobody would hear of it.
void RestServer::Impl::reopen(Listener& listener) {
  error_code error;
  listener.acceptor.close(error);
  listener.acceptor = listening(listener.address, error);
  const int port = listener.address.port();
  if (!error) {
    log::error("restapi: the socket that listened on port {} had broken; it was opened again", port);
    listener.trouble.clear();
  } else if (std::string trouble = error.message(); trouble != listener.trouble) {
    log::error("restapi: nothing listens on port {} any more, and it cannot be opened again yet: {}", port, trouble);
    listener.trouble = std::move(trouble);
  }
}

// Not 0: somebody may wait who could not be accepted, and why.
int RestServer::Impl::accept_waiting(tcp::acceptor& acceptor) {
  for (int i = 0; i < accepted_at_once; ++i) {
    tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    UniqueFd client(::accept4(acceptor.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client.valid()) {
      peer.resize(size);
      admit(std::move(client), peer);
      continue;
    }
    if (errno == EAGAIN) return 0;
    // These went away again before they were accepted.
    if (errno != ECONNABORTED && errno != EPROTO && errno != EINTR) return errno;
  }
  return 0;
}

// One client with many connections does not take the others' places.
void RestServer::Impl::make_room() {
  if (connections_.size() < limits_.connections) return;
  std::map<asio::ip::address, std::size_t> held;
  for (const auto& connection : connections_) ++held[connection->peer.address()];
  std::shared_ptr<Connection> victim;
  // Who does not ask anything goes first; closed ones are on their way out.
  for (const auto& connection : connections_) {
    if (!connection->waiting_for_request) continue;
    if (!victim || held[connection->peer.address()] > held[victim->peer.address()]) victim = connection;
  }
  if (!victim) return;
  victim->stream->close();
  victim->waiting_for_request = false;
}

void RestServer::Impl::admit(UniqueFd client, const tcp::endpoint& peer) {
  make_room();
  // Closed ones leave the list a moment later; the margin bounds that too.
  if (connections_.size() >= limits_.connections * 2) return;
  auto stream = tls_ ? tls_stream(*io_, peer.protocol(), std::move(client), *tls_)
                     : plain_stream(*io_, peer.protocol(), std::move(client));
  auto connection = std::make_shared<Connection>(std::move(stream), peer);
  connection->place = connections_.insert(connections_.end(), connection);
  // Runs at once, up to where it has to wait; mostly that is its end.
  asio::co_spawn(*io_, serve(std::move(connection)), [](std::exception_ptr) {});
  watch_deadlines();
}

void RestServer::Impl::watch_deadlines() {
  if (sweeping_ || closing_ || connections_.empty()) return;
  sweeping_ = true;
  sweep_.expires_after(sweep_interval);
  sweep_.async_wait([this](error_code) {
    sweeping_ = false;
    close_late();
    watch_deadlines();
  });
}

void RestServer::Impl::close_late() {
  const auto now = Connection::Clock::now();
  for (const auto& connection : connections_) {
    if (now < connection->deadline) continue;
    connection->stream->close();
    // Its coroutine ends later.
    connection->expires_never();
  }
}

Task<void> RestServer::Impl::serve(std::shared_ptr<Connection> connection) {
  try {
    // Accepted while the server was told to stop: close_all() did not see this one.
    if (!closing_) co_await converse(*connection);
  } catch (const std::exception& error) {
    log::error("a REST request failed: {}", error.what());
  }
  connection->stream->close();
  connection->slot.reset();
  connections_.erase(connection->place);
}

Task<void> RestServer::Impl::converse(Connection& connection) {
  auto& stream = *connection.stream;
  connection.expires_after(limits_.header);
  if (!co_await stream.handshake()) co_return;
  auto response = co_await exchange(connection);
  if (!response || closing_) co_return;
  const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  const std::string bytes = to_wire(*response, now);
  // Nearly always this is all: nobody waits, and no reset can overtake the answer.
  const std::size_t sent = connection.read_everything ? stream.send_last(bytes) : 0;
  if (sent == bytes.size()) co_return;
  const auto rest = std::string_view(bytes).substr(sent);
  connection.expires_after(limits_.write);
  const bool written = co_await stream.write(rest);
  if (!written || closing_) co_return;
  connection.expires_after(limits_.linger);
  co_await stream.say_goodbye();
}

// The request and what the handler says to it. The deadline of the header runs since the connection was accepted.
Task<std::optional<HttpResponse>> RestServer::Impl::exchange(Connection& connection) {
  auto& stream = *connection.stream;
  beast::flat_buffer buffer(limits_.header_bytes + 4096);
  Parser parser;
  parser.header_limit(limits_.header_bytes);
  parser.body_limit(limits_.body_bytes);
  const auto failed = co_await read(stream, buffer, parser, false);
  if (failed) co_return refusal(failed);
  const auto method = parser.get().method();
  const bool reads_nothing = method == http::verb::get || method == http::verb::head || method == http::verb::options;
  HttpRequest request = to_request(parser, peer_address(connection.peer), stream.has_certificate());
  if (!reads_nothing) {
    if (gate_) {
      // It may have to ask for the address of a name, which is not the client's fault.
      connection.waiting_for_request = false;
      connection.expires_never();
      auto asking = ask(connection, [&](auto answer) {
        gate_(request, [answer](std::optional<HttpResponse> verdict) { answer->give(std::move(verdict)); });
      });
      if (auto refused = co_await std::move(asking)) co_return refused;
    }
    // Its length is known beforehand, or nobody reads it.
    if (parser.chunked()) co_return error_page(411);
    if (parser.content_length() && !parser.is_done()) {
      connection.waiting_for_request = true;
      connection.expires_after(limits_.body);
      const auto body_failed = co_await read(stream, buffer, parser, true);
      if (body_failed) co_return refusal(body_failed);
    }
    if (parser.content_length()) request.body = parser.get().body();
  }
  connection.waiting_for_request = false;
  connection.expires_never();
  connection.read_everything = parser.is_done() && buffer.size() == 0;
  auto asking = ask(connection, [&](auto answer) {
    handler_(std::move(request), [answer](HttpResponse response) { answer->give(std::move(response)); });
  });
  co_return co_await std::move(asking);
}

template <class Put>
Task<std::optional<HttpResponse>> RestServer::Impl::ask(Connection& connection, Put put) {
  const auto slot = std::make_shared<Slot>(*io_);
  connection.slot = slot;
  try {
    put(std::make_shared<Answer>(io_, slot));
  } catch (const std::exception& error) {
    log::error("a REST request failed: {}", error.what());
  }
  while (!slot->answered && !closing_) {
    auto [error] = co_await slot->filled.async_wait(as_result);
    static_cast<void>(error);
  }
  co_return std::move(slot->response);
}

void RestServer::Impl::after(Duration delay, std::function<void()> work) {
  post([this, delay, work = std::move(work)] {
    if (closing_) return;
    const auto timer = std::make_shared<asio::steady_timer>(*io_, delay);
    timers_.insert(timer);
    timer->async_wait([this, timer, work](error_code error) {
      timers_.erase(timer);
      if (!error && !closing_) work();
    });
  });
}

void RestServer::Impl::resolve(std::string host, std::function<void(std::vector<std::string>)> done) {
  const auto resolver = std::make_shared<tcp::resolver>(*io_);
  resolver->async_resolve(host, "", [this, resolver, done](error_code error, const tcp::resolver::results_type& found) {
    if (closing_) return;
    std::vector<std::string> addresses;
    if (!error) {
      for (const auto& entry : found) addresses.push_back(entry.endpoint().address().to_string());
    }
    done(std::move(addresses));
  });
}

RestServer::RestServer(RestConfig config, HttpServerLimits limits)
    : impl_(std::make_shared<Impl>(std::move(config), limits)) {}
RestServer::~RestServer() {
  stop();
}

Result<void> RestServer::start(HttpHandler handler, HttpGate gate) {
  return impl_->start(std::move(handler), std::move(gate));
}
void RestServer::reconfigure(RestConfig config, std::function<void(Result<void>)> done) {
  impl_->reconfigure(std::move(config), std::move(done));
}
void RestServer::stop() {
  impl_->stop();
}
std::uint16_t RestServer::port() const {
  return impl_->port();
}
std::shared_ptr<HttpThread> RestServer::thread() const {
  return impl_;
}

}  // namespace regent
