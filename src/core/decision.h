// What a cycle decided: the rule, its sentence, the actions in order, the new memory, when to wake.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "core/failsafe.h"
#include "core/fences.h"
#include "core/job.h"
#include "core/memory.h"
#include "core/postgres_facts.h"
#include "model/cluster_view.h"

namespace regent {

namespace action {

// A timeline number for the promotion to come, taken in the same transaction as the lock: when the counter was changed
// since, by whoever was promoted meanwhile, the lock is not taken either (I8, F62).
struct Ticket {
  Timeline number;
  std::string value;  // of the counter
  Version expect;     // of the counter
};
// Create the leader key, or take over our own key of an earlier incarnation at exactly `expect` (I11).
struct AcquireLeader {
  Version expect{};
  std::optional<Ticket> ticket{};  // nullopt: nobody is to be promoted
};
// Replace the leader key of another member and /sync, and take a timeline number, in ONE transaction, at exactly these
// versions: whichever of the keys was changed since, nothing happens (I5, I7, I8, I11).
struct TakeOver {
  Version leader;
  Version sync;
  std::string value;  // of /sync
  Ticket ticket{};
};
// Keep the lease alive and confirm that the leader key is still ours. Only its success moves the deadline.
struct RenewLease {};
// Delete the leader key if it is still ours. Only after no client can write any more (F64).
struct ReleaseLeader {
  Version version{};  // absent: as it was last confirmed
};

enum class Key { initialize, config, failover, sync, status, history, failsafe, timelines };
struct WriteKey {
  Key key = Key::status;
  std::string value;
  Version expect;           // absent: create only
  bool on_session = false;  // the key goes with our session: a claim that must not outlive us (F73)
};
struct DeleteKey {
  Key key = Key::failover;
  Version expect;
};
struct WriteMember {
  std::string value;
};

struct GatherPeers {
  MemberName except{};  // one whose silence is known, and would only take time
};
// Asks all members, and the server of this one besides.
struct ProbeLeader {
  Upstream leader;
};
// Asks all of them not to stand for election while we go on without the store. Only if everybody agrees the lease is
// extended (I13); whatever they say is a fact of the next cycle.
struct AskFailsafe {
  FailsafeMembers members;  // without ourselves
  FailsafeRequest request;
};
struct GatherUpstreamHistory {
  Upstream source;
  Upstream via{};    // whom WAL would come from, if it is not the source
  Timeline since{};  // our own timeline
};
// Puts history files that are missing here into our own pg_wal, the newest first: what the source has not is asked of
// the others, and what nobody has is left empty, which is all that PostgreSQL wants of it. Then limits what may be
// restored from an archive.
struct FetchHistories {
  Upstream source;
  Timeline newest{};                  // the source's timeline: its own file must not be an empty one
  std::vector<Timeline> timelines{};  // ascending
  std::vector<Upstream> others{};
  std::optional<ArchiveLimit> limit{};
};

// The data directory is a copy like any other replica's from now on.
struct ForgetCopy {};

struct StartJob {
  job::Spec spec;
};
struct CancelJob {};

// Rewrite the recovery settings and reload; PostgreSQL 13 and newer change their upstream without a restart.
struct Follow {
  Upstream upstream;
};
// Rewrite the configuration files from the settings and reload if anything changed.
struct ApplyConfig {};
// The slots of the leader, to compare the copies of its logical slots with. Failing is a fact like any other.
struct GatherUpstreamSlots {
  Upstream source;
};
// Never fails as a whole: what could not be done to a slot is a fact of the next cycle (Observation::slot_failures).
struct SyncSlots {
  std::vector<std::string> create;  // physical
  std::vector<std::string> drop;
  struct Logical {
    std::string name, database, plugin;
  };
  std::vector<Logical> create_logical;
  struct Advance {
    std::string name;
    std::string database;  // empty: physical
    Lsn to;
  };
  std::vector<Advance> advance;
  // Whether the logical slots of this data directory are copies from now on. Done first.
  std::optional<bool> copies;

  // Slots that follow their primary: nothing the rules look at.
  bool only_advances() const { return create.empty() && drop.empty() && create_logical.empty() && !copies; }
  bool empty() const { return only_advances() && advance.empty(); }
};

// Which standbys commits wait for: takes synchronous_standby_names over and waits until the server has it in effect, or
// gives it back to the users' own setting (nullopt).
struct SetSyncNames {
  std::optional<std::string> names;
};

// What ends the server when this process cannot. Neither fails: what could not be done is a fact of the next cycle.
struct ArmFences {
  FenceOrder order;
};
struct DisarmFences {};

struct AnswerRestart {
  std::uint64_t id = 0;
  bool done = false;
  std::string text;
};
struct AnswerSchedule {
  std::uint64_t id = 0;
  bool accepted = false;
  std::string text;
};
struct AnswerReinit {
  std::uint64_t id = 0;
  bool accepted = false;
  std::string text;
};

// The agent ends. The log gets the sentence of the decision.
struct Exit {
  int code = 0;
};

}  // namespace action

using Action =
    std::variant<action::AcquireLeader, action::TakeOver, action::RenewLease, action::ReleaseLeader, action::WriteKey,
                 action::DeleteKey, action::WriteMember, action::GatherPeers, action::ProbeLeader, action::AskFailsafe,
                 action::GatherUpstreamHistory, action::FetchHistories, action::GatherUpstreamSlots, action::ForgetCopy,
                 action::StartJob, action::CancelJob, action::Follow, action::ApplyConfig, action::SyncSlots,
                 action::SetSyncNames, action::ArmFences, action::DisarmFences, action::AnswerRestart,
                 action::AnswerSchedule, action::AnswerReinit, action::Exit>;

// Name of the key below the cluster's prefix.
std::string_view to_string(action::Key key);

// A named problem (REST, CLI, metrics): "why does nothing happen" always has an answer (L3).
struct Condition {
  std::string name;    // stable, CamelCase
  std::string detail;  // one sentence

  friend bool operator==(const Condition&, const Condition&) = default;
};

struct Decision {
  int rule = 0;
  std::string_view rule_name;
  std::string sentence;  // Patroni's where Patroni has one (T23)
  // Performed in order. The first one that fails ends the cycle: what follows relied on it.
  std::vector<Action> actions;
  std::vector<Condition> conditions;
  std::vector<std::string> notes;  // what planners have to say beside the sentence, as logged
  // Why this node, a replica, would not take the lock whoever else there is; empty: it would. Told to the others, who
  // must not wait for it (F61).
  std::string refuses;
  Memory memory;    // to carry on with
  Instant wake_at;  // decide again at the latest; events wake earlier

  bool has_effects() const;  // any action that is more than a heartbeat (core/action_traits.h)
};

// One line per action, for golden scenarios, the flight recorder and debug logs.
std::string to_text(const Action& action);
// The complete decision trace of one cycle.
std::string to_text(const Decision& decision);

}  // namespace regent
