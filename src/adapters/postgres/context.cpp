#include "adapters/postgres/context.h"

#include <fmt/format.h>

#include <cstdlib>

#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/replication.h"
#include "model/config_value.h"
#include "model/settings.h"

namespace regent {

const char* const sync_names_parameter = "synchronous_standby_names";
const char* const unlimited_time = "SET statement_timeout = 0";

Context::Context(LocalConfig config, Clock& clock)
    : local(std::move(config)), layout(make_layout(local.postgres)), clock(clock) {
  if (local.postgres.pgpass.empty()) {
    const char* home = std::getenv("HOME");
    local.postgres.pgpass = std::string(home == nullptr ? "" : home) + "/pgpass";
  }
}

int parse_server_version(std::string_view text) {
  constexpr std::string_view product = "(PostgreSQL) ";
  const auto place = text.find(product);
  return place == std::string_view::npos ? 0 : std::atoi(std::string(text.substr(place + product.size())).c_str());
}

namespace {

bool feedback_needed(const Json& dynamic) {
  const auto settings = parse_settings(dynamic);
  return settings.use_slots && !settings.standby_cluster && settings.has_logical_slots();
}

}  // namespace

Task<Result<void>> Context::ensure_version(Instant deadline) {
  if (major_version != 0) co_return Result<void>();
  auto running = run_ok(tool("postgres", {"--version"}), clock, deadline);
  const auto outcome = co_await std::move(running);
  if (!outcome) {
    co_return fail(outcome.error().kind, fmt::format("cannot learn the version of PostgreSQL: {}; check the key "
                                                     "postgresql.bin_dir",
                                                     outcome.error().message));
  }
  major_version = parse_server_version(outcome->output);
  forget_parameters();
  if (major_version == 0) {
    co_return fail(ErrorKind::invalid, fmt::format("{} does not print a version of PostgreSQL: {}",
                                                   program(config(), "postgres"), outcome->last_words()));
  }
  co_return Result<void>();
}

void Context::forget_cluster() {
  control.reset();
  control_stamp.clear();
  system_id = SystemId();
}

Task<Result<void>> Context::call(std::function<Result<void>()> work, Instant deadline) {
  auto asking = ask<void>(std::move(work), deadline, "the data directory " + layout.data_dir);
  co_return co_await std::move(asking);
}

Task<Result<DirectoryLook>> Context::directory(Instant deadline) {
  std::function<Result<DirectoryLook>()> work = [layout = layout] { return look_at_directory(layout); };
  auto asking = ask<DirectoryLook>(std::move(work), deadline, "the data directory " + layout.data_dir);
  co_return co_await std::move(asking);
}

ServerParameters Context::parameters() const {
  auto parameters = configured_parameters();
  if (sync_names) parameters.values[sync_names_parameter] = *sync_names;
  return parameters;
}

ServerParameters Context::asked_parameters() const {
  static const Json nothing;
  constexpr ConfigName key = "postgresql.parameters";
  const auto* from_dynamic = value_of(dynamic_section(dynamic), key);
  const auto* from_file = value_of(config().section, key);
  const ServerIdentity identity{config().listen_addresses, config().port, local.scope};
  ServerParameters parameters =
      effective_parameters(from_dynamic != nullptr ? *from_dynamic : nothing,
                           from_file != nullptr ? *from_file : nothing, identity, major_version);
  // Or the primary would vacuum away catalog rows that the copies of its logical slots need (I16).
  if (feedback_needed(dynamic) && !local.tags.nostream) parameters.values["hot_standby_feedback"] = "on";
  return parameters;
}

const ServerParameters& Context::configured_parameters() const {
  if (parameters_) return *parameters_;
  ServerParameters parameters = asked_parameters();
  for (const auto& [name, value, local, why] : refused) {
    const auto found = parameters.values.find(name);
    if (found != parameters.values.end() && found->second == value) leave_out(parameters, name);
  }
  return parameters_.emplace(std::move(parameters));
}

WantedFiles Context::wanted_files(ServerParameters parameters) const {
  WantedFiles wanted;
  wanted.parameters = std::move(parameters);
  wanted.hba = lines_file(section_option(config(), dynamic, "postgresql.pg_hba"));
  wanted.ident = lines_file(section_option(config(), dynamic, "postgresql.pg_ident"));
  if (!dynamic.empty()) wanted.dynamic = dynamic;
  if (upstream) {
    const auto& credentials = config().replication;
    const auto liveness = parse_settings(dynamic).takes_over() ? Liveness::noticed_soon : Liveness::as_configured;
    const auto conninfo = primary_conninfo(*upstream, credentials, config().pgpass, local.name.str(), local.compat,
                                           major_version, liveness);
    wanted.recovery = recovery_settings(*upstream, conninfo, recovery_wishes());
    if (auto& command = (*wanted.recovery)["restore_command"]; !command.empty()) {
      command = limited_command(layout, command);
    } else {
      wanted.recovery->erase("restore_command");
    }
    if (!credentials.password.empty() && !upstream->none()) {
      wanted.passfile_path = config().pgpass;
      // libpq looks every host of a list up on its own.
      std::string lines;
      std::string hosts = upstream->address.host;
      while (!hosts.empty()) {
        const auto comma = hosts.find(',');
        lines +=
            passfile_line(hosts.substr(0, comma), upstream->address.port, credentials.username, credentials.password);
        hosts = comma == std::string::npos ? "" : hosts.substr(comma + 1);
      }
      wanted.passfile = lines;
    }
  }
  return wanted;
}

std::map<std::string, std::string> Context::recovery_wishes() const {
  constexpr ConfigName parameters = "postgresql.parameters";
  return recovery_parameters(value_of(dynamic_section(dynamic), parameters), value_of(config().section, parameters),
                             section_option(config(), dynamic, "postgresql.recovery_conf"));
}

bool Context::restores() const {
  if (upstream && upstream->recovery.contains("restore_command")) return true;
  const auto wishes = recovery_wishes();
  const auto command = wishes.find("restore_command");
  return command != wishes.end() && !command->second.empty();
}

Doors Context::doors() const {
  const ServerParameters& parameters = configured_parameters();
  const auto found = parameters.values.find("unix_socket_directories");
  Doors configured{config().listen_addresses, config().port,
                   found == parameters.values.end() ? "/var/run/postgresql" : found->second};
  return running ? serving_doors(std::move(configured), *running, doors_pending) : configured;
}

ConnectionOptions Context::administrator(const std::string& application_name) const {
  return local_connection(config(), doors(), application_name);
}

Task<Result<Rows>> Context::administer(std::string sql, Instant deadline) {
  auto opening = Connection::open(administrator("Patroni"), clock, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  auto preparing = connection->query(unlimited_time, clock, deadline);
  if (const auto done = co_await std::move(preparing); !done) co_return done;
  auto asking = connection->query(std::move(sql), clock, deadline);
  co_return co_await std::move(asking);
}

Command Context::tool(const std::string& name, std::vector<std::string> arguments) const {
  Command command;
  command.arguments = std::move(arguments);
  command.arguments.insert(command.arguments.begin(), program(config(), name));
  command.environment = {{"LC_ALL", "C"}};
  return command;
}

}  // namespace regent
