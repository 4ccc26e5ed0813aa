#include "adapters/postgres/bootstrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <set>

#include "adapters/os/files.h"
#include "adapters/postgres/options.h"
#include "adapters/postgres/quoting.h"
#include "base/log.h"
#include "model/config_value.h"

namespace regent {
namespace {

constexpr Duration report_interval = std::chrono::milliseconds(500);

// Files come and go meanwhile: what cannot be looked at counts nothing. Blocking.
std::uint64_t directory_size(const std::string& path) {
  std::uint64_t size = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    const auto bytes = at->file_size(ignored);
    if (!ignored) size += bytes;
  }
  return size;
}

// What the program tells itself, else the size of what it has made so far.
Task<std::optional<CopyProgress>> measure(Context& context, std::string said, Instant deadline) {
  if (const auto told = parse_progress(said)) co_return told;
  std::function<Result<std::uint64_t>()> call = [directory = context.layout.data_dir]() -> Result<std::uint64_t> {
    return directory_size(directory);
  };
  auto asking = context.ask<std::uint64_t>(std::move(call), deadline, "the data directory");
  const auto size = co_await std::move(asking);
  if (!size) co_return std::nullopt;
  co_return CopyProgress{*size, 0};
}

// Puts the marker there when the directory is not empty any more. Whether it is there now.
Task<bool> mark_unfinished(Context& context, Instant deadline) {
  std::function<Result<bool>()> call = [layout = context.layout]() -> Result<bool> {
    const auto names = list_directory(layout.data_dir);
    if (!names || names->empty()) return false;
    const auto written = write_file(layout.incomplete_marker(), "", file_mode(layout));
    if (!written) return tl::unexpected(written.error());
    return true;
  };
  auto asking = context.ask<bool>(std::move(call), deadline, "the data directory");
  const auto done = co_await std::move(asking);
  co_return done&&* done;
}

// Not part of what the script of a custom method gets as arguments.
bool is_method_key(std::string_view key) {
  constexpr std::array own{"command",   "no_params", "keep_existing_recovery_conf", "recovery_conf", "keep_data",
                           "no_leader", "no_master"};
  return std::find(own.begin(), own.end(), key) != own.end();
}

std::string method_name(const Json& bootstrap) {
  constexpr ConfigName key = "bootstrap.method";
  const auto* method = value_of(bootstrap, key);
  return method == nullptr ? std::string(key->standard) : setting_text(*method);
}

bool method_flag(const Json& section, std::string_view key) {
  const auto* value = find(section, key);
  return value != nullptr && scalar_flag(*value).value_or(false);
}

Task<Result<void>> execute(Connection& connection, std::string sql, Clock& clock, Instant deadline) {
  auto asking = connection.query(std::move(sql), clock, deadline);
  const auto rows = co_await std::move(asking);
  if (!rows) co_return tl::unexpected(rows.error());
  co_return Result<void>();
}

struct RoleWish {
  std::string name, password, options;
};

// A list, or one text with blanks or commas between them.
std::string role_options(const Json& wish) {
  const auto* options = find(wish, "options");
  if (options == nullptr || options->is_null()) return {};
  std::string text;
  if (options->is_array()) {
    for (const auto& option : *options) text += (text.empty() ? "" : " ") + setting_text(option);
  } else {
    text = setting_text(*options);
    std::replace(text.begin(), text.end(), ',', ' ');
  }
  return text;
}

// What a statement with a password got for an answer, without the statement.
std::string without_statement(std::string text) {
  for (const auto* part : {" LINE 1:", " CONTEXT:", " QUERY:"}) text.resize(std::min(text.find(part), text.size()));
  return text;
}

std::vector<RoleWish> wished_roles(const Context& context) {
  std::vector<RoleWish> roles;
  const auto& config = context.config();
  const std::set<std::string, std::less<>> authenticated{config.superuser.username, config.replication.username,
                                                         config.rewind.username};
  // What a custom method restored has the passwords of another place.
  if (!config.superuser.username.empty() && !config.superuser.password.empty()) {
    roles.push_back({config.superuser.username, config.superuser.password, "SUPERUSER"});
  }
  if (!config.replication.username.empty()) {
    roles.push_back({config.replication.username, config.replication.password, "REPLICATION"});
  }
  if (!config.rewind.username.empty() && config.rewind.username != config.superuser.username) {
    roles.push_back({config.rewind.username, config.rewind.password, ""});
  }
  if (const auto* users = value_of(context.local.bootstrap, "bootstrap.users");
      users != nullptr && users->is_object()) {
    log::warning("bootstrap.users is gone from newer versions of Patroni; create roles in post_bootstrap instead");
    for (const auto& [name, wish] : users->items()) {
      if (authenticated.contains(name)) {
        log::info("bootstrap.users.{} is not used: that role stands in postgresql.authentication", name);
        continue;
      }
      RoleWish role{name, "", role_options(wish)};
      if (const auto* password = find(wish, "password")) role.password = setting_text(*password);
      roles.push_back(std::move(role));
    }
  }
  return roles;
}

Task<Result<void>> make_role(Context& context, Connection& connection, RoleWish role, std::string algorithm,
                             Instant deadline) {
  std::string password;
  if (!role.password.empty()) {
    auto encrypted = connection.encrypt_password(role.password, role.name, algorithm);
    if (!encrypted) co_return tl::unexpected(encrypted.error());
    password = std::move(*encrypted);
  }
  auto executing = execute(connection, role_sql(role.name, role.options, password), context.clock, deadline);
  const auto done = co_await std::move(executing);
  if (done) co_return done;
  co_return fail(done.error().kind, fmt::format("the role {} with the options \"{}\" cannot be made: {}", role.name,
                                                role.options, without_statement(done.error().message)));
}

Task<Result<void>> run_post_bootstrap(Context& context, Instant deadline) {
  const auto* script = value_of(context.local.bootstrap, "bootstrap.post_bootstrap");
  if (script == nullptr) co_return Result<void>();
  auto words = split_command(setting_text(*script));
  if (!words) co_return fail(words.error().kind, "bootstrap.post_bootstrap: " + words.error().message);
  const auto options = context.administrator("Patroni");
  const auto& host = *option_value(options, "host");
  const auto& port = *option_value(options, "port");
  const auto& superuser = context.config().superuser;
  const auto where = host.starts_with('/') ? fmt::format("/postgres?host={}&port={}", host, port)
                                           : fmt::format("{}:{}/postgres", host, port);
  Command command;
  command.arguments = std::move(*words);
  command.arguments.push_back(
      fmt::format("postgres://{}{}", superuser.username.empty() ? "" : superuser.username + "@", where));
  if (!superuser.password.empty()) {
    const auto line = passfile_line(host, port, superuser.username, superuser.password);
    if (auto done = write_file(context.config().pgpass, line, 0600); !done) co_return tl::unexpected(done.error());
    command.environment = {{"PGPASSFILE", context.config().pgpass}};
  }
  auto running = run_ok(std::move(command), context.clock, deadline);
  const auto outcome = co_await std::move(running);
  if (!outcome) co_return fail(outcome.error().kind, "post_bootstrap script " + outcome.error().message);
  co_return Result<void>();
}

Task<Result<void>> run_custom_method(Context& context, std::string method, Instant deadline) {
  const auto* section = find(context.local.bootstrap, method);
  const auto* text = section == nullptr ? nullptr : find(*section, "command");
  if (text == nullptr) {
    co_return fail(ErrorKind::invalid, fmt::format("bootstrap.method is {0}, but there is no bootstrap.{0}.command; "
                                                   "add it, or use the method initdb",
                                                   method));
  }
  auto words = split_command(setting_text(*text));
  if (!words) co_return tl::unexpected(words.error());
  Command command;
  command.arguments = std::move(*words);
  if (!method_flag(*section, "no_params")) {
    command.arguments.push_back("--scope=" + context.local.scope);
    command.arguments.push_back("--datadir=" + context.layout.data_dir);
    for (auto& argument : method_arguments(*section)) command.arguments.push_back(std::move(argument));
  }
  auto running = run_filling(context, std::move(command), deadline);
  co_return co_await std::move(running);
}

}  // namespace

