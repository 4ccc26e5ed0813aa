// The steps of jobs: what changes the server, its files or its data. A promotion is told by promotion.h, slots by
// slots.h.
// Threading: the loop's thread; what could block goes to workers and children. Errors: as values, see Postgres.
#pragma once

#include <optional>
#include <string>

#include "adapters/postgres/context.h"
#include "adapters/postgres/postmaster.h"
#include "adapters/postgres/server_config.h"

namespace regent {

// Each is the method of Postgres of the same name. An exception of a library gets through.
class Steps {
 public:
  Steps(Context& context, Postmaster& postmaster, ServerConfig& config)
      : context_(context), postmaster_(postmaster), config_(config) {}

  Task<Result<void>> start(job::Start spec, Instant deadline);
  Task<Result<void>> checkpoint(Instant deadline);
  Task<Result<void>> follow(Upstream upstream, Instant deadline);

  Task<Result<void>> initdb(Instant deadline);
  Task<Result<void>> bootstrap_roles(Instant deadline);
  Task<Result<void>> clone(Upstream source, Instant deadline);
  Task<Result<void>> crash_recovery(Instant deadline);
  Task<Result<void>> rewind(Upstream source, Instant deadline);
  Task<Result<void>> remove_data(job::RemoveData removal, Instant deadline);

  Task<Result<void>> record_lock(std::string session, Instant deadline);
  Task<Result<void>> forget_copy(Instant deadline);
  Task<Result<UpstreamHistory>> upstream_history(action::GatherUpstreamHistory question, Instant deadline);
  Task<Result<void>> fetch_histories(action::FetchHistories order, Instant deadline);
  Task<Result<History>> local_history(Timeline timeline, Instant deadline);

 private:
  // The server is down, and there is room for a new data directory.
  Task<Result<void>> require_empty(Instant deadline);
  Task<Result<void>> prepare_start(job::Start spec, Instant deadline);
  Task<Result<void>> tidy_histories(Instant deadline);
  Task<Result<void>> await_recovery(Instant deadline);
  Task<Result<void>> prepare_rewind(Upstream source, Instant deadline);

  Context& context_;
  Postmaster& postmaster_;
  ServerConfig& config_;
  std::optional<std::string> restored_hba_;  // pg_hba.conf that a custom method left, while another one is in its place
};

}  // namespace regent
