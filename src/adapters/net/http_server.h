// The HTTP server of the REST API: own thread, own event loop, own budget of connections. Nothing a client does can
// reach the control loop's thread (F06).
//
// Threading: start(), reconfigure() and stop() by the owner; gate and handler are called on the server's thread.
// Answers are HTTP/1.0, one per connection, as Patroni's clients know them (T4). Every read, handshake and write has a
// deadline. Errors of start() and reconfigure(): invalid for addresses, certificates and keys that cannot be used (the
// sentence names them and what to change), refused when the port is taken or forbidden.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "model/local_config.h"
#include "ports/http.h"

namespace regent {

struct HttpServerLimits {
  // Beyond: of the client that has most of them, the one is dropped that keeps us waiting longest for its request.
  std::size_t connections = 500;
  // From accept to the end of the header, the handshake included. The kernel keeps those who say nothing for a second.
  Duration header = std::chrono::seconds(5);
  Duration body = std::chrono::seconds(10);
  Duration write = std::chrono::seconds(10);
  Duration linger = std::chrono::seconds(1);  // for the client to close first
  std::uint32_t header_bytes = 32 * 1024;
  std::uint64_t body_bytes = 1024 * 1024;
};

class RestServer {
 public:
  explicit RestServer(RestConfig config, HttpServerLimits limits = {});
  ~RestServer();  // stops
  RestServer(const RestServer&) = delete;
  RestServer& operator=(const RestServer&) = delete;

  // Opens the listening sockets before it returns. Once.
  Result<void> start(HttpHandler handler, HttpGate gate = {});
  // Certificates, keys and what is asked of clients are read again, and another address is listened on; what was
  // accepted before is served as it was. All of it or, with an error, nothing: then everything stays as it was. `done`
  // is called on the server's thread, or never when the server ended.
  void reconfigure(RestConfig config, std::function<void(Result<void>)> done);
  // Closes everything; no handler runs afterwards. Replies that come later are dropped.
  void stop();

  // The one that was bound, when the configuration says 0.
  std::uint16_t port() const;
  std::shared_ptr<HttpThread> thread() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace regent
