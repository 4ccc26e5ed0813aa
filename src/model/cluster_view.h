// One snapshot of the cluster's keys. Decisions and the compare-and-swaps that follow from them use the SAME snapshot
// (I11).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/strong.h"
#include "model/keys.h"
#include "model/member.h"

namespace regent {

// The store's version of one key: etcd's mod_revision, ZooKeeper's version, Consul's ModifyIndex. 0: the key is absent.
struct Version {
  std::int64_t value = 0;

  bool absent() const { return value == 0; }
  friend auto operator<=>(Version, Version) = default;
};

template <class T>
struct Versioned {
  T value{};
  Version version;

  bool exists() const { return !version.absent(); }
};

struct Leader {
  MemberName name;
  Version version;
  std::string session;  // the lease or session the key hangs on; tells incarnations of the same member apart

  bool exists() const { return !version.absent(); }
};

struct ClusterView {
  std::uint64_t store = 0;     // etcd's cluster id, 0 where a store has none (F34)
  std::uint64_t revision = 0;  // of the store as a whole; grows with every change
  std::uint64_t term = 0;      // raft term of the answering store, 0 where there is none (F29)

  Versioned<std::string> initialize;  // system id; empty while somebody bootstraps (T29)
  std::string initialize_session;     // whose claim an empty initialize key is; empty for a Patroni peer's (F73)
  Leader leader;
  std::vector<Member> members;  // by name
  Versioned<Json> config;
  Versioned<Status> status;
  Versioned<Failover> failover;
  Versioned<SyncState> sync;
  Versioned<History> history;
  Versioned<TimelineCounter> timelines;
  Versioned<std::map<std::string, std::string>> failsafe;  // name -> api_url

  std::vector<std::string> problems;  // keys whose value could not be read (F40)

  const Member* member(const MemberName& name) const;
  const Member* leader_member() const { return leader.exists() ? member(leader.name) : nullptr; }
};

// One key as an adapter read it, its path relative to the cluster's prefix, e.g. "members/n1".
struct RawKey {
  std::string path;
  std::string value;
  Version version;
  std::string session;
};

// The same for every store. Values that cannot be read are named in `problems`; their version is kept, so that they can
// still be replaced.
ClusterView parse_cluster_view(const std::vector<RawKey>& keys, std::uint64_t revision, std::uint64_t term);

}  // namespace regent
