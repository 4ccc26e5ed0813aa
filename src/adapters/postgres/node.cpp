#include "adapters/postgres/node.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/os/files.h"
#include "adapters/os/waiting.h"
#include "adapters/postgres/clone.h"
#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/rewind.h"
#include "base/log.h"

namespace regent {

PostgresNode::PostgresNode(LocalConfig config, Clock& clock)
    : context_(std::move(config), clock),
      postmaster_(context_),
      monitor_([this] { return context_.administrator("Patroni heartbeat"); },
               [this] {
                 const auto address = local_address(context_.config(), context_.socket_directories(),
                                                    context_.config().use_unix_socket_repl);
                 return replication_connection(address, context_.config().replication);
               },
               clock) {}

std::unique_ptr<PostgresNode> make_postgres(LocalConfig config, Clock& clock) {
  return std::make_unique<PostgresNode>(std::move(config), clock);
}

void PostgresNode::set_local_config(LocalConfig config) {
  auto pgpass = context_.local.postgres.pgpass;
  // A running server cannot move: another directory counts from the next start of the agent.
  config.postgres.data_dir = context_.local.postgres.data_dir;
  config.postgres.config_dir = context_.local.postgres.config_dir;
  context_.local = std::move(config);
  if (context_.local.postgres.pgpass.empty()) context_.local.postgres.pgpass = std::move(pgpass);
  context_.layout = make_layout(context_.local.postgres);
  context_.major_version = 0;
  // Credentials and addresses may have changed (F21).
  monitor_.disconnect();
}

void PostgresNode::set_config(const Json& dynamic_config) {
  context_.dynamic = dynamic_config;
}

Json PostgresNode::cached_dynamic_config() const {
  const auto path = context_.layout.dynamic_json();
  const auto text = read_file(path);
  if (!text) return {};
  auto config = parse_json(*text, path);
  return config ? std::move(*config) : Json();
}

Task<PostgresFacts> PostgresNode::observe(Instant deadline) {
  PostgresFacts failed;
  try {
    auto looking = look(deadline);
    co_return co_await std::move(looking);
  } catch (const std::exception& error) {
    failed.why = error.what();
  }
  failed.incarnation = postmaster_.incarnation();
  failed.server = Fact<ServerFacts>::unknown(failed.why, context_.clock.now());
  failed.data.why = failed.why;
  co_return failed;
}

Task<PostgresFacts> PostgresNode::look(Instant deadline) {
  PostgresFacts facts;
  auto versioning = context_.ensure_version(deadline);
  const auto version = co_await std::move(versioning);
  auto looking = postmaster_.look(deadline);
  const auto tenants = co_await std::move(looking);
  facts.incarnation = postmaster_.incarnation();
  facts.server = Fact<ServerFacts>::unknown("PostgreSQL is not running", context_.clock.now());
  if (!tenants) {
    facts.why = tenants.error().message;
    facts.server = Fact<ServerFacts>::unknown(facts.why, context_.clock.now());
  } else if (tenants->postmaster) {
    auto asking = look_at_server(facts, *tenants, deadline);
    co_await std::move(asking);
  } else if (tenants->tool) {
    facts.process = Process::starting;
    facts.why = "a single-user server works in the data directory";
  } else {
    facts.process = tenants->orphans.empty() ? Process::stopped : Process::stopping;
    if (!tenants->orphans.empty()) facts.why = "backends outlive their postmaster";
    pending_restart_ = Json::object();
  }
  facts.pending_restart = pending_restart_;
  facts.clones_without_leader = clones_without_leader(context_);
  if (!version) {
    facts.data.why = version.error().message;
  } else {
    auto reading = look_at_data(facts, deadline);
    co_await std::move(reading);
    auto learning = learn_sync_names(deadline);
    if (const auto learnt = co_await std::move(learning); learnt) facts.managed_sync_names = context_.sync_names;
  }
  co_return facts;
}

Task<void> PostgresNode::look_at_server(PostgresFacts& facts, Tenants tenants, Instant deadline) {
  facts.process = tenants.status == "starting"   ? Process::starting
                  : tenants.status == "stopping" ? Process::stopping
                                                 : Process::running;
  const auto unknown = [&](std::string why) {
    facts.server = Fact<ServerFacts>::unknown(std::move(why), context_.clock.now());
  };
  if (tenants.frozen) {
    unknown("the postmaster is stopped by a signal");
    co_return;
  }
  if (facts.process == Process::starting) {
    unknown("PostgreSQL is starting up");
    co_return;
  }
  const auto asked_at = context_.clock.now();
  auto asking = monitor_.ask(postmaster_.incarnation(), deadline);
  const auto answer = co_await std::move(asking);
  if (!answer) {
    // A server that restarts itself after a crash still calls itself ready in its pid file (F16).
    if (cannot_connect_now(answer.error()) && facts.process == Process::running) facts.process = Process::starting;
    unknown(answer.error().message);
    co_return;
  }
  facts.server = Fact<ServerFacts>::known(answer->facts, asked_at);
  system_id_ = answer->system_id;
  pending_restart_ = pending_restart_reason(context_.parameters(), answer->settings);
  for (const auto& [name, setting] : answer->settings) restart_parameters_.insert(name);
}

Task<void> PostgresNode::look_at_data(PostgresFacts& facts, Instant deadline) {
  auto& data = facts.data;
  std::function<Result<DirectoryLook>()> call = [layout = context_.layout] { return look_at_directory(layout); };
  auto asking =
      context_.ask<DirectoryLook>(std::move(call), deadline, "the data directory " + context_.layout.data_dir);
  const auto look = co_await std::move(asking);
  if (!look) {
    data.why = look.error().message;
    co_return;
  }
  data.standby_signal = look->standby_signal;
  data.backup_label = look->backup_label;
  data.rewind_marker = look->rewind_marker;
  data.followed = look->followed;
  if (look->empty || look->incomplete) {
    data.state = look->empty ? DataState::empty : DataState::incomplete;
    control_.reset();
    control_stamp_.clear();
    system_id_ = SystemId();
    co_return;
  }
  const auto wanted = std::to_string(context_.major_version);
  if (look->version != wanted) {
    data.why = look->version.empty()
                   ? fmt::format(
                         "{} is not empty and holds no PG_VERSION; empty it, or point postgresql.data_dir to a "
                         "PostgreSQL data directory",
                         context_.layout.data_dir)
                   : fmt::format(
                         "{} was made by PostgreSQL {}, but postgresql.bin_dir holds PostgreSQL {}; set "
                         "postgresql.bin_dir to the programs of version {}, or upgrade the directory",
                         context_.layout.data_dir, look->version, wanted, look->version);
    co_return;
  }
  auto reading = look_at_control(facts, look->control_stamp, deadline);
  co_await std::move(reading);
}

Task<void> PostgresNode::look_at_control(PostgresFacts& facts, std::string stamp, Instant deadline) {
  auto& data = facts.data;
  const bool stopped = facts.process == Process::stopped;
  const bool cached = control_ && !stamp.empty() && stamp == control_stamp_;
  if (!cached && (stopped || system_id_.empty())) {
    auto reading = read_control_data(context_, deadline);
    auto control = co_await std::move(reading);
    if (!control) {
      data.why = control.error().message;
      co_return;
    }
    system_id_ = control->system_id;
    control_ = std::move(*control);
    control_stamp_ = stamp;
  }
  data.state = DataState::valid;
  data.system_id = system_id_;
  if (stopped && control_) data.control = control_->facts;
}

Task<void> PostgresNode::changed(Instant until) {
  try {
    auto waiting = postmaster_.changed(until);
    co_await std::move(waiting);
  } catch (const std::exception&) {
    // A cancelled wait is an early return.
  }
}

void PostgresNode::run_callback(std::string_view action, std::string_view role_word) {
  const auto* callbacks = section_option(context_.config(), context_.dynamic, "callbacks");
  const auto* command = callbacks == nullptr ? nullptr : find(*callbacks, action);
  if (command != nullptr) callbacks_.run(setting_text(*command), action, role_word, context_.local.scope);
}

}  // namespace regent
