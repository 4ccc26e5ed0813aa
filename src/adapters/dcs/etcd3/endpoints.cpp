#include "adapters/dcs/etcd3/endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/log.h"

namespace regent::etcd3 {

Endpoints::Endpoints(std::vector<Endpoint> configured) : configured_(std::move(configured)), all_(configured_) {
  assert(!all_.empty());
}

std::vector<Endpoint> Endpoints::order() const {
  std::vector<Endpoint> ordered(all_.begin() + static_cast<std::ptrdiff_t>(current_), all_.end());
  ordered.insert(ordered.end(), all_.begin(), all_.begin() + static_cast<std::ptrdiff_t>(current_));
  return ordered;
}

void Endpoints::succeeded(const Endpoint& endpoint) {
  const auto at = std::find(all_.begin(), all_.end(), endpoint);
  if (at != all_.end()) current_ = static_cast<std::size_t>(at - all_.begin());
}

void Endpoints::failed(const Endpoint& endpoint) {
  if (all_[current_] == endpoint) current_ = (current_ + 1) % all_.size();
}

bool Endpoints::adopt(const std::vector<Endpoint>& advertised) {
  const Endpoint keep = current();
  std::vector<Endpoint> merged;
  const auto add = [&merged](const Endpoint& endpoint) {
    if (std::find(merged.begin(), merged.end(), endpoint) == merged.end()) merged.push_back(endpoint);
  };
  for (const auto& endpoint : configured_) add(endpoint);
  for (const auto& endpoint : advertised) add(endpoint);
  const bool changed = merged != all_;
  all_ = std::move(merged);
  current_ = 0;
  succeeded(keep);
  return changed;
}

Duration attempt_time(Duration left, std::size_t endpoints_left) {
  // Two attempts at least: the one endpoint there is may be reached by a connection that died without a word.
  const auto share = left / static_cast<std::int64_t>(std::max<std::size_t>(endpoints_left, 2));
  return std::min(left, std::max<Duration>(share, 500ms));
}

Result<void> Witness::accept(const Header& header, Instant now, Duration ttl) {
  const bool silent = now - heard_ > ttl;
  if (cluster_id_ != 0 && header.cluster_id != cluster_id_ && !silent) {
    return fail(ErrorKind::refused, fmt::format("the answer comes from another etcd cluster ({:x} instead of {:x})",
                                                header.cluster_id, cluster_id_));
  }
  if (header.cluster_id == cluster_id_ && header.term < term_ && !silent) {
    return fail(ErrorKind::refused,
                fmt::format("the etcd member was left behind: raft term {} is older than {}", header.term, term_));
  }
  if (cluster_id_ != 0 && (header.cluster_id != cluster_id_ || header.term < term_)) {
    log::warning(
        "etcd was restored or built anew: nobody answered for cluster {:x} and raft term {} for {:.0f} s; now "
        "cluster {:x} and term {} count",
        cluster_id_, term_, to_seconds(now - heard_), header.cluster_id, header.term);
  }
  cluster_id_ = header.cluster_id;
  term_ = header.term;
  heard_ = now;
  return {};
}

}  // namespace regent::etcd3
