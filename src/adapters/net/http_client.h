// An HTTP/1.1 client: stores and other members' REST API.
//
// Threading: the thread of the executor. One connection per request in flight; idle ones are kept per endpoint.
// Errors:
// - unreachable, refused, invalid: no connection; the request was NOT sent. Only the first tells of the other side:
// refused
//   is also what this machine itself forbids or has no means for, invalid a name that nobody can resolve;
// - timeout, failed: it may have been sent and may have had its effect (F32).
// An answer of any status is a value.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/net/tls_options.h"
#include "adapters/net/url.h"
#include "base/result.h"
#include "ports/clock.h"
#include "ports/task.h"

namespace regent {

// The client's own: base/http.h has the server's types of the same names.
inline namespace client {

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool keep_alive = true;
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::string date;  // the Date header as it stands; empty: none
  std::string lsn;   // likewise the header of that name, in answers to POST /failsafe
  // Which of this client's connections it came over: on one connection it is one process that answers.
  std::uint64_t connection = 0;
};

}  // namespace client

// The value of an Authorization header.
std::string basic_authorization(const std::string& username, const std::string& password);

// An answer whose body arrives over time.
class HttpStream {
 public:
  virtual ~HttpStream() = default;

  virtual int status() const = 0;
  // The next bytes of the body, as they arrive; empty at its end. timeout: nothing came by the deadline, the stream is
  // over.
  virtual Task<Result<std::string>> next(Instant deadline) = 0;
  // A pending next() ends with an error. Same thread.
  virtual void close() = 0;
};

class HttpClient {
 public:
  HttpClient(boost::asio::any_io_executor executor, const Clock& clock, TlsOptions tls = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Task<Result<HttpResponse>> request(Endpoint endpoint, HttpRequest request, Instant deadline);
  // Returns when the head of the answer is there. Uses a connection of its own. The stream may outlive the client.
  Task<Result<std::shared_ptr<HttpStream>>> open(Endpoint endpoint, HttpRequest request, Instant deadline);

  // From the next connection on; requests under way end as they began.
  void reconfigure(TlsOptions tls);
  // Closes the idle connections to `endpoint`: they may be dead without knowing.
  void forget(const Endpoint& endpoint);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace regent
