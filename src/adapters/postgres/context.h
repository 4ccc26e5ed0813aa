// What the parts of the PostgreSQL adapter share. Owned by PostgresNode, which outlives every part and coroutine.
// Threading: the loop's thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "adapters/os/process.h"
#include "adapters/os/worker.h"
#include "adapters/postgres/config_store.h"
#include "adapters/postgres/connection.h"
#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/control_data.h"
#include "adapters/postgres/data_directory.h"
#include "adapters/postgres/layout.h"
#include "core/postgres_facts.h"
#include "model/local_config.h"
#include "ports/clock.h"

namespace regent {

// How the server that a custom method made is started for the first time.
struct FirstStart {
  bool keeps_recovery = false;               // with the recovery settings that the script left behind
  std::optional<RecoverySettings> recovery;  // recovers to a point in time first
  bool restored = false;                     // its roles have the passwords of another place
};

struct Context {
  Context(LocalConfig config, Clock& clock);

  LocalConfig local;
  Json dynamic = Json::object();
  Layout layout;
  Clock& clock;
  WorkerPool worker;
  int major_version = 0;             // of the binaries; 0 until ensure_version() has asked them
  std::optional<Upstream> upstream;  // whom we were last told to stream from
  std::string progress;              // of the running job, for people
  // What the script in the data directory says, if we wrote it: which files of an archive may be restored.
  std::optional<ArchiveLimit> archive_limit;
  // What stands in the place of synchronous_standby_names, whatever the configuration says; nullopt: that one's value.
  std::optional<std::string> sync_names;

  // What the running server's pid file says; nullopt: none runs.
  std::optional<PidFile> running;
  bool doors_pending = false;  // other addresses or socket directories wait for its restart

  // What the last control file said, kept until the file changes.
  std::optional<ControlData> control;
  std::string control_stamp;
  SystemId system_id;  // the server tells it, too
  // There is no cluster in the data directory, or soon there will be none.
  void forget_cluster();

  // Between initdb and the end of bootstrap_roles() an unfinished directory may be started.
  bool bootstrapping = false;
  FirstStart first;
  // The first start of a cluster that a custom method made goes through archive recovery.
  bool first_recovery() const { return bootstrapping && (first.keeps_recovery || first.recovery); }

  // Values that the configuration has and PostgreSQL would refuse: they do not count.
  std::vector<RefusedParameter> refused;

  const PostgresConfig& config() const { return local.postgres; }
  std::string server() const { return server_name(config()); }

  // A blocking call on a worker.
  template <class T>
  Task<Result<T>> ask(std::function<Result<T>()> call, Instant deadline, std::string what) {
    co_return co_await worker.ask<T>(std::move(call), clock, deadline, std::move(what));
  }

  // The same of the data directory: changes it, looks at it.
  Task<Result<void>> call(std::function<Result<void>()> work, Instant deadline);
  Task<Result<DirectoryLook>> directory(Instant deadline);

  // Asks the server's executable once.
  Task<Result<void>> ensure_version(Instant deadline);

  // What the configuration asks for now, with what PostgreSQL would refuse, and without.
  ServerParameters asked_parameters() const;
  const ServerParameters& configured_parameters() const;
  // Whatever they depend on has changed: the configuration, the server's version.
  void forget_parameters() { parameters_.reset(); }
  // The same, but for what is not left to it.
  ServerParameters parameters() const;
  // What the files shall hold. `recovery`: with the settings of a replica of `upstream`, where that is known.
  WantedFiles wanted_files(ServerParameters parameters) const;

  // What the configuration says of recovery, wherever it says so.
  std::map<std::string, std::string> recovery_wishes() const;
  // A restore_command is configured.
  bool restores() const;

  // Where the server that runs listens, or, if none does, where it will: what was configured since waits for a restart.
  Doors doors() const;
  ConnectionOptions administrator(const std::string& application_name) const;
  // One statement over a connection of its own, which may take its time.
  Task<Result<Rows>> administer(std::string sql, Instant deadline);

  // A command of PostgreSQL with messages in English.
  Command tool(const std::string& name, std::vector<std::string> arguments) const;

 private:
  mutable std::optional<ServerParameters> parameters_;
};

// 15 out of "postgres (PostgreSQL) 15.20 (Debian ...)", also for beta versions. 0: no such text.
int parse_server_version(std::string_view text);

// Settings of an administrative connection that may take its time.
extern const char* const unlimited_time;

extern const char* const sync_names_parameter;

}  // namespace regent
