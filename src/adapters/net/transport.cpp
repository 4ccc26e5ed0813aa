#include "adapters/net/transport.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "adapters/os/clock.h"
#include "adapters/os/own_error.h"

namespace regent {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// Addresses younger than this are used without asking the resolver again.
constexpr Duration address_lifetime = std::chrono::seconds(30);

Error broken(const error_code& error) {
  return Error{ErrorKind::failed, fmt::format("the connection broke: {}", error.message())};
}

// A peer that vanished without a word is noticed by the kernel too (F47).
void set_options(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int fd = socket.native_handle();
  const int idle_s = 5, interval_s = 3, count = 3, user_timeout_ms = 15000;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof user_timeout_ms);
}

bool is_end(const error_code& error) {
  return error == asio::error::eof || error == ssl::error::stream_truncated;
}

template <class Stream>
class StreamTransport final : public Transport {
 public:
  template <class... Args>
  explicit StreamTransport(Args&&... args) : stream(std::forward<Args>(args)...) {}

  Task<Result<std::size_t>> read_some(char* buffer, std::size_t size) override {
    const auto [error, count] = co_await stream.async_read_some(asio::buffer(buffer, size), as_result);
    if (is_end(error)) co_return std::size_t{0};
    if (error) co_return tl::unexpected(broken(error));
    co_return count;
  }

  Task<Result<void>> write(std::string bytes) override {
    const auto [error, count] = co_await asio::async_write(stream, asio::buffer(bytes), as_result);
    if (error) co_return tl::unexpected(broken(error));
    co_return Result<void>();
  }

