#include "adapters/net/http_stream.h"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace regent {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// Hands the descriptor over to the event loop. False: the kernel has no memory to watch it, or it was closed.
bool watch(tcp::socket& socket, tcp family, UniqueFd& client) {
  if (socket.is_open()) return true;
  if (!client.valid()) return false;
  error_code error;
  socket.assign(family, client.get(), error);
  if (error) return false;
  client.release();
  return true;
}

// A request is usually there before we look, and its answer fits into the socket: such a connection ends before the
// event loop ever hears of it.
class PlainStream final : public ClientStream {
 public:
  PlainStream(asio::io_context& io, tcp family, UniqueFd client)
      : family_(family), client_(std::move(client)), socket_(io) {}

  Task<bool> handshake() override { co_return true; }

  Task<std::optional<std::size_t>> read_some(char* bytes, std::size_t size) override {
    if (client_.valid()) {
      const auto count = ::recv(client_.get(), bytes, size, MSG_DONTWAIT);
      if (count >= 0) co_return static_cast<std::size_t>(count);
    }
    // It may be broken as well: then we hear it there.
    if (!watch(socket_, family_, client_)) co_return std::nullopt;
    auto [error, count] = co_await socket_.async_read_some(asio::buffer(bytes, size), as_result);
    if (error == asio::error::eof) co_return std::size_t{0};
    if (error) co_return std::nullopt;
    co_return count;
  }

  Task<bool> write(std::string_view bytes) override {
    if (!watch(socket_, family_, client_)) co_return false;
    const auto buffer = asio::buffer(bytes);
    auto [error, count] = co_await asio::async_write(socket_, buffer, as_result);
    co_return !error;
  }

  std::size_t send_last(std::string_view bytes) override {
    const int fd = client_.valid() ? client_.get() : socket_.native_handle();
    const auto count = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

  Task<void> say_goodbye() override {
    if (!watch(socket_, family_, client_)) co_return;
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    // Closing at once would reset the connection when the client has sent more than we read.
    char bytes[4096];
    for (int i = 0; i < 64; ++i) {
      const auto buffer = asio::buffer(bytes);
      auto [error, size] = co_await socket_.async_read_some(buffer, as_result);
      if (error || size == 0) co_return;
    }
  }

  bool has_certificate() const override { return false; }

  void close() override {
    error_code ignored;
    socket_.close(ignored);
    client_ = UniqueFd();
  }

 private:
  const tcp family_;
  UniqueFd client_;     // until we have to wait for it
  tcp::socket socket_;  // from then on
};

class TlsStream final : public ClientStream {
 public:
  TlsStream(asio::io_context& io, tcp family, UniqueFd client, ssl::context& context) : stream_(io, context) {
    // One that cannot be watched stays closed: the handshake fails.
    watch(stream_.next_layer(), family, client);
  }

  Task<bool> handshake() override {
    auto [error] = co_await stream_.async_handshake(ssl::stream_base::server, as_result);
    co_return !error;
  }

  Task<std::optional<std::size_t>> read_some(char* bytes, std::size_t size) override {
    auto [error, count] = co_await stream_.async_read_some(asio::buffer(bytes, size), as_result);
    if (error == asio::error::eof) co_return std::size_t{0};
    if (error) co_return std::nullopt;
    co_return count;
  }

  Task<bool> write(std::string_view bytes) override {
    const auto buffer = asio::buffer(bytes);
    auto [error, count] = co_await asio::async_write(stream_, buffer, as_result);
    co_return !error;
  }

  std::size_t send_last(std::string_view) override { return 0; }

  Task<void> say_goodbye() override {
    auto [error] = co_await stream_.async_shutdown(as_result);
    static_cast<void>(error);
  }

  bool has_certificate() const override {
    SSL* const tls = const_cast<ssl::stream<tcp::socket>&>(stream_).native_handle();
    X509* certificate = SSL_get1_peer_certificate(tls);
    if (certificate == nullptr) return false;
    X509_free(certificate);
    return SSL_get_verify_result(tls) == X509_V_OK;
  }

  void close() override {
    error_code ignored;
    stream_.next_layer().close(ignored);
  }

 private:
  ssl::stream<tcp::socket> stream_;
};

}  // namespace

std::unique_ptr<ClientStream> plain_stream(asio::io_context& io, tcp family, UniqueFd client) {
  return std::make_unique<PlainStream>(io, family, std::move(client));
}

std::unique_ptr<ClientStream> tls_stream(asio::io_context& io, tcp family, UniqueFd client, ssl::context& context) {
  return std::make_unique<TlsStream>(io, family, std::move(client), context);
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

}  // namespace regent
