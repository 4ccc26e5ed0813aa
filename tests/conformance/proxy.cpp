#include "proxy.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "ports/task.h"

namespace regent::testing {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
}

struct Proxy::State {
  State(asio::io_context& io, std::uint16_t target)
      : acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), target_port(target) {}
  tcp::acceptor acceptor;
  std::uint16_t target_port;
  std::string needle;
  bool lost_one = false;
  bool swallow = false;

  struct Link {
    explicit Link(const asio::any_io_executor& executor) : client(executor), server(executor) {}
    tcp::socket client, server;
    bool lose_reply = false;

    void close() {
      boost::system::error_code ignored;
      client.close(ignored);
      server.close(ignored);
    }
  };

  static Task<void> requests(std::shared_ptr<State> state, std::shared_ptr<Link> link) {
    std::array<char, 8192> piece;
    while (true) {
      const auto [error, count] = co_await link->client.async_read_some(asio::buffer(piece), as_result);
      if (error) break;
      const std::string_view text(piece.data(), count);
      if (!state->needle.empty() && text.find(state->needle) != text.npos) {
        state->needle.clear();
        link->lose_reply = true;
      }
      const auto [broken, written] = co_await asio::async_write(link->server, asio::buffer(piece, count), as_result);
      if (broken) break;
    }
    link->close();
  }

  static Task<void> replies(std::shared_ptr<State> state, std::shared_ptr<Link> link) {
    std::array<char, 8192> piece;
    while (true) {
      const auto [error, count] = co_await link->server.async_read_some(asio::buffer(piece), as_result);
      if (error) break;
      if (link->lose_reply) {
        state->lost_one = true;
        break;
      }
      if (state->swallow) continue;
      const auto [broken, written] = co_await asio::async_write(link->client, asio::buffer(piece, count), as_result);
      if (broken) break;
    }
    link->close();
  }

  static Task<void> accept(std::shared_ptr<State> state) {
    const auto executor = state->acceptor.get_executor();
    while (true) {
      const auto link = std::make_shared<Link>(executor);
      const auto [error] = co_await state->acceptor.async_accept(link->client, as_result);
      if (error) co_return;
      const tcp::endpoint target(asio::ip::address_v4::loopback(), state->target_port);
      const auto [refused] = co_await link->server.async_connect(target, as_result);
      if (refused) continue;
      asio::co_spawn(executor, requests(state, link), [](std::exception_ptr) {});
      asio::co_spawn(executor, replies(state, link), [](std::exception_ptr) {});
    }
  }
};

Proxy::Proxy(asio::io_context& io, std::uint16_t target_port) : state_(std::make_shared<State>(io, target_port)) {
  asio::co_spawn(io, State::accept(state_), [](std::exception_ptr) {});
}

Proxy::~Proxy() {
  state_->acceptor.close();
}

std::uint16_t Proxy::port() const {
  return state_->acceptor.local_endpoint().port();
}
void Proxy::lose_reply_to(std::string needle) {
  state_->needle = std::move(needle);
}
bool Proxy::lost_one() const {
  return state_->lost_one;
}
void Proxy::swallow_replies(bool on) {
  state_->swallow = on;
}

}  // namespace regent::testing
