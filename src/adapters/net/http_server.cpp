#include "adapters/net/http_server.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <list>
#include <set>
#include <thread>
#include <vector>

#include "adapters/net/http_wire.h"
#include "base/log.h"
#include "ports/task.h"

namespace regent {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using tcp = asio::ip::tcp;

namespace {

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;
using Parser = http::request_parser<http::string_body>;
using boost::system::error_code;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// Where a reply waits for its connection.
struct Slot {
  explicit Slot(asio::io_context& io) : filled(io, asio::steady_timer::time_point::max()) {}

  asio::steady_timer filled;
  std::optional<HttpResponse> response;
};

// One accepted client, as the server sees it from outside of its coroutine.
struct Connection {
  bool waiting_for_request = true;
  std::function<void()> close;  // empty once the coroutine ended
  std::shared_ptr<Slot> slot;
};

// Held by the handler's copies of a reply. The last one that goes without an answer says so.
class Answer {
 public:
  Answer(std::weak_ptr<asio::io_context> io, std::weak_ptr<Slot> slot) : io_(std::move(io)), slot_(std::move(slot)) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() { give(error_page(500)); }

  void give(HttpResponse response) {
    if (given_.exchange(true)) return;
    // The loop may be gone, or go while we post: the copy keeps it until then.
    const auto io = io_.lock();
    if (!io) return;
    asio::post(*io, [slot = slot_, response = std::move(response)]() mutable {
      const auto waiting = slot.lock();
      if (!waiting) return;
      waiting->response = std::move(response);
      waiting->filled.cancel();
    });
  }

 private:
  std::weak_ptr<asio::io_context> io_;
  std::weak_ptr<Slot> slot_;
  std::atomic<bool> given_{false};
};

std::string peer_address(const tcp::socket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return {};
  const auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

bool has_certificate(TlsStream& stream) {
  X509* certificate = SSL_get1_peer_certificate(stream.native_handle());
  if (certificate == nullptr) return false;
  X509_free(certificate);
  return SSL_get_verify_result(stream.native_handle()) == X509_V_OK;
}
bool has_certificate(PlainStream&) {
  return false;
}

// nullopt: the client went away or was too slow, there is nobody to answer to.
std::optional<HttpResponse> refusal(error_code error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return error_page(431);
  if (error == http::error::body_limit) return error_page(413);
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() == http::make_error_code(http::error::bad_method).category()) return error_page(400);
  return std::nullopt;
}

HttpRequest to_request(const Parser& parser, std::string peer, bool certificate) {
  const auto& message = parser.get();
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  if (message.find(http::field::content_length) != message.end()) request.body = message.body();
  const auto authorization = message.find(http::field::authorization);
  if (authorization != message.end()) request.authorization = std::string(authorization->value());
  request.peer = std::move(peer);
  request.client_certificate = certificate;
  return request;
}

Task<error_code> handshake(TlsStream& stream) {
  auto [error] = co_await stream.async_handshake(ssl::stream_base::server, as_result);
  co_return error;
}
Task<error_code> handshake(PlainStream&) {
  co_return error_code{};
}

Task<void> say_goodbye(TlsStream& stream) {
  auto [error] = co_await stream.async_shutdown(as_result);
  static_cast<void>(error);
}
// Closing at once would reset the connection when the client has sent more than we read, and the reset could overtake
// the answer: say that we are done, and let the client close.
Task<void> say_goodbye(PlainStream& stream) {
  error_code ignored;
  stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  char bytes[4096];
  for (int i = 0; i < 64; ++i) {
    const auto buffer = asio::buffer(bytes);
    auto [error, size] = co_await stream.async_read_some(buffer, as_result);
    if (error || size == 0) co_return;
  }
}

Result<void> load_certificates(ssl::context& context, const RestConfig& config) {
  const auto bad = [](std::string_view key, const std::string& file, const error_code& error) {
    return fail(ErrorKind::invalid, fmt::format("restapi.{}: {} cannot be used: {}", key, file, error.message()));
  };
  error_code error;
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                      ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  context.set_password_callback([password = config.keyfile_password](std::size_t, auto) { return password; }, error);
  context.use_certificate_chain_file(config.certfile, error);
  if (error) return bad("certfile", config.certfile, error);
  const auto& key = config.keyfile.empty() ? config.certfile : config.keyfile;
  context.use_private_key_file(key, ssl::context::pem, error);
  if (error) return bad("keyfile", key, error);
  if (!config.cafile.empty()) {
    context.load_verify_file(config.cafile, error);
    if (error) return bad("cafile", config.cafile, error);
  }
  if (!config.ciphers.empty() && SSL_CTX_set_cipher_list(context.native_handle(), config.ciphers.c_str()) != 1) {
    return fail(ErrorKind::invalid, fmt::format("restapi.ciphers: OpenSSL knows no cipher of {}", config.ciphers));
  }
  if (config.verify_client == "required") {
    context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, error);
  } else if (config.verify_client == "optional") {
    context.set_verify_mode(ssl::verify_peer, error);
  }
  return {};
}

}  // namespace

