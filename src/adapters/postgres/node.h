// The local PostgreSQL: the Postgres port over real processes, files and connections.
// Threading: the control loop's thread; everything that can block goes to workers or children.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "adapters/postgres/bootstrap.h"
#include "adapters/postgres/callbacks.h"
#include "adapters/postgres/config_store.h"
#include "adapters/postgres/context.h"
#include "adapters/postgres/control_data.h"
#include "adapters/postgres/monitor.h"
#include "adapters/postgres/postmaster.h"
#include "adapters/postgres/pulse.h"
#include "adapters/postgres/wal_end.h"
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
  Task<PostgresFacts> look(Instant deadline);
  Task<void> look_at_server(PostgresFacts& facts, Tenants tenants, Instant deadline);
  Task<void> question_server(PostgresFacts& facts, Instant deadline);
  // Notes whether the server answers a new connection.
  Task<void> probe_own_server(Instant deadline);
  // Returns when it does not any more, or at `until`.
  Task<void> watch_pulse(Instant until);
  // Returns when the WAL receiver has ended, or at `until`.
  Task<void> wait_receiver(Instant until);
  void note_wal(const ServerAnswer& answer, Instant asked);
  // Of a replica: whether what it tells of its position is all that it holds.
  Task<void> judge_position(ServerAnswer& answer, Instant deadline);
  Task<void> read_on(const ServerAnswer& answer, Instant deadline);
  Task<void> look_at_data(PostgresFacts& facts, Result<DirectoryLook> look, Instant deadline);
  Task<void> look_at_control(PostgresFacts& facts, std::string stamp, Instant deadline);
  Task<Result<void>> call(std::function<Result<void>()> work, Instant deadline);
  Task<Result<DirectoryLook>> directory(Instant deadline);
  Task<Result<WrittenConfig>> write_files(bool replica, Instant deadline);
  Task<Result<bool>> apply(Instant deadline);
  void log_changes(const WrittenConfig& written) const;
  Task<Result<void>> launch(job::Start spec, Instant deadline);
  Task<Result<void>> prepare_start(job::Start spec, Instant deadline);
  Task<Result<void>> make_cluster(Instant deadline);
  Task<Result<void>> make_roles(Instant deadline);
  Task<Result<void>> await_recovery(Instant deadline);
  // The first start of a cluster that a custom method made goes through archive recovery.
  bool first_recovery() const { return bootstrapping_ && (first_.keeps_recovery || first_.recovery); }
  Task<Result<void>> copy(Upstream source, Instant deadline);
  Task<Result<void>> prepare_rewind(Upstream source, Instant deadline);
  Task<Result<void>> go_back(Upstream source, Instant deadline);
  Task<Result<void>> recover(Instant deadline);
  Task<Result<void>> get_histories(action::FetchHistories order, Instant deadline);
  // Restored files must belong to `limit` from now on; nullopt: all of them may be restored.
  Task<Result<void>> limit_archive(std::optional<ArchiveLimit> limit, Instant deadline);
  bool restores() const;
  Task<Result<void>> remove(job::RemoveData removal, Instant deadline);
  Task<Result<void>> remove_slot(std::string name, Instant deadline);
  Task<Result<Rows>> administer(std::string sql, Instant deadline);
  Task<Result<Rows>> administer_in(std::string database, std::string sql, Instant deadline);
  Task<Result<void>> put_slots(std::vector<SlotCopy> slots, Instant deadline);
  Task<Result<void>> prepare_promotion(job::Promote promotion, Instant deadline);
  Task<Result<void>> fill_up_to(Timeline timeline, Instant deadline);
  Task<Result<void>> leave_recovery(Timeline timeline, Instant deadline);
  Task<Result<History>> learn_history(Timeline timeline, Instant deadline);
  Task<Result<void>> tidy_histories(Instant deadline);
  struct Advance {
    bool done = false;
    std::string sign;       // changes while it does something
    bool restores = false;  // a child of it is at work
  };
  Task<Result<Advance>> look_at_promotion(Connection& connection, bool closely);
  Task<Result<void>> await_promotion(Connection connection, Instant deadline);
  Task<Result<void>> run_hook(ConfigName key, Instant deadline);
  Task<Result<void>> switch_upstream(Upstream upstream, Instant deadline);
  Task<Result<void>> learn_sync_names(Instant deadline);
  Task<Result<void>> put_sync_names(std::optional<std::string> names, Instant deadline);
  Task<Result<void>> await_sync_names(std::string names, Instant deadline);
  Task<Result<void>> require_stopped(Instant deadline);

  Task<void> weed_parameters(Instant deadline);
  Task<Result<std::vector<RefusedParameter>>> judge_config(Json dynamic_config, Instant deadline);

  Context context_;
  Postmaster postmaster_;
  Monitor monitor_;
  Callbacks callbacks_;

  Connection promoter_;    // from the preparation of a promotion to its request
  Timeline filled_up_to_;  // for the promotion that it is for

  std::optional<ProcessId> receiver_;  // the WAL receiver that observe() saw
  ExitWatch receiver_end_;
  std::optional<Instant> detached_since_;

  // What the last control file said, kept until the file changes.
  std::optional<ControlData> control_;
  std::string control_stamp_;
  // patroni.dynamic.json as of the last look.
  bool looked_ = false;
  std::string dynamic_text_;
  Json cached_dynamic_;
  SystemId system_id_;
  Json pending_restart_ = Json::object();
  // Parameters that only a restart changes, as the server names them.
  std::set<std::string> restart_parameters_;
  // Whether context_.sync_names is what the file holds.
  bool sync_names_known_ = false;
  // What PostgreSQL was asked about last; context_.refused is its answer.
  std::map<std::string, std::string> checked_;
  // What had no effect in the dynamic configuration then.
  std::vector<RefusedParameter> idle_;
  // Between initdb and the end of bootstrap_roles() an unfinished directory may be started.
  bool bootstrapping_ = false;
  std::optional<std::string> restored_hba_;  // pg_hba.conf that a custom method left, while another one is in its place
  // Of the postmaster with this number; see PostgresFacts.
  std::uint32_t pulse_of_ = 0;
  bool primary_ = false;
  Pulse connections_, queries_, flushes_;
  // The process that replays, if it has come to the end of what lay on the disk when it began, or that was read here.
  int position_of_ = 0;
  Position on_disk_;  // the end that was read; none when replay came there first
  std::optional<WalReading> reading_;
  int unreadable_for_ = 0;
  Lsn flushed_;
  FirstStart first_;
};

std::unique_ptr<PostgresNode> make_postgres(LocalConfig config, Clock& clock);

}  // namespace regent
