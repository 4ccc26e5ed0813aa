#include "adapters/postgres/parameters.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <set>

#include "adapters/postgres/quoting.h"
#include "adapters/postgres/units.h"

namespace regent {
namespace {

struct Governed {
  enum class Kind { identity, boolean, always_on, number, wal_level };
  std::string_view name;
  std::string_view standard;
  Kind kind;
  std::string_view unit;
  double minimum = 0;
  bool on_command_line = true;
  int from_version = 0, to_version = 1000;
};

// In the order of Patroni's command line.
using Kind = Governed::Kind;
constexpr std::array governed{
    Governed{"listen_addresses", "", Kind::identity, ""},
    Governed{"port", "", Kind::identity, ""},
    Governed{"cluster_name", "", Kind::identity, ""},
    Governed{"wal_level", "replica", Kind::wal_level, ""},
    Governed{"hot_standby", "on", Kind::always_on, ""},
    Governed{"max_connections", "100", Kind::number, "", 25},
    Governed{"max_wal_senders", "10", Kind::number, "", 3},
    Governed{"wal_keep_segments", "8", Kind::number, "", 1, false, 0, 12},
    Governed{"wal_keep_size", "128MB", Kind::number, "MB", 16, false, 13},
    Governed{"max_prepared_transactions", "0", Kind::number, "", 0},
    Governed{"max_locks_per_transaction", "64", Kind::number, "", 32},
    Governed{"track_commit_timestamp", "off", Kind::boolean, ""},
    Governed{"max_replication_slots", "10", Kind::number, "", 4},
    Governed{"max_worker_processes", "8", Kind::number, "", 2},
    Governed{"wal_log_hints", "on", Kind::boolean, ""},
};

const Governed* find_governed(std::string_view name) {
  for (const auto& entry : governed) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

std::optional<std::string> accepted(const Governed& entry, const std::string& value) {
  switch (entry.kind) {
    case Kind::identity:
      return std::nullopt;
    case Kind::boolean:
      return parse_bool(value) ? std::optional(value) : std::nullopt;
    case Kind::always_on:
      return parse_bool(value) == true ? std::optional(value) : std::nullopt;
    case Kind::wal_level:
      if (value == "hot_standby") return "replica";
      return value == "replica" || value == "logical" ? std::optional(value) : std::nullopt;
    case Kind::number: {
      const auto number = in_unit(value, entry.unit);
      return number && *number >= entry.minimum ? std::optional(value) : std::nullopt;
    }
  }
  return std::nullopt;
}

// A list of names, as YAML has them and PostgreSQL does not.
std::string joined(const Json& list) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ",") + setting_text(item);
  return text;
}

void merge(std::map<std::string, std::string>& values, const Json& parameters, bool local) {
  if (!parameters.is_object()) return;
  for (const auto& [name, value] : parameters.items()) {
    if (value.is_null() || is_recovery_parameter(name)) continue;
    const auto* entry = find_governed(name);
    if (entry == nullptr) {
      values[name] = value.is_array() ? joined(value) : setting_text(value);
    } else if (!local && values.contains(name)) {
      if (const auto text = accepted(*entry, setting_text(value))) values[name] = *text;
    }
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> ServerParameters::command_line() const {
  std::vector<std::pair<std::string, std::string>> arguments;
  for (const auto& entry : governed) {
    const auto found = values.find(std::string(entry.name));
    if (entry.on_command_line && found != values.end()) arguments.emplace_back(*found);
  }
  return arguments;
}

ServerParameters effective_parameters(const Json& dynamic, const Json& local, const ServerIdentity& identity,
                                      int major_version) {
  ServerParameters parameters;
  auto& values = parameters.values;
  for (const auto& entry : governed) {
    if (entry.from_version <= major_version && major_version <= entry.to_version) {
      values[std::string(entry.name)] = entry.standard;
    }
  }
  values["listen_addresses"] = identity.listen_addresses;
  values["port"] = identity.port;
  values["cluster_name"] = identity.cluster_name;
  merge(values, dynamic, false);
  merge(values, local, true);
  return parameters;
}

void leave_out(ServerParameters& parameters, const std::string& name) {
  if (const auto* entry = find_governed(name)) {
    parameters.values[name] = entry->standard;
  } else {
    parameters.values.erase(name);
  }
}

std::map<std::string, std::string> without_effect(const Json& dynamic) {
  std::map<std::string, std::string> reasons;
  if (!dynamic.is_object()) return reasons;
  for (const auto& [name, value] : dynamic.items()) {
    const auto* entry = find_governed(name);
    if (entry == nullptr || value.is_null() || accepted(*entry, setting_text(value))) continue;
    switch (entry->kind) {
      case Kind::identity:
        reasons[name] = "it follows from the local configuration of each member";
        break;
      case Kind::boolean:
        reasons[name] = "it must be on or off";
        break;
      case Kind::always_on:
        reasons[name] = "it is always on";
        break;
      case Kind::wal_level:
        reasons[name] = "it must be replica or logical";
        break;
      case Kind::number:
        reasons[name] = fmt::format("it must be a number of at least {:g}{}", entry->minimum, entry->unit);
        break;
    }
  }
  return reasons;
}

bool is_governed(std::string_view name) {
  return find_governed(name) != nullptr;
}

void raise_for_standby(ServerParameters& parameters, const std::map<std::string, int>& control_settings) {
  for (const auto& [name, needed] : control_settings) {
    const auto found = parameters.values.find(name);
    if (found == parameters.values.end()) continue;
    const auto wanted = in_unit(found->second, "");
    if (!wanted || *wanted < needed) found->second = std::to_string(needed);
  }
}

bool is_recovery_parameter(std::string_view name) {
  static const std::set<std::string_view> names{"archive_cleanup_command",
                                                "primary_conninfo",
                                                "primary_slot_name",
                                                "promote_trigger_file",
                                                "recovery_end_command",
                                                "recovery_min_apply_delay",
                                                "recovery_target",
                                                "recovery_target_action",
                                                "recovery_target_inclusive",
                                                "recovery_target_lsn",
                                                "recovery_target_name",
                                                "recovery_target_time",
                                                "recovery_target_timeline",
                                                "recovery_target_xid",
                                                "restore_command",
                                                "standby_mode",
                                                "trigger_file"};
  return names.contains(name);
}

std::map<std::string, std::string> recovery_parameters(const Json* dynamic, const Json* local,
                                                       const Json* recovery_conf) {
  std::map<std::string, std::string> values;
  for (const Json* section : {dynamic, local, recovery_conf}) {
    if (section == nullptr || !section->is_object()) continue;
    for (const auto& [name, value] : section->items()) {
      const bool told = is_recovery_parameter(name) && name != "standby_mode" && name != "trigger_file";
      if (told && !value.is_null()) values[name] = setting_text(value);
    }
  }
  return values;
}

Json pending_restart_reason(const ServerParameters& wanted, const std::map<std::string, RunningSetting>& running) {
  Json reasons = Json::object();
  for (const auto& [name, setting] : running) {
    // What a server recovered to has no meaning any more, and goes with the next restart.
    if (is_recovery_parameter(name)) continue;
    const SettingType type{setting.vartype, setting.unit};
    const auto found = wanted.values.find(name);
    if (found == wanted.values.end() && !setting.pending) continue;
    const auto& new_value = found != wanted.values.end() ? found->second : setting.file_value;
    if (same_setting(setting.value, new_value, type)) continue;
    reasons[name] = {{"old_value", show_setting(setting.value, type)}, {"new_value", show_setting(new_value, type)}};
  }
  return reasons;
}

}  // namespace regent
