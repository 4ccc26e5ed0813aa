#include "adapters/postgres/clone.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "adapters/os/files.h"
#include "adapters/postgres/bootstrap.h"
#include "adapters/postgres/bootstrap_failure.h"
#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/options.h"
#include "base/log.h"
#include "model/config_value.h"

namespace regent {
namespace {

// How long the source may take to say how old its cluster is.
constexpr Duration age_patience = std::chrono::seconds(3);

std::vector<std::string> method_names(const Context& context, const Upstream& source) {
  if (!source.methods.empty()) return source.methods;
  constexpr ConfigName key = "postgresql.create_replica_methods";
  const auto* methods = section_option(context.config(), context.dynamic, key);
  auto names = methods == nullptr ? std::vector<std::string>() : texts_of(*methods);
  if (names.empty()) names.emplace_back(key->standard);
  return names;
}

// Connection of a clone: replication's credentials, the password apart.
ConnectionOptions clone_connection(const Context& context, const Upstream& source) {
  ConnectionOptions options = address_options(source.address);
  options.emplace_back("dbname", "postgres");
  const auto& credentials = context.config().replication;
  if (!credentials.username.empty()) options.emplace_back("user", credentials.username);
  for (const auto& option : credentials.options) options.push_back(option);
  return options;
}

bool method_flag(const Json* section, std::string_view key) {
  const auto* value = section == nullptr ? nullptr : find(*section, key);
  return value != nullptr && scalar_flag(*value).value_or(false);
}

bool needs_no_leader(const Json* section) {
  return method_flag(section, "no_leader") || method_flag(section, "no_master");
}

// A cluster made a moment ago has next to nothing to write: its replicas need not wait for a checkpoint that takes its
// time to spare the disk. The upper half of the system identifier is the time of initdb, in seconds.
Task<bool> is_young(Context& context, Upstream source, Instant deadline) {
  auto opening =
      Connection::open(replication_connection(source.address, context.config().replication), context.clock, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return false;
  auto asking = connection->query("IDENTIFY_SYSTEM", context.clock, deadline);
  const auto rows = co_await std::move(asking);
  if (!rows || rows->empty() || rows->front().empty()) co_return false;
  const std::string text = rows->front().front().value_or("");
  std::uint64_t identifier = 0;
  std::from_chars(text.data(), text.data() + text.size(), identifier);
  const auto made = WallTime(std::chrono::seconds(identifier >> 32U));
  const auto age = context.clock.wall() - made;
  co_return age >= std::chrono::seconds(-1) && age < std::chrono::minutes(10);
}

Task<Result<void>> run_basebackup(Context& context, Upstream source, Instant deadline) {
  std::vector<std::string> problems;
  std::vector<std::string> arguments{"--pgdata=" + context.layout.data_dir, "--wal-method=stream", "--progress",
                                     "--dbname=" + public_conninfo(clone_connection(context, source))};
  const auto* options = section_option(context.config(), context.dynamic, "postgresql.basebackup");
  for (auto& option : basebackup_options(options, problems)) arguments.push_back(std::move(option));
  for (const auto& problem : problems) log::warning("postgresql.basebackup: {}", problem);
  const bool told = std::any_of(arguments.begin(), arguments.end(),
                                [](const std::string& argument) { return argument.starts_with("--checkpoint"); });
  if (!told) {
    auto asking = is_young(context, source, std::min(deadline, context.clock.now() + age_patience));
    if (co_await std::move(asking)) arguments.emplace_back("--checkpoint=fast");
  }
  auto command = context.tool("pg_basebackup", std::move(arguments));
  add_secrets(command, context.config().replication);
  auto running = run_filling(context, std::move(command), deadline);
  co_return co_await std::move(running);
}

Task<Result<void>> run_method(Context& context, std::string method, Upstream source, Instant deadline) {
  const auto* section = method_section(context.config(), context.dynamic, method);
  const auto* text = section == nullptr ? nullptr : find(*section, "command");
  if (text == nullptr) {
    co_return fail(ErrorKind::invalid,
                   fmt::format("create_replica_methods names {0}, but there is no postgresql.{0}.command", method));
  }
  auto words = split_command(setting_text(*text));
  if (!words) co_return tl::unexpected(words.error());
  Command command;
  command.arguments = std::move(*words);
  if (!method_flag(section, "no_params")) {
    command.arguments.push_back("--scope=" + context.local.scope);
    command.arguments.push_back("--datadir=" + context.layout.data_dir);
    command.arguments.emplace_back("--role=replica");
    command.arguments.push_back("--connstring=" +
                                (source.none() ? "" : public_conninfo(clone_connection(context, source))));
    for (auto& argument : method_arguments(*section)) command.arguments.push_back(std::move(argument));
  }
  add_secrets(command, context.config().replication);
  auto running = run_filling(context, std::move(command), deadline);
  co_return co_await std::move(running);
}

// What came along from the source and must not count here.
Result<void> finish_copy(const Layout& layout) {
  if (auto marked = write_file(layout.incomplete_marker(), "", file_mode(layout)); !marked) {
    return tl::unexpected(marked.error());
  }
  for (const char* name : {"recovery.conf", "recovery.signal", "regent.rewind", "regent.restore"}) {
    if (auto done = remove_file(layout.data(name)); !done) return done;
  }
  if (auto marked = write_file(layout.copied_marker(), "", file_mode(layout)); !marked) {
    return tl::unexpected(marked.error());
  }
  return set_standby(layout, true);
}

Task<Result<void>> remove_paths(Context& context, std::vector<std::string> paths, Instant deadline) {
  if (paths.empty()) co_return Result<void>();
  Command command;
  // A child can be stopped in the middle, and dies with us: nothing goes on deleting behind the back of a later clone.
  command.arguments = {"rm", "-rf", "--"};
  for (auto& path : paths) command.arguments.push_back(std::move(path));
  auto running = run_ok(std::move(command), context.clock, deadline);
  const auto outcome = co_await std::move(running);
  if (!outcome) co_return tl::unexpected(outcome.error());
  co_return Result<void>();
}

// Everything below a directory, except one name.
std::vector<std::string> entries_of(const std::string& directory, const std::string& except) {
  std::vector<std::string> paths;
  for (const auto& name : list_directory(directory).value_or(std::vector<std::string>())) {
    const auto path = directory + "/" + name;
    if (path != except && name != "lost+found") paths.push_back(path);
  }
  return paths;
}

// What shall go, marker and links to it excepted, in the order it shall go.
Result<std::vector<std::string>> doomed_paths(const Layout& layout) {
  const auto present = exists(layout.data_dir);
  if (!present) return tl::unexpected(present.error());
  if (!*present) return std::vector<std::string>();
  // First the marker: a directory that lost some of its files must never be taken for a whole one.
  if (auto marked = write_file(layout.incomplete_marker(), "", file_mode(layout)); !marked) {
    return tl::unexpected(marked.error());
  }
  std::vector<std::string> paths;
  char target[4096];
  const auto wal = layout.data("pg_wal");
  if (const auto length = readlink(wal.c_str(), target, sizeof target); length > 0) {
    for (auto& path : entries_of(std::string(target, static_cast<std::size_t>(length)), "")) paths.push_back(path);
  }
  const auto version = read_file(layout.data("PG_VERSION"));
  for (const auto& link : entries_of(layout.data("pg_tblspc"), "")) {
    const auto length = readlink(link.c_str(), target, sizeof target);
    if (length <= 0 || !version) continue;
    // Other servers may share the place: only what this major version put there is ours.
    const std::string place(target, static_cast<std::size_t>(length));
    const auto ours = fmt::format("{}/PG_{}_", place, version->substr(0, version->find('\n')));
    for (auto& path : entries_of(place, "")) {
      if (path.starts_with(ours)) paths.push_back(path);
    }
  }
  for (auto& path : entries_of(layout.data_dir, layout.incomplete_marker())) paths.push_back(path);
  return paths;
}

Task<Result<void>> empty_directory(Context& context, Instant deadline) {
  std::function<Result<std::vector<std::string>>()> call = [layout = context.layout] { return doomed_paths(layout); };
  auto asking = context.ask<std::vector<std::string>>(std::move(call), deadline, "the data directory");
  auto paths = co_await std::move(asking);
  if (!paths) co_return tl::unexpected(paths.error());
  auto removing = remove_paths(context, std::move(*paths), deadline);
  if (auto done = co_await std::move(removing); !done) co_return done;
  std::function<Result<void>()> finish = [layout = context.layout] { return remove_file(layout.incomplete_marker()); };
  auto finishing = context.ask<void>(std::move(finish), deadline, "the data directory");
  auto done = co_await std::move(finishing);
  // The directory itself was not there.
  if (!done && done.error().kind == ErrorKind::not_found) co_return Result<void>();
  co_return done;
}

}  // namespace

bool clones_without_leader(const Context& context) {
  const auto names = method_names(context, Upstream{});
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return needs_no_leader(method_section(context.config(), context.dynamic, name));
  });
}