std::vector<std::string> initdb_arguments(const Json* options, const std::string& data_dir,
                                          const std::string& superuser, bool with_password,
                                          std::vector<std::string>& problems) {
  std::vector<std::string> arguments{"--pgdata=" + data_dir};
  if (!superuser.empty()) arguments.push_back("--username=" + superuser);
  if (with_password) arguments.emplace_back("--pwfile=/dev/stdin");
  const std::set<std::string, std::less<>> blocked{"pgdata", "nosync", "pwfile", "sync-only", "version"};
  for (auto& argument : long_options(options, blocked, "initdb", problems)) arguments.push_back(std::move(argument));
  return arguments;
}

std::vector<std::string> method_arguments(const Json& section) {
  std::vector<std::string> arguments;
  if (!section.is_object()) return arguments;
  for (const auto& [key, value] : section.items()) {
    if (!is_method_key(key)) arguments.push_back(fmt::format("--{}={}", key, setting_text(value)));
  }
  return arguments;
}

std::string role_sql(const std::string& name, const std::string& options, const std::string& password) {
  std::string upper = options;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  const bool says = upper.find("LOGIN") != std::string::npos;  // NOLOGIN as well
  const auto with =
      fmt::format("{} WITH{}{}{}", quote_identifier(name), says ? "" : " LOGIN", options.empty() ? "" : " " + options,
                  password.empty() ? "" : " PASSWORD " + quote_literal(password));
  // Nobody may wait for a standby that does not exist yet.
  return fmt::format(
      "DO $regent$\n"
      "BEGIN\n"
      "  SET LOCAL synchronous_commit = 'local';\n"
      "  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {}) THEN\n"
      "    ALTER ROLE {};\n"
      "  ELSE\n"
      "    CREATE ROLE {};\n"
      "  END IF;\n"
      "END\n"
      "$regent$",
      quote_literal(name), with, with);
}

