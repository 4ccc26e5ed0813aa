// The text of PostgreSQL's configuration files, byte for byte as Patroni writes them: either program can take over a
// directory from the other (T15). Pure. Threading: any.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/postgres/layout.h"
#include "adapters/postgres/parameters.h"
#include "core/job.h"

namespace regent {

using RecoverySettings = std::map<std::string, std::string>;

// Recovery settings of a replica of `upstream`; `custom` is what the user wants of them (recovery_parameters()).
RecoverySettings recovery_settings(const Upstream& upstream, const std::string& conninfo,
                                   const std::map<std::string, std::string>& custom);

// postgresql.conf. `recovery` is absent on a primary.
std::string postgresql_conf(const Layout& layout, const ServerParameters& parameters,
                            const std::optional<RecoverySettings>& recovery);

// pg_hba.conf or pg_ident.conf out of a list of lines. nullopt when the configuration has no such list.
std::optional<std::string> lines_file(const Json* lines);
// pg_hba.conf of a server that nobody but its superuser on this machine gets into, without a password.
std::string superuser_only(const std::string& superuser);

// What `bootstrap.pg_hba` adds to the file initdb made.
std::string appended_lines(const Json& lines);

// Whether a postgresql.conf is one of ours or Patroni's.
bool is_generated(std::string_view text);

// The recovery section of a generated postgresql.conf; nullopt when it has none.
std::optional<RecoverySettings> recovery_section(std::string_view text);

// A parameter that two generated files set differently; absent: the file leaves it to the base file.
struct ParameterChange {
  std::string name;
  std::optional<std::string> before, after;
};

// What changes for the server between two texts of postgresql.conf, by name.
std::vector<ParameterChange> changed_parameters(std::string_view before, std::string_view after);
// The value a generated postgresql.conf gives a parameter; nullopt when it gives none, or is not generated.
std::optional<std::string> assigned_value(std::string_view text, std::string_view name);

// postgresql.auto.conf without recovery settings: they would win over ours.
std::string without_recovery_settings(std::string_view text);

}  // namespace regent
