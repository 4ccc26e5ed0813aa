#include "adapters/postgres/slots.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "adapters/os/files.h"
#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/monitor.h"
#include "adapters/postgres/quoting.h"
#include "base/log.h"

namespace regent {
namespace {

Task<Result<Connection>> connect_to(Context& context, Upstream source, Instant deadline) {
  auto opening = Connection::open(rewind_connection(source.address, context.config()), context.clock, deadline);
  co_return co_await std::move(opening);
}

std::optional<std::string> from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

bool is_wal_file(const std::string& name) {
  return name.size() == 24 && name.find_first_not_of("0123456789ABCDEF") == std::string::npos;
}

// How long a consumer may take to let go of a slot.
constexpr Duration look_again = std::chrono::milliseconds(100);
// A slot that is further behind has to wait until its consumer has moved on.
constexpr std::size_t most_files = 64;

// Where WAL from the leader waits for the server to be down: a running one would clear it away.
std::string fetched_wal(const Layout& layout) {
  return layout.data("regent.wal");
}

// The ends of the names of the WAL files from `lsn` on that our own pg_wal lacks, oldest first. Blocking.
Result<std::vector<std::string>> missing_wal(const Layout& layout, Lsn lsn) {
  const auto directory = layout.data("pg_wal");
  const auto names = list_directory(directory);
  if (!names) return tl::unexpected(names.error());
  std::set<std::string> present;
  std::uint64_t segment_size = 0;
  for (const auto& name : *names) {
    struct stat file {};
    if (!is_wal_file(name) || stat((directory + "/" + name).c_str(), &file) != 0 || file.st_size <= 0) continue;
    segment_size = static_cast<std::uint64_t>(file.st_size);  // all of them have the size of a segment
    present.insert(name.substr(8));
  }
  std::vector<std::string> missing;
  if (present.empty()) return fail(ErrorKind::failed, directory + " holds no WAL");
  for (auto suffix = wal_file_suffix(lsn, segment_size); suffix < *present.rbegin();) {
    if (!present.contains(suffix)) missing.push_back(suffix);
    if (missing.size() > most_files) break;
    lsn.value += segment_size;
    suffix = wal_file_suffix(lsn, segment_size);
  }
  return missing;
}

Result<void> keep_fetched(const Layout& layout, const std::string& name, std::string_view hex) {
  const auto bytes = from_hex(hex);
  if (!bytes) return fail(ErrorKind::failed, "WAL from the leader cannot be read");
  const auto written = write_file(fetched_wal(layout) + "/" + name, *bytes, file_mode(layout));
  if (!written) return tl::unexpected(written.error());
  return {};
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return system_error("create", path, errno);
  return {};
}

// Fetches WAL that this replica never had, because it was made later than the slot. The leader keeps it for its own.
Task<Result<void>> fetch_wal(Context& context, Connection& connection, Lsn from, Instant deadline) {
  std::function<Result<std::vector<std::string>>()> look = [layout = context.layout, from] {
    return missing_wal(layout, from);
  };
  auto looking = context.ask<std::vector<std::string>>(std::move(look), deadline, "the data directory");
  const auto missing = co_await std::move(looking);
  if (!missing) co_return tl::unexpected(missing.error());
  if (missing->size() > most_files) {
    co_return fail(ErrorKind::failed, fmt::format("it needs WAL from {} on, which is too much to be fetched from the "
                                                  "leader; it is copied when its consumer has moved on",
                                                  to_string(from)));
  }
  for (const auto& suffix : *missing) {
    // Of every timeline: the one a reader wants depends on where it comes from.
    auto asking = connection.query(
        fmt::format("SELECT name, pg_catalog.encode(pg_catalog.pg_read_binary_file('pg_wal/' || name), 'hex') FROM "
                    "pg_catalog.pg_ls_dir('pg_wal', true, false) AS name WHERE name ~ '^[0-9A-F]{{24}}$' AND "
                    "pg_catalog.substr(name, 9) = {}",
                    quote_literal(suffix)),
        context.clock, deadline);
    const auto rows = co_await std::move(asking);
    if (!rows) co_return tl::unexpected(rows.error());
    if (rows->empty()) co_return fail(ErrorKind::failed, "the leader does not have the WAL file ..." + suffix);
    for (const auto& row : *rows) {
      std::function<Result<void>()> keep = [layout = context.layout, row] {
        return keep_fetched(layout, row[0].value_or(""), row[1].value_or(""));
      };
      auto keeping = context.ask<void>(std::move(keep), deadline, "the data directory");
      if (auto done = co_await std::move(keeping); !done) co_return done;
    }
  }
  co_return Result<void>();
}

// Moves fetched WAL to where the server looks for it. Blocking.
Result<void> store_wal(const Layout& layout) {
  const auto names = list_directory(fetched_wal(layout));
  if (!names) return {};
  for (const auto& name : *names) {
    const auto place = layout.data("pg_wal/" + name);
    const auto present = exists(place);
    if (!present) return tl::unexpected(present.error());
    if (*present) continue;
    if (auto done = rename_file(fetched_wal(layout) + "/" + name, place); !done) return done;
  }
  return remove_tree(fetched_wal(layout));
}

Task<Result<Rows>> administer_in(Context& context, std::string database, std::string sql, Instant deadline) {
  auto options = context.administrator("Patroni");
  for (auto& [keyword, value] : options) {
    if (keyword == "dbname") value = database;
  }
  auto opening = Connection::open(std::move(options), context.clock, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  auto asking = connection->query(std::move(sql), context.clock, deadline);
  co_return co_await std::move(asking);
}

}  // namespace

std::string wal_file_suffix(Lsn lsn, std::uint64_t segment_size) {
  const std::uint64_t per_log = (1ULL << 32U) / segment_size;
  const std::uint64_t segment = lsn.value / segment_size;
  return fmt::format("{:08X}{:08X}", segment / per_log, segment % per_log);
}

Task<Result<UpstreamSlots>> ask_upstream_slots(Context& context, Upstream source, Instant deadline) {
  auto connecting = connect_to(context, source, deadline);
  auto connection = co_await std::move(connecting);
  if (!connection) co_return tl::unexpected(connection.error());
  auto asking = connection->query(
      "SELECT pg_catalog.json_build_object('timeline', ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name("
      "pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::int, 'slots', (SELECT pg_catalog.json_agg(s) FROM "
      "pg_catalog.pg_replication_slots s)) WHERE NOT pg_catalog.pg_is_in_recovery()",
      context.clock, deadline);
  const auto rows = co_await std::move(asking);
  if (!rows) co_return tl::unexpected(rows.error());
  if (rows->empty()) co_return fail(ErrorKind::refused, fmt::format("{} is in recovery", source.name.str()));
  const auto parsed = parse_json(rows->front().front().value_or(""), "the slots of the leader");
  if (!parsed) co_return tl::unexpected(parsed.error());
  UpstreamSlots answer;
  answer.source = source.name;
  if (const auto* timeline = find(*parsed, "timeline"); timeline != nullptr && timeline->is_number()) {
    answer.timeline = Timeline{timeline->get<std::uint32_t>()};
  }
  if (const auto* slots = find(*parsed, "slots")) {
    for (const auto& row : *slots) answer.slots.push_back(parse_slot_row(row));
  }
  co_return answer;
}

Task<Result<std::vector<SlotCopy>>> fetch_slots(Context& context, Upstream source, std::vector<std::string> names,
                                                Instant deadline) {
  auto connecting = connect_to(context, source, deadline);
  auto connection = co_await std::move(connecting);
  if (!connection) co_return tl::unexpected(connection.error());
  std::function<Result<void>()> prepare = [layout = context.layout]() -> Result<void> {
    if (auto done = remove_tree(fetched_wal(layout)); !done) return done;
    return make_directory(fetched_wal(layout), 0700);
  };
  auto preparing = context.ask<void>(std::move(prepare), deadline, "the data directory");
  if (const auto done = co_await std::move(preparing); !done) co_return tl::unexpected(done.error());
  std::vector<SlotCopy> copies;
  for (const auto& name : names) {
    // One statement: the positions are those of the file or older ones.
    auto asking = connection->query(
        fmt::format("SELECT restart_lsn, confirmed_flush_lsn, pg_catalog.encode(pg_catalog.pg_read_binary_file("
                    "'pg_replslot/' || slot_name || '/state'), 'hex') FROM pg_catalog.pg_replication_slots "
                    "WHERE slot_name = {} AND slot_type = 'logical' AND NOT pg_catalog.pg_is_in_recovery()",
                    quote_literal(name)),
        context.clock, deadline);
    const auto rows = co_await std::move(asking);
    if (!rows) co_return tl::unexpected(rows.error());
    if (rows->empty()) co_return fail(ErrorKind::failed, fmt::format("the leader has no logical slot {}", name));
    const auto& row = rows->front();
    const auto restart = parse_lsn(row[0].value_or("")), confirmed = parse_lsn(row[1].value_or(""));
    auto state = from_hex(row[2].value_or(""));
    if (!restart || !confirmed || !state || state->empty()) {
      co_return fail(ErrorKind::failed, fmt::format("the leader does not tell the state of the slot {}", name));
    }
    auto fetching = fetch_wal(context, *connection, *restart, deadline);
    if (const auto done = co_await std::move(fetching); !done) {
      co_return fail(done.error().kind, fmt::format("the slot {}: {}", name, done.error().message));
    }
    copies.push_back({name, std::move(*state), *confirmed});
  }
  co_return copies;
}

Result<void> store_slots(const Layout& layout, const std::vector<SlotCopy>& slots) {
  const auto root = layout.data("pg_replslot");
  const mode_t mode = file_mode(layout);
  const mode_t directory_mode = (mode & S_IRGRP) != 0 ? 0750 : 0700;
  if (auto done = store_wal(layout); !done) return done;
  for (const auto& slot : slots) {
    const auto place = root + "/" + slot.name, unfinished = place + ".tmp";
    const auto present = exists(place);
    if (!present) return tl::unexpected(present.error());
    if (*present) return fail(ErrorKind::conflict, fmt::format("{} exists already", place));
    // A server that starts removes what ends with .tmp.
    if (auto done = remove_tree(unfinished); !done) return done;
    if (auto done = make_directory(unfinished, directory_mode); !done) return done;
    if (auto done = write_file(unfinished + "/state", slot.state, mode); !done) return tl::unexpected(done.error());
    if (auto done = rename_file(unfinished, place); !done) return done;
  }
  return sync_directory(root);
}

Result<void> mark_followed(const Layout& layout, bool followed) {
  if (!followed) return remove_file(layout.followed_marker());
  const auto written = write_file(layout.followed_marker(), "", file_mode(layout));
  if (!written) return tl::unexpected(written.error());
  return {};
}

Task<Result<void>> Slots::create(std::string name, Instant deadline) {
  const auto literal = quote_literal(name);
  auto asking =
      context_.administer(fmt::format("SELECT pg_catalog.pg_create_physical_replication_slot({0}, true) WHERE NOT "
                                      "EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = {0})",
                                      literal),
                          deadline);
  const auto done = co_await std::move(asking);
  if (!done) co_return tl::unexpected(done.error());
  co_return Result<void>();
}

Task<Result<void>> Slots::drop(std::string name, Instant deadline) {
  std::function<Result<bool>()> look = [layout = context_.layout] { return exists(layout.followed_marker()); };
  auto looking = context_.ask<bool>(std::move(look), deadline, "the data directory");
  const auto copies = co_await std::move(looking);
  if (!copies) co_return tl::unexpected(copies.error());
  for (;;) {
    // One that is in use is somebody's: it stays. But not a copy of a logical slot, which would skip changes: somebody
    // promoted this server by hand, and its consumer was faster than we (I16, F75).
    auto asking = context_.administer(
        fmt::format("SELECT active, CASE WHEN NOT active THEN pg_catalog.pg_drop_replication_slot(slot_name)::text "
                    "WHEN slot_type = 'logical' AND {} THEN pg_catalog.pg_terminate_backend(active_pid)::text END "
                    "FROM pg_catalog.pg_replication_slots WHERE slot_name = {}",
                    *copies ? "true" : "false", quote_literal(name)),
        deadline);
    const auto done = co_await std::move(asking);
    if (!done) co_return tl::unexpected(done.error());
    if (done->empty() || done->front()[0] != "t") co_return Result<void>();
    if (!done->front()[1]) co_return fail(ErrorKind::conflict, fmt::format("slot {} is in use", name));
    log::warning("disconnected the consumer of the slot {}, which is a copy that may skip changes", name);
    if (context_.clock.now() >= deadline) co_return fail(ErrorKind::timeout, fmt::format("slot {} is in use", name));
    auto sleeping = context_.clock.sleep_until(context_.clock.now() + look_again);
    co_await std::move(sleeping);
  }
}

Task<Result<void>> Slots::create_logical(action::SyncSlots::Logical slot, Instant deadline) {
  auto asking =
      administer_in(context_, slot.database,
                    fmt::format("SELECT pg_catalog.pg_create_logical_replication_slot({0}, {1}) WHERE NOT EXISTS "
                                "(SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = {0})",
                                quote_literal(slot.name), quote_literal(slot.plugin)),
                    deadline);
  const auto done = co_await std::move(asking);
  if (!done) co_return tl::unexpected(done.error());
  co_return Result<void>();
}

Task<Result<void>> Slots::advance(action::SyncSlots::Advance slot, Instant deadline) {
  auto asking = administer_in(context_, slot.database.empty() ? "postgres" : slot.database,
                              fmt::format("SELECT pg_catalog.pg_replication_slot_advance(slot_name, {}) FROM "
                                          "pg_catalog.pg_replication_slots WHERE slot_name = {} AND NOT active",
                                          quote_literal(to_string(slot.to)), quote_literal(slot.name)),
                              deadline);
  const auto done = co_await std::move(asking);
  if (!done) co_return tl::unexpected(done.error());
  co_return Result<void>();
}

Task<Result<void>> Slots::mark(bool copies, Instant deadline) {
  auto work = context_.call([layout = context_.layout, copies] { return mark_followed(layout, copies); }, deadline);
  co_return co_await std::move(work);
}

Task<Result<void>> Slots::write(std::vector<SlotCopy> slots, Instant deadline) {
  auto stopped = postmaster_.require_stopped(deadline);
  if (auto done = co_await std::move(stopped); !done) co_return done;
  auto work = context_.call([layout = context_.layout, slots] { return store_slots(layout, slots); }, deadline);
  co_return co_await std::move(work);
}

}  // namespace regent