std::string rewind_grants_sql(const std::string& name) {
  const auto role = quote_identifier(name);
  return fmt::format(
      "DO $regent$\n"
      "BEGIN\n"
      "  SET LOCAL synchronous_commit = 'local';\n"
      "  GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO {0};\n"
      "  GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO {0};\n"
      "  GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO {0};\n"
      "  GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO {0};\n"
      "END\n"
      "$regent$",
      role);
}

Task<Result<Outcome>> run_reporting(Context& context, Command command, Instant deadline) {
  const std::string name = command.arguments.front().substr(command.arguments.front().rfind('/') + 1);
  auto child = Child::start(command);
  if (!child) co_return tl::unexpected(child.error());
  const Instant began = context.clock.now();
  while (child->running()) {
    if (context.clock.now() >= deadline) co_return fail(ErrorKind::timeout, name + " did not end in time");
    auto sleeping = context.clock.sleep_until(std::min(deadline, context.clock.now() + report_interval));
    auto waiting = child->wait_until(std::move(sleeping));
    co_await std::move(waiting);
    if (const auto progress = parse_progress(child->error_tail(200))) {
      context.progress = progress_text(*progress, context.clock.now() - began);
    }
  }
  auto waiting = child->wait();
  auto outcome = co_await std::move(waiting);
  context.progress.clear();
  co_return outcome;
}

Task<Result<void>> run_filling(Context& context, Command command, Instant deadline) {
  const std::string name = command.arguments.front().substr(command.arguments.front().rfind('/') + 1);
  auto child = Child::start(command);
  if (!child) co_return tl::unexpected(child.error());
  bool marked = false;
  Duration pause = std::chrono::milliseconds(2);
  const Instant began = context.clock.now();
  while (child->running()) {
    if (!marked) {
      auto marking = mark_unfinished(context, deadline);
      marked = co_await std::move(marking);
    } else {
      pause = report_interval;
      auto measuring = measure(context, child->error_tail(200), deadline);
      const auto progress = co_await std::move(measuring);
      if (progress) context.progress = progress_text(*progress, context.clock.now() - began);
    }
    if (context.clock.now() >= deadline) co_return fail(ErrorKind::timeout, name + " did not end in time");
    auto sleeping = context.clock.sleep_until(std::min(deadline, context.clock.now() + pause));
    auto waiting = child->wait_until(std::move(sleeping));
    co_await std::move(waiting);
    if (!marked) pause = std::min<Duration>(pause * 2, std::chrono::milliseconds(50));
  }
  auto waiting = child->wait();
  const auto outcome = co_await std::move(waiting);
  context.progress.clear();
  if (!outcome.ok()) {
    // It may have been faster than we: what it left must not be taken for something that was here before.
    auto marking = mark_unfinished(context, deadline);
    co_await std::move(marking);
    co_return fail(ErrorKind::failed, fmt::format("{} {}: {}", name, outcome.ending(), outcome.last_words()));
  }
  co_return Result<void>();
}