class RestServer::Impl : public HttpThread, public std::enable_shared_from_this<RestServer::Impl> {
 public:
  Impl(RestConfig config, HttpServerLimits limits) : config_(std::move(config)), limits_(limits) {}

  Result<void> start(HttpHandler handler);
  void stop();
  std::uint16_t port() const { return port_; }

  void post(std::function<void()> work) override { asio::post(*io_, std::move(work)); }
  void after(Duration delay, std::function<void()> work) override;
  void resolve(std::string host, std::function<void(std::vector<std::string>)> done) override;

 private:
  Result<std::vector<tcp::endpoint>> endpoints() const;
  Result<void> listen(const tcp::endpoint& endpoint);
  Result<void> listen_everywhere();
  Task<void> accept(tcp::acceptor& acceptor);
  void admit(tcp::socket socket);
  // The connection and everything it needs live in the coroutine; `this` lives until the thread was joined.
  template <class Stream>
  Task<void> serve(Stream stream, std::shared_ptr<Connection> connection);
  template <class Stream>
  Task<void> converse(Stream& stream, Connection& connection);
  template <class Stream>
  Task<std::optional<HttpResponse>> exchange(Stream& stream, Connection& connection);
  Task<std::optional<HttpResponse>> ask_handler(Connection& connection, HttpRequest request);
  void make_room();
  void close_all();

  const RestConfig config_;
  const HttpServerLimits limits_;
  HttpHandler handler_;
  // Shared so that a reply that comes after the end finds out about it.
  std::shared_ptr<asio::io_context> io_ = std::make_shared<asio::io_context>(1);
  std::optional<ssl::context> tls_;
  std::list<tcp::acceptor> acceptors_;
  std::list<std::shared_ptr<Connection>> connections_;  // oldest first
  std::set<std::shared_ptr<asio::steady_timer>> timers_;
  std::uint16_t port_ = 0;
  bool closing_ = false;
  std::thread thread_;
};

Result<void> RestServer::Impl::start(HttpHandler handler) {
  handler_ = std::move(handler);
  if (config_.tls()) {
    tls_.emplace(ssl::context::tls_server);
    if (auto loaded = load_certificates(*tls_, config_); !loaded) return loaded;
  }
  if (auto listening = listen_everywhere(); !listening) return listening;
  for (auto& acceptor : acceptors_) asio::co_spawn(*io_, accept(acceptor), [](std::exception_ptr) {});
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
  // It may own what owns us.
  handler_ = nullptr;
}

void RestServer::Impl::close_all() {
  closing_ = true;
  error_code ignored;
  for (auto& acceptor : acceptors_) acceptor.close(ignored);
  for (const auto& timer : timers_) timer->cancel();
  // Closing one ends its coroutine, later; the list stays as it is meanwhile.
  for (const auto& connection : connections_) {
    if (connection->close) connection->close();
    if (connection->slot) connection->slot->filled.cancel();
  }
}

Result<std::vector<tcp::endpoint>> RestServer::Impl::endpoints() const {
  const auto& host = config_.listen_host;
  const auto port = config_.listen_port;
  if (host.empty() || host == "*") return std::vector<tcp::endpoint>{{asio::ip::address_v6::any(), port}};
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) return std::vector<tcp::endpoint>{{address, port}};
  // Once, at the start, on the owner's thread.
  tcp::resolver resolver(*io_);
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
  if (error) {
    return fail(ErrorKind::invalid,
                fmt::format("restapi.listen: {} is no address of this machine: {}", host, error.message()));
  }
  std::vector<tcp::endpoint> out;
  for (const auto& entry : found) out.push_back(entry.endpoint());
  return out;
}

Result<void> RestServer::Impl::listen(const tcp::endpoint& endpoint) {
  error_code error;
  tcp::acceptor acceptor(*io_);
  acceptor.open(endpoint.protocol(), error);
  const bool every = endpoint.address() == asio::ip::address_v6::any();
  if (!error && endpoint.address().is_v6()) {
    // "*" and "::" stand for both families.
    error_code ignored;
    acceptor.set_option(asio::ip::v6_only(!every), ignored);
  }
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1024, error);
  if (error) {
    return fail(error == asio::error::address_in_use || error == asio::error::access_denied ? ErrorKind::refused
                                                                                            : ErrorKind::invalid,
                fmt::format("restapi.listen: cannot listen on {}:{}: {}; another program may use the port, or the "
                            "address is not this machine's",
                            config_.listen_host, config_.listen_port, error.message()));
  }
  port_ = acceptor.local_endpoint(error).port();
  acceptors_.push_back(std::move(acceptor));
  return {};
}

