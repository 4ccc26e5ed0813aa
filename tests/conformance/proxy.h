// A TCP proxy inside of a test (F32, F47): it can swallow what the server says, and hang up.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>

namespace regent::testing {

class Proxy {
 public:
  Proxy(boost::asio::io_context& io, std::uint16_t target_port);
  ~Proxy();

  std::uint16_t port() const;
  // The next request whose bytes contain `needle` is passed on; its answer is swallowed and the connection closed.
  void lose_reply_to(std::string needle);
  bool lost_one() const;
  // Requests are passed on and nothing comes back.
  void swallow_replies(bool on);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace regent::testing
