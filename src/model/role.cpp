#include "model/role.h"

#include <array>
#include <utility>

namespace regent {
namespace {

constexpr std::array<std::string_view, 15> state_words{"initializing new cluster",
                                                       "initdb failed",
                                                       "running custom bootstrap script",
                                                       "custom bootstrap failed",
                                                       "creating replica",
                                                       "running",
                                                       "starting",
                                                       "starting after custom bootstrap",
                                                       "start failed",
                                                       "restarting",
                                                       "restart failed",
                                                       "stopping",
                                                       "stopped",
                                                       "stop failed",
                                                       "crashed"};

}  // namespace

std::optional<Role> parse_role(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Role>, 8> words{{{"uninitialized", Role::uninitialized},
                                                                    {"replica", Role::replica},
                                                                    {"primary", Role::primary},
                                                                    {"master", Role::primary},
                                                                    {"standby_leader", Role::standby_leader},
                                                                    {"standby-leader", Role::standby_leader},
                                                                    {"demoted", Role::demoted},
                                                                    {"promoted", Role::promoted}}};
  for (const auto& [word, role] : words) {
    if (word == text) return role;
  }
  return std::nullopt;
}

std::string_view to_string(Role role, Generation generation) {
  switch (role) {
    case Role::uninitialized:
      return "uninitialized";
    case Role::replica:
      return "replica";
    case Role::primary:
      return primary_word(generation);
    case Role::standby_leader:
      return "standby_leader";
    case Role::demoted:
      return "demoted";
    case Role::promoted:
      return "promoted";
  }
  return "uninitialized";
}

std::optional<PgState> parse_state(std::string_view text) {
  for (std::size_t i = 0; i < state_words.size(); ++i) {
    if (state_words[i] == text) return static_cast<PgState>(i);
  }
  // A replica that streams says so in place of "running" in some generations.
  if (text == "streaming" || text == "in archive recovery") return PgState::running;
  return std::nullopt;
}

std::string_view to_string(PgState state) {
  return state_words.at(static_cast<std::size_t>(state));
}

}  // namespace regent
