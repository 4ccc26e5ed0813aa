#include "adapters/net/http_client.h"

#include <fmt/format.h>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <map>

#include "adapters/net/base64.h"
#include "adapters/net/transport.h"

namespace regent {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t piece_size = 16 * 1024;
constexpr std::uint64_t largest_body = 64 * 1024 * 1024;
constexpr std::size_t idle_per_endpoint = 2;

using Parser = http::response_parser<http::string_body>;

std::string serialize(const Endpoint& endpoint, const HttpRequest& request) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.target, authority(endpoint));
  for (const auto& [name, value] : request.headers) text += fmt::format("{}: {}\r\n", name, value);
  if (!request.keep_alive) text += "Connection: close\r\n";
  if (!request.body.empty() || request.method != "GET")
    text += fmt::format("Content-Length: {}\r\n", request.body.size());
  text += "\r\n";
  text += request.body;
  return text;
}

// Reads one answer off a transport.
class Exchange {
 public:
  Exchange(std::shared_ptr<Transport> transport, Endpoint endpoint)
      : transport_(std::move(transport)), endpoint_(std::move(endpoint)) {
    parser_.eager(true);
  }

  Parser& parser() { return parser_; }
  bool done() const { return parser_.is_done(); }
  // Nothing follows the answer and the server keeps the connection open.
  bool reusable() const { return done() && unparsed_.empty() && parser_.keep_alive() && !at_end_; }

  // One read. Appends to the parser's body.
  Task<Result<void>> step() {
    if (piece_.empty()) piece_.resize(piece_size);
    auto count = co_await transport_->read_some(piece_.data(), piece_.size());
    if (!count) co_return tl::unexpected(count.error());
    error_code error;
    if (*count == 0) {
      at_end_ = true;
      if (!parser_.got_some()) co_return closed();
      parser_.put_eof(error);
      if (error) co_return closed();
      co_return Result<void>();
    }
    unparsed_.append(piece_.data(), *count);
    while (!unparsed_.empty() && !parser_.is_done()) {
      const std::size_t used = parser_.put(asio::buffer(unparsed_), error);
      unparsed_.erase(0, used);
      if (error == http::error::need_more) break;
      if (error) {
        co_return fail(ErrorKind::failed,
                       fmt::format("{} did not answer in HTTP: {}", to_string(endpoint_), error.message()));
      }
    }
    co_return Result<void>();
  }

 private:
  Result<void> closed() const {
    return fail(ErrorKind::failed,
                fmt::format("{} closed the connection before its answer ended", to_string(endpoint_)));
  }

  std::shared_ptr<Transport> transport_;
  Endpoint endpoint_;
  Parser parser_;
  std::string piece_;
  std::string unparsed_;
  bool at_end_ = false;
};

Error too_late(const Endpoint& endpoint) {
  return Error{ErrorKind::timeout, fmt::format("{} did not answer in time", to_string(endpoint))};
}

}  // namespace

std::string basic_authorization(const std::string& username, const std::string& password) {
  return "Basic " + to_base64(username + ":" + password);
}

struct HttpClient::State {
  State(asio::any_io_executor executor, const Clock& clock, TlsOptions tls, std::shared_ptr<std::uint64_t> numbers)
      : executor(executor), clock(clock), connector(executor, clock, std::move(tls)), connections(std::move(numbers)) {}

  struct Connection {
    std::shared_ptr<Transport> transport;
    std::uint64_t number = 0;
  };

  // Without a transport: there is none.
  Connection take_idle(const Endpoint& endpoint) {
    auto& waiting = idle[endpoint];
    while (!waiting.empty()) {
      Connection connection = std::move(waiting.back());
      waiting.pop_back();
      // A request on a connection that the server has closed would have an unknown outcome for nothing (F32).
      if (connection.transport->idle_and_open()) return connection;
    }
    return {};
  }

  void keep(const Endpoint& endpoint, Connection connection) {
    auto& waiting = idle[endpoint];
    if (waiting.size() < idle_per_endpoint) waiting.push_back(std::move(connection));
  }

  asio::any_io_executor executor;
  const Clock& clock;
  Connector connector;
  std::map<Endpoint, std::vector<Connection>> idle;
  std::shared_ptr<std::uint64_t> connections;  // so many were made, before and after a change of the options
};