Task<Result<void>> run_initdb(Context& context, Instant deadline) {
  const auto method = method_name(context.local.bootstrap);
  if (method != "initdb") {
    auto running = run_custom_method(context, method, deadline);
    if (auto done = co_await std::move(running); !done) co_return done;
  } else {
    std::vector<std::string> problems;
    const auto& superuser = context.config().superuser;
    auto command = context.tool(
        "initdb", initdb_arguments(value_of(context.local.bootstrap, "bootstrap.initdb"), context.layout.data_dir,
                                   superuser.username, !superuser.password.empty(), problems));
    for (const auto& problem : problems) log::warning("bootstrap.initdb: {}", problem);
    if (!superuser.password.empty()) command.input = superuser.password + "\n";
    // The locale of the new cluster is the agent's, as with initdb by hand: no LC_ALL.
    command.environment.clear();
    auto running = run_filling(context, std::move(command), deadline);
    if (auto done = co_await std::move(running); !done) co_return done;
  }
  const auto* lines = value_of(context.local.bootstrap, "bootstrap.pg_hba");
  std::function<Result<bool>()> finish = [layout = context.layout, lines = lines == nullptr ? Json() : *lines] {
    const auto marked = write_file(layout.incomplete_marker(), "", file_mode(layout));
    if (!marked) return marked;
    // From wherever a script took the directory: nobody is followed here yet.
    if (auto done = remove_file(layout.followed_marker()); !done) return Result<bool>(tl::unexpected(done.error()));
    if (!lines.is_array()) return marked;
    if (auto filled = fill_config_dir(layout); !filled) return Result<bool>(tl::unexpected(filled.error()));
    const auto made = read_file(layout.hba());
    if (!made) return Result<bool>(tl::unexpected(made.error()));
    return write_file(layout.hba(), *made + appended_lines(lines), file_mode(layout));
  };
  auto asking = context.ask<bool>(std::move(finish), deadline, "the data directory");
  const auto done = co_await std::move(asking);
  if (!done) co_return tl::unexpected(done.error());
  co_return Result<void>();
}

FirstStart first_start(const Json& bootstrap) {
  FirstStart start;
  const auto method = method_name(bootstrap);
  const auto* section = method == "initdb" ? nullptr : find(bootstrap, method);
  if (section == nullptr) return start;
  start.restored = true;
  start.keeps_recovery = method_flag(*section, "keep_existing_recovery_conf");
  const auto* wishes = find(*section, "recovery_conf");
  if (wishes == nullptr || !wishes->is_object()) return start;
  // Or it would stay in recovery at the target for ever.
  RecoverySettings settings{{"recovery_target_action", "promote"}, {"recovery_target_timeline", "latest"}};
  for (auto& [name, value] : recovery_parameters(nullptr, nullptr, wishes)) settings[name] = value;
  start.recovery = std::move(settings);
  return start;
}

Task<Result<void>> run_bootstrap_roles(Context& context, Instant deadline) {
  auto opening = Connection::open(context.administrator("Patroni"), context.clock, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  for (const auto* setting : {unlimited_time, "SET log_statement = 'none'", "SET log_min_duration_statement = -1",
                              // Passwords are in the statements, and in the context of what fails.
                              "SET log_min_error_statement = 'panic'", "SET log_error_verbosity = 'terse'"}) {
    auto preparing = execute(*connection, setting, context.clock, deadline);
    if (auto done = co_await std::move(preparing); !done) co_return done;
  }
  auto asking = connection->query("SHOW password_encryption", context.clock, deadline);
  const auto shown = co_await std::move(asking);
  if (!shown || shown->empty()) {
    co_return shown ? fail(ErrorKind::failed, "no password_encryption") : tl::unexpected(shown.error());
  }
  const auto algorithm = shown->front().front().value_or("") == "scram-sha-256" ? "scram-sha-256" : "md5";
  log::info("running post_bootstrap");
  for (auto& role : wished_roles(context)) {
    auto making = make_role(context, *connection, std::move(role), algorithm, deadline);
    if (auto done = co_await std::move(making); !done) co_return done;
  }
  const auto& rewind = context.config().rewind.username;
  if (!rewind.empty() && rewind != context.config().superuser.username) {
    auto granting = execute(*connection, rewind_grants_sql(rewind), context.clock, deadline);
    if (auto done = co_await std::move(granting); !done) co_return done;
  }
  auto script = run_post_bootstrap(context, deadline);
  if (auto done = co_await std::move(script); !done) co_return done;
  std::function<Result<void>()> finish = [layout = context.layout]() -> Result<void> {
    if (auto saved = save_backups(layout); !saved) return saved;
    if (auto forgotten = remove_file(layout.bootstrap_failure()); !forgotten) return forgotten;
    return remove_file(layout.incomplete_marker());
  };
  auto finishing = context.ask<void>(std::move(finish), deadline, "the data directory");
  co_return co_await std::move(finishing);
}

}  // namespace regent
