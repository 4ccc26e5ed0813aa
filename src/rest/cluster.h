// The cluster as /cluster shows it.
// Threading: pure functions.
#pragma once

#include "rest/status.h"

namespace regent::rest {

// nullopt until the store was read once. During an outage: the last view, with `dcs_last_seen` at the end, so that an
// old answer does not look like a new one.
std::optional<Json> cluster_document(const Snapshot& snapshot, const Identity& self, Instant now);

// The newest view there is, of whatever age; null until the store was read once.
const ClusterView* last_cluster(const Snapshot& snapshot);

}  // namespace regent::rest
