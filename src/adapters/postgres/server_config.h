// The configuration of the local server: what it is given, and what it takes.
// Threading: the loop's thread; files are written by workers. Errors: as values.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/postgres/config_store.h"
#include "adapters/postgres/context.h"
#include "adapters/postgres/monitor.h"
#include "adapters/postgres/postmaster.h"

namespace regent {

class ServerConfig {
 public:
  ServerConfig(Context& context, Postmaster& postmaster, Monitor& monitor)
      : context_(context), postmaster_(postmaster), monitor_(monitor) {}

  // Brings the files to what is configured. `replica`: for a server that starts, or runs, as one.
  Task<Result<WrittenConfig>> write(bool replica, Instant deadline);
  // What such a server is started with.
  ServerParameters parameters(bool replica) const;

  // See Postgres: apply_config(), check_config(), set_sync_names().
  Task<Result<bool>> apply(Instant deadline);
  Task<Result<std::vector<RefusedParameter>>> check(Json dynamic_config, Instant deadline);
  Task<Result<void>> set_sync_names(std::optional<std::string> names, Instant deadline);
  // Finds out what context.sync_names is, once.
  Task<Result<void>> learn_sync_names(Instant deadline);

  // Of a server that runs.
  void note_restart_parameters(const RunningSettings& settings);
  // The programs are other ones: what they would refuse is asked again.
  void forget_checked() { checked_.clear(); }

 private:
  Task<void> weed(Instant deadline);
  void log_changes(const WrittenConfig& written) const;
  Task<Result<void>> await_sync_names(std::string names, Instant deadline);

  Context& context_;
  Postmaster& postmaster_;
  Monitor& monitor_;
  // Parameters that only a restart changes, as the server names them.
  std::set<std::string> restart_parameters_;
  // Whether context_.sync_names is what the file holds.
  bool sync_names_known_ = false;
  // What PostgreSQL was asked about last; context_.refused is its answer.
  std::map<std::string, std::string> checked_;
  // What had no effect in the dynamic configuration then.
  std::vector<RefusedParameter> idle_;
};

}  // namespace regent
