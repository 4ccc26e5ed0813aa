// A member of the cluster as its key in the store tells (`members/<name>`).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/lsn.h"
#include "base/result.h"
#include "base/strong.h"
#include "model/generation.h"
#include "model/role.h"
#include "model/tags.h"

namespace regent {

// Where a member's PostgreSQL listens.
struct HostPort {
  std::string host;
  std::string port = "5432";

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// When timelines began, by number: the time in the record that each begins with. Two that were given the same number
// differ in it (F62).
using BranchTimes = std::map<Timeline, std::string>;

struct Member {
  MemberName name;
  std::string conn_url;  // postgres://host:port/postgres
  std::string api_url;   // http://host:8008/patroni
  std::string proxy_url;
  PgState state = PgState::stopped;
  Role role = Role::uninitialized;
  std::string version;  // of Patroni, or the one we claim (T11)
  std::string regent;   // our own version; empty for a Patroni peer
  std::optional<Lsn> xlog_location;
  std::optional<Lsn> receive_lsn;
  std::optional<Lsn> replay_lsn;
  std::string replication_state;  // "streaming", "in archive recovery" or empty
  std::optional<Timeline> timeline;
  Tags tags;
  bool pending_restart = false;
  Json pending_restart_reason;  // {param: {old_value, new_value}} or null
  Json scheduled_restart;       // {schedule, postmaster_start_time, ...} or null
  bool pause = false;
  std::string guard;     // of a primary: "armed", "failed"; Patroni has no such key
  std::string libc;      // version of the C library, which sorts text; Patroni has no such key
  std::string progress;  // of a base backup or a rewind, for people; Patroni has no such key
  // The WAL file that comes next for it, which neither the leader nor an archive has; Patroni has no such key.
  std::string missing_wal;
  BranchTimes branches;                  // of its own history, as far as known; Patroni has no such key
  bool checkpoint_after_promote = true;  // false is published until the checkpoint after a promotion is done

  std::string session;  // lease or session the key hangs on; not part of the value
};

// The value of the member key, keys in Patroni's order (T8).
std::string print_member(const Member& member, Generation generation);

// Lenient (F40): fields that make no sense count as absent. The error is for values that are no JSON object at all.
Result<Member> parse_member(MemberName name, std::string_view value);

// postgres://host:port/postgres
std::string print_conn_url(const HostPort& address);
// Host and port of a `postgres://host:port/db` URL, IPv6 brackets removed.
std::optional<HostPort> parse_conn_url(std::string_view url);

// Name of the member's physical slot, Patroni's rule to the letter (T16).
std::string slot_name(const MemberName& name);

}  // namespace regent
