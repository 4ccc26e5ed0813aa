// Snapshots of a small cluster, built by hand: n1 leads, n2 and n3 follow.
#pragma once

#include <string>

#include "core/snapshot.h"
#include "rest/status.h"

namespace regent::rest::testing {

// A CLOCK_BOOTTIME of the tests: the snapshots were made here.
Instant start();
Moment at(Duration since_start = {});

Identity self(const std::string& name, Generation generation = Generation::v4);

// n1 as a primary under a lease of 20 s.
Snapshot leader();
// A streaming replica.
Snapshot replica(const std::string& name = "n2");

// The cluster view inside, for changes; the test's snapshot must know one.
ClusterView& cluster_of(Snapshot& snapshot);
void lose_store(Snapshot& snapshot);
ServerFacts server_of(const Snapshot& snapshot);
void set_server(Snapshot& snapshot, ServerFacts facts);
void make_synchronous(Snapshot& snapshot, const std::string& mode, const std::vector<std::string>& standbys);

}  // namespace regent::rest::testing
