#include "adapters/postgres/replication.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "adapters/os/files.h"
#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/rewind.h"
#include "adapters/postgres/units.h"

namespace regent {
namespace {

std::string cell(const Rows& rows, std::size_t column) {
  return rows.empty() || rows.front().size() <= column ? "" : rows.front()[column].value_or("");
}

std::uint64_t number(std::string_view text, int base) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::string history_path(const Layout& layout, Timeline timeline) {
  return layout.data(fmt::format("pg_wal/{:08X}.history", timeline.value));
}

// nullopt: not there.
Result<std::optional<std::uint64_t>> size_of(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) == 0) return static_cast<std::uint64_t>(file.st_size);
  if (errno == ENOENT) return std::nullopt;
  return system_error("look at", path, errno);
}

// The text of a history file; nullopt: the server does not have it.
Task<Result<std::optional<std::string>>> ask_file(Context& context, Connection& connection, Timeline timeline,
                                                  Instant deadline) {
  auto asking = connection.query(fmt::format("TIMELINE_HISTORY {}", timeline.value), context.clock, deadline);
  const auto file = co_await std::move(asking);
  if (file) co_return std::optional(cell(*file, 1));
  if (file.error().kind == ErrorKind::refused) co_return std::optional<std::string>();
  co_return tl::unexpected(file.error());
}

Task<Result<Connection>> connect_for_wal(Context& context, Upstream source, Instant deadline) {
  auto opening =
      Connection::open(replication_connection(source.address, context.config().replication), context.clock, deadline);
  co_return co_await std::move(opening);
}

// History files from `since` to `newest` that are not in our pg_wal. One without content is as good as the real one,
// but for the newest. Blocking.
Result<std::vector<Timeline>> histories_not_here(const Layout& layout, Timeline since, Timeline newest) {
  std::vector<Timeline> missing;
  for (Timeline timeline{std::max(since.value, 2U)}; timeline <= newest; ++timeline.value) {
    const auto size = size_of(history_path(layout, timeline));
    if (!size) return tl::unexpected(size.error());
    if (!*size || (timeline == newest && **size == 0)) missing.push_back(timeline);
  }
  return missing;
}

