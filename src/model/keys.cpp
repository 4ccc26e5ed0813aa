#include "model/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include "base/text.h"

namespace regent {
namespace {

std::string as_text(const Json& document, std::string_view key) {
  const Json* value = find(document, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

template <class Visit>
void split(std::string_view text, char separator, Visit visit) {
  while (!text.empty()) {
    const auto end = text.find(separator);
    visit(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string print_failover(const Failover& failover) {
  Json out = Json::object();
  if (!failover.leader.empty()) out["leader"] = failover.leader.str();
  if (!failover.candidate.empty()) out["member"] = failover.candidate.str();
  if (failover.scheduled_at) out["scheduled_at"] = to_iso_time(*failover.scheduled_at);
  return to_compact(out);
}

Result<Failover> parse_failover(std::string_view value) {
  Failover out;
  if (trim(value).empty()) return out;
  if (const auto parsed = Json::parse(value, nullptr, false); parsed.is_object()) {
    out.leader = MemberName(as_text(parsed, "leader"));
    auto candidate = as_text(parsed, "member");
    if (candidate.empty()) candidate = as_text(parsed, "candidate");
    out.candidate = MemberName(std::move(candidate));
    if (const auto text = as_text(parsed, "scheduled_at"); !text.empty()) {
      out.scheduled_at = parse_iso_time(text);
      if (!out.scheduled_at) {
        return fail(ErrorKind::invalid, fmt::format("the failover key is scheduled at '{}', which is no time with a "
                                                    "time zone",
                                                    text));
      }
    }
    return out;
  } else if (!parsed.is_discarded()) {
    return fail(ErrorKind::invalid, "the failover key does not hold a JSON object");
  }
  const auto colon = value.find(':');
  if (colon == std::string_view::npos) return fail(ErrorKind::invalid, "the failover key cannot be read");
  out.leader = MemberName(std::string(trim(value.substr(0, colon))));
  out.candidate = MemberName(std::string(trim(value.substr(colon + 1))));
  return out;
}

bool same_name(const MemberName& one, const MemberName& other) {
  const auto& a = one.str();
  const auto& b = other.str();
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool SyncState::lists(const MemberName& name) const {
  return std::any_of(standbys.begin(), standbys.end(),
                     [&](const MemberName& standby) { return same_name(standby, name); });
}

std::string print_sync(const SyncState& sync, Generation generation) {
  Json out = Json::object();
  std::string names;
  for (const auto& name : sync.standbys) names += (names.empty() ? "" : ",") + name.str();
  out["leader"] = sync.leader.empty() ? Json() : Json(sync.leader.str());
  if (generation == Generation::v4) out["quorum"] = sync.quorum ? Json(*sync.quorum) : Json();
  out["sync_standby"] = names.empty() ? Json() : Json(names);
  return to_compact(out);
}

Result<SyncState> parse_sync(std::string_view value) {
  SyncState out;
  if (trim(value).empty()) return out;
  const auto parsed = parse_json(value, "the sync key");
  if (!parsed) return tl::unexpected(parsed.error());
  out.leader = MemberName(as_text(*parsed, "leader"));
  split(as_text(*parsed, "sync_standby"), ',', [&](std::string_view name) {
    if (!trim(name).empty()) out.standbys.emplace_back(std::string(trim(name)));
  });
  if (const Json* quorum = find(*parsed, "quorum"); quorum != nullptr && quorum->is_number_integer()) {
    out.quorum = quorum->get<int>();
  }
  return out;
}

std::string print_status(const Status& status) {
  Json out = Json::object();
  out["optime"] = status.optime.value;
  if (!status.slots.empty()) {
    Json slots = Json::object();
    for (const auto& [name, lsn] : status.slots) slots[name] = lsn.value;
    out["slots"] = std::move(slots);
  }
  if (!status.retain_slots.empty()) out["retain_slots"] = status.retain_slots;
  if (status.timeline.value != 0) out["timeline"] = status.timeline.value;
  if (status.shut_down) out["shut_down"] = true;
  return to_compact(out);
}

Result<Status> parse_status(std::string_view value) {
  Status out;
  const auto parsed = parse_json(value, "the status key");
  if (!parsed) return tl::unexpected(parsed.error());
  if (parsed->is_number_unsigned()) {
    out.optime = Lsn{parsed->get<std::uint64_t>()};
    return out;
  }
  if (!parsed->is_object()) return fail(ErrorKind::invalid, "the status key does not hold a JSON object");
  if (const Json* optime = find(*parsed, "optime"); optime != nullptr && optime->is_number_unsigned()) {
    out.optime = Lsn{optime->get<std::uint64_t>()};
  }
  if (const Json* timeline = find(*parsed, "timeline"); timeline != nullptr && timeline->is_number_unsigned()) {
    out.timeline = Timeline{timeline->get<std::uint32_t>()};
  }
  if (const Json* down = find(*parsed, "shut_down")) out.shut_down = *down == true;
  if (const Json* slots = find(*parsed, "slots"); slots != nullptr && slots->is_object()) {
    for (const auto& [name, lsn] : slots->items()) {
      if (lsn.is_number_unsigned()) out.slots[name] = Lsn{lsn.get<std::uint64_t>()};
    }
  }
  if (const Json* retain = find(*parsed, "retain_slots"); retain != nullptr && retain->is_array()) {
    for (const auto& name : *retain) {
      if (name.is_string()) out.retain_slots.push_back(name.get<std::string>());
    }
  }
  return out;
}

Json history_json(const History& history) {
  Json out = Json::array();
  for (const auto& line : history) {
    Json fields = Json::array({line.timeline.value, line.switch_lsn.value, line.reason});
    if (!line.timestamp.empty() || !line.new_leader.empty()) fields.push_back(line.timestamp);
    if (!line.new_leader.empty()) fields.push_back(line.new_leader);
    out.push_back(std::move(fields));
  }
  return out;
}

std::string print_history(const History& history) {
  return to_compact(history_json(history));
}

Result<History> parse_history(std::string_view value) {
  History out;
  if (trim(value).empty()) return out;
  const auto parsed = parse_json(value, "the history key");
  if (!parsed) return tl::unexpected(parsed.error());
  if (!parsed->is_array()) return fail(ErrorKind::invalid, "the history key does not hold a JSON list");
  for (const auto& fields : *parsed) {
    const bool readable = fields.is_array() && fields.size() >= 3 && fields[0].is_number_unsigned() &&
                          fields[1].is_number_unsigned() && fields[2].is_string();
    if (!readable) return fail(ErrorKind::invalid, "the history key holds a line that is no timeline switch");
    HistoryLine line;
    line.timeline = Timeline{fields[0].get<std::uint32_t>()};
    line.switch_lsn = Lsn{fields[1].get<std::uint64_t>()};
    line.reason = fields[2].get<std::string>();
    if (fields.size() > 3 && fields[3].is_string()) line.timestamp = fields[3].get<std::string>();
    if (fields.size() > 4 && fields[4].is_string()) line.new_leader = fields[4].get<std::string>();
    out.push_back(std::move(line));
  }
  return out;
}

std::string print_timelines(const TimelineCounter& counter) {
  Json out{{"ticket", counter.ticket.value}, {"reached", counter.reached.value}};
  if (counter.left.value > 0) out["left"] = counter.left.value;
  return to_compact(out);
}

Result<TimelineCounter> parse_timelines(std::string_view value) {
  const auto parsed = parse_json(value, "the regent/timeline key");
  if (!parsed) return tl::unexpected(parsed.error());
  const auto number = [&](std::string_view name) -> std::optional<Timeline> {
    const Json* field = parsed->is_object() ? find(*parsed, name) : nullptr;
    if (field == nullptr || !field->is_number_unsigned()) return std::nullopt;
    const auto timeline = field->get<std::uint64_t>();
    if (timeline > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
    return Timeline{static_cast<std::uint32_t>(timeline)};
  };
  const auto ticket = number("ticket"), reached = number("reached");
  if (!ticket || !reached || *reached > *ticket) {
    return fail(ErrorKind::invalid, "the regent/timeline key holds no counter of timelines; delete it");
  }
  return TimelineCounter{*ticket, *reached, number("left").value_or(Timeline{})};
}

Result<History> parse_history_file(std::string_view text) {
  History out;
  std::optional<Error> error;
  split(text, '\n', [&](std::string_view line) {
    line = trim(line);
    if (line.empty() || line.front() == '#' || error) return;
    const auto first = line.find('\t');
    const auto second = first == std::string_view::npos ? first : line.find('\t', first + 1);
    const auto timeline = parse_number<std::uint32_t>(trim(line.substr(0, first)));
    const auto lsn =
        first == std::string_view::npos ? std::nullopt : parse_lsn(trim(line.substr(first + 1, second - first - 1)));
    if (!timeline || !lsn) {
      error = Error{ErrorKind::invalid, fmt::format("the timeline history line '{}' cannot be read", line)};
      return;
    }
    HistoryLine entry;
    entry.timeline = Timeline{*timeline};
    entry.switch_lsn = *lsn;
    if (second != std::string_view::npos) entry.reason = trim(line.substr(second + 1));
    out.push_back(std::move(entry));
  });
  if (error) return tl::unexpected(*error);
  return out;
}

}  // namespace regent
