// The words of a golden scenario: what its lines are made of.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/observation.h"

namespace regent::golden {

using Words = std::vector<std::string>;

inline Words split(const std::string& line) {
  std::istringstream in(line);
  Words out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

// The value of `name=value` among the words, if it is there.
inline std::optional<std::string> option(const Words& words, const std::string& name) {
  for (const auto& word : words) {
    if (word.starts_with(name + "=")) return word.substr(name.size() + 1);
  }
  return std::nullopt;
}
inline bool has(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A setting with blanks is written with underscores: ANY_1_(n2,n3).
inline std::string as_setting(std::string text) {
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

inline Lsn as_lsn(const std::string& text) {
  const auto lsn = parse_lsn(text);
  if (!lsn) throw std::runtime_error("no WAL position: " + text);
  return *lsn;
}
inline Timeline as_timeline(const std::string& text) {
  return Timeline{static_cast<std::uint32_t>(std::stoul(text))};
}
inline Duration as_seconds(const std::string& text) {
  return from_seconds(std::stod(text));
}

// "1@0/3000000,2@0/4000000=n2": the timelines left, and where; who led the next one.
inline History as_history(const std::string& text) {
  History out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    const auto at = part.find('@');
    const auto name = part.find('=');
    HistoryLine line;
    line.timeline = as_timeline(part.substr(0, at));
    line.switch_lsn = as_lsn(part.substr(at + 1, name - at - 1));
    if (name != std::string::npos) line.new_leader = part.substr(name + 1);
    line.reason = "no recovery target specified";
    out.push_back(line);
  }
  return out;
}

inline std::vector<std::string> as_names(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) out.push_back(part);
  return out;
}

// 2:noon,3:midnight
inline BranchTimes as_branches(const std::string& text) {
  BranchTimes branches;
  for (const auto& part : as_names(text)) {
    branches[as_timeline(part.substr(0, part.find(':')))] = part.substr(part.find(':') + 1);
  }
  return branches;
}

// NAME [inactive] [lost] [xmin] [failover] [logical] [at=0/3000000] [catalog=700]
inline SlotRow as_slot(const Words& words, Lsn standard) {
  SlotRow row;
  row.name = words.at(1);
  row.active = !has(words, "inactive");
  row.lost = has(words, "lost");
  row.failover = has(words, "failover");
  row.restart_lsn = as_lsn(option(words, "at").value_or(to_string(standard)));
  if (has(words, "logical")) {
    row.physical = false;
    row.database = "shop";
    row.plugin = "pgoutput";
    row.confirmed_flush_lsn = row.restart_lsn;
  }
  if (const auto catalog = option(words, "catalog")) row.catalog_xmin = std::stoul(*catalog);
  row.has_xmin = has(words, "xmin") || row.catalog_xmin;
  return row;
}

inline StreamFacts as_stream(const Words& words) {
  StreamFacts stream;
  stream.via = MemberName(option(words, "via").value_or(words.at(2)));
  for (const auto& number : as_names(option(words, "not-here").value_or(""))) {
    stream.not_here.push_back(as_timeline(number));
  }
  for (const auto& number : as_names(option(words, "not-there").value_or(""))) {
    stream.not_there.push_back(as_timeline(number));
  }
  stream.slot_missing = has(words, "no-slot");
  const auto files = option(words, "files");
  if (!files) return stream;
  stream.wal = WalStock{16 * 1024 * 1024, {}};
  for (const auto& range : as_names(*files)) {
    const auto at = range.find('@'), to = range.find('-');
    stream.wal->ranges.push_back(
        {as_timeline(range.substr(0, at)), std::stoul(range.substr(at + 1, to)), std::stoul(range.substr(to + 1))});
  }
  return stream;
}

inline std::string url_of(const std::string& name) {
  return fmt::format("postgres://{}.example:5432/postgres", name);
}

inline std::string api_url_of(const std::string& name) {
  return fmt::format("http://{}.example:8008/patroni", name);
}
inline FenceMode as_fence_mode(const Words& words) {
  if (has(words, "off")) return FenceMode::off;
  return has(words, "required") ? FenceMode::required : FenceMode::automatic;
}

inline job::Spec as_job(const std::string& word) {
  if (word == "put-aside") return job::RemoveData{.failure = "initdb exited with code 1", .counts = true};
  if (word == "bootstrap") return job::Bootstrap{};
  if (word == "clone") return job::Clone{{MemberName("n2"), {"n2.example", "5432"}, ""}, true};
  if (word == "clone-remote") return job::Clone{.source = {}, .from_leader = true, .remote = true};
  if (word == "clone-alone") return job::Clone{{}, false};
  if (word == "start") return job::Start{};
  if (word == "start-primary") return job::Start{true, {}};
  if (word == "stop") return job::Stop{};
  if (word == "restart") return job::Restart{};
  if (word == "promote") return job::Promote{Timeline{2}};
  if (word == "checkpoint") return job::Checkpoint{};
  if (word == "crash-recovery") return job::CrashRecovery{};
  if (word == "rewind") return job::Rewind{};
  if (word == "copy-slots") return job::CopySlots{};
  if (word == "remove-data") return job::RemoveData{};
  throw std::runtime_error("no job: " + word);
}

}  // namespace regent::golden