// Plain connection: a walsender reads no directory.
Task<Result<void>> ask_stock(Context& context, Upstream via, StreamFacts& facts, Instant deadline) {
  auto opening = Connection::open(rewind_connection(via.address, context.config()), context.clock, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  auto asking = connection->query(
      fmt::format("SELECT pg_catalog.substr(name, 1, 8), pg_catalog.min(pg_catalog.substr(name, 9)), "
                  "pg_catalog.max(pg_catalog.substr(name, 9)), (SELECT setting FROM pg_catalog.pg_settings WHERE name "
                  "= 'wal_segment_size'), EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE slot_name = {}) "
                  "FROM pg_catalog.pg_ls_dir('pg_wal', true, false) AS name WHERE name ~ '^[0-9A-F]{{24}}$' GROUP BY 1",
                  quote_literal(via.slot)),
      context.clock, deadline);
  const auto rows = co_await std::move(asking);
  if (!rows) co_return tl::unexpected(rows.error());
  WalStock stock;
  stock.segment_size = number(cell(*rows, 3), 10);
  if (stock.segment_size < 1024 * 1024) co_return fail(ErrorKind::failed, "the size of its WAL files is not known");
  const std::uint64_t per_log = (1ULL << 32U) / stock.segment_size;
  for (const auto& row : *rows) {
    const auto segment = [&](std::size_t column) {
      const auto text = row[column].value_or("");
      return number(std::string_view(text).substr(0, 8), 16) * per_log + number(std::string_view(text).substr(8), 16);
    };
    const Timeline timeline{static_cast<std::uint32_t>(number(row[0].value_or(""), 16))};
    stock.ranges.push_back({timeline, segment(1), segment(2)});
  }
  facts.wal = std::move(stock);
  facts.slot_missing = !via.slot.empty() && cell(*rows, 4) == "f";
  co_return Result<void>();
}

// Whatever cannot be learned stays unknown.
Task<StreamFacts> ask_stream(Context& context, action::GatherUpstreamHistory question, Timeline newest,
                             Instant deadline) {
  StreamFacts facts;
  const auto via = question.via.none() ? question.source : question.via;
  facts.via = via.name;
  std::function<Result<std::vector<Timeline>>()> look = [layout = context.layout, since = question.since, newest] {
    return histories_not_here(layout, since, newest);
  };
  auto looking = context.ask<std::vector<Timeline>>(std::move(look), deadline, "the data directory");
  const auto not_here = co_await std::move(looking);
  if (not_here) facts.not_here = *not_here;
  if (!facts.not_here.empty()) {
    auto opening = connect_for_wal(context, via, deadline);
    auto connection = co_await std::move(opening);
    if (!connection) facts.why = connection.error().message;
    for (const auto timeline : facts.not_here) {
      if (!connection || !connection->is_open()) break;
      auto asking = ask_file(context, *connection, timeline, deadline);
      const auto file = co_await std::move(asking);
      if (file && !*file) facts.not_there.push_back(timeline);
    }
  }
  auto asking = ask_stock(context, via, facts, deadline);
  const auto asked = co_await std::move(asking);
  if (!asked && asked.error().kind != ErrorKind::refused) facts.why = asked.error().message;
  co_return facts;
}

using Texts = std::map<Timeline, std::string>;

Task<void> ask_member(Context& context, Upstream member, std::vector<Timeline> wanted, Texts& texts, Instant deadline) {
  auto opening = connect_for_wal(context, std::move(member), deadline);
  auto connection = co_await std::move(opening);
  for (const auto timeline : wanted) {
    if (!connection || !connection->is_open()) co_return;
    if (const auto found = texts.find(timeline); found != texts.end() && !found->second.empty()) continue;
    auto asking = ask_file(context, *connection, timeline, deadline);
    const auto file = co_await std::move(asking);
    if (file && *file) texts[timeline] = **file;
  }
}

// Nobody is waited for as long as all of them may take together.
constexpr Duration member_time = std::chrono::milliseconds(500);

Result<void> keep_histories(const Layout& layout, const std::vector<Timeline>& timelines, const Texts& texts) {
  for (auto timeline = timelines.rbegin(); timeline != timelines.rend(); ++timeline) {
    const auto path = history_path(layout, *timeline);
    const auto size = size_of(path);
    if (!size) return tl::unexpected(size.error());
    const auto text = texts.find(*timeline);
    const auto& content = text == texts.end() ? std::string() : text->second;
    if (*size && (**size > 0 || content.empty())) continue;
    if (auto done = write_file(path, content, file_mode(layout)); !done) return tl::unexpected(done.error());
  }
  return {};
}

}  // namespace

