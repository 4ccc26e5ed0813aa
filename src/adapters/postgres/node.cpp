#include "adapters/postgres/node.h"

#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/hook.h"
#include "adapters/postgres/probe.h"
#include "adapters/postgres/rewind.h"
#include "adapters/postgres/timelines.h"
#include "model/config_value.h"

namespace regent {

PostgresNode::PostgresNode(LocalConfig config, Clock& clock)
    : context_(std::move(config), clock),
      postmaster_(context_),
      monitor_([this] { return context_.administrator("Patroni heartbeat"); },
               [this] {
                 const auto address = local_address(context_.doors(), context_.config().use_unix_socket_repl);
                 return replication_connection(address, context_.config().replication);
               },
               clock),
      config_(context_, postmaster_, monitor_),
      slots_(context_, postmaster_),
      promotion_(context_, postmaster_),
      steps_(context_, postmaster_, config_),
      sight_(context_, postmaster_, monitor_, config_) {}

std::unique_ptr<PostgresNode> make_postgres(LocalConfig config, Clock& clock) {
  return std::make_unique<PostgresNode>(std::move(config), clock);
}

void PostgresNode::set_local_config(LocalConfig config) {
  auto pgpass = context_.local.postgres.pgpass;
  // A running server cannot move: another directory counts from the next start of the agent.
  config.postgres.data_dir = context_.local.postgres.data_dir;
  config.postgres.config_dir = context_.local.postgres.config_dir;
  // Whatever is under way relies on knowing the version: it is asked for again only if other programs are meant.
  const auto& before = context_.config();
  const bool other_programs = before.bin_dir != config.postgres.bin_dir || before.bin_name != config.postgres.bin_name;
  if (other_programs) context_.major_version = 0;
  if (other_programs) config_.forget_checked();
  context_.local = std::move(config);
  if (context_.local.postgres.pgpass.empty()) context_.local.postgres.pgpass = std::move(pgpass);
  context_.layout = make_layout(context_.local.postgres);
  context_.forget_parameters();
  // Credentials and addresses may have changed (F21).
  monitor_.disconnect();
}

void PostgresNode::set_config(const Json& dynamic_config) {
  context_.dynamic = dynamic_config;
  context_.forget_parameters();
}

Task<Result<void>> PostgresNode::reporting(Task<Result<void>> job) {
  auto done = co_await std::move(job);
  context_.progress.clear();
  co_return done;
}

void PostgresNode::run_callback(std::string_view action, std::string_view role_word) {
  const auto* callbacks = section_option(context_.config(), context_.dynamic, "postgresql.callbacks");
  const auto* command = callbacks == nullptr ? nullptr : find(*callbacks, action);
  if (command != nullptr) callbacks_.run(setting_text(*command), action, role_word, context_.local.scope);
}

// --- what is seen

Task<PostgresFacts> PostgresNode::observe(Instant deadline) {
  return sight_.observe(deadline);
}

Task<void> PostgresNode::changed(Instant until) {
  return sight_.changed(until);
}

Json PostgresNode::cached_dynamic_config() const {
  return sight_.cached_dynamic_config();
}

Task<Result<void>> PostgresNode::probe(Upstream server, Instant deadline) {
  return probe_server(server.address, context_.clock, deadline);
}

// --- configuration

Task<Result<bool>> PostgresNode::apply_config(Instant deadline) {
  return bounded(config_.apply(deadline), deadline, "writing the configuration");
}

Task<Result<std::vector<RefusedParameter>>> PostgresNode::check_config(Json dynamic_config, Instant deadline) {
  return bounded(config_.check(std::move(dynamic_config), deadline), deadline, "checking the parameters");
}

Task<Result<void>> PostgresNode::set_sync_names(std::optional<std::string> names, Instant deadline) {
  return bounded(config_.set_sync_names(std::move(names), deadline), deadline, "setting synchronous_standby_names");
}

// --- start and stop

Task<Result<void>> PostgresNode::start(job::Start spec, Instant deadline) {
  return bounded(steps_.start(std::move(spec), deadline), deadline, "starting PostgreSQL");
}

Task<Result<void>> PostgresNode::before_stop(Instant deadline) {
  return bounded(run_hook(context_, "postgresql.before_stop", deadline), deadline, "before_stop");
}

Task<Result<void>> PostgresNode::stop(StopMode mode, Instant deadline) {
  return bounded(postmaster_.stop(mode, deadline), deadline, "stopping PostgreSQL");
}

Task<Result<void>> PostgresNode::archive_shutdown(Instant deadline) {
  return bounded(archive_last_wal(context_, deadline), deadline, "archive_command");
}

Task<Result<void>> PostgresNode::kill_tree(Instant deadline) {
  return bounded(postmaster_.kill(deadline), deadline, "killing PostgreSQL");
}

// --- role and position

Task<Result<void>> PostgresNode::before_promotion(job::Promote promotion, Instant deadline) {
  return bounded(promotion_.prepare(promotion, deadline), deadline, "preparing the promotion");
}

Task<Result<void>> PostgresNode::promote(Timeline timeline, Instant deadline) {
  return reporting(bounded(promotion_.carry_out(timeline, deadline), deadline, "the promotion"));
}

Task<Result<void>> PostgresNode::checkpoint(Instant deadline) {
  return bounded(steps_.checkpoint(deadline), deadline, "the checkpoint");
}

Task<Result<void>> PostgresNode::follow(Upstream upstream, Instant deadline) {
  return bounded(steps_.follow(std::move(upstream), deadline), deadline, "following the new upstream");
}

// --- data

Task<Result<void>> PostgresNode::initdb(Instant deadline) {
  return bounded(steps_.initdb(deadline), deadline, "initdb");
}

Task<Result<void>> PostgresNode::bootstrap_roles(Instant deadline) {
  return bounded(steps_.bootstrap_roles(deadline), deadline, "creating roles");
}

Task<Result<void>> PostgresNode::clone(Upstream source, Instant deadline) {
  return reporting(bounded(steps_.clone(std::move(source), deadline), deadline, "the clone"));
}

Task<Result<void>> PostgresNode::crash_recovery(Instant deadline) {
  return bounded(steps_.crash_recovery(deadline), deadline, "crash recovery");
}

Task<Result<void>> PostgresNode::rewind(Upstream source, Instant deadline) {
  return reporting(bounded(steps_.rewind(std::move(source), deadline), deadline, "the rewind"));
}

Task<Result<void>> PostgresNode::remove_data(job::RemoveData removal, Instant deadline) {
  return bounded(steps_.remove_data(std::move(removal), deadline), deadline, "removing the data directory");
}

Task<Result<void>> PostgresNode::record_lock(std::string session, Instant deadline) {
  return bounded(steps_.record_lock(std::move(session), deadline), deadline, "recording the leader lock");
}

Task<Result<void>> PostgresNode::forget_copy(Instant deadline) {
  return steps_.forget_copy(deadline);
}

// --- histories

Task<Result<UpstreamHistory>> PostgresNode::upstream_history(action::GatherUpstreamHistory question, Instant deadline) {
  return bounded(steps_.upstream_history(std::move(question), deadline), deadline, "asking for the history");
}

Task<Result<void>> PostgresNode::fetch_histories(action::FetchHistories order, Instant deadline) {
  return bounded(steps_.fetch_histories(std::move(order), deadline), deadline, "fetching timeline histories");
}

Task<Result<History>> PostgresNode::local_history(Timeline timeline, Instant deadline) {
  return caught(steps_.local_history(timeline, deadline));
}

Task<Result<std::string>> PostgresNode::branch_time(Timeline timeline, Lsn start, Instant deadline) {
  return bounded(ask_branch_time(context_, timeline, start, deadline), deadline, "looking at the WAL");
}

// --- slots

Task<Result<void>> PostgresNode::create_slot(std::string name, Instant deadline) {
  return bounded(slots_.create(std::move(name), deadline), deadline, "creating a slot");
}

Task<Result<void>> PostgresNode::drop_slot(std::string name, Instant deadline) {
  return bounded(slots_.drop(std::move(name), deadline), deadline, "dropping a slot");
}

Task<Result<void>> PostgresNode::create_logical_slot(action::SyncSlots::Logical slot, Instant deadline) {
  return bounded(slots_.create_logical(std::move(slot), deadline), deadline, "creating a slot");
}

Task<Result<void>> PostgresNode::advance_slot(action::SyncSlots::Advance slot, Instant deadline) {
  return bounded(slots_.advance(std::move(slot), deadline), deadline, "advancing a slot");
}

Task<Result<void>> PostgresNode::mark_slots(bool copies, Instant deadline) {
  return bounded(slots_.mark(copies, deadline), deadline, "marking slots");
}

Task<Result<UpstreamSlots>> PostgresNode::upstream_slots(Upstream source, Instant deadline) {
  return bounded(ask_upstream_slots(context_, std::move(source), deadline), deadline, "asking for slots");
}

Task<Result<std::vector<SlotCopy>>> PostgresNode::read_slots(Upstream source, std::vector<std::string> names,
                                                             Instant deadline) {
  return bounded(fetch_slots(context_, std::move(source), std::move(names), deadline), deadline, "reading slots");
}

Task<Result<void>> PostgresNode::write_slots(std::vector<SlotCopy> slots, Instant deadline) {
  return bounded(slots_.write(std::move(slots), deadline), deadline, "writing slots");
}

}  // namespace regent
