// The cluster as a person or a script wants to see it: who leads, who lags, what is pending. One computation behind
// GET /cluster and `list`, so that both always agree.
// Threading: pure. Errors: none; what is not known says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/cluster_view.h"

namespace regent {

// A position of a replica and how far it is behind the leader's last published one.
struct LagReport {
  std::optional<Lsn> lsn;
  // Bytes; nullopt when either side is unknown, or on an older timeline than the leader's: unknown is never 0.
  std::optional<std::uint64_t> lag;
};

struct MemberReport {
  MemberName name;
  std::string role;   // leader, standby_leader, sync_standby, quorum_standby or replica
  std::string state;  // of the replication where it streams or restores, else of PostgreSQL
  std::string api_url;
  std::string host;  // empty when the member publishes no address
  std::string port;
  std::optional<Timeline> timeline;
  bool pending_restart = false;
  Json pending_restart_reason;  // or null
  Json scheduled_restart;       // or null
  std::string guard;            // of a primary: "armed", "failed"; empty: it has none, or does not say
  std::string progress;         // of a base backup or a rewind; empty: none under way
  Json tags = Json::object();
  LagReport receive, replay, any;  // of replicas only; `any` is the member's xlog_location

  bool leads() const { return role == "leader" || role == "standby_leader"; }
};

struct ClusterReport {
  std::vector<MemberReport> members;  // by name
  bool pause = false;
  std::optional<Failover> scheduled_switchover;
};

ClusterReport report_cluster(const ClusterView& view);

// The document of GET /cluster. Positions and the scope are younger than Patroni 3.0, which has `lag` only.
Json cluster_json(const ClusterReport& report, const std::string& scope, Generation generation);

}  // namespace regent