Task<Result<UpstreamHistory>> ask_upstream_history(Context& context, action::GatherUpstreamHistory question,
                                                   SystemId own, Instant deadline) {
  const auto source = question.source;
  auto opening = connect_for_wal(context, source, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  UpstreamHistory answer;
  answer.source = source.name;
  // A walsender runs no functions, but shows settings; transactions of a server in recovery are read-only.
  const bool has_setting = connection->server_version() >= 140000;
  auto asking_role =
      connection->query(has_setting ? "SHOW in_hot_standby" : "SHOW transaction_read_only", context.clock, deadline);
  const auto role = co_await std::move(asking_role);
  if (!role) co_return tl::unexpected(role.error());
  answer.in_recovery = parse_bool(cell(*role, 0)).value_or(true);
  auto asking = connection->query("IDENTIFY_SYSTEM", context.clock, deadline);
  const auto system = co_await std::move(asking);
  if (!system) co_return tl::unexpected(system.error());
  if (!own.empty() && cell(*system, 0) != own.str()) {
    co_return fail(ErrorKind::refused, fmt::format("{} has system identifier {}, ours is {}: it belongs to a different "
                                                   "cluster",
                                                   source.name.str(), cell(*system, 0), own.str()));
  }
  const auto timeline = cell(*system, 1);
  std::from_chars(timeline.data(), timeline.data() + timeline.size(), answer.timeline.value);
  const auto position = parse_lsn(cell(*system, 2));
  if (answer.timeline.value == 0 || !position) {
    co_return fail(ErrorKind::failed, fmt::format("{} does not tell its timeline and position", source.name.str()));
  }
  answer.wal = *position;
  if (answer.timeline.value > 1) {
    auto asking_history =
        connection->query(fmt::format("TIMELINE_HISTORY {}", answer.timeline.value), context.clock, deadline);
    const auto file = co_await std::move(asking_history);
    if (!file) co_return tl::unexpected(file.error());
    auto history = parse_history_file(cell(*file, 1));
    if (!history) co_return tl::unexpected(history.error());
    answer.history = std::move(*history);
  }
  connection->close();
  // What is only good to know may not cost the answer: half of the time that is left is enough for it.
  const auto now = context.clock.now();
  auto asking_stream = ask_stream(context, std::move(question), answer.timeline, now + (deadline - now) / 2);
  answer.stream = co_await std::move(asking_stream);
  co_return answer;
}

Task<Result<void>> run_fetch_histories(Context& context, action::FetchHistories order, Instant deadline) {
  if (order.timelines.empty()) co_return Result<void>();
  Texts texts;
  auto asking = ask_member(context, order.source, order.timelines, texts, deadline);
  co_await std::move(asking);
  // An empty file in its place would be taken for the target of recovery.
  if (order.timelines.back() == order.newest && texts[order.newest].empty()) {
    co_return fail(ErrorKind::failed, fmt::format("{} does not give the history file of its timeline {}",
                                                  order.source.name.str(), order.newest.value));
  }
  for (const auto& member : order.others) {
    auto asking_member = ask_member(context, member, order.timelines, texts, context.clock.now() + member_time);
    co_await std::move(asking_member);
  }
  std::function<Result<void>()> keep = [layout = context.layout, timelines = order.timelines, texts] {
    return keep_histories(layout, timelines, texts);
  };
  auto keeping = context.ask<void>(std::move(keep), deadline, "the data directory");
  co_return co_await std::move(keeping);
}

std::string restore_script(const ArchiveLimit& limit, std::uint64_t segment_size) {
  if (limit == ArchiveLimit{}) return "# All there is is here: the archive is not asked.\nexit 1\n";
  const std::uint64_t per_log = (1ULL << 32U) / segment_size;
  std::string text = fmt::format(
      "# Which files of an archive belong to timeline {}. Histories are not restored: they are here already.\n"
      "case $1 in\n*.history) exit 1 ;;\n{:08X}*) exit 0 ;;\n",
      limit.timeline.value, limit.timeline.value);
  for (const auto& line : limit.history) {
    // The segment in which a timeline was left may go on beyond the fork; what it shares is in the next one's file.
    const auto segment = line.switch_lsn.value / segment_size;
    text += fmt::format("{0:08X}*) test \"$1\" \\< {0:08X}{1:08X}{2:08X} ;;\n", line.timeline.value, segment / per_log,
                        segment % per_log);
  }
  return text + "*) exit 1 ;;\nesac\n";
}

std::string limited_command(const Layout& layout, const std::string& command) {
  std::string path;
  for (const char c : layout.restore_script()) path += c == '\'' ? "'\\''" : c == '%' ? "%%" : std::string(1, c);
  return fmt::format("test ! -f '{0}' || sh '{0}' %f || exit 1; {1}", path, command);
}

Task<Result<void>> limit_archive(Context& context, std::optional<ArchiveLimit> limit, Instant deadline) {
  context.archive_limit.reset();
  const bool closed = limit == ArchiveLimit{};
  if (limit && !closed && !context.control) {
    auto reading = read_control_data(context, deadline);
    auto control = co_await std::move(reading);
    if (!control) co_return tl::unexpected(control.error());
    context.control = std::move(*control);
  }
  const auto text =
      limit ? std::optional(restore_script(*limit, closed ? 0 : context.control->wal.segment)) : std::nullopt;
  std::function<Result<void>()> write = [layout = context.layout, text]() -> Result<void> {
    if (!text) return remove_file(layout.restore_script());
    const auto written = write_file(layout.restore_script(), *text, file_mode(layout));
    if (!written) return tl::unexpected(written.error());
    return {};
  };
  auto writing = context.call(std::move(write), deadline);
  auto done = co_await std::move(writing);
  if (done) context.archive_limit = std::move(limit);
  co_return done;
}

}  // namespace regent
