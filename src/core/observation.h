// Everything a decision may look at, built once per cycle, immutable.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fact.h"
#include "base/json.h"
#include "base/time.h"
#include "core/failsafe.h"
#include "core/fences.h"
#include "core/job.h"
#include "core/lease.h"
#include "core/postgres_facts.h"
#include "core/restart.h"
#include "core/restored_store.h"
#include "model/cluster_view.h"
#include "model/member.h"
#include "model/settings.h"

namespace regent {

// Who I am; from the local configuration.
struct Self {
  MemberName name;
  std::string conn_url;
  std::string api_url;
  std::string proxy_url;
  std::string listen_port{};  // PostgreSQL's, as configured
  Tags tags;
  Generation generation = Generation::v4;
  std::string version;                  // of Regent
  std::string libc;                     // version of the C library here; empty: not known
  Json bootstrap_dcs = Json::object();  // `bootstrap.dcs`: first content of /config
  bool has_rewind_credentials = false;
  Json local_postgresql = Json::object();  // the local `postgresql` section, which wins over that of /config
};

// What another member answered on GET /patroni.
struct PeerAnswer {
  MemberName name;
  bool reachable = false;
  bool silent = false;  // it was asked, and nothing at all came back
  std::string why;      // when not reachable
  bool running = false;
  bool down = false;  // it says that no server runs there, which is more than that nobody knows of one
  bool in_recovery = true;
  Timeline timeline;
  Lsn wal;  // max(received, replayed), or the write position of a primary
  // It holds nothing beyond that. Members of other makes do not say.
  bool wal_known = true;
  bool nofailover = false;
  int failover_priority = 1;
  bool watchdog_failed = false;
  bool has_dcs = true;      // the member itself sees the store
  bool holds_back = false;  // it will not stand for a while: it promised a leader not to (I13)
  // Nothing from outside moves it any more: it has no upstream. Members of other makes do not say.
  bool let_go = true;
  std::string upstream;  // where it is told to receive WAL from, host:port
  // Where it receives WAL from, host:port; empty: from nobody.
  std::string streams_from;
  // The versions of the leader key and of /sync that it saw when it said so. A member that had let go changes /sync
  // before it connects again: what it said holds for as long as these are the versions (I7).
  Version leader_version;
  Version sync_version;
  bool refuses = false;                         // its agent says that it cannot stand, e.g. on a dead branch (F61)
  std::optional<RestoredStore> restored_store;  // the store is older than it was, by what this member read (F34)
  std::optional<LedStore> led_store;            // it was, and somebody led since
  // Who really answered: the name it gives itself, where it does, and the id of its process, where it is Regent's
  // (F74).
  std::string own_name;
  std::string instance;

  friend bool operator==(const PeerAnswer&, const PeerAnswer&) = default;
};

struct PeersFacts {
  Instant asked_at;
  std::vector<PeerAnswer> answers;

  const PeerAnswer* find(const MemberName& name) const;
};

// Whether the leader's node gives any sign of life.
enum class Presence {
  answers,  // something there answered, whatever it said
  silent,   // nothing came back, or the connection was refused
  unclear,  // it could not be asked
};
struct LeaderProbe {
  MemberName leader;
  Instant asked_at;  // both were asked in parallel,
  Instant ended_at;  // and nothing else was heard up to here
  Presence agent = Presence::unclear;
  Presence server = Presence::unclear;
  std::string why;  // what became of the questions, for people

  bool silent() const { return agent == Presence::silent && server == Presence::silent; }
};

// The WAL files of a server: of every timeline the first and the last segment.
struct WalStock {
  struct Range {
    Timeline timeline;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };
  std::uint64_t segment_size = 0;
  std::vector<Range> ranges;
};

// What a stream of WAL from our position on needs, as far as it is there.
struct StreamFacts {
  MemberName via;  // whom WAL would come from
  // History files of the timelines from ours to the source's that are not in our own pg_wal, and those of them that
  // `via` has not either. Ascending.
  std::vector<Timeline> not_here;
  std::vector<Timeline> not_there;
  std::optional<WalStock> wal;  // of `via`; nullopt: it does not tell
  bool slot_missing = false;    // the slot to stream through is known not to be there
  std::string why;              // when `via` did not answer
};

// The timeline history of a possible upstream, asked over a replication connection.
struct UpstreamHistory {
  MemberName source;
  bool in_recovery = false;
  Timeline timeline;
  Lsn wal;
  History history;  // of `timeline`
  StreamFacts stream;
};

// The slots of the leader, asked over a plain connection: what copies of its logical slots are compared with (I16).
struct UpstreamSlots {
  MemberName source;
  Timeline timeline;
  std::vector<SlotRow> slots;

  const SlotRow* find(const std::string& name) const;
};

// The last attempt to make, move or drop a slot failed.
struct SlotFailure {
  std::string why;
  Instant at;
};

struct RestartRequest {
  std::uint64_t id = 0;
  RestartFilter filter;
  std::optional<Duration> timeout;
};
struct ScheduleRequest {
  std::uint64_t id = 0;
  std::optional<ScheduledRestart> plan;  // nullopt: forget the one that is planned
};
struct ReinitRequest {
  std::uint64_t id = 0;
  bool from_leader = false;
  bool force = false;
};

// What somebody asked of this agent.
struct Requests {
  bool shutdown = false;  // SIGTERM, SIGINT
  bool reload = false;    // SIGHUP, POST /reload
  std::optional<RestartRequest> restart;
  std::optional<ReinitRequest> reinit;
  std::optional<ScheduleRequest> schedule;
};

struct Observation {
  Instant now;
  WallTime wall;
  Self self;
  Settings settings;
  Fact<ClusterView> cluster;      // unknown: the store did not answer in time
  bool store_takes_over = false;  // it can compare the leader key and /sync in one transaction
  LeaseFacts lease;
  FailsafeFacts failsafe;
  FenceFacts fences;
  PostgresFacts postgres;
  Fact<PeersFacts> peers;                  // what the last gathering brought
  Fact<LeaderProbe> leader_probe;          // likewise
  Fact<UpstreamHistory> upstream_history;  // likewise
  Fact<UpstreamSlots> upstream_slots;      // likewise
  std::map<std::string, SlotFailure> slot_failures;
  Fact<History> local_history;  // the history file of the own timeline; empty on timeline 1
  BranchTimes branches;         // of the local WAL, as far as they could be learned
  Json cached_config;           // patroni.dynamic.json of the data directory; null when there is none
  JobFacts job;
  Requests requests;
};

}  // namespace regent
