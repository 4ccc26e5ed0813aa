#include "model/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

namespace regent {
namespace {

// Reads keys one by one; a key that makes no sense is named and keeps its default (F40).
class Reader {
 public:
  Reader(const Json& document, std::string prefix, std::vector<std::string>& problems)
      : document_(document), prefix_(std::move(prefix)), problems_(problems) {}

  std::optional<double> number(std::string_view key) {
    const Json* value = find(document_, key);
    if (value == nullptr) return std::nullopt;
    if (value->is_number()) return value->get<double>();
    if (value->is_string()) {
      const auto& text = value->get_ref<const std::string&>();
      double number = 0;
      const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc() && stop == text.data() + text.size() && !text.empty()) return number;
    }
    complain(key, "a number");
    return std::nullopt;
  }

  // A number of seconds, or one with a unit: "30min".
  std::optional<double> time(std::string_view key) {
    const Json* value = find(document_, key);
    if (value == nullptr || !value->is_string()) return number(key);
    const auto& text = value->get_ref<const std::string&>();
    double amount = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
    std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
    while (unit.starts_with(' ')) unit.remove_prefix(1);
    constexpr std::array<std::pair<std::string_view, double>, 5> units{
        {{"ms", 0.001}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}}};
    for (const auto& [name, seconds] : units) {
      if (error == std::errc() && unit == name) return amount * seconds;
    }
    return number(key);
  }

  void seconds(std::string_view key, Duration& out, double minimum) {
    const auto value = time(key);
    if (!value) return;
    double chosen = *value;
    if (chosen < minimum) {
      problems_.push_back(fmt::format("{}{}={} can't be smaller than {}, adjusting...", prefix_, key, chosen, minimum));
      chosen = minimum;
    }
    out = from_seconds(std::min(chosen, 1e6));
  }

  void flag(std::string_view key, bool& out) {
    const Json* value = find(document_, key);
    if (value == nullptr) return;
    if (value->is_boolean()) {
      out = value->get<bool>();
    } else if (value->is_number_integer()) {
      out = value->get<std::int64_t>() != 0;
    } else if (const auto word = value->is_string() ? as_flag(value->get<std::string>()) : std::nullopt) {
      out = *word;
    } else {
      complain(key, "true or false");
    }
  }

  void complain(std::string_view key, std::string_view wanted) {
    problems_.push_back(fmt::format("{}{} must be {}; its default is used until it is", prefix_, key, wanted));
  }

  static std::optional<bool> as_flag(std::string_view text) {
    for (const auto* word : {"true", "True", "TRUE", "on", "On", "ON", "yes", "Yes", "1"}) {
      if (text == word) return true;
    }
    for (const auto* word : {"false", "False", "FALSE", "off", "Off", "OFF", "no", "No", "0"}) {
      if (text == word) return false;
    }
    return std::nullopt;
  }

 private:
  const Json& document_;
  std::string prefix_;
  std::vector<std::string>& problems_;
};

SyncMode read_sync_mode(const Json& config, Reader& in) {
  const Json* mode = find(config, "synchronous_mode");
  if (mode == nullptr) return SyncMode::off;
  if (mode->is_string()) {
    std::string text = mode->get<std::string>();
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    if (text == "quorum") return SyncMode::quorum;
  }
  bool on = false;
  in.flag("synchronous_mode", on);
  return on ? SyncMode::on : SyncMode::off;
}

HangPolicy read_hang_policy(const Json& config, Reader& in) {
  const Json* policy = find(config, "primary_hang_policy");
  if (policy == nullptr || *policy == "failover") return HangPolicy::failover;
  if (*policy == "restart") return HangPolicy::restart;
  if (*policy == "report") return HangPolicy::report;
  in.complain("primary_hang_policy", "failover, restart or report");
  return HangPolicy::failover;
}

// Seconds, or a word that switches it off or back on.
void read_takeover(const Json& config, Reader& in, Duration& out) {
  const Json* value = find(config, "synchronous_takeover_after");
  if (value == nullptr) return;
  std::optional<bool> flag;
  if (value->is_boolean()) flag = value->get<bool>();
  // "0" and "1" are seconds like any other number.
  if (value->is_string() && value->get<std::string>().find_first_of("0123456789") == std::string::npos) {
    flag = Reader::as_flag(value->get<std::string>());
  }
  if (flag) {
    if (!*flag) out = Duration::zero();
    return;
  }
  in.seconds("synchronous_takeover_after", out, 0);
}

// The lease must outlive one cycle and the retries of two calls, as peers enforce it (T13).
void enforce_timing_rule(Settings& settings, const SettingLimits& limits) {
  if (settings.loop_wait + 2 * settings.retry_timeout <= settings.ttl) return;
  const Duration minimum_loop = from_seconds(limits.loop_wait);
  const Duration minimum_retry = from_seconds(limits.retry_timeout);
  if (settings.ttl - 2 * settings.retry_timeout >= minimum_loop) {
    settings.loop_wait = settings.ttl - 2 * settings.retry_timeout;
  } else {
    settings.loop_wait = minimum_loop;
    settings.retry_timeout = std::max(minimum_retry, (settings.ttl - minimum_loop) / 2);
  }
  settings.problems.push_back(
      fmt::format("loop_wait + 2*retry_timeout is larger than ttl; using loop_wait={} and retry_timeout={}",
                  to_seconds(settings.loop_wait), to_seconds(settings.retry_timeout)));
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_compact(value);
}

