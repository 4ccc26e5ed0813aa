// Making a new cluster: initdb, roles, the user's script (compat §1.7).
// Threading: the loop's thread. Errors: as values; the directory keeps its marker until bootstrap_roles() is done
// (F72).
#pragma once

#include <string>
#include <vector>

#include "adapters/postgres/config_files.h"
#include "adapters/postgres/context.h"
#include "adapters/postgres/options.h"

namespace regent {

// initdb's arguments out of `bootstrap.initdb`, a list of flags and mappings or one mapping. Options that would break
// the agent's hold on the directory are left out, with a sentence in `problems`. Pure.
std::vector<std::string> initdb_arguments(const Json* options, const std::string& data_dir,
                                          const std::string& superuser, bool with_password,
                                          std::vector<std::string>& problems);

// Extra keys of a custom method as --key=value. Pure.
std::vector<std::string> method_arguments(const Json& section);

// Creates a role or changes an existing one. `password` is already encrypted; empty: none. Pure.
std::string role_sql(const std::string& name, const std::string& options, const std::string& password);
// What pg_rewind's role needs. Pure.
std::string rewind_grants_sql(const std::string& name);

// Of the configured method; neither for initdb. Pure.
FirstStart first_start(const Json& bootstrap);

Task<Result<void>> run_initdb(Context& context, Instant deadline);
Task<Result<void>> run_bootstrap_roles(Context& context, Instant deadline);

// Runs a program to its end, whatever that is, and passes on in `context.progress` what it says about its progress.
Task<Result<Outcome>> run_reporting(Context& context, Command command, Instant deadline);

// Runs a program that wants the data directory empty, and puts the marker there as soon as it has begun to fill it.
// Tells `context.progress` what the program says about its progress.
Task<Result<void>> run_filling(Context& context, Command command, Instant deadline);

}  // namespace regent
