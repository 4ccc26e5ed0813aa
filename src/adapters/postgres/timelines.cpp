#include "adapters/postgres/timelines.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <vector>

#include "adapters/os/files.h"
#include "adapters/os/process.h"
#include "adapters/postgres/config_store.h"
#include "adapters/postgres/slots.h"

namespace regent {
namespace {

std::string history_path(const Layout& layout, Timeline timeline) {
  return layout.data(fmt::format("pg_wal/{:08X}.history", timeline.value));
}

// 7 out of "00000007.history".
std::optional<Timeline> timeline_of(std::string_view name) {
  constexpr std::size_t digits = 8;
  Timeline timeline;
  if (name.size() < digits || name.substr(digits) != ".history") return std::nullopt;
  const auto [end, error] = std::from_chars(name.data(), name.data() + digits, timeline.value, 16);
  return error == std::errc() && end == name.data() + digits ? std::optional(timeline) : std::nullopt;
}

// A file of PostgreSQL's that comes at the same moment stays.
Result<bool> make_empty(const std::string& path, mode_t mode) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.valid() && errno == EEXIST) return false;
  if (!fd.valid()) return system_error("create", path, errno);
  if (fsync(fd.get()) != 0) return system_error("sync", path, errno);
  return true;
}

}  // namespace

Result<History> read_local_history(const Layout& layout, Timeline timeline) {
  if (timeline.value <= 1) return History();
  const auto text = read_file(history_path(layout, timeline));
  if (!text) return tl::unexpected(text.error());
  return parse_history_file(*text);
}

Result<void> fill_histories(const Layout& layout, Timeline limit) {
  bool changed = false;
  for (Timeline timeline{2}; timeline < limit; ++timeline.value) {
    const auto made = make_empty(history_path(layout, timeline), file_mode(layout));
    if (!made) return tl::unexpected(made.error());
    changed = changed || *made;
  }
  return changed ? sync_directory(layout.data("pg_wal")) : Result<void>();
}

Result<void> clean_histories(const Layout& layout, Timeline own) {
  const auto names = list_directory(layout.data("pg_wal"));
  if (!names) return tl::unexpected(names.error());
  Timeline real = own;
  std::vector<Timeline> empty;
  for (const auto& name : *names) {
    const auto timeline = timeline_of(name);
    if (!timeline) continue;
    struct stat file {};
    if (stat(history_path(layout, *timeline).c_str(), &file) != 0) {
      return system_error("look at", history_path(layout, *timeline), errno);
    }
    if (file.st_size > 0) {
      real = std::max(real, *timeline);
    } else {
      empty.push_back(*timeline);
    }
  }
  for (const Timeline timeline : empty) {
    if (timeline <= real) continue;
    if (auto removed = remove_file(history_path(layout, timeline)); !removed) return removed;
  }
  return {};
}

namespace {

// Whether the segment is there; all segments are of one size, which is told by the first.
Result<bool> has_wal_at(const Layout& layout, Timeline timeline, Lsn at) {
  constexpr std::size_t name_length = 24;
  const auto names = list_directory(layout.data("pg_wal"));
  if (!names) return tl::unexpected(names.error());
  for (const auto& name : *names) {
    const bool segment = name.size() == name_length && name.find_first_not_of("0123456789ABCDEF") == std::string::npos;
    struct stat file {};
    if (!segment || stat(layout.data("pg_wal/" + name).c_str(), &file) != 0 || file.st_size == 0) continue;
    const auto wanted =
        fmt::format("{:08X}{}", timeline.value, wal_file_suffix(at, static_cast<std::uint64_t>(file.st_size)));
    return std::find(names->begin(), names->end(), wanted) != names->end();
  }
  return false;
}

}  // namespace

Task<Result<std::string>> ask_branch_time(Context& context, Timeline timeline, Lsn start, Instant deadline) {
  // It waits for seconds for a segment that is not there.
  std::function<Result<bool>()> look = [layout = context.layout, timeline, start]() -> Result<bool> {
    return has_wal_at(layout, timeline, start);
  };
  auto looking = context.ask<bool>(std::move(look), deadline, "the data directory");
  const auto there = co_await std::move(looking);
  if (!there) co_return tl::unexpected(there.error());
  if (!*there)
    co_return fail(ErrorKind::not_found, fmt::format("the WAL where timeline {} begins is gone", timeline.value));
  auto command = context.tool("pg_waldump", {"-p", context.layout.data("pg_wal"), "-t", std::to_string(timeline.value),
                                             "-s", to_string(start), "-n", "1"});
  // Compared with what others found out in their own time zone.
  command.environment.emplace_back("TZ", "UTC");
  auto running = run_ok(std::move(command), context.clock, deadline);
  const auto outcome = co_await std::move(running);
  if (!outcome) co_return tl::unexpected(outcome.error());
  auto time = parse_branch_time(outcome->output);
  if (!time) co_return fail(ErrorKind::not_found, fmt::format("timeline {} begins with no time", timeline.value));
  co_return std::move(*time);
}

std::optional<std::string> parse_branch_time(std::string_view text) {
  constexpr std::string_view what = "desc: END_OF_RECOVERY", word = "; time ";
  const auto found = text.find(what);
  const auto at = found == std::string_view::npos ? found : text.find(word, found);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + word.size());
  return std::string(text.substr(0, text.find_first_of(";\n")));
}

}  // namespace regent
