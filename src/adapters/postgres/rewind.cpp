#include "adapters/postgres/rewind.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "adapters/os/files.h"
#include "adapters/postgres/bootstrap.h"
#include "adapters/postgres/conninfo.h"
#include "base/log.h"

namespace regent {
namespace {

using Files = std::map<std::string, std::string>;

Task<Result<void>> ask_simple(Context& context, std::function<Result<void>()> call, Instant deadline) {
  auto asking = context.ask<void>(std::move(call), deadline, "the data directory");
  co_return co_await std::move(asking);
}

// A setting as the stopped server would read it from its files.
Task<Result<std::string>> configured(Context& context, std::string name, Instant deadline) {
  auto running = run_ok(
      context.tool("postgres", {"-D", context.layout.data_dir, "--config-file=" + context.layout.conf(), "-C", name}),
      context.clock, deadline);
  auto outcome = co_await std::move(running);
  if (!outcome) co_return tl::unexpected(outcome.error());
  auto text = std::move(outcome->output);
  while (text.ends_with('\n')) text.pop_back();
  co_return text;
}

// archive_command; empty: WAL is not archived.
Task<Result<std::string>> archive_command(Context& context, Instant deadline) {
  auto asking_mode = configured(context, "archive_mode", deadline);
  const auto mode = co_await std::move(asking_mode);
  if (!mode) co_return tl::unexpected(mode.error());
  if (*mode == "off") co_return std::string();
  auto asking_command = configured(context, "archive_command", deadline);
  co_return co_await std::move(asking_command);
}

Task<Result<void>> archive_file(Context& context, std::string command, std::string file, Instant deadline) {
  Command archive;
  // PostgreSQL runs it with the data directory as working directory, %p relative to it; absolute serves both.
  archive.arguments = {"/bin/sh", "-c", archive_command_line(command, context.layout.data("pg_wal/" + file), file)};
  auto running = run_ok(std::move(archive), context.clock, deadline);
  if (const auto outcome = co_await std::move(running); !outcome) {
    co_return fail(ErrorKind::failed, fmt::format("cannot archive {}: {}", file, outcome.error().message));
  }
  co_return Result<void>();
}

// pg_rewind deletes WAL that the source lacks. What waits for the archive goes there first: a standby of ours, or
// recovery to a point in time, may still need it (F70).
Task<Result<void>> archive_ready_wal(Context& context, Instant deadline) {
  auto asking = archive_command(context, deadline);
  const auto command = co_await std::move(asking);
  if (!command) co_return tl::unexpected(command.error());
  if (command->empty()) co_return Result<void>();
  std::function<Result<std::vector<std::string>>()> list = [directory = context.layout.data("pg_wal/archive_status")] {
    return list_directory(directory);
  };
  auto listing = context.ask<std::vector<std::string>>(std::move(list), deadline, "the data directory");
  auto names = co_await std::move(listing);
  if (!names) co_return tl::unexpected(names.error());
  std::sort(names->begin(), names->end());
  for (const auto& name : *names) {
    if (!name.ends_with(".ready")) continue;
    const auto file = name.substr(0, name.size() - 6);
    auto archiving = archive_file(context, *command, file, deadline);
    if (const auto done = co_await std::move(archiving); !done) {
      co_return fail(done.error().kind, done.error().message + " (to be done before the rewind)");
    }
    const auto status = context.layout.data("pg_wal/archive_status/" + file);
    auto renaming = ask_simple(
        context, [status] { return rename_file(status + ".ready", status + ".done"); }, deadline);
    if (auto done = co_await std::move(renaming); !done) co_return done;
  }
  co_return Result<void>();
}

// The source must be a primary whose control file tells its current timeline: pg_rewind goes by it (F70).
Task<Result<Timeline>> check_source(Context& context, Upstream source, Instant deadline) {
  auto opening = Connection::open(rewind_connection(source.address, context.config()), context.clock, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  auto asking = connection->query(
      "SELECT pg_catalog.pg_is_in_recovery(), (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()),"
      " CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.substr("
      "pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) END",
      context.clock, deadline);
  const auto rows = co_await std::move(asking);
  if (!rows) co_return tl::unexpected(rows.error());
  const auto& row = rows->front();
  if (row[0] == "t") {
    co_return fail(ErrorKind::refused,
                   fmt::format("{} is in recovery and cannot be the source of a rewind", source.name.str()));
  }
  Timeline current, checkpoint;
  const auto hex = row[2].value_or(""), decimal = row[1].value_or("");
  std::from_chars(hex.data(), hex.data() + hex.size(), current.value, 16);
  std::from_chars(decimal.data(), decimal.data() + decimal.size(), checkpoint.value);
  if (current.value == 0 || checkpoint < current) {
    co_return fail(ErrorKind::refused,
                   fmt::format("{} has not finished the checkpoint after its promotion yet", source.name.str()));
  }
  co_return current;
}

Result<void> make_marker(const Layout& layout) {
  if (mkfifo(layout.rewind_marker().c_str(), 0600) != 0 && errno != EEXIST) {
    return system_error("create", layout.rewind_marker(), errno);
  }
  return sync_directory(layout.data_dir);
}

// Our own configuration files, which the source's replace.
Result<Files> remember_files(const Layout& layout) {
  Files files;
  for (const auto& path : {layout.hba(), layout.ident(), layout.base_conf(), layout.conf(), layout.auto_conf()}) {
    auto text = read_file(path);
    if (text) {
      files[path] = std::move(*text);
    } else if (text.error().kind != ErrorKind::not_found) {
      return tl::unexpected(text.error());
    }
  }
  return files;
}

Result<void> finish_rewind(const Layout& layout, const Files& files) {
  for (const auto& [path, text] : files) {
    if (auto done = write_file(path, text, file_mode(layout)); !done) return tl::unexpected(done.error());
  }
  if (auto done = remove_file(layout.data("recovery.conf")); !done) return done;
  // The source's, if it has one.
  if (auto done = remove_file(layout.restore_script()); !done) return done;
  // Never to be started as a primary from here on (F56).
  if (auto done = set_standby(layout, true); !done) return done;
  return remove_file(layout.rewind_marker());
}

Task<Result<std::vector<std::string>>> rewind_arguments(Context& context, Upstream source, Instant deadline) {
  const auto connection = rewind_connection(source.address, context.config());
  std::vector<std::string> arguments{"--target-pgdata=" + context.layout.data_dir,
                                     "--source-server=" + public_conninfo(connection), "--progress"};
  if (context.major_version >= 13) {
    auto asking = configured(context, "restore_command", deadline);
    const auto command = co_await std::move(asking);
    if (!command) co_return tl::unexpected(command.error());
    if (!command->empty()) {
      arguments.emplace_back("--restore-target-wal");
      if (context.major_version >= 15) arguments.push_back("--config-file=" + context.layout.conf());
    }
  }
  co_return arguments;
}

// Did it bring us where it should have? The exit status alone does not prove it (F70).
Task<Result<void>> verify(Context& context, Timeline source, std::string said, Instant deadline) {
  if (said.find("no rewind required") != std::string::npos) co_return Result<void>();
  auto reading = read_control_data(context, deadline);
  const auto control = co_await std::move(reading);
  if (!control) co_return tl::unexpected(control.error());
  if (control->facts.min_recovery_timeline < source && control->facts.timeline < source) {
    co_return fail(ErrorKind::failed,
                   fmt::format("pg_rewind succeeded, but the control file speaks of timeline {}, not {}",
                               control->facts.min_recovery_timeline.value, source.value));
  }
  co_return Result<void>();
}

}  // namespace

std::string archive_command_line(std::string_view command, std::string_view path, std::string_view file) {
  std::string line;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char next = command[i] == '%' && i + 1 < command.size() ? command[i + 1] : '\0';
    if (next == 'p' || next == 'f' || next == '%') {
      line += next == 'p' ? path : next == 'f' ? file : "%";
      ++i;
    } else {
      line += command[i];
    }
  }
  return line;
}

Error not_begun(Error error) {
  if (error.kind != ErrorKind::cancelled) error.kind = ErrorKind::not_begun;
  return error;
}

Task<Result<ControlData>> read_control_data(Context& context, Instant deadline) {
  auto running = run_ok(context.tool("pg_controldata", {context.layout.data_dir}), context.clock, deadline);
  const auto outcome = co_await std::move(running);
  if (!outcome) {
    co_return fail(outcome.error().kind, fmt::format("cannot read the control file of {}: {}", context.layout.data_dir,
                                                     outcome.error().message));
  }
  co_return parse_control_data(outcome->output + outcome->errors, context.layout.data_dir);
}

Task<Result<void>> archive_last_wal(Context& context, Instant deadline) {
  auto asking = archive_command(context, deadline);
  const auto command = co_await std::move(asking);
  if (!command) co_return tl::unexpected(command.error());
  if (command->empty()) co_return Result<void>();
  auto reading = read_control_data(context, deadline);
  const auto control = co_await std::move(reading);
  if (!control) co_return tl::unexpected(control.error());
  if (!control->facts.clean_primary() || control->redo_file.empty()) co_return Result<void>();
  auto archiving = archive_file(context, *command, control->redo_file, deadline);
  co_return co_await std::move(archiving);
}

Task<Result<void>> run_crash_recovery(Context& context, Instant deadline) {
  std::function<Result<void>()> prepare = [layout = context.layout]() -> Result<void> {
    const auto label = exists(layout.data("backup_label"));
    if (!label) return tl::unexpected(label.error());
    // Recovery would begin at the backup's start and end in a new life as a primary.
    if (*label) return fail(ErrorKind::refused, "no crash recovery in single-user mode: there is a backup_label");
    return set_standby(layout, false);  // single-user mode refuses to start a standby
  };
  auto preparing = ask_simple(context, std::move(prepare), deadline);
  if (auto done = co_await std::move(preparing); !done) co_return done;
  log::info("doing crash recovery in a single user mode");
  // Nothing but recovery: no archiving of what may be a dead branch, no replication slots in the way.
  auto command =
      context.tool("postgres", {"--single", "-D", context.layout.data_dir, "--config-file=" + context.layout.conf(),
                                "-c", "archive_mode=on", "-c", "archive_command=false", "template1"});
  auto running = run_ok(std::move(command), context.clock, deadline);
  const auto outcome = co_await std::move(running);
  auto closing = ask_simple(
      context, [layout = context.layout] { return set_standby(layout, true); }, deadline);
  const auto closed = co_await std::move(closing);
  if (!outcome) co_return fail(outcome.error().kind, "crash recovery failed: " + outcome.error().message);
  co_return closed;
}

namespace {

// What a run of pg_rewind goes by.
struct Plan {
  Timeline source;  // the timeline it has to arrive on
  Files files;      // to be put back afterwards
  std::vector<std::string> arguments;
};

Task<Result<Plan>> prepare(Context& context, Upstream source, bool half_done, Instant deadline) {
  Plan plan;
  auto checking = check_source(context, source, deadline);
  const auto timeline = co_await std::move(checking);
  if (!timeline) co_return tl::unexpected(timeline.error());
  plan.source = *timeline;
  std::function<Result<Files>()> remember = [layout = context.layout] { return remember_files(layout); };
  auto remembering = context.ask<Files>(std::move(remember), deadline, "the data directory");
  auto files = co_await std::move(remembering);
  if (!files) co_return tl::unexpected(files.error());
  plan.files = std::move(*files);

  if (!half_done) {
    auto archiving = archive_ready_wal(context, deadline);
    if (auto done = co_await std::move(archiving); !done) co_return tl::unexpected(done.error());
  }
  auto asking = rewind_arguments(context, source, deadline);
  auto arguments = co_await std::move(asking);
  if (!arguments) co_return tl::unexpected(arguments.error());
  plan.arguments = std::move(*arguments);
  // A second try works on a mixture of both servers' files, which no server may touch in between. pg_rewind refuses
  // where it cannot bring them together any more; then only a clone helps (F69).
  if (context.major_version >= 13) plan.arguments.emplace_back("--no-ensure-shutdown");
  co_return plan;
}

// What it says, with --progress, before it changes the first file, and from then on.
bool has_begun(const Outcome& outcome) {
  return !WIFEXITED(outcome.status) || outcome.errors.find("need to copy") != std::string::npos ||
         outcome.errors.find(" kB (") != std::string::npos;
}

// Something between it and the source, and not the two data directories, was the reason.
bool lost_connection(const Outcome& outcome) {
  return outcome.errors.find("connection to server") != std::string::npos ||
         outcome.errors.find("could not connect to server") != std::string::npos ||
         outcome.errors.find("closed the connection") != std::string::npos;
}

}  // namespace

Task<Result<void>> run_rewind(Context& context, Upstream source, Instant deadline) {
  auto reading = read_control_data(context, deadline);
  const auto control = co_await std::move(reading);
  if (!control) co_return tl::unexpected(not_begun(control.error()));
  // An earlier run was broken off.
  const bool half_done = exists(context.layout.rewind_marker()).value_or(false);
  if (!half_done && !control->facts.clean_primary() && !control->facts.clean_standby()) {
    auto recovering = run_crash_recovery(context, deadline);
    if (auto done = co_await std::move(recovering); !done) co_return done;
  }
  auto preparing = prepare(context, source, half_done, deadline);
  auto plan = co_await std::move(preparing);
  if (!plan) co_return tl::unexpected(not_begun(plan.error()));

  auto marking = ask_simple(
      context, [layout = context.layout] { return make_marker(layout); }, deadline);
  if (auto done = co_await std::move(marking); !done) co_return tl::unexpected(not_begun(done.error()));
  auto command = context.tool("pg_rewind", std::move(plan->arguments));
  add_secrets(command, rewind_credentials(context.config()));
  log::info("running pg_rewind from {}", source.name.str());
  auto running = run_reporting(context, std::move(command), deadline);
  const auto outcome = co_await std::move(running);
  if (!outcome) co_return tl::unexpected(outcome.error());
  if (!outcome->ok()) {
    Error error{ErrorKind::failed, fmt::format("pg_rewind {}: {}", outcome->ending(), outcome->last_words())};
    if (has_begun(*outcome)) co_return tl::unexpected(std::move(error));
    if (!half_done) {
      auto clearing = ask_simple(
          context, [marker = context.layout.rewind_marker()] { return remove_file(marker); }, deadline);
      if (auto done = co_await std::move(clearing); !done) co_return done;
    }
    if (lost_connection(*outcome)) error.kind = ErrorKind::not_begun;
    co_return tl::unexpected(std::move(error));
  }
  auto verifying = verify(context, plan->source, outcome->output + outcome->errors, deadline);
  if (auto done = co_await std::move(verifying); !done) co_return done;
  auto finishing = ask_simple(
      context, [layout = context.layout, files = plan->files] { return finish_rewind(layout, files); }, deadline);
  co_return co_await std::move(finishing);
}

}  // namespace regent