  bool idle_and_open() override {
    if (!stream.lowest_layer().is_open()) return false;
    char byte = 0;
    const auto count = recv(stream.lowest_layer().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  void close() override {
    error_code ignored;
    stream.lowest_layer().close(ignored);
  }

  Stream stream;
};

using PlainTransport = StreamTransport<tcp::socket>;
using TlsTransport = StreamTransport<ssl::stream<tcp::socket>>;

// What tells one state of the files from another.
std::string signature_of(const TlsOptions& options) {
  std::string signature;
  for (const std::string* file : {&options.ca_file, &options.cert_file, &options.key_file}) {
    struct stat status {};
    if (file->empty() || stat(file->c_str(), &status) != 0) {
      signature += "-;";
      continue;
    }
    signature +=
        fmt::format("{}.{}.{}.{};", status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
  return signature;
}

}  // namespace

struct DeadlineGuard::State {
  State(asio::any_io_executor executor, Instant deadline) : timer(std::move(executor), deadline) {}
  BootTimer timer;
  bool armed = true;
  bool expired = false;
};

DeadlineGuard::DeadlineGuard(asio::any_io_executor executor, std::weak_ptr<Transport> transport, Instant deadline)
    : state_(std::make_shared<State>(std::move(executor), deadline)) {
  state_->timer.async_wait([state = state_, transport = std::move(transport)](const error_code& error) {
    // A handler that was already queued when the guard went away must not close a connection that is in use again.
    if (error || !state->armed) return;
    state->expired = true;
    if (const auto alive = transport.lock()) alive->close();
  });
}

DeadlineGuard::~DeadlineGuard() {
  state_->armed = false;
  state_->timer.cancel();
}

bool DeadlineGuard::expired() const {
  return state_->expired;
}

struct TlsContext {
  ssl::context context{ssl::context::tls_client};
  std::string signature;
};

struct Connector::Address {
  tcp::endpoint endpoint;
};

struct Connector::Known {
  std::vector<Address> addresses;
  Instant at;
};

Connector::Connector(asio::any_io_executor executor, const Clock& clock, TlsOptions tls)
    : executor_(std::move(executor)), clock_(clock), tls_(std::move(tls)) {}

Connector::~Connector() = default;

Result<std::shared_ptr<TlsContext>> Connector::tls_context() {
  const std::string signature = signature_of(tls_);
  if (tls_context_ && tls_context_->signature == signature) return tls_context_;
  auto made = std::make_shared<TlsContext>();
  made->signature = signature;
  ssl::context& context = made->context;
  error_code error;
  const auto unusable = [&error](std::string_view what, const std::string& file) {
    return fail(ErrorKind::invalid, fmt::format("cannot use the {} {}: {}", what, file, error.message()));
  };
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                          ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1,
                      error);
  if (!tls_.key_password.empty()) {
    context.set_password_callback([password = tls_.key_password](std::size_t, auto) { return password; }, error);
  }
  if (!tls_.verify) {
    context.set_verify_mode(ssl::verify_none, error);
  } else {
    context.set_verify_mode(ssl::verify_peer, error);
    if (tls_.ca_file.empty()) {
      context.set_default_verify_paths(error);
    } else if (context.load_verify_file(tls_.ca_file, error)) {
      return unusable("CA certificate", tls_.ca_file);
    }
  }
  if (!tls_.cert_file.empty()) {
    const std::string& key = tls_.key_file.empty() ? tls_.cert_file : tls_.key_file;
    if (context.use_certificate_chain_file(tls_.cert_file, error)) return unusable("certificate", tls_.cert_file);
    if (context.use_private_key_file(key, ssl::context::pem, error)) return unusable("private key", key);
  }
  tls_context_ = made;
  return made;
}

Task<Result<std::vector<Connector::Address>>> Connector::resolve(std::string host, Instant deadline) {
  error_code not_literal;
  const auto literal = asio::ip::make_address(host, not_literal);
  if (!not_literal) co_return std::vector<Address>{Address{tcp::endpoint(literal, 0)}};

  const auto known = known_.find(host);
  if (known != known_.end() && clock_.now() - known->second.at < address_lifetime) co_return known->second.addresses;

  // The resolver's thread cannot be interrupted: the answer is waited for beside it, and a late one is dropped.
  struct Lookup {
    Lookup(const asio::any_io_executor& executor, Instant deadline) : resolver(executor), done(executor, deadline) {}
    tcp::resolver resolver;
    BootTimer done;
    error_code error = asio::error::timed_out;
    std::vector<Address> addresses;
  };
  // Half of the time at most when there are older addresses to fall back to.
  const Instant now = clock_.now();
  const Instant give_up = known != known_.end() ? now + (deadline - now) / 2 : deadline;
  const auto lookup = std::make_shared<Lookup>(executor_, give_up);
  lookup->resolver.async_resolve(host, "", [lookup](const error_code& error, tcp::resolver::results_type results) {
    lookup->error = error;
    for (const auto& entry : results) lookup->addresses.push_back(Address{entry.endpoint()});
    lookup->done.cancel();
  });
  co_await lookup->done.async_wait(as_result);

  if (!lookup->error && !lookup->addresses.empty()) {
    known_[host] = Known{lookup->addresses, clock_.now()};
    co_return lookup->addresses;
  }
  if (const auto old = known_.find(host); old != known_.end()) co_return old->second.addresses;
  co_return fail(ErrorKind::invalid,
                 fmt::format("the host name {} cannot be resolved: {}", host, lookup->error.message()));
}

Task<Result<std::shared_ptr<Transport>>> Connector::connect_one(Endpoint endpoint, Address address, Instant deadline) {
  const tcp::endpoint target(address.endpoint.address(), endpoint.port);
  const auto unreachable = [&](const error_code& error, bool expired) {
    const std::string why = expired ? "no answer in time" : error.message();
    const bool own = !expired && is_own_error(error);
    return fail(own ? ErrorKind::refused : ErrorKind::unreachable,
                fmt::format("cannot connect to {}: {}", to_string(endpoint), why));
  };
  if (!endpoint.tls) {
    auto plain = std::make_shared<PlainTransport>(executor_);
    DeadlineGuard guard(executor_, plain, deadline);
    const auto [error] = co_await plain->stream.async_connect(target, as_result);
    if (error || guard.expired()) co_return unreachable(error, guard.expired());
    set_options(plain->stream);
    co_return std::shared_ptr<Transport>(plain);
  }

  auto context = tls_context();
  if (!context) co_return tl::unexpected(context.error());
  auto secure = std::make_shared<TlsTransport>(executor_, (*context)->context);
  DeadlineGuard guard(executor_, secure, deadline);
  const auto [error] = co_await secure->stream.next_layer().async_connect(target, as_result);
  if (error || guard.expired()) co_return unreachable(error, guard.expired());
  set_options(secure->stream.next_layer());

  error_code not_literal;
  asio::ip::make_address(endpoint.host, not_literal);
  if (not_literal) SSL_set_tlsext_host_name(secure->stream.native_handle(), endpoint.host.c_str());
  if (tls_.verify) secure->stream.set_verify_callback(ssl::host_name_verification(endpoint.host));
  const auto [refusal] = co_await secure->stream.async_handshake(ssl::stream_base::client, as_result);
  if (guard.expired()) co_return unreachable(refusal, true);
  if (refusal) {
    const bool lost = refusal == asio::error::eof || refusal == asio::error::connection_reset;
    co_return fail(lost ? ErrorKind::unreachable : ErrorKind::refused,
                   fmt::format("no TLS connection to {}: {}", to_string(endpoint), refusal.message()));
  }
  co_return std::shared_ptr<Transport>(secure);
}

Task<Result<std::shared_ptr<Transport>>> Connector::connect(Endpoint endpoint, Instant deadline) {
  auto addresses = co_await resolve(endpoint.host, deadline);
  if (!addresses) co_return tl::unexpected(addresses.error());
  Error last{ErrorKind::unreachable, fmt::format("cannot connect to {}: no time left", to_string(endpoint))};
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const Instant now = clock_.now();
    if (now >= deadline) break;
    const Instant until = now + (deadline - now) / static_cast<std::int64_t>(addresses->size() - i);
    auto connected = co_await connect_one(endpoint, (*addresses)[i], until);
    if (connected) co_return connected;
    last = connected.error();
  }
  // The name may point somewhere else by now.
  if (const auto known = known_.find(endpoint.host); known != known_.end())
    known->second.at = Instant{} - address_lifetime;
  co_return tl::unexpected(last);
}

}  // namespace regent