Task<Result<void>> run_clone(Context& context, Upstream source, Instant deadline) {
  Error last{ErrorKind::failed, "no method to create a replica"};
  bool made = false;
  for (const auto& method : method_names(context, source)) {
    // Read now: a reload puts another configuration in its place while the copy is made.
    const auto* section = method_section(context.config(), context.dynamic, method);
    if (source.none() && !needs_no_leader(section)) continue;
    const bool keeps_data = method_flag(section, "keep_data");
    const bool basebackup = method == "basebackup";
    auto running =
        basebackup ? run_basebackup(context, source, deadline) : run_method(context, method, source, deadline);
    const auto done = co_await std::move(running);
    if (done) {
      log::info("replica has been created using {}", method);
      made = true;
      break;
    }
    last = done.error();
    if (last.kind == ErrorKind::cancelled || context.clock.now() >= deadline) break;
    log::error("creating the replica using {} failed: {}", method, last.message);
    if (keeps_data) continue;
    auto emptying = empty_directory(context, deadline);
    if (auto emptied = co_await std::move(emptying); !emptied) co_return emptied;
  }
  if (!made) co_return tl::unexpected(last);
  std::function<Result<void>()> finish = [layout = context.layout]() -> Result<void> {
    if (auto done = finish_copy(layout); !done) return done;
    return remove_file(layout.incomplete_marker());
  };
  auto finishing = context.ask<void>(std::move(finish), deadline, "the data directory");
  co_return co_await std::move(finishing);
}

