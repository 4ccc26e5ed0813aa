#include "adapters/postgres/steps.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/os/files.h"
#include "adapters/postgres/bootstrap.h"
#include "adapters/postgres/clone.h"
#include "adapters/postgres/lock_record.h"
#include "adapters/postgres/replication.h"
#include "adapters/postgres/rewind.h"
#include "adapters/postgres/slots.h"
#include "adapters/postgres/timelines.h"
#include "base/log.h"

namespace regent {
namespace {

constexpr Duration recovery_interval = std::chrono::milliseconds(100);

}  // namespace

// --- start

Task<Result<void>> Steps::prepare_start(job::Start spec, Instant deadline) {
  auto stopped = postmaster_.require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  auto looking = context_.directory(deadline);
  const auto look = co_await std::move(looking);
  if (!look) co_return tl::unexpected(look.error());
  if (look->rewind_marker) co_return fail(ErrorKind::refused, "a rewind of the data directory did not finish");
  if (look->empty || (look->incomplete && !context_.bootstrapping)) {
    co_return fail(ErrorKind::refused, "the data directory is not complete");
  }
  // First of all: whatever happens from here on, the server cannot come up in the wrong role (F56).
  const bool first = context_.bootstrapping && spec.as_primary;
  std::function<Result<void>()> mark = [layout = context_.layout, standby = !spec.as_primary] {
    return set_standby(layout, standby);
  };
  if (first && context_.first.recovery) mark = [layout = context_.layout] { return set_recovery(layout); };
  if (!first || !context_.first.keeps_recovery || context_.first.recovery) {
    auto marking = context_.call(std::move(mark), deadline);
    if (auto done = co_await std::move(marking); !done) co_return done;
  }
  // Compared with nobody: what the archive may be asked for is not known.
  if (spec.as_primary || spec.upstream.none()) {
    auto limiting = limit_archive(context_, std::nullopt, deadline);
    if (auto done = co_await std::move(limiting); !done) co_return done;
  }
  context_.upstream = spec.as_primary ? std::nullopt : std::optional(spec.upstream);
  if (spec.as_primary) {
    auto naming = context_.call(
        [layout = context_.layout, mark = LedBy{context_.local.name.str(), {}}] { return mark_led(layout, mark); },
        deadline);
    if (auto done = co_await std::move(naming); !done) co_return done;
  }
  if (!spec.as_primary && !spec.upstream.none()) {
    auto noting = context_.call([layout = context_.layout] { return mark_followed(layout, true); }, deadline);
    if (auto done = co_await std::move(noting); !done) co_return done;
  }
  if (!spec.as_primary || context_.first_recovery()) {
    auto reading = read_control_data(context_, deadline);
    auto control = co_await std::move(reading);
    if (!control) co_return tl::unexpected(control.error());
    context_.control = std::move(*control);
    context_.control_stamp = look->control_stamp;
    context_.system_id = context_.control->system_id;
    auto tidying = tidy_histories(deadline);
    if (auto done = co_await std::move(tidying); !done) co_return done;
  }
  auto writing = config_.write(!spec.as_primary, deadline);
  const auto written = co_await std::move(writing);
  if (!written) co_return tl::unexpected(written.error());
  co_return Result<void>();
}

// Before every start as a standby: what is left over keeps it from opening, what is missing keeps others from
// following.
Task<Result<void>> Steps::tidy_histories(Instant deadline) {
  const Timeline own = std::max(context_.control->facts.timeline, context_.control->facts.min_recovery_timeline);
  auto cleaning = context_.call([layout = context_.layout, own] { return clean_histories(layout, own); }, deadline);
  if (auto done = co_await std::move(cleaning); !done) co_return done;
  auto filling = context_.call([layout = context_.layout, own] { return fill_histories(layout, own); }, deadline);
  if (const auto done = co_await std::move(filling); !done) log::warning("{}", done.error().message);
  co_return Result<void>();
}

Task<Result<void>> Steps::start(job::Start spec, Instant deadline) {
  auto preparing = prepare_start(spec, deadline);
  if (auto done = co_await std::move(preparing); !done) co_return done;
  const auto parameters = config_.parameters(!spec.as_primary);
  std::vector<std::string> arguments{program(context_.config(), "postgres"), "-D", context_.layout.data_dir,
                                     "--config-file=" + context_.layout.conf()};
  for (const auto& [name, value] : parameters.command_line()) arguments.push_back(fmt::format("--{}={}", name, value));
  auto starting = postmaster_.start(std::move(arguments), deadline);
  if (auto done = co_await std::move(starting); !done) co_return done;
  // This configuration starts: worth keeping.
  auto saving = context_.call([layout = context_.layout] { return save_backups(layout); }, deadline);
  co_return co_await std::move(saving);
}

// --- position

Task<Result<void>> Steps::checkpoint(Instant deadline) {
  auto asking = context_.administer("CHECKPOINT", deadline);
  const auto done = co_await std::move(asking);
  if (!done) co_return tl::unexpected(done.error());
  co_return Result<void>();
}

Task<Result<void>> Steps::follow(Upstream upstream, Instant deadline) {
  auto versioning = context_.ensure_version(deadline);
  if (auto known = co_await std::move(versioning); !known) co_return known;
  if (context_.major_version < 13) {
    // Before 13 recovery settings are read at the start only.
    auto stopping = postmaster_.stop(StopMode::fast, deadline);
    if (auto done = co_await std::move(stopping); !done) co_return done;
    auto starting = start(job::Start{false, std::move(upstream)}, deadline);
    co_return co_await std::move(starting);
  }
  auto noting = context_.call([layout = context_.layout] { return mark_followed(layout, true); }, deadline);
  if (auto done = co_await std::move(noting); !done) co_return done;
  context_.upstream = std::move(upstream);
  auto writing = config_.write(true, deadline);
  const auto changed = co_await std::move(writing);
  if (!changed) co_return tl::unexpected(changed.error());
  // Also when the files were right: an earlier reload may not have got through.
  if (!postmaster_.reload()) co_return fail(ErrorKind::conflict, "PostgreSQL is not running");
  co_return Result<void>();
}

// --- data

Task<Result<void>> Steps::require_empty(Instant deadline) {
  auto stopped = postmaster_.require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  auto looking = context_.directory(deadline);
  const auto look = co_await std::move(looking);
  if (!look) co_return tl::unexpected(look.error());
  if (!look->empty) co_return fail(ErrorKind::refused, "the data directory is not empty");
  co_return Result<void>();
}

Task<Result<void>> Steps::initdb(Instant deadline) {
  auto room = require_empty(deadline);
  if (auto done = co_await std::move(room); !done) co_return done;
  auto running = run_initdb(context_, deadline);
  if (auto done = co_await std::move(running); !done) co_return done;
  context_.bootstrapping = true;
  context_.first = first_start(context_.local.bootstrap);
  if (!context_.first.restored) co_return Result<void>();
  // In its place stands another one until the roles are made.
  std::function<Result<std::string>()> read = [layout = context_.layout] { return read_file(layout.hba()); };
  auto reading = context_.ask<std::string>(std::move(read), deadline, "pg_hba.conf");
  auto hba = co_await std::move(reading);
  if (!hba && hba.error().kind != ErrorKind::not_found) co_return tl::unexpected(hba.error());
  restored_hba_ = hba ? std::optional(std::move(*hba)) : std::nullopt;
  co_return Result<void>();
}

// A server that recovers to a point in time opens for writing when it is there: that takes as long as it takes.
Task<Result<void>> Steps::await_recovery(Instant deadline) {
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

Task<Result<void>> Steps::bootstrap_roles(Instant deadline) {
  if (context_.first_recovery()) {
    auto recovering = await_recovery(deadline);
    if (auto done = co_await std::move(recovering); !done) co_return done;
    context_.first = {.keeps_recovery = false, .recovery = {}, .restored = true};
    auto writing = config_.write(false, deadline);
    if (const auto written = co_await std::move(writing); !written) co_return tl::unexpected(written.error());
    postmaster_.reload();
  }
  auto running = run_bootstrap_roles(context_, deadline);
  if (auto done = co_await std::move(running); !done) co_return done;
  context_.bootstrapping = false;
  if (!std::exchange(context_.first, {}).restored) co_return Result<void>();
  if (restored_hba_) {
    auto putting = context_.call(
        [layout = context_.layout, text = *std::exchange(restored_hba_, {})]() -> Result<void> {
          const auto written = write_file(layout.hba(), text, file_mode(layout));
          return written ? Result<void>() : tl::unexpected(written.error());
        },
        deadline);
    if (auto done = co_await std::move(putting); !done) co_return done;
  }
  auto writing = config_.write(false, deadline);
  if (const auto written = co_await std::move(writing); !written) co_return tl::unexpected(written.error());
  postmaster_.reload();
  co_return Result<void>();
}

Task<Result<void>> Steps::clone(Upstream source, Instant deadline) {
  auto room = require_empty(deadline);
  if (auto done = co_await std::move(room); !done) co_return done;
  context_.bootstrapping = false;
  context_.archive_limit.reset();
  auto running = run_clone(context_, std::move(source), deadline);
  co_return co_await std::move(running);
}

Task<Result<void>> Steps::crash_recovery(Instant deadline) {
  auto stopped = postmaster_.require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  auto running = run_crash_recovery(context_, deadline);
  co_return co_await std::move(running);
}

Task<Result<void>> Steps::prepare_rewind(Upstream source, Instant deadline) {
  auto stopped = postmaster_.require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  // With the files of a replica: pg_rewind takes restore_command from them, and looks for our own branch.
  auto limiting = limit_archive(context_, std::nullopt, deadline);
  if (auto done = co_await std::move(limiting); !done) co_return done;
  context_.upstream = std::move(source);
  auto marking = context_.call([layout = context_.layout] { return set_standby(layout, true); }, deadline);
  if (auto done = co_await std::move(marking); !done) co_return done;
  auto writing = config_.write(true, deadline);
  if (const auto written = co_await std::move(writing); !written) co_return tl::unexpected(written.error());
  co_return Result<void>();
}

Task<Result<void>> Steps::rewind(Upstream source, Instant deadline) {
  auto preparing = prepare_rewind(source, deadline);
  if (auto done = co_await std::move(preparing); !done) co_return tl::unexpected(not_begun(done.error()));
  auto running = run_rewind(context_, std::move(source), deadline);
  co_return co_await std::move(running);
}

Task<Result<void>> Steps::remove_data(job::RemoveData removal, Instant deadline) {
  auto stopped = postmaster_.require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  context_.bootstrapping = false;
  context_.forget_cluster();
  auto running = run_remove_data(context_, std::move(removal), deadline);
  co_return co_await std::move(running);
}

// --- marks and histories

Task<Result<void>> Steps::record_lock(std::string session, Instant deadline) {
  auto work =
      context_.call([layout = context_.layout, session] { return write_lock_record(layout, session); }, deadline);
  co_return co_await std::move(work);
}

Task<Result<void>> Steps::forget_copy(Instant deadline) {
  return context_.call([layout = context_.layout] { return remove_file(layout.copied_marker()); }, deadline);
}

Task<Result<UpstreamHistory>> Steps::upstream_history(action::GatherUpstreamHistory question, Instant deadline) {
  auto work = ask_upstream_history(context_, std::move(question), context_.system_id, deadline);
  co_return co_await std::move(work);
}

Task<Result<void>> Steps::fetch_histories(action::FetchHistories order, Instant deadline) {
  auto limit = order.limit;
  auto fetching = run_fetch_histories(context_, std::move(order), deadline);
  if (auto done = co_await std::move(fetching); !done || !limit) co_return done;
  auto limiting = limit_archive(context_, std::move(limit), deadline);
  co_return co_await std::move(limiting);
}

// The own timeline is another one than at the last look: the files below it are seen to as well.
Task<Result<History>> Steps::local_history(Timeline timeline, Instant deadline) {
  std::function<Result<History>()> read = [layout = context_.layout, timeline] {
    return read_local_history(layout, timeline);
  };
  auto asking = context_.ask<History>(std::move(read), deadline, "the data directory");
  auto history = co_await std::move(asking);
  if (!history) co_return history;
  auto filling =
      context_.call([layout = context_.layout, timeline] { return fill_histories(layout, timeline); }, deadline);
  if (const auto done = co_await std::move(filling); !done) log::warning("{}", done.error().message);
  co_return history;
}

}  // namespace regent