// Whoever wrote something there does not want this cluster to be promoted: what cannot be understood is named, and
// stays a standby cluster without a source (F40).
std::optional<StandbyCluster> read_standby_cluster(const Json& config, std::vector<std::string>& problems) {
  const Json* section = find(config, "standby_cluster");
  if (section == nullptr || section->is_null() || *section == false) return std::nullopt;
  if (section->is_object() && section->empty()) return std::nullopt;
  StandbyCluster out;
  if (section->is_object()) {
    const auto text = [&](std::string_view key) {
      const Json* value = find(*section, key);
      return value == nullptr || value->is_null() ? std::string() : text_of(*value);
    };
    out.host = text("host");
    if (const auto port = text("port"); !port.empty()) out.port = port;
    // A port without a host means this machine, as in libpq.
    if (out.host.empty() && !text("port").empty()) out.host = "localhost";
    out.primary_slot_name = text("primary_slot_name");
    for (const char* key : {"restore_command", "archive_cleanup_command", "recovery_min_apply_delay"}) {
      if (const auto value = text(key); !value.empty()) out.recovery[key] = value;
    }
    if (const Json* methods = find(*section, "create_replica_methods"); methods != nullptr && methods->is_array()) {
      for (const auto& method : *methods) out.create_replica_methods.push_back(text_of(method));
    }
  }
  if (out.host.empty() && !out.recovery.contains("restore_command")) {
    problems.emplace_back(
        "standby_cluster needs a host, a port or a restore_command; until it has one, this cluster replicates from "
        "nobody and is not promoted");
  }
  return out;
}

void read_postgresql(const Json& config, Settings& settings) {
  const Json* section = find(config, "postgresql");
  if (section == nullptr) return;
  Reader in(*section, "postgresql.", settings.problems);
  if (!section->is_object()) {
    settings.problems.emplace_back("postgresql must be a mapping; its defaults are used until it is");
    return;
  }
  in.flag("use_pg_rewind", settings.use_pg_rewind);
  in.flag("use_slots", settings.use_slots);
  in.flag("remove_data_directory_on_rewind_failure", settings.remove_data_directory_on_rewind_failure);
  in.flag("remove_data_directory_on_diverged_timelines", settings.remove_data_directory_on_diverged_timelines);
}

}  // namespace

SettingLimits limits_among(const std::vector<Member>& members) {
  const bool all_regent =
      std::all_of(members.begin(), members.end(), [](const Member& member) { return !member.regent.empty(); });
  return all_regent ? SettingLimits{3, 0.2, 0.5} : SettingLimits{};
}

Settings parse_settings(const Json& config, const SettingLimits& limits) {
  Settings settings;
  if (!config.is_object()) return settings;
  Reader in(config, "", settings.problems);
  in.seconds("ttl", settings.ttl, limits.ttl);
  in.seconds("loop_wait", settings.loop_wait, limits.loop_wait);
  in.seconds("retry_timeout", settings.retry_timeout, limits.retry_timeout);
  enforce_timing_rule(settings, limits);
  if (const auto lag = in.number("maximum_lag_on_failover")) {
    settings.maximum_lag_on_failover = static_cast<std::uint64_t>(std::clamp(*lag, 0.0, 1e18));
  }
  if (const auto lines = in.number("max_timelines_history")) {
    settings.max_timelines_history = static_cast<int>(std::clamp(*lines, 0.0, 1e9));
  }
  in.seconds("master_start_timeout", settings.primary_start_timeout, 0);
  in.seconds("primary_start_timeout", settings.primary_start_timeout, 0);
  in.seconds("master_stop_timeout", settings.primary_stop_timeout, 0);
  in.seconds("primary_stop_timeout", settings.primary_stop_timeout, 0);
  in.seconds("primary_race_backoff", settings.primary_race_backoff, 0);
  in.seconds("primary_hang_timeout", settings.primary_hang_timeout, 0);
  in.seconds("primary_stall_timeout", settings.primary_stall_timeout, 0);
  settings.primary_hang_policy = read_hang_policy(config, in);
  in.seconds("member_slots_ttl", settings.member_slots_ttl, 0);
  in.flag("check_timeline", settings.check_timeline);
  in.flag("check_collation", settings.check_collation);
  in.flag("pause", settings.pause);
  in.flag("failsafe_mode", settings.failsafe_mode);
  settings.synchronous_mode = read_sync_mode(config, in);
  in.flag("synchronous_mode_strict", settings.synchronous_mode_strict);
  if (const auto count = in.number("synchronous_node_count")) {
    settings.synchronous_node_count = static_cast<int>(std::clamp(*count, 1.0, 1000.0));
  }
  if (const auto lag = in.number("maximum_lag_on_syncnode")) {
    settings.maximum_lag_on_syncnode = static_cast<std::int64_t>(std::clamp(*lag, -1.0, 1e18));
  }
  read_takeover(config, in, settings.synchronous_takeover_after);
  settings.standby_cluster = read_standby_cluster(config, settings.problems);
  settings.permanent_slots = parse_permanent_slots(config, settings.problems);
  settings.ignore_slots = parse_ignore_slots(config, settings.problems);
  read_postgresql(config, settings);
  return settings;
}

bool Settings::has_logical_slots() const {
  return std::any_of(permanent_slots.begin(), permanent_slots.end(),
                     [](const auto& slot) { return !slot.second.physical; });
}

}  // namespace regent
