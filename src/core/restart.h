// Restarts that somebody asked for: under which conditions, and when (compat §1.15).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/role.h"

namespace regent {

struct Situation;

// All of them must hold at the moment of the restart.
struct RestartFilter {
  bool pending = false;              // only when a restart is pending
  std::optional<Role> role;          // only in this role
  std::optional<int> below_version;  // only when the server is older than this server_version_num

  friend bool operator==(const RestartFilter&, const RestartFilter&) = default;
};

// A restart that waits for its time. It lives in the memory of the agent and in its member key, from where the next
// incarnation of the agent takes it up again.
struct ScheduledRestart {
  WallTime at;
  RestartFilter filter;
  std::optional<Duration> timeout;
  std::string postmaster_start_time;  // of the server that is meant; a restart in between makes the plan void
  Json published;                     // as it stands in the member key

  friend bool operator==(const ScheduledRestart&, const ScheduledRestart&) = default;
};

// `published` of a member key. nullopt: it makes no sense.
std::optional<ScheduledRestart> parse_scheduled_restart(const Json& published);

// Why the server is not to be restarted; nullopt: all conditions hold.
std::optional<std::string> restart_objection(const RestartFilter& filter, const Situation& s);

// "9.6.1" -> 90601, "15.3" -> 150003. The error is Patroni's sentence.
Result<int> parse_version_number(std::string_view text);

}  // namespace regent