namespace {

class OpenStream final : public HttpStream {
 public:
  OpenStream(asio::any_io_executor executor, std::shared_ptr<Transport> transport, Endpoint endpoint)
      : executor_(std::move(executor)),
        transport_(std::move(transport)),
        endpoint_(endpoint),
        exchange_(transport_, std::move(endpoint)) {
    exchange_.parser().body_limit(boost::none);
  }
  ~OpenStream() override { transport_->close(); }

  Task<Result<void>> read_head(std::string request, Instant deadline) {
    DeadlineGuard guard(executor_, transport_, deadline);
    auto written = co_await transport_->write(std::move(request));
    if (guard.expired()) co_return tl::unexpected(too_late(endpoint_));
    if (!written) co_return written;
    while (!exchange_.parser().is_header_done()) {
      auto step = co_await exchange_.step();
      if (guard.expired()) co_return tl::unexpected(too_late(endpoint_));
      if (!step) co_return step;
    }
    co_return Result<void>();
  }

  int status() const override { return static_cast<int>(const_cast<Exchange&>(exchange_).parser().get().result_int()); }

  Task<Result<std::string>> next(Instant deadline) override {
    DeadlineGuard guard(executor_, transport_, deadline);
    while (exchange_.parser().get().body().empty() && !exchange_.done()) {
      auto step = co_await exchange_.step();
      if (guard.expired()) co_return tl::unexpected(too_late(endpoint_));
      if (!step) co_return tl::unexpected(step.error());
    }
    co_return std::exchange(exchange_.parser().get().body(), std::string());
  }

  void close() override { transport_->close(); }

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<Transport> transport_;
  Endpoint endpoint_;
  Exchange exchange_;
};

}  // namespace

HttpClient::HttpClient(asio::any_io_executor executor, const Clock& clock, TlsOptions tls)
    : state_(std::make_shared<State>(std::move(executor), clock, std::move(tls), std::make_shared<std::uint64_t>(0))) {}

HttpClient::~HttpClient() = default;

void HttpClient::reconfigure(TlsOptions tls) {
  // Requests under way own the old state.
  state_ = std::make_shared<State>(state_->executor, state_->clock, std::move(tls), state_->connections);
}

void HttpClient::forget(const Endpoint& endpoint) {
  state_->idle.erase(endpoint);
}

Task<Result<HttpResponse>> HttpClient::request(Endpoint endpoint, HttpRequest request, Instant deadline) {
  const auto state = state_;
  State::Connection connection = state->take_idle(endpoint);
  if (!connection.transport) {
    auto connected = co_await state->connector.connect(endpoint, deadline);
    if (!connected) co_return tl::unexpected(connected.error());
    connection.transport = *connected;
    connection.number = ++*state->connections;
  }
  const std::shared_ptr<Transport>& transport = connection.transport;
  DeadlineGuard guard(state->executor, transport, deadline);
  const auto failure = [&](const Error& error) {
    return tl::unexpected(guard.expired()
                              ? too_late(endpoint)
                              : Error{error.kind, fmt::format("{}: {}", to_string(endpoint), error.message)});
  };

  auto written = co_await transport->write(serialize(endpoint, request));
  if (!written) co_return failure(written.error());
  Exchange exchange(transport, endpoint);
  exchange.parser().body_limit(largest_body);
  if (request.method == "HEAD") exchange.parser().skip(true);
  while (!exchange.done()) {
    auto step = co_await exchange.step();
    if (!step) co_return failure(step.error());
  }
  auto& message = exchange.parser().get();
  HttpResponse response;
  response.status = static_cast<int>(message.result_int());
  response.date = std::string(message[http::field::date]);
  response.lsn = std::string(message["lsn"]);
  response.body = std::move(message.body());
  response.connection = connection.number;
  if (request.keep_alive && exchange.reusable() && !guard.expired()) state->keep(endpoint, connection);
  co_return response;
}

Task<Result<std::shared_ptr<HttpStream>>> HttpClient::open(Endpoint endpoint, HttpRequest request, Instant deadline) {
  const auto state = state_;
  auto connected = co_await state->connector.connect(endpoint, deadline);
  if (!connected) co_return tl::unexpected(connected.error());
  auto stream = std::make_shared<OpenStream>(state->executor, *connected, endpoint);
  auto head = co_await stream->read_head(serialize(endpoint, request), deadline);
  if (!head) co_return tl::unexpected(head.error());
  co_return std::shared_ptr<HttpStream>(std::move(stream));
}

}  // namespace regent
