// Roles and states in Patroni's words, as they stand in member keys and REST answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/generation.h"

namespace regent {

enum class Role { uninitialized, replica, primary, standby_leader, demoted, promoted };

// Accepts every generation's words ("master" is primary). Unknown words: nullopt.
std::optional<Role> parse_role(std::string_view text);
std::string_view to_string(Role role, Generation generation);

// In the order of the metric patroni_postgres_state.
enum class PgState {
  initdb,
  initdb_failed,
  custom_bootstrap,
  custom_bootstrap_failed,
  creating_replica,
  running,
  starting,
  bootstrap_starting,
  start_failed,
  restarting,
  restart_failed,
  stopping,
  stopped,
  stop_failed,
  crashed,
};

std::optional<PgState> parse_state(std::string_view text);
std::string_view to_string(PgState state);

}  // namespace regent