Task<Result<void>> run_remove_data(Context& context, job::RemoveData removal, Instant deadline) {
  if (removal.failure.empty()) {
    log::info("Removing data directory: {}", context.layout.data_dir);
    auto emptying = empty_directory(context, deadline);
    co_return co_await std::move(emptying);
  }
  const auto failed = context.layout.put_aside();
  std::function<Result<BootstrapFailure>()> look = [layout = context.layout] { return read_bootstrap_failure(layout); };
  auto looking = context.ask<BootstrapFailure>(std::move(look), deadline, failed);
  const auto before = co_await std::move(looking);
  if (!before) co_return tl::unexpected(before.error());
  log::info("renaming data directory to {}", failed);
  auto removing = remove_paths(context, std::vector<std::string>{failed}, deadline);
  if (auto done = co_await std::move(removing); !done) co_return done;
  std::function<Result<void>()> rename = [from = context.layout.data_dir, failed] { return rename_file(from, failed); };
  auto renaming = context.ask<void>(std::move(rename), deadline, "the data directory");
  auto done = co_await std::move(renaming);
  if (!done && done.error().kind == ErrorKind::timeout) co_return done;
  if (!done && done.error().kind != ErrorKind::not_found) {
    // A volume is mounted there, or the directory around it is somebody else's. What a bootstrap left was never data.
    log::warning("{}; it is emptied instead", done.error().message);
    auto emptying = empty_directory(context, deadline);
    if (done = co_await std::move(emptying); !done) co_return done;
  }
  // One that lies with somebody else is none in the row, and does not end it.
  const auto record =
      removal.counts ? next_failure(*before, removal.failure, configuration_of(context.local), context.clock.wall())
                     : *before;
  if (record.times == 0) co_return Result<void>();
  std::function<Result<void>()> keep = [layout = context.layout, record] {
    return write_bootstrap_failure(layout, record);
  };
  auto keeping = context.ask<void>(std::move(keep), deadline, failed);
  // Not to know of it costs another attempt.
  if (const auto kept = co_await std::move(keeping); !kept) log::warning("{}", kept.error().message);
  co_return Result<void>();
}

}  // namespace regent
