// The REST API: puts requests, snapshots and the control loop together.
// Threading: handle() on the HTTP server's thread. Nothing here waits; no request can delay the control loop.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/snapshot.h"
#include "model/local_config.h"
#include "ports/control.h"
#include "ports/http.h"
#include "rest/access.h"
#include "rest/call.h"
#include "rest/failover.h"
#include "rest/status.h"

namespace regent::rest {

// The clocks, read at the moment of each request.
struct Clocks {
  std::function<Instant()> now;  // CLOCK_BOOTTIME
  std::function<WallTime()> wall;
};

class Api : public std::enable_shared_from_this<Api> {
 public:
  // `board` and `control` outlive the server's thread.
  Api(const SnapshotBoard& board, Control& control, RestConfig config, Identity self, Clocks clocks,
      std::shared_ptr<HttpThread> thread);

  // Users, the allowlist and extra headers of a configuration that was read again. Any thread.
  void reconfigure(RestConfig config);

  // Whether the body of a request is worth reading; handle() checks all of it again.
  void admit(HttpRequest head, HttpVerdict verdict);
  void handle(HttpRequest request, HttpReply reply);

 private:
  struct Exchange;

  std::shared_ptr<const Snapshot> snapshot() const;
  Moment moment() const;
  bool fresh(const Snapshot& current) const;
  Call call(const Exchange& exchange, const Json& body, const Snapshot& current, const Moment& moment);
  void check_access(const std::shared_ptr<Exchange>& exchange,
                    std::function<void(std::optional<HttpResponse>)> decided);
  void look(const std::shared_ptr<Exchange>& exchange);
  void perform(const std::shared_ptr<Exchange>& exchange);
  void watch(const std::shared_ptr<Exchange>& exchange, Watch watch, WatchState state, Instant until);
  void finish(const Exchange& exchange, HttpResponse response) const;
  void add_extra_headers(HttpResponse& response) const;

  const SnapshotBoard& board_;
  Control& control_;
  RestConfig config_;
  const Identity self_;
  const Clocks clocks_;
  const std::shared_ptr<HttpThread> thread_;
  // Stands in until the first cycle ended.
  std::shared_ptr<const Snapshot> first_;
  SharedTexts shared_;
  Addresses addresses_;
  std::map<std::string, Instant> resolved_at_;
};

}  // namespace regent::rest
