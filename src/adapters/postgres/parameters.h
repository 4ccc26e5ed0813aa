// Which parameters the server runs with (compat §1.12, T14), and which of them wait for a restart. Pure. Threading:
// any.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace regent {

struct ServerParameters {
  // Everything that is written, by name.
  std::map<std::string, std::string> values;

  // What the postmaster gets as --name=value, in Patroni's order: the command line wins over ALTER SYSTEM.
  std::vector<std::pair<std::string, std::string>> command_line() const;
};

// Where the server listens and how it is called; users cannot override these.
struct ServerIdentity {
  std::string listen_addresses;
  std::string port;
  std::string cluster_name;
};

// `dynamic` and `local` are the two `parameters` mappings. Local wins, except for parameters that must be equal on all
// members: those come from the dynamic configuration only, and values below their minimum do not count.
ServerParameters effective_parameters(const Json& dynamic, const Json& local, const ServerIdentity& identity,
                                      int major_version);

// Without the value of one of them: PostgreSQL's own counts, or the standard of those that are always written.
void leave_out(ServerParameters& parameters, const std::string& name);

// Why a value of the dynamic configuration does not count, by name: it is below a minimum, or not the users' to set.
std::map<std::string, std::string> without_effect(const Json& dynamic);

// Whether all members must have the same value, so that it stands in the dynamic configuration only.
bool is_governed(std::string_view name);

// A hot standby refuses to start with lower values than its primary had: raises them to those of the control file
// (T14).
void raise_for_standby(ServerParameters& parameters, const std::map<std::string, int>& control_settings);

// Recovery settings have their own place and do not count as parameters.
bool is_recovery_parameter(std::string_view name);
// The parameters of recovery that a configuration names: those in `recovery_conf`, and before them those that stand
// among the other parameters, local ones last. Null ones are left out.
std::map<std::string, std::string> recovery_parameters(const Json* dynamic, const Json* local,
                                                       const Json* recovery_conf);

// One row of pg_settings, reduced to what restarts need.
struct RunningSetting {
  std::string value;  // raw, in `unit`
  std::string unit;
  std::string vartype;
  bool pending = false;    // the server itself says so
  std::string file_value;  // pending only: what the files say now
};

// {name: {old_value, new_value}} for parameters that need a restart to take effect. `running` holds the settings that
// only change with a restart.
Json pending_restart_reason(const ServerParameters& wanted, const std::map<std::string, RunningSetting>& running);

}  // namespace regent
