// The local PostgreSQL as one agent's adapter sees it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ports/postgres.h"
#include "sim/agent_process.h"
#include "sim/host_clock.h"
#include "sim/pg_server.h"

namespace regent::sim {

// What checkers hear of the steps before they happen.
class StepListener {
 public:
  virtual ~StepListener() = default;
  virtual void start_requested(int node, const job::Start& spec) = 0;
  virtual void promote_requested(int node) = 0;
  virtual void initdb_requested(int node) = 0;
  virtual void removal_requested(int node) = 0;
  virtual void sync_names_requested(int node, const std::optional<std::string>& names) = 0;
};

class PgPort final : public Postgres {
 public:
  struct Parts {
    World& world;
    PgServer& server;
    PgWorld& shared;
    HostClock& clock;
    AgentProcess& process;
    StepListener& listener;
    Json& cached_config;  // patroni.dynamic.json: it survives the agent
  };
  explicit PgPort(Parts parts);
  ~PgPort() override;

  Task<PostgresFacts> observe(Instant deadline) override;
  Task<void> changed(Instant until) override;
  void set_config(const Json& dynamic_config) override;
  Task<Result<bool>> apply_config(Instant deadline) override;
  Task<Result<std::vector<RefusedParameter>>> check_config(Json dynamic_config, Instant deadline) override;
  Json cached_dynamic_config() const override { return p_.cached_config; }
  Task<Result<void>> initdb(Instant deadline) override;
  Task<Result<void>> bootstrap_roles(Instant deadline) override;
  Task<Result<void>> start(job::Start spec, Instant deadline) override;
  Task<Result<void>> stop(StopMode mode, Instant deadline) override;
  Task<Result<void>> kill_tree(Instant deadline) override;
  Task<Result<void>> before_stop(Instant) override { co_return Result<void>(); }
  Task<Result<void>> archive_shutdown(Instant) override { co_return Result<void>(); }
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
  Task<Result<void>> fetch_histories(action::FetchHistories order, Instant deadline) override;
  Task<Result<History>> local_history(Timeline timeline, Instant deadline) override;
  Task<Result<std::string>> branch_time(Timeline timeline, Lsn start, Instant deadline) override;
  Task<Result<void>> set_sync_names(std::optional<std::string> names, Instant deadline) override;
  Task<Result<void>> create_slot(std::string name, Instant deadline) override;
  Task<Result<void>> drop_slot(std::string name, Instant deadline) override;
  Task<Result<void>> create_logical_slot(action::SyncSlots::Logical slot, Instant deadline) override;
  Task<Result<void>> advance_slot(action::SyncSlots::Advance slot, Instant deadline) override;
  Task<Result<void>> forget_copy(Instant deadline) override;
  Task<Result<void>> mark_slots(bool copies, Instant deadline) override;
  Task<Result<void>> record_lock(std::string session, Instant deadline) override;
  Task<Result<UpstreamSlots>> upstream_slots(Upstream source, Instant deadline) override;
  Task<Result<std::vector<SlotCopy>>> read_slots(Upstream source, std::vector<std::string> names,
                                                 Instant deadline) override;
  Task<Result<void>> write_slots(std::vector<SlotCopy> slots, Instant deadline) override;
  void run_callback(std::string_view, std::string_view) override {}
  std::string progress() const override { return {}; }

 private:
  // A step that ends by `done`. With `child` it is a process of ours that ends when we give up.
  Task<Result<void>> step(std::function<void(Done)> begin, Instant deadline, bool child);
  // A short exchange with the running server. `effect` may happen after this port is gone.
  Task<Result<void>> query(std::function<void()> effect, Instant deadline);
  // A question to another server, which is not answered before the deadline when it cannot be reached.
  template <class T>
  Task<Result<T>> ask_upstream(std::function<Result<T>()> question, Instant deadline);

  Parts p_;
  Json config_;
  bool config_changed_ = false;
  bool process_changed_ = true;
  std::shared_ptr<Wait<bool>> watcher_;
};

}  // namespace regent::sim
