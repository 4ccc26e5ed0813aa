// What is seen of the local PostgreSQL: its processes, its answers, its data directory.
// Threading: the loop's thread; files are read by workers. Errors: none; what could not be learned is unknown, with the
// reason.
#pragma once

#include <optional>
#include <string>

#include "adapters/postgres/context.h"
#include "adapters/postgres/monitor.h"
#include "adapters/postgres/postmaster.h"
#include "adapters/postgres/replica_position.h"
#include "adapters/postgres/server_config.h"
#include "adapters/postgres/vitals.h"

namespace regent {

class Sight {
 public:
  Sight(Context& context, Postmaster& postmaster, Monitor& monitor, ServerConfig& config)
      : context_(context),
        postmaster_(postmaster),
        monitor_(monitor),
        config_(config),
        vitals_(context),
        position_(context) {}

  // See Postgres.
  Task<PostgresFacts> observe(Instant deadline);
  Task<void> changed(Instant until);
  Json cached_dynamic_config() const;

 private:
  Task<PostgresFacts> look(Instant deadline);
  Task<void> look_at_server(PostgresFacts& facts, Tenants tenants, Instant deadline);
  Task<void> question_server(PostgresFacts& facts, Instant deadline);
  Task<void> look_at_data(PostgresFacts& facts, Result<DirectoryLook> look, Instant deadline);
  Task<void> look_at_control(PostgresFacts& facts, std::string stamp, Instant deadline);
  // Returns when the WAL receiver has ended, or at `until`.
  Task<void> wait_receiver(Instant until);

  Context& context_;
  Postmaster& postmaster_;
  Monitor& monitor_;
  ServerConfig& config_;  // is told what it cannot see by itself
  Vitals vitals_;

  std::optional<ProcessId> receiver_;  // the WAL receiver that observe() saw
  ExitWatch receiver_end_;
  std::optional<Instant> detached_since_;
  ReplicaPosition position_;

  // patroni.dynamic.json as of the last look.
  bool looked_ = false;
  std::string dynamic_text_;
  Json cached_dynamic_;
  Json pending_restart_ = Json::object();
};

}  // namespace regent
