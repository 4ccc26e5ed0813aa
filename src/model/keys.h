// Values of the small keys: failover, sync, status, history (compat §1.14).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/lsn.h"
#include "base/result.h"
#include "base/strong.h"
#include "base/time.h"
#include "model/generation.h"

namespace regent {

// `failover`: a manual failover or a switchover somebody asked for.
struct Failover {
  MemberName leader;     // empty: a failover, else a switchover from this leader
  MemberName candidate;  // empty: any
  std::optional<WallTime> scheduled_at;

  bool empty() const { return leader.empty() && candidate.empty(); }
  friend bool operator==(const Failover&, const Failover&) = default;
};
std::string print_failover(const Failover& failover);
// Also reads the old "leader:candidate" form and both `member` and `candidate` (T10).
Result<Failover> parse_failover(std::string_view value);

// PostgreSQL compares the names of standbys without regard to case, and so does everybody who names them.
bool same_name(const MemberName& one, const MemberName& other);

// `sync`: who may take over in synchronous mode (I7).
struct SyncState {
  MemberName leader;
  std::vector<MemberName> standbys;
  std::optional<int> quorum;

  bool empty() const { return leader.empty(); }
  bool lists(const MemberName& name) const;
  // The leader itself, or one of its standbys.
  bool names(const MemberName& name) const { return same_name(leader, name) || lists(name); }
  friend bool operator==(const SyncState&, const SyncState&) = default;
};
// Without `quorum` for the generations before 4.
std::string print_sync(const SyncState& sync, Generation generation = Generation::v4);
Result<SyncState> parse_sync(std::string_view value);

// `status`: what the leader last published.
struct Status {
  Lsn optime;
  std::map<std::string, Lsn> slots;
  std::vector<std::string> retain_slots;
  // Of `optime`, for as long as neither `history` nor `regent/timeline` tells it; 0: not said. A key of our own.
  Timeline timeline;
  // `optime` is that of a clean shutdown: whoever has it has everything there is. A key of our own.
  bool shut_down = false;

  friend bool operator==(const Status&, const Status&) = default;
};
std::string print_status(const Status& status);
// Accepts the bare integer of `optime/leader` too.
Result<Status> parse_status(std::string_view value);

// `history`: one line per timeline switch.
struct HistoryLine {
  Timeline timeline;  // the one that ended
  Lsn switch_lsn;
  std::string reason;
  std::string timestamp;   // ISO, empty when unknown
  std::string new_leader;  // empty when unknown

  friend bool operator==(const HistoryLine&, const HistoryLine&) = default;
};
using History = std::vector<HistoryLine>;
std::string print_history(const History& history);
// Lines of 3, 4 or 5 fields (T9).
Result<History> parse_history(std::string_view value);
Json history_json(const History& history);

// `regent/timeline`: timeline numbers are given away one by one, so that no two promotions make the same one (I8, F62).
// Patroni leaves the key alone.
struct TimelineCounter {
  Timeline ticket;   // the last number that was given away
  Timeline reached;  // what the last leader that said so was on; 0: nobody did
  // Up to here nobody has to come back: the cluster went on from an older one. 0, or not there: it did not.
  Timeline left{};

  friend bool operator==(const TimelineCounter&, const TimelineCounter&) = default;
};
std::string print_timelines(const TimelineCounter& counter);
Result<TimelineCounter> parse_timelines(std::string_view value);

// The text of a NNNNNNNN.history file of PostgreSQL.
Result<History> parse_history_file(std::string_view text);

}  // namespace regent
