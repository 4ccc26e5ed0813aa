// The steps of jobs: what changes the server, its files or its data.
#include <fmt/format.h>

#include <algorithm>

#include "adapters/os/files.h"
#include "adapters/os/waiting.h"
#include "adapters/postgres/bootstrap.h"
#include "adapters/postgres/clone.h"
#include "adapters/postgres/node.h"
#include "adapters/postgres/replication.h"
#include "adapters/postgres/rewind.h"
#include "adapters/postgres/slots.h"
#include "adapters/postgres/timelines.h"
#include "base/log.h"
#include "model/config_value.h"

namespace regent {
namespace {

constexpr Duration promote_interval = std::chrono::milliseconds(10);
// A promotion that gets on is looked at less often after a while.
constexpr Duration promote_interval_max = std::chrono::milliseconds(500);
// A promotion shows no sign of life for so long: it has failed (F18).
constexpr Duration promote_stall = std::chrono::seconds(60);
constexpr Duration recovery_interval = std::chrono::milliseconds(100);
constexpr Duration answer_time = std::chrono::seconds(5);

}  // namespace

Task<Result<void>> PostgresNode::call(std::function<Result<void>()> work, Instant deadline) {
  auto asking = context_.ask<void>(std::move(work), deadline, "the data directory " + context_.layout.data_dir);
  co_return co_await std::move(asking);
}

Task<Result<DirectoryLook>> PostgresNode::directory(Instant deadline) {
  std::function<Result<DirectoryLook>()> work = [layout = context_.layout] { return look_at_directory(layout); };
  auto asking =
      context_.ask<DirectoryLook>(std::move(work), deadline, "the data directory " + context_.layout.data_dir);
  co_return co_await std::move(asking);
}

Task<Result<void>> PostgresNode::require_stopped(Instant deadline) {
  auto versioning = context_.ensure_version(deadline);
  if (auto known = co_await std::move(versioning); !known) co_return known;
  auto looking = postmaster_.look(deadline);
  const auto tenants = co_await std::move(looking);
  if (!tenants) co_return tl::unexpected(tenants.error());
  if (!tenants->none()) co_return fail(ErrorKind::conflict, "PostgreSQL is not stopped");
  co_return Result<void>();
}

Task<Result<Rows>> PostgresNode::administer(std::string sql, Instant deadline) {
  auto opening = Connection::open(context_.administrator("Patroni"), context_.clock, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  auto preparing = connection->query(unlimited_time, context_.clock, deadline);
  if (const auto done = co_await std::move(preparing); !done) co_return done;
  auto asking = connection->query(std::move(sql), context_.clock, deadline);
  co_return co_await std::move(asking);
}

Task<Result<void>> PostgresNode::run_hook(ConfigName key, Instant deadline) {
  const auto text = section_text(context_.config(), context_.dynamic, key);
  if (text.empty()) co_return Result<void>();
  auto words = split_command(text);
  if (!words) co_return fail(words.error().kind, fmt::format("{}: {}", key->path, words.error().message));
  Command command;
  command.arguments = std::move(*words);
  auto running = run_ok(std::move(command), context_.clock, deadline);
  const auto outcome = co_await std::move(running);
  if (!outcome) co_return fail(outcome.error().kind, fmt::format("{} script {}", key->name(), outcome.error().message));
  co_return Result<void>();
}

// --- start and stop

Task<Result<void>> PostgresNode::prepare_start(job::Start spec, Instant deadline) {
  auto stopped = require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  auto looking = directory(deadline);
  const auto look = co_await std::move(looking);
  if (!look) co_return tl::unexpected(look.error());
  if (look->rewind_marker) co_return fail(ErrorKind::refused, "a rewind of the data directory did not finish");
  if (look->empty || (look->incomplete && !bootstrapping_)) {
    co_return fail(ErrorKind::refused, "the data directory is not complete");
  }
  // First of all: whatever happens from here on, the server cannot come up in the wrong role (F56).
  const bool first = bootstrapping_ && spec.as_primary;
  std::function<Result<void>()> mark = [layout = context_.layout, standby = !spec.as_primary] {
    return set_standby(layout, standby);
  };
  if (first && first_.recovery) mark = [layout = context_.layout] { return set_recovery(layout); };
  if (!first || !first_.keeps_recovery || first_.recovery) {
    auto marking = call(std::move(mark), deadline);
    if (auto done = co_await std::move(marking); !done) co_return done;
  }
  // Compared with nobody: what the archive may be asked for is not known.
  if (spec.as_primary || spec.upstream.none()) {
    auto limiting = limit_archive(std::nullopt, deadline);
    if (auto done = co_await std::move(limiting); !done) co_return done;
  }
  context_.upstream = spec.as_primary ? std::nullopt : std::optional(spec.upstream);
  if (spec.as_primary) {
    auto naming =
        call([layout = context_.layout, mark = LedBy{context_.local.name.str(), {}}] { return mark_led(layout, mark); },
             deadline);
    if (auto done = co_await std::move(naming); !done) co_return done;
  }
  if (!spec.as_primary && !spec.upstream.none()) {
    auto noting = call([layout = context_.layout] { return mark_followed(layout, true); }, deadline);
    if (auto done = co_await std::move(noting); !done) co_return done;
  }
  if (!spec.as_primary || first_recovery()) {
    auto reading = read_control_data(context_, deadline);
    auto control = co_await std::move(reading);
    if (!control) co_return tl::unexpected(control.error());
    control_ = std::move(*control);
    control_stamp_ = look->control_stamp;
    system_id_ = control_->system_id;
    auto tidying = tidy_histories(deadline);
    if (auto done = co_await std::move(tidying); !done) co_return done;
  }
  auto writing = write_files(!spec.as_primary, deadline);
  const auto written = co_await std::move(writing);
  if (!written) co_return tl::unexpected(written.error());
  co_return Result<void>();
}

// Before every start as a standby: what is left over keeps it from opening, what is missing keeps others from
// following.
Task<Result<void>> PostgresNode::tidy_histories(Instant deadline) {
  const Timeline own = std::max(control_->facts.timeline, control_->facts.min_recovery_timeline);
  auto cleaning = call([layout = context_.layout, own] { return clean_histories(layout, own); }, deadline);
  if (auto done = co_await std::move(cleaning); !done) co_return done;
  auto filling = call([layout = context_.layout, own] { return fill_histories(layout, own); }, deadline);
  if (const auto done = co_await std::move(filling); !done) log::warning("{}", done.error().message);
  co_return Result<void>();
}

Task<Result<void>> PostgresNode::launch(job::Start spec, Instant deadline) {
  auto preparing = prepare_start(spec, deadline);
  if (auto done = co_await std::move(preparing); !done) co_return done;
  auto parameters = context_.parameters();
  if ((!spec.as_primary || first_recovery()) && control_) raise_for_standby(parameters, control_->settings);
  std::vector<std::string> arguments{program(context_.config(), "postgres"), "-D", context_.layout.data_dir,
                                     "--config-file=" + context_.layout.conf()};
  for (const auto& [name, value] : parameters.command_line()) arguments.push_back(fmt::format("--{}={}", name, value));
  auto starting = postmaster_.start(std::move(arguments), deadline);
  if (auto done = co_await std::move(starting); !done) co_return done;
  // This configuration starts: worth keeping.
  auto saving = call([layout = context_.layout] { return save_backups(layout); }, deadline);
  co_return co_await std::move(saving);
}

Task<Result<void>> PostgresNode::start(job::Start spec, Instant deadline) {
  auto work = launch(std::move(spec), deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "starting PostgreSQL");
}

Task<Result<void>> PostgresNode::before_stop(Instant deadline) {
  auto work = run_hook("postgresql.before_stop", deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "before_stop");
}

Task<Result<void>> PostgresNode::stop(StopMode mode, Instant deadline) {
  auto work = postmaster_.stop(mode, deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "stopping PostgreSQL");
}

Task<Result<void>> PostgresNode::archive_shutdown(Instant deadline) {
  auto work = archive_last_wal(context_, deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "archive_command");
}

Task<Result<void>> PostgresNode::kill_tree(Instant deadline) {
  auto work = postmaster_.kill(deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "killing PostgreSQL");
}

// --- role and position

// Everything that may take its time: between the last look at the lease and the request nothing is to be waited for.
Task<Result<void>> PostgresNode::prepare_promotion(job::Promote promotion, Instant deadline) {
  const auto timeline = promotion.timeline;
  auto hook = run_hook("postgresql.pre_promote", deadline);
  if (auto done = co_await std::move(hook); !done) co_return done;
  // Before the first record that is its own: after a crash the disk tells whose it is.
  auto naming = call(
      [layout = context_.layout, mark = LedBy{context_.local.name.str(), timeline}] { return mark_led(layout, mark); },
      deadline);
  if (const auto done = co_await std::move(naming); !done) log::warning("{}", done.error().message);
  // Without a limit PostgreSQL still finds out there which timelines have been (I8).
  if (promotion.complete && restores() && context_.archive_limit) {
    auto closing = limit_archive(ArchiveLimit{}, deadline);
    // It only takes longer.
    if (const auto done = co_await std::move(closing); !done) log::warning("{}", done.error().message);
  }
  auto opening = Connection::open(context_.administrator("Patroni"), context_.clock, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  promoter_ = std::move(*connection);
  auto filling = fill_up_to(timeline, deadline);
  co_return co_await std::move(filling);
}

// PostgreSQL takes the first number without a history file. Should it not come to that, the next start removes them.
Task<Result<void>> PostgresNode::fill_up_to(Timeline timeline, Instant deadline) {
  filled_up_to_ = {};
  auto filling = call([layout = context_.layout, timeline] { return fill_histories(layout, timeline); }, deadline);
  auto done = co_await std::move(filling);
  if (done) filled_up_to_ = timeline;
  co_return done;
}

Task<Result<void>> PostgresNode::before_promotion(job::Promote promotion, Instant deadline) {
  auto work = prepare_promotion(promotion, deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "preparing the promotion");
}

Task<Result<void>> PostgresNode::leave_recovery(Timeline timeline, Instant deadline) {
  const auto asked_by = std::min(deadline, context_.clock.now() + promote_stall);
  Connection connection = std::exchange(promoter_, Connection());
  if (!connection.is_open()) {
    auto opening = Connection::open(context_.administrator("Patroni"), context_.clock, asked_by);
    auto opened = co_await std::move(opening);
    // Refused: the server was not asked, so nothing is under way.
    if (!opened) co_return fail(ErrorKind::refused, opened.error().message);
    connection = std::move(*opened);
  }
  if (std::exchange(filled_up_to_, Timeline{}) != timeline) {
    auto filling = fill_up_to(timeline, asked_by);
    if (auto done = co_await std::move(filling); !done) co_return fail(ErrorKind::refused, done.error().message);
  }
  // An agent that comes after this one must know that it may still come.
  auto marking = call(
      [layout = context_.layout, server = postmaster_.identity()] { return mark_promoting(layout, server); }, asked_by);
  if (const auto done = co_await std::move(marking); !done) co_return fail(ErrorKind::refused, done.error().message);
  auto promoting = connection.query("SELECT pg_catalog.pg_promote(false)", context_.clock, asked_by);
  if (const auto done = co_await std::move(promoting); !done) co_return tl::unexpected(done.error());
  auto waiting = await_promotion(std::move(connection), deadline);
  if (auto done = co_await std::move(waiting); !done) co_return done;
  context_.upstream.reset();
  context_.archive_limit.reset();
  // What is left of the copies of logical slots are originals now.
  auto noting = call(
      [layout = context_.layout] {
        auto unmarked = mark_followed(layout, false);
        auto told = remove_file(layout.promoting_marker());
        auto opened = remove_file(layout.restore_script());
        return !unmarked ? unmarked : !told ? told : opened;
      },
      deadline);
  if (const auto done = co_await std::move(noting); !done) log::warning("{}", done.error().message);
  co_return Result<void>();
}

// Whether it is out of recovery; or what has changed when it gets on.
Task<Result<PostgresNode::Advance>> PostgresNode::look_at_promotion(Connection& connection, bool closely) {
  const auto until = context_.clock.now() + answer_time;
  if (!connection.is_open()) {
    auto opening = Connection::open(context_.administrator("Patroni"), context_.clock, until);
    auto opened = co_await std::move(opening);
    if (!opened) co_return tl::unexpected(opened.error());
    connection = std::move(*opened);
  }
  auto asking = connection.query(
      "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.pg_last_wal_replay_lsn(),"
      " (SELECT pid FROM pg_catalog.pg_stat_activity WHERE backend_type = 'startup')",
      context_.clock, until);
  const auto rows = co_await std::move(asking);
  if (!rows) connection.close();
  if (!rows) co_return tl::unexpected(rows.error());
  const auto& row = rows->front();
  Advance advance{row[0] == "f", row[1].value_or(""), false};
  if (!closely || advance.done) co_return advance;
  const auto startup = std::atoi(row[2].value_or("0").c_str());
  for (const auto& process : with_descendants(list_processes(), startup)) {
    if (process.id.pid == startup) {
      advance.sign += fmt::format(" {}", process.processor_ticks);
    } else {
      advance.restores = advance.restores || (!process.dead() && !process.frozen());
    }
  }
  co_return advance;
}

// There may be hours of WAL to replay, or an archive that is slow (F18). Replay that moves is a sign of life; so is
// work of the process that replays, or a child of it, which restores a segment.
Task<Result<void>> PostgresNode::await_promotion(Connection connection, Instant deadline) {
  auto now = context_.clock.now();
  auto moved_at = now, looked_closely_at = now;
  std::string last;
  auto interval = promote_interval;
  while (now < deadline) {
    const bool closely = now - looked_closely_at >= std::chrono::seconds(1);
    if (closely) looked_closely_at = now;
    auto looking = look_at_promotion(connection, closely);
    const auto advance = co_await std::move(looking);
    if (advance && advance->done) co_return Result<void>();
    now = context_.clock.now();
    if (closely && advance && (std::exchange(last, advance->sign) != advance->sign || advance->restores))
      moved_at = now;
    if (closely && advance) {
      context_.progress = advance->restores ? "PostgreSQL asks the archive for WAL: restore_command runs" : "";
    }
    if (!advance) {
      // A connection that broke says nothing about the promotion: only a server that is gone does.
      auto searching = postmaster_.look(now + answer_time);
      const auto tenants = co_await std::move(searching);
      if (tenants && !tenants->postmaster) co_return fail(ErrorKind::failed, "PostgreSQL ended during its promotion");
    }
    if (now - moved_at >= promote_stall) break;
    auto sleeping = context_.clock.sleep_until(now + interval);
    interval = std::min<Duration>(interval * 5 / 4, promote_interval_max);
    co_await std::move(sleeping);
    now = context_.clock.now();
  }
  co_return fail(ErrorKind::timeout, "the promotion makes no progress");
}

Task<Result<void>> PostgresNode::promote(Timeline timeline, Instant deadline) {
  auto work = leave_recovery(timeline, deadline);
  const auto done = co_await guarded<void>(std::move(work), context_.clock, deadline, "the promotion");
  context_.progress.clear();
  co_return done;
}

Task<Result<void>> PostgresNode::checkpoint(Instant deadline) {
  auto asking = administer("CHECKPOINT", deadline);
  const auto done = co_await guarded<Rows>(std::move(asking), context_.clock, deadline, "the checkpoint");
  if (!done) co_return tl::unexpected(done.error());
  co_return Result<void>();
}

Task<Result<void>> PostgresNode::switch_upstream(Upstream upstream, Instant deadline) {
  auto versioning = context_.ensure_version(deadline);
  if (auto known = co_await std::move(versioning); !known) co_return known;
  if (context_.major_version < 13) {
    // Before 13 recovery settings are read at the start only.
    auto stopping = postmaster_.stop(StopMode::fast, deadline);
    if (auto done = co_await std::move(stopping); !done) co_return done;
    auto starting = launch(job::Start{false, std::move(upstream)}, deadline);
    co_return co_await std::move(starting);
  }
  auto noting = call([layout = context_.layout] { return mark_followed(layout, true); }, deadline);
  if (auto done = co_await std::move(noting); !done) co_return done;
  context_.upstream = std::move(upstream);
  auto writing = write_files(true, deadline);
  const auto changed = co_await std::move(writing);
  if (!changed) co_return tl::unexpected(changed.error());
  // Also when the files were right: an earlier reload may not have got through.
  if (!postmaster_.reload()) co_return fail(ErrorKind::conflict, "PostgreSQL is not running");
  co_return Result<void>();
}

Task<Result<void>> PostgresNode::follow(Upstream upstream, Instant deadline) {
  auto work = switch_upstream(std::move(upstream), deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "following the new upstream");
}

// --- data

Task<Result<void>> PostgresNode::make_cluster(Instant deadline) {
  auto stopped = require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  auto looking = directory(deadline);
  const auto look = co_await std::move(looking);
  if (!look) co_return tl::unexpected(look.error());
  if (!look->empty) co_return fail(ErrorKind::refused, "the data directory is not empty");
  auto running = run_initdb(context_, deadline);
  if (auto done = co_await std::move(running); !done) co_return done;
  bootstrapping_ = true;
  first_ = first_start(context_.local.bootstrap);
  if (!first_.restored) co_return Result<void>();
  // In its place stands another one until the roles are made.
  std::function<Result<std::string>()> read = [layout = context_.layout] { return read_file(layout.hba()); };
  auto reading = context_.ask<std::string>(std::move(read), deadline, "pg_hba.conf");
  auto hba = co_await std::move(reading);
  if (!hba && hba.error().kind != ErrorKind::not_found) co_return tl::unexpected(hba.error());
  restored_hba_ = hba ? std::optional(std::move(*hba)) : std::nullopt;
  co_return Result<void>();
}

// A server that recovers to a point in time opens for writing when it is there: that takes as long as it takes.
Task<Result<void>> PostgresNode::await_recovery(Instant deadline) {
  for (;;) {
    auto opening = Connection::open(context_.administrator("Patroni"), context_.clock, deadline);
    auto connection = co_await std::move(opening);
    Result<Rows> rows = connection ? Rows{} : Result<Rows>(tl::unexpected(connection.error()));
    if (connection) {
      auto asking = connection->query("SELECT pg_catalog.pg_is_in_recovery()", context_.clock, deadline);
      rows = co_await std::move(asking);
      if (rows && rows->front().front() == "f") co_return Result<void>();
    }
    auto looking = postmaster_.look(deadline);
    const auto tenants = co_await std::move(looking);
    if (tenants && !tenants->postmaster) co_return fail(ErrorKind::failed, "PostgreSQL ended while it recovered");
    if (!rows && !cannot_connect_now(rows.error()) && rows.error().kind == ErrorKind::refused) {
      co_return tl::unexpected(rows.error());
    }
    if (context_.clock.now() >= deadline) co_return fail(ErrorKind::timeout, "PostgreSQL is still recovering");
    auto sleeping = context_.clock.sleep_until(context_.clock.now() + recovery_interval);
    co_await std::move(sleeping);
  }
}

Task<Result<void>> PostgresNode::initdb(Instant deadline) {
  auto work = make_cluster(deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "initdb");
}

Task<Result<void>> PostgresNode::make_roles(Instant deadline) {
  if (first_recovery()) {
    auto recovering = await_recovery(deadline);
    if (auto done = co_await std::move(recovering); !done) co_return done;
    first_ = {.keeps_recovery = false, .recovery = {}, .restored = true};
    auto writing = write_files(false, deadline);
    if (const auto written = co_await std::move(writing); !written) co_return tl::unexpected(written.error());
    postmaster_.reload();
  }
  auto running = run_bootstrap_roles(context_, deadline);
  if (auto done = co_await std::move(running); !done) co_return done;
  bootstrapping_ = false;
  if (!std::exchange(first_, {}).restored) co_return Result<void>();
  if (restored_hba_) {
    auto putting = call(
        [layout = context_.layout, text = *std::exchange(restored_hba_, {})]() -> Result<void> {
          const auto written = write_file(layout.hba(), text, file_mode(layout));
          return written ? Result<void>() : tl::unexpected(written.error());
        },
        deadline);
    if (auto done = co_await std::move(putting); !done) co_return done;
  }
  auto writing = write_files(false, deadline);
  if (const auto written = co_await std::move(writing); !written) co_return tl::unexpected(written.error());
  postmaster_.reload();
  co_return Result<void>();
}

Task<Result<void>> PostgresNode::bootstrap_roles(Instant deadline) {
  auto work = make_roles(deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "creating roles");
}

Task<Result<void>> PostgresNode::copy(Upstream source, Instant deadline) {
  auto stopped = require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  auto looking = directory(deadline);
  const auto look = co_await std::move(looking);
  if (!look) co_return tl::unexpected(look.error());
  if (!look->empty) co_return fail(ErrorKind::refused, "the data directory is not empty");
  bootstrapping_ = false;
  context_.archive_limit.reset();
  auto running = run_clone(context_, std::move(source), deadline);
  co_return co_await std::move(running);
}

Task<Result<void>> PostgresNode::clone(Upstream source, Instant deadline) {
  auto work = copy(std::move(source), deadline);
  auto done = co_await guarded<void>(std::move(work), context_.clock, deadline, "the clone");
  context_.progress.clear();
  co_return done;
}

Task<Result<void>> PostgresNode::recover(Instant deadline) {
  auto stopped = require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  auto running = run_crash_recovery(context_, deadline);
  co_return co_await std::move(running);
}

Task<Result<void>> PostgresNode::crash_recovery(Instant deadline) {
  auto work = recover(deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "crash recovery");
}

Task<Result<void>> PostgresNode::prepare_rewind(Upstream source, Instant deadline) {
  auto stopped = require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  // With the files of a replica: pg_rewind takes restore_command from them, and looks for our own branch.
  auto limiting = limit_archive(std::nullopt, deadline);
  if (auto done = co_await std::move(limiting); !done) co_return done;
  context_.upstream = std::move(source);
  auto marking = call([layout = context_.layout] { return set_standby(layout, true); }, deadline);
  if (auto done = co_await std::move(marking); !done) co_return done;
  auto writing = write_files(true, deadline);
  if (const auto written = co_await std::move(writing); !written) co_return tl::unexpected(written.error());
  co_return Result<void>();
}

Task<Result<void>> PostgresNode::go_back(Upstream source, Instant deadline) {
  auto preparing = prepare_rewind(source, deadline);
  if (auto done = co_await std::move(preparing); !done) co_return tl::unexpected(not_begun(done.error()));
  auto running = run_rewind(context_, std::move(source), deadline);
  co_return co_await std::move(running);
}

Task<Result<void>> PostgresNode::rewind(Upstream source, Instant deadline) {
  auto work = go_back(std::move(source), deadline);
  auto done = co_await guarded<void>(std::move(work), context_.clock, deadline, "the rewind");
  context_.progress.clear();
  co_return done;
}

Task<Result<void>> PostgresNode::remove(job::RemoveData removal, Instant deadline) {
  auto stopped = require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  bootstrapping_ = false;
  control_.reset();
  control_stamp_.clear();
  system_id_ = SystemId();
  auto running = run_remove_data(context_, std::move(removal), deadline);
  co_return co_await std::move(running);
}

Task<Result<void>> PostgresNode::remove_data(job::RemoveData removal, Instant deadline) {
  auto work = remove(std::move(removal), deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "removing the data directory");
}

// --- histories

Task<Result<UpstreamHistory>> PostgresNode::upstream_history(action::GatherUpstreamHistory question, Instant deadline) {
  auto work = ask_upstream_history(context_, std::move(question), system_id_, deadline);
  co_return co_await guarded<UpstreamHistory>(std::move(work), context_.clock, deadline, "asking for the history");
}

bool PostgresNode::restores() const {
  const auto& upstream = context_.upstream;
  if (upstream && upstream->recovery.contains("restore_command")) return true;
  const auto* section = section_option(context_.config(), context_.dynamic, "postgresql.recovery_conf");
  const auto* command = section == nullptr ? nullptr : find(*section, "restore_command");
  return command != nullptr && !setting_text(*command).empty();
}

Task<Result<void>> PostgresNode::limit_archive(std::optional<ArchiveLimit> limit, Instant deadline) {
  context_.archive_limit.reset();
  const bool closed = limit == ArchiveLimit{};
  if (limit && !closed && !control_) {
    auto reading = read_control_data(context_, deadline);
    auto control = co_await std::move(reading);
    if (!control) co_return tl::unexpected(control.error());
    control_ = std::move(*control);
  }
  const auto text = limit ? std::optional(restore_script(*limit, closed ? 0 : control_->wal.segment)) : std::nullopt;
  std::function<Result<void>()> write = [layout = context_.layout, text]() -> Result<void> {
    if (!text) return remove_file(layout.restore_script());
    const auto written = write_file(layout.restore_script(), *text, file_mode(layout));
    if (!written) return tl::unexpected(written.error());
    return {};
  };
  auto writing = call(std::move(write), deadline);
  auto done = co_await std::move(writing);
  if (done) context_.archive_limit = std::move(limit);
  co_return done;
}

Task<Result<void>> PostgresNode::forget_copy(Instant deadline) {
  return call([layout = context_.layout] { return remove_file(layout.copied_marker()); }, deadline);
}

Task<Result<void>> PostgresNode::get_histories(action::FetchHistories order, Instant deadline) {
  auto limit = order.limit;
  auto fetching = run_fetch_histories(context_, std::move(order), deadline);
  if (auto done = co_await std::move(fetching); !done || !limit) co_return done;
  auto limiting = limit_archive(std::move(limit), deadline);
  co_return co_await std::move(limiting);
}

Task<Result<void>> PostgresNode::fetch_histories(action::FetchHistories order, Instant deadline) {
  auto work = get_histories(std::move(order), deadline);
  co_return co_await guarded<void>(std::move(work), context_.clock, deadline, "fetching timeline histories");
}

// The own timeline is another one than at the last look: the files below it are seen to as well.
Task<Result<History>> PostgresNode::learn_history(Timeline timeline, Instant deadline) {
  std::function<Result<History>()> read = [layout = context_.layout, timeline] {
    return read_local_history(layout, timeline);
  };
  auto asking = context_.ask<History>(std::move(read), deadline, "the data directory");
  auto history = co_await std::move(asking);
  if (!history) co_return history;
  auto filling = call([layout = context_.layout, timeline] { return fill_histories(layout, timeline); }, deadline);
  if (const auto done = co_await std::move(filling); !done) log::warning("{}", done.error().message);
  co_return history;
}

Task<Result<History>> PostgresNode::local_history(Timeline timeline, Instant deadline) {
  auto work = learn_history(timeline, deadline);
  co_return co_await caught<History>(std::move(work));
}

Task<Result<std::string>> PostgresNode::branch_time(Timeline timeline, Lsn start, Instant deadline) {
  auto work = ask_branch_time(context_, timeline, start, deadline);
  co_return co_await guarded<std::string>(std::move(work), context_.clock, deadline, "looking at the WAL");
}

}  // namespace regent
