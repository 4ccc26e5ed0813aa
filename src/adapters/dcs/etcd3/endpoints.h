// Which etcd member to ask next, and whether its answer belongs to the store we know. No I/O.
// Threading: values of the control loop's thread. Errors: see Witness.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/dcs/etcd3/protocol.h"
#include "adapters/net/url.h"
#include "base/result.h"
#include "base/time.h"

namespace regent::etcd3 {

// The configured endpoints and the ones the cluster tells of. Stays with one that answers.
class Endpoints {
 public:
  explicit Endpoints(std::vector<Endpoint> configured);

  // Never empty. In the order of trying: the current one first.
  std::vector<Endpoint> order() const;
  const Endpoint& current() const { return all_[current_]; }
  std::size_t size() const { return all_.size(); }

  void succeeded(const Endpoint& endpoint);
  // The next one becomes current.
  void failed(const Endpoint& endpoint);
  // What the member list says. Configured ones stay as fallback: advertised addresses may not be reachable from here.
  // Returns whether anything changed.
  bool adopt(const std::vector<Endpoint>& advertised);

 private:
  std::vector<Endpoint> configured_;
  std::vector<Endpoint> all_;
  std::size_t current_ = 0;
};

// How long one endpoint may take, so that a black hole costs only its share of the deadline (F47).
Duration attempt_time(Duration left, std::size_t endpoints_left);

// Remembers the newest raft term (F29) and the identity of the cluster.
class Witness {
 public:
  // refused: the answer is of a member that was left behind, or of another cluster. Another cluster, or the same one
  // with an older term (a backup restored under the old names keeps the id, F34), is accepted once nobody has answered
  // for the known one for longer than any lease lives. A member that was left behind by then can neither read nor write
  // for us: both need a majority.
  Result<void> accept(const Header& header, Instant now, Duration ttl);

  std::uint64_t term() const { return term_; }

 private:
  std::uint64_t cluster_id_ = 0;
  std::uint64_t term_ = 0;
  Instant heard_{};
};

}  // namespace regent::etcd3