Result<void> RestServer::Impl::listen_everywhere() {
  auto wanted = endpoints();
  if (!wanted) return tl::unexpected(wanted.error());
  std::optional<Error> first;
  for (const auto& endpoint : *wanted) {
    auto listening = listen(endpoint);
    // A name may stand for an address of a family that this machine lacks; a taken port is a mistake.
    if (!listening && listening.error().kind == ErrorKind::refused) return listening;
    if (!listening && !first) first = listening.error();
  }
  const bool every = wanted->front().address() == asio::ip::address_v6::any();
  if (acceptors_.empty() && every) return listen({asio::ip::address_v4::any(), config_.listen_port});
  if (acceptors_.empty()) return tl::unexpected(*first);
  return {};
}

Task<void> RestServer::Impl::accept(tcp::acceptor& acceptor) {
  asio::steady_timer pause(*io_);
  while (!closing_) {
    auto [error, socket] = co_await acceptor.async_accept(as_result);
    if (closing_) co_return;
    if (error) {
      // Out of descriptors or memory: others need a moment to give some back (F06).
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(as_result);
      continue;
    }
    admit(std::move(socket));
  }
}

void RestServer::Impl::make_room() {
  if (connections_.size() < limits_.connections) return;
  for (const auto& connection : connections_) {
    // Who does not ask anything goes first; closed ones are on their way out.
    if (connection->waiting_for_request && connection->close) {
      connection->close();
      connection->waiting_for_request = false;
      return;
    }
  }
}

void RestServer::Impl::admit(tcp::socket socket) {
  make_room();
  // Closed ones leave the list a moment later; the margin bounds that too.
  if (connections_.size() >= limits_.connections * 2) return;
  auto connection = std::make_shared<Connection>();
  connections_.push_back(connection);
  const auto ended = [](std::exception_ptr) {};
  if (tls_) {
    asio::co_spawn(*io_, serve(TlsStream(std::move(socket), *tls_), connection), ended);
  } else {
    asio::co_spawn(*io_, serve(PlainStream(std::move(socket)), connection), ended);
  }
}

template <class Stream>
Task<void> RestServer::Impl::serve(Stream stream, std::shared_ptr<Connection> connection) {
  connection->close = [&stream] { beast::get_lowest_layer(stream).close(); };
  try {
    // Accepted while the server was told to stop: close_all() did not see this one.
    if (!closing_) co_await converse(stream, *connection);
  } catch (const std::exception& error) {
    log::error("a REST request failed: {}", error.what());
  }
  connection->close = nullptr;
  connection->slot.reset();
  connections_.remove(connection);
}

template <class Stream>
Task<void> RestServer::Impl::converse(Stream& stream, Connection& connection) {
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.expires_after(limits_.header);
  const auto failed = co_await handshake(stream);
  if (failed) co_return;
  auto response = co_await exchange(stream, connection);
  if (!response || closing_) co_return;
  const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  const std::string bytes = to_wire(*response, now);
  const auto buffer = asio::buffer(bytes);
  lowest.expires_after(limits_.write);
  auto [error, size] = co_await asio::async_write(stream, buffer, as_result);
  if (error || closing_) co_return;
  lowest.expires_after(limits_.linger);
  co_await say_goodbye(stream);
}

// The request and what the handler says to it. The deadline of the header runs since the connection was accepted.
template <class Stream>
Task<std::optional<HttpResponse>> RestServer::Impl::exchange(Stream& stream, Connection& connection) {
  beast::flat_buffer buffer(limits_.header_bytes + 4096);
  Parser parser;
  parser.header_limit(limits_.header_bytes);
  parser.body_limit(limits_.body_bytes);
  auto [error, size] = co_await http::async_read_header(stream, buffer, parser, as_result);
  connection.waiting_for_request = false;
  if (error) co_return refusal(error);
  auto& lowest = beast::get_lowest_layer(stream);
  const auto method = parser.get().method();
  const bool reads_nothing = method == http::verb::get || method == http::verb::head || method == http::verb::options;
  if (!reads_nothing && parser.content_length() && !parser.is_done()) {
    lowest.expires_after(limits_.body);
    auto [body_error, body_size] = co_await http::async_read(stream, buffer, parser, as_result);
    if (body_error) co_return refusal(body_error);
  }
  lowest.expires_never();
  HttpRequest request = to_request(parser, peer_address(lowest.socket()), has_certificate(stream));
  co_return co_await ask_handler(connection, std::move(request));
}

Task<std::optional<HttpResponse>> RestServer::Impl::ask_handler(Connection& connection, HttpRequest request) {
  const auto slot = std::make_shared<Slot>(*io_);
  connection.slot = slot;
  auto answer = std::make_shared<Answer>(io_, slot);
  HttpReply reply = [answer](HttpResponse response) { answer->give(std::move(response)); };
  answer.reset();
  try {
    handler_(std::move(request), std::move(reply));
  } catch (const std::exception& error) {
    log::error("a REST request failed: {}", error.what());
  }
  reply = nullptr;
  while (!slot->response && !closing_) {
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

Result<void> RestServer::start(HttpHandler handler) {
  return impl_->start(std::move(handler));
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
