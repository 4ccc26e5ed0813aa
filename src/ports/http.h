// The HTTP server as those who answer its requests see it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/http.h"
#include "base/time.h"

namespace regent {

// Any thread, at most once. An exchange whose reply is dropped unused is answered with 500.
using HttpReply = std::function<void(HttpResponse)>;
// Called on the server's thread; must not block.
using HttpHandler = std::function<void(HttpRequest, HttpReply)>;

// What is said to the head of a request: nullopt lets it pass, a response refuses it. As HttpReply.
using HttpVerdict = std::function<void(std::optional<HttpResponse>)>;
// Asked about a request that may carry a body, before any of it is read: who may not ask need not be listened to.
using HttpGate = std::function<void(HttpRequest, HttpVerdict)>;

// The server's thread, for whoever answers later than at once. Any thread; what is given runs on the server's thread,
// or never when the server ended.
class HttpThread {
 public:
  virtual ~HttpThread() = default;

  virtual void post(std::function<void()> work) = 0;
  virtual void after(Duration delay, std::function<void()> work) = 0;
  // Addresses of a host name; empty when it cannot be resolved. Never blocks.
  virtual void resolve(std::string host, std::function<void(std::vector<std::string>)> done) = 0;
};

}  // namespace regent
