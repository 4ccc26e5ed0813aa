#include "adapters/postgres/promotion.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "adapters/os/files.h"
#include "adapters/os/process_table.h"
#include "adapters/postgres/hook.h"
#include "adapters/postgres/replication.h"
#include "adapters/postgres/slots.h"
#include "adapters/postgres/timelines.h"
#include "base/log.h"

namespace regent {
namespace {

constexpr Duration promote_interval = std::chrono::milliseconds(10);
// A promotion that gets on is looked at less often after a while.
constexpr Duration promote_interval_max = std::chrono::milliseconds(500);
// A promotion shows no sign of life for so long: it has failed (F18).
constexpr Duration promote_stall = std::chrono::seconds(60);
constexpr Duration answer_time = std::chrono::seconds(5);

}  // namespace

// Everything that may take its time: between the last look at the lease and the request nothing is to be waited for.
Task<Result<void>> Promotion::prepare(job::Promote promotion, Instant deadline) {
  const auto timeline = promotion.timeline;
  auto hook = run_hook(context_, "postgresql.pre_promote", deadline);
  if (auto done = co_await std::move(hook); !done) co_return done;
  // Before the first record that is its own: after a crash the disk tells whose it is.
  auto naming = context_.call(
      [layout = context_.layout, mark = LedBy{context_.local.name.str(), timeline}] { return mark_led(layout, mark); },
      deadline);
  if (const auto done = co_await std::move(naming); !done) log::warning("{}", done.error().message);
  // Without a limit PostgreSQL still finds out there which timelines have been (I8).
  if (promotion.complete && context_.restores() && context_.archive_limit) {
    auto closing = limit_archive(context_, ArchiveLimit{}, deadline);
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
Task<Result<void>> Promotion::fill_up_to(Timeline timeline, Instant deadline) {
  filled_up_to_ = {};
  auto filling =
      context_.call([layout = context_.layout, timeline] { return fill_histories(layout, timeline); }, deadline);
  auto done = co_await std::move(filling);
  if (done) filled_up_to_ = timeline;
  co_return done;
}

Task<Result<void>> Promotion::carry_out(Timeline timeline, Instant deadline) {
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
  auto marking = context_.call(
      [layout = context_.layout, server = postmaster_.identity()] { return mark_promoting(layout, server); }, asked_by);
  if (const auto done = co_await std::move(marking); !done) co_return fail(ErrorKind::refused, done.error().message);
  auto promoting = connection.query("SELECT pg_catalog.pg_promote(false)", context_.clock, asked_by);
  if (const auto done = co_await std::move(promoting); !done) co_return tl::unexpected(done.error());
  auto waiting = wait(std::move(connection), deadline);
  if (auto done = co_await std::move(waiting); !done) co_return done;
  context_.upstream.reset();
  context_.archive_limit.reset();
  // What is left of the copies of logical slots are originals now.
  auto noting = context_.call(
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
Task<Result<Promotion::Advance>> Promotion::look(Connection& connection, bool closely) {
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
Task<Result<void>> Promotion::wait(Connection connection, Instant deadline) {
  auto now = context_.clock.now();
  auto moved_at = now, looked_closely_at = now;
  std::string last;
  auto interval = promote_interval;
  while (now < deadline) {
    const bool closely = now - looked_closely_at >= std::chrono::seconds(1);
    if (closely) looked_closely_at = now;
    auto looking = look(connection, closely);
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

}  // namespace regent
