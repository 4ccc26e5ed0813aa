// The local PostgreSQL: the Postgres port over real processes, files and connections. Each method is done by the part
// that has the state for it; here it is only seen to that it ends, and how.
// Threading: the control loop's thread; everything that can block goes to workers or children. Errors: as values.
#pragma once

#include <memory>
#include <string>

#include "adapters/os/waiting.h"
#include "adapters/postgres/callbacks.h"
#include "adapters/postgres/context.h"
#include "adapters/postgres/monitor.h"
#include "adapters/postgres/postmaster.h"
#include "adapters/postgres/promotion.h"
#include "adapters/postgres/server_config.h"
#include "adapters/postgres/sight.h"
#include "adapters/postgres/slots.h"
#include "adapters/postgres/steps.h"
#include "ports/postgres.h"

namespace regent {

class PostgresNode : public Postgres {
 public:
  PostgresNode(LocalConfig config, Clock& clock);

  // The local file was read again (SIGHUP): takes effect like set_config().
  void set_local_config(LocalConfig config);

  Task<PostgresFacts> observe(Instant deadline) override;
  Task<void> changed(Instant until) override;
  void set_config(const Json& dynamic_config) override;
  Task<Result<bool>> apply_config(Instant deadline) override;
  Task<Result<std::vector<RefusedParameter>>> check_config(Json dynamic_config, Instant deadline) override;
  Json cached_dynamic_config() const override;

  Task<Result<void>> initdb(Instant deadline) override;
  Task<Result<void>> bootstrap_roles(Instant deadline) override;
  Task<Result<void>> start(job::Start spec, Instant deadline) override;
  Task<Result<void>> before_stop(Instant deadline) override;
  Task<Result<void>> stop(StopMode mode, Instant deadline) override;
  Task<Result<void>> archive_shutdown(Instant deadline) override;
  Task<Result<void>> kill_tree(Instant deadline) override;
  Task<Result<void>> before_promotion(job::Promote promotion, Instant deadline) override;
  Task<Result<void>> promote(Timeline timeline, Instant deadline) override;
  Task<Result<void>> checkpoint(Instant deadline) override;
  Task<Result<void>> follow(Upstream upstream, Instant deadline) override;
  Task<Result<void>> clone(Upstream source, Instant deadline) override;
  Task<Result<void>> crash_recovery(Instant deadline) override;
  Task<Result<void>> rewind(Upstream source, Instant deadline) override;
  Task<Result<void>> remove_data(job::RemoveData removal, Instant deadline) override;

  Task<Result<void>> probe(Upstream server, Instant deadline) override;
  Task<Result<UpstreamHistory>> upstream_history(action::GatherUpstreamHistory question, Instant deadline) override;
  Task<Result<void>> forget_copy(Instant deadline) override;
  Task<Result<void>> fetch_histories(action::FetchHistories order, Instant deadline) override;
  Task<Result<History>> local_history(Timeline timeline, Instant deadline) override;
  Task<Result<std::string>> branch_time(Timeline timeline, Lsn start, Instant deadline) override;
  Task<Result<void>> set_sync_names(std::optional<std::string> names, Instant deadline) override;
  Task<Result<void>> create_slot(std::string name, Instant deadline) override;
  Task<Result<void>> drop_slot(std::string name, Instant deadline) override;

  Task<Result<void>> create_logical_slot(action::SyncSlots::Logical slot, Instant deadline) override;
  Task<Result<void>> advance_slot(action::SyncSlots::Advance slot, Instant deadline) override;
  Task<Result<void>> mark_slots(bool copies, Instant deadline) override;
  Task<Result<void>> record_lock(std::string session, Instant deadline) override;
  Task<Result<UpstreamSlots>> upstream_slots(Upstream source, Instant deadline) override;
  Task<Result<std::vector<SlotCopy>>> read_slots(Upstream source, std::vector<std::string> names,
                                                 Instant deadline) override;
  Task<Result<void>> write_slots(std::vector<SlotCopy> slots, Instant deadline) override;

  void run_callback(std::string_view action, std::string_view role_word) override;
  std::string progress() const override { return context_.progress; }

 private:
  // Exceptions end here, and so does every wait that has not ended by itself; `what` names the work in the error.
  template <class T>
  Task<Result<T>> bounded(Task<Result<T>> work, Instant deadline, std::string what) {
    return guarded<T>(std::move(work), context_.clock, deadline, std::move(what));
  }
  // A job that tells of its progress, which ends with it.
  Task<Result<void>> reporting(Task<Result<void>> job);

  Context context_;
  Postmaster postmaster_;
  Monitor monitor_;
  Callbacks callbacks_;

  ServerConfig config_;  // what the files hold, and what PostgreSQL was asked about that
  Slots slots_;
  Promotion promotion_;  // what is prepared for one
  Steps steps_;          // what a step leaves for a later one
  Sight sight_;          // what was seen before
};

std::unique_ptr<PostgresNode> make_postgres(LocalConfig config, Clock& clock);

}  // namespace regent
