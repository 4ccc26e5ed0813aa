// Calls of etcd's JSON gateway: failover between endpoints, the version of the API, authentication, and the refusal of
// answers from members that were left behind.
//
// Threading: the control loop's thread. Every call ends by its deadline. Errors:
// - not_found: etcd says that the lease does not exist;
// - refused: credentials, permissions, or no member that is up to date;
// - failed: etcd understood and said no for another reason; nothing was written;
// - unreachable, timeout: nobody answered; a write may have been applied.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <string>

#include "adapters/dcs/etcd3/endpoints.h"
#include "adapters/dcs/etcd3/options.h"
#include "adapters/net/http_client.h"
#include "ports/clock.h"
#include "ports/task.h"

namespace regent::etcd3 {

struct Answer {
  Json body;
  Header header;
  Instant sent;           // before the attempt that was answered
  bool repeated = false;  // an earlier attempt got no answer and may have been applied (F32)
  // Answers with the same number came from one process, which knows one history.
  std::uint64_t connection = 0;
};

class Gateway {
 public:
  Gateway(boost::asio::any_io_executor executor, Clock& clock, Options options);

  // `path` stands below the API's prefix: "/kv/range".
  Task<Result<Answer>> call(std::string path, Json request, Instant deadline);
  // Opens a stream at the current endpoint; one attempt.
  Task<Result<std::shared_ptr<HttpStream>>> open(std::string path, Json request, Instant deadline);
  // An open stream turned out useless: the next one goes to another endpoint.
  void stream_failed();
  // etcd ended a stream and said why.
  void stream_refused(const std::string& reason);
  // Asks for the members of the cluster when the list is old. Failure leaves things as they are.
  Task<void> discover(Instant deadline);

  // Addresses, credentials and certificates that were configured anew: from the next call on. What is known of the
  // cluster stays, another one is refused as before.
  void reconfigure(Options options);

  Result<void> accept(const Header& header);
  // How long another cluster, or an older term, is refused after the known one was heard of.
  void set_ttl(Duration ttl) { ttl_ = ttl; }
  const Endpoint& current() const { return endpoints_.current(); }

 private:
  struct Failure {
    Error error;
    bool maybe_applied = false;
    bool final = false;  // other endpoints would say the same
  };
  using Attempt = tl::expected<Answer, Failure>;

  Task<Attempt> attempt(Endpoint endpoint, std::string path, std::string payload, Instant until);
  Task<Attempt> post(Endpoint endpoint, std::string target, std::string payload, Instant until);
  Task<tl::expected<std::string, Failure>> api_prefix(Endpoint endpoint, Instant until);
  // Where v3 stands in for v2: nobody may be served by v2 there.
  Task<tl::expected<void, Failure>> lacks_v2(Endpoint endpoint, Instant until);
  bool needs_token() const { return !options_.username.empty() && (token_rejected_ || (token_.empty() && !auth_off_)); }
  Task<tl::expected<void, Failure>> log_in(Endpoint endpoint, std::string prefix, Instant until);
  Failure judge(const Endpoint& endpoint, int http_status, const std::string& body);
  HttpRequest make_request(std::string target, std::string payload) const;

  Clock& clock_;
  HttpClient client_;
  Options options_;
  Endpoints endpoints_;
  Witness witness_;
  Duration ttl_ = std::chrono::seconds(30);
  std::map<Endpoint, std::string> prefixes_;
  std::uint64_t generation_ = 0;  // of the configuration: what was asked by another one counts no more
  std::string token_;
  bool token_rejected_ = false;  // the last answer asked for a new one
  bool auth_off_ = false;        // etcd said that authentication is not enabled
  Instant discovered_at_{};
  Endpoint stream_endpoint_;
};

}  // namespace regent::etcd3
