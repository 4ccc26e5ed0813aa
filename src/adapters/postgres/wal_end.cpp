#include "adapters/postgres/wal_end.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "adapters/os/files.h"
#include "adapters/postgres/rewind.h"

namespace regent {
namespace {

constexpr std::uint64_t page_header = 24, first_page_header = 40;  // of a segment's first page
constexpr std::uint64_t alignment = 8;

std::optional<std::uint32_t> hex(std::string_view text) {
  std::uint32_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string history_file(Timeline timeline) {
  return fmt::format("{:08X}.history", timeline.value);
}

Command waldump(const Context& context, Timeline timeline, Lsn start, std::vector<std::string> more) {
  std::vector<std::string> arguments{"--path=" + context.layout.data("pg_wal"),
                                     fmt::format("--timeline={}", timeline.value), "--start=" + to_string(start)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return context.tool("pg_waldump", std::move(arguments));
}

}  // namespace

std::optional<SegmentName> parse_segment_name(std::string_view name, std::uint64_t segment_size) {
  if (name.size() != 24 || segment_size == 0) return std::nullopt;
  const auto timeline = hex(name.substr(0, 8)), high = hex(name.substr(8, 8)), low = hex(name.substr(16, 8));
  if (!timeline || !high || !low) return std::nullopt;
  return SegmentName{Timeline{*timeline}, *high * ((std::uint64_t{1} << 32U) / segment_size) + *low};
}

std::optional<Position> first_unread(const std::vector<std::string>& pg_wal, const ControlData& control) {
  const auto size = control.wal.segment;
  if (size == 0) return std::nullopt;
  const auto redo = control.redo.value / size;
  std::optional<SegmentName> first;
  for (const auto& name : pg_wal) {
    const auto segment = parse_segment_name(name, size);
    if (!segment || segment->number < redo || segment->timeline < control.facts.timeline) continue;
    const bool newer = !first || segment->timeline > first->timeline;
    if (newer || (segment->timeline == first->timeline && segment->number < first->number)) first = segment;
  }
  if (!first) return std::nullopt;
  // Recovery goes there by its history file only.
  const bool known = first->timeline == control.facts.timeline ||
                     std::find(pg_wal.begin(), pg_wal.end(), history_file(first->timeline)) != pg_wal.end();
  if (!known) return std::nullopt;
  return Position{first->timeline, first->number == redo ? control.redo : Lsn{first->number * size}};
}

Lsn end_of_record(Lsn start, std::uint64_t length, const WalFormat& format) {
  std::uint64_t at = start.value;
  for (;;) {
    const auto left_on_page = format.page - at % format.page;
    if (length <= left_on_page) break;
    length -= left_on_page;
    at += left_on_page;
    at += at % format.segment == 0 ? first_page_header : page_header;
  }
  at += length;
  return Lsn{(at + alignment - 1) / alignment * alignment};
}

std::optional<Lsn> last_record_read(std::string_view errors) {
  constexpr std::string_view words = "error in WAL record at ";
  const auto found = errors.rfind(words);
  if (found == std::string_view::npos) return std::nullopt;
  errors.remove_prefix(found + words.size());
  return parse_lsn(errors.substr(0, errors.find(':')));
}

std::optional<std::uint64_t> total_length(std::string_view line) {
  constexpr std::string_view words = "len (rec/tot):";
  const auto found = line.find(words);
  if (found == std::string_view::npos) return std::nullopt;
  line.remove_prefix(found + words.size());
  const auto slash = line.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  line.remove_prefix(std::min(line.find_first_not_of(' ', slash + 1), line.size()));
  std::uint64_t length = 0;
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), length);
  return error == std::errc() && length > 0 ? std::optional(length) : std::nullopt;
}

Task<Result<WalReading>> WalReading::begin(Context& context, int server, Instant deadline) {
  // Before 13 it cannot be told to be quiet, and would print gigabytes.
  if (context.major_version < 13) co_return fail(ErrorKind::refused, "pg_waldump of this version cannot be quiet");
  auto reading = read_control_data(context, deadline);
  const auto control = co_await std::move(reading);
  if (!control) co_return tl::unexpected(control.error());
  std::function<Result<std::vector<std::string>>()> list = [directory = context.layout.data("pg_wal")] {
    return list_directory(directory);
  };
  auto listing = context.ask<std::vector<std::string>>(std::move(list), deadline, "the directory pg_wal");
  const auto names = co_await std::move(listing);
  if (!names) co_return tl::unexpected(names.error());
  const auto from = first_unread(*names, *control);
  if (!from) co_return fail(ErrorKind::not_found, "pg_wal holds no WAL of a known timeline");
  auto child = Child::start(waldump(context, from->timeline, from->lsn, {"--quiet"}));
  if (!child) co_return tl::unexpected(child.error());
  WalReading begun;
  begun.server_ = server;
  begun.timeline_ = from->timeline;
  begun.format_ = control->wal;
  begun.child_ = std::move(*child);
  co_return begun;
}

Task<Result<Position>> WalReading::end(Context& context, Instant deadline) {
  auto waiting = child_.wait();
  const auto outcome = co_await std::move(waiting);
  const auto last = last_record_read(outcome.errors);
  if (!last) co_return fail(ErrorKind::failed, "pg_waldump told of no end: " + outcome.last_words());
  auto running = run_ok(waldump(context, timeline_, *last, {"--limit=1"}), context.clock, deadline);
  const auto record = co_await std::move(running);
  if (!record) co_return tl::unexpected(record.error());
  const auto length = total_length(record->output);
  if (!length) co_return fail(ErrorKind::failed, "pg_waldump cannot read the last record again");
  Lsn end = end_of_record(*last, *length, format_);
  // The rest of its segment belongs to it.
  if (record->output.find("desc: SWITCH") != std::string::npos) {
    end.value = (end.value + format_.segment - 1) / format_.segment * format_.segment;
  }
  co_return Position{timeline_, end};
}

}  // namespace regent
