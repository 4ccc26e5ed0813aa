// Long work on the local PostgreSQL: one job at a time, cancellable, its end is a fact of the next cycle.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/lsn.h"
#include "base/result.h"
#include "base/strong.h"
#include "base/time.h"
#include "model/member.h"

namespace regent {

// Whom a replica streams from. An empty host stands for nobody: recovery from local WAL and the archive only.
struct Upstream {
  MemberName name;
  HostPort address;
  std::string slot;  // primary_slot_name; empty when slots are not used
  // Of the remote server that a standby cluster follows: recovery settings and clone methods that go with it.
  std::map<std::string, std::string> recovery{};
  std::vector<std::string> methods{};

  bool none() const { return address.host.empty(); }
  friend bool operator==(const Upstream&, const Upstream&) = default;
};

namespace job {

// initdb, first start as primary, roles, post_bootstrap. Ends with the server running as primary.
struct Bootstrap {
  friend bool operator==(const Bootstrap&, const Bootstrap&) = default;
};
// Base backup into an empty directory. Ends with the server stopped and ready to start as a replica.
struct Clone {
  Upstream source;
  bool from_leader = true;
  bool remote = false;  // the first copy of a standby cluster, from the remote server
  friend bool operator==(const Clone&, const Clone&) = default;
};
struct Start {
  bool as_primary = false;  // needs a lease (I2); otherwise standby.signal is there before the postmaster is
  Upstream upstream;
  friend bool operator==(const Start&, const Start&) = default;
};
// Fast stop that escalates. With `checkpoint` one runs ahead of it while clients are still served.
struct Stop {
  bool immediate = false;
  bool kill = false;  // what hangs hears no other signal
  bool checkpoint = false;
  // Afterwards the WAL with the shutdown checkpoint goes to the archive, which is all that some follow.
  bool archive = false;
  Duration escalate_after{};  // from fast to immediate; zero: never by time, only by deadline
  friend bool operator==(const Stop&, const Stop&) = default;
};
struct Restart {
  bool as_primary = false;
  Upstream upstream;
  friend bool operator==(const Restart&, const Restart&) = default;
};
// Ends when the server is out of recovery.
struct Promote {
  Timeline timeline;      // the number to take; PostgreSQL goes beyond it when the archive holds a higher one
  bool complete = false;  // there is no more WAL to be had: an archive is not asked
  friend bool operator==(const Promote&, const Promote&) = default;
};
// A checkpoint, e.g. the one after a promotion that lets others rewind from here (F70).
struct Checkpoint {
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};
// Offline crash recovery of a former primary, so that its end of WAL is known (F71).
struct CrashRecovery {
  friend bool operator==(const CrashRecovery&, const CrashRecovery&) = default;
};
// pg_rewind with its steps before; leaves a marker while it runs (F69). Ends with the server stopped.
struct Rewind {
  Upstream source;
  friend bool operator==(const Rewind&, const Rewind&) = default;
};
// Copies logical slots of the leader, which exist on a replica only as files that are read at the start: the server is
// restarted as a replica of `upstream`.
struct CopySlots {
  Upstream source;
  std::vector<std::string> names;
  Upstream upstream;
  friend bool operator==(const CopySlots&, const CopySlots&) = default;
};
// Removes the data directory (I10: the rule has proven that this is not the only copy) or moves it aside to `.failed`.
struct RemoveData {
  // Why what a bootstrap left is moved aside and kept, with this on record; empty: it is removed.
  std::string failure;
  bool counts = false;  // it lies with this node and its configuration, and is to be remembered
  friend bool operator==(const RemoveData&, const RemoveData&) = default;
};

using Spec = std::variant<Bootstrap, Clone, Start, Stop, Restart, Promote, Checkpoint, CrashRecovery, Rewind,
                          RemoveData, CopySlots>;

}  // namespace job

// Clients may write to the server that it leaves behind: it needs a lease (I2), or a claim on the cluster (F73).
bool makes_primary(const job::Spec& spec);

// Short stable word: "bootstrap", "clone", "start", ...
std::string_view job_name(const job::Spec& spec);

struct JobEnd {
  std::uint64_t id = 0;
  job::Spec spec;
  std::optional<Error> error;  // nullopt: done
  Instant at;
};

struct JobFacts {
  // The running one.
  std::optional<job::Spec> running;
  std::uint64_t running_id = 0;
  Instant started;
  std::string progress;  // for people, e.g. "34 of 120 MB"
  // Of the running one or, if none runs, of the last one: since when its stop in order refuses clients.
  std::optional<Instant> refusing_since;
  // The last one that ended in this incarnation of the agent.
  std::optional<JobEnd> ended;
};

}  // namespace regent
