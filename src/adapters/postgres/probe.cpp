#include "adapters/postgres/probe.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "adapters/os/own_error.h"
#include "adapters/os/waiting.h"

namespace regent {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// SSLRequest: the server answers it with one byte before it asks who we are. That takes the postmaster and a process of
// its own; a connection alone is accepted by the kernel, also for a server that is frozen.
constexpr std::array<unsigned char, 8> ssl_request{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};

template <class Socket>
Task<error_code> exchange(Socket& socket) {
  error_code error;
  co_await asio::async_write(socket, asio::buffer(ssl_request), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return error;
  std::array<char, 1> answer{};
  co_await asio::async_read(socket, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

Result<void> heard(const HostPort& address, const error_code& error) {
  if (!error) return {};
  // The queue of a Unix socket is full: nobody takes connections out of it.
  auto kind = error == asio::error::try_again ? ErrorKind::timeout : ErrorKind::unreachable;
  if (is_own_error(error)) kind = ErrorKind::failed;
  return fail(kind, fmt::format("{}:{}: {}", address.host, address.port, error.message()));
}

Task<Result<void>> ask_local(HostPort address) {
  asio::local::stream_protocol::socket socket(co_await asio::this_coro::executor);
  const asio::local::stream_protocol::endpoint place(fmt::format("{}/.s.PGSQL.{}", address.host, address.port));
  error_code error;
  co_await socket.async_connect(place, asio::redirect_error(asio::use_awaitable, error));
  if (!error) {
    auto asking = exchange(socket);
    error = co_await std::move(asking);
  }
  co_return heard(address, error);
}

// Names take a thread to look up; most addresses are none.
std::optional<asio::ip::tcp::endpoint> numeric(const HostPort& address) {
  error_code error;
  const auto host = asio::ip::make_address(address.host == "localhost" ? "127.0.0.1" : address.host, error);
  std::uint16_t port = 0;
  const auto* end = address.port.data() + address.port.size();
  if (error || std::from_chars(address.port.data(), end, port).ptr != end) return std::nullopt;
  return asio::ip::tcp::endpoint(host, port);
}

Task<Result<void>> ask_remote(HostPort address) {
  auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::socket socket(executor);
  error_code error;
  if (const auto endpoint = numeric(address)) {
    co_await socket.async_connect(*endpoint, asio::redirect_error(asio::use_awaitable, error));
  } else {
    asio::ip::tcp::resolver resolver(executor);
    const auto found =
        co_await resolver.async_resolve(address.host, address.port, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return fail(ErrorKind::failed, fmt::format("cannot resolve {}: {}", address.host, error.message()));
    co_await asio::async_connect(socket, found, asio::redirect_error(asio::use_awaitable, error));
  }
  if (!error) {
    auto asking = exchange(socket);
    error = co_await std::move(asking);
  }
  co_return heard(address, error);
}

}  // namespace

Task<Result<void>> probe_server(HostPort address, Clock& clock, Instant deadline) {
  std::string what = fmt::format("connecting to PostgreSQL at {}", address.host);
  auto work = address.host.starts_with('/') ? ask_local(std::move(address)) : ask_remote(std::move(address));
  co_return co_await guarded<void>(std::move(work), clock, deadline, std::move(what));
}

}  // namespace regent
