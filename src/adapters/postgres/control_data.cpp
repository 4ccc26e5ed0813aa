#include "adapters/postgres/control_data.h"

#include <fmt/format.h>

#include <charconv>

#include "model/standby_settings.h"

namespace regent {
namespace {

using Lines = std::map<std::string, std::string, std::less<>>;

Lines split_lines(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto value = line.find_first_not_of(' ', colon + 1);
    lines[std::string(line.substr(0, colon))] = value == std::string_view::npos ? "" : std::string(line.substr(value));
  }
  return lines;
}

template <class Number>
std::optional<Number> number(const Lines& lines, std::string_view key) {
  const auto found = lines.find(key);
  Number value{};
  if (found == lines.end()) return std::nullopt;
  const auto& text = found->second;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Lsn> position(const Lines& lines, std::string_view key) {
  const auto found = lines.find(key);
  return found == lines.end() ? std::nullopt : parse_lsn(found->second);
}

}  // namespace

Result<ControlData> parse_control_data(std::string_view text, std::string_view directory) {
  const auto damaged = [&](std::string_view what) {
    return fail(ErrorKind::failed,
                fmt::format("the control file of {} is damaged or unreadable ({}); restore it, or remove the directory "
                            "to have it cloned again",
                            directory, what));
  };
  if (text.find("WARNING") != std::string_view::npos) return damaged("pg_controldata reports a wrong checksum");
  const auto lines = split_lines(text);
  const auto state = lines.find("Database cluster state");
  const auto system_id = number<std::uint64_t>(lines, "Database system identifier");
  const auto timeline = number<std::uint32_t>(lines, "Latest checkpoint's TimeLineID");
  const auto checkpoint = position(lines, "Latest checkpoint location");
  const auto redo = position(lines, "Latest checkpoint's REDO location");
  const auto segment = number<std::uint64_t>(lines, "Bytes per WAL segment");
  const auto page = number<std::uint64_t>(lines, "WAL block size");
  const auto min_recovery = position(lines, "Minimum recovery ending location");
  const auto min_timeline = number<std::uint32_t>(lines, "Min recovery ending loc's timeline");
  if (state == lines.end() || !system_id || !timeline || !checkpoint || !min_recovery || !min_timeline || !redo ||
      !segment || !page || *segment == 0 || *page == 0) {
    return damaged("pg_controldata printed less than expected");
  }
  ControlData data;
  data.system_id = SystemId(std::to_string(*system_id));
  data.facts.state = state->second;
  if (const auto file = lines.find("Latest checkpoint's REDO WAL file"); file != lines.end()) {
    data.redo_file = file->second;
  }
  data.facts.timeline = Timeline{*timeline};
  data.facts.checkpoint = *checkpoint;
  data.facts.min_recovery = *min_recovery;
  data.facts.min_recovery_timeline = Timeline{*min_timeline};
  data.redo = *redo;
  data.wal = {*segment, *page};
  for (const auto& [name, key] : standby_settings) {
    if (const auto value = number<int>(lines, key)) data.settings[name] = *value;
  }
  return data;
}

}  // namespace regent
