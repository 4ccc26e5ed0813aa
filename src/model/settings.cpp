#include "model/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "model/config_value.h"

namespace regent {
namespace {

// Reads keys one by one; a key that makes no sense is named and keeps its default (F40).
class Reader {
 public:
  Reader(const Json& document, std::string prefix, Company company, std::vector<std::string>& problems)
      : document_(document), prefix_(std::move(prefix)), company_(company), problems_(problems) {}

  const Json* get(ConfigName key) const { return value_of(document_, key); }

  double number(ConfigName key) {
    const Json* value = get(key);
    const auto number = value == nullptr ? std::optional(key->number) : scalar_number(*value);
    if (!number) complain(key, "a number");
    const double chosen = std::clamp(number.value_or(key->number), key->least, key->most);
    if (number && chosen != *number) {
      problems_.push_back(
          fmt::format("{}{}={} is not a number{}, adjusting...", prefix_, key->name(), *number, key->bounds()));
    }
    return chosen;
  }

  void seconds(ConfigName key, Duration& out) {
    const Json* value = get(key);
    const auto seconds = value == nullptr ? std::optional(key->number) : scalar_seconds(*value);
    if (!seconds) complain(key, "a number");
    double chosen = seconds.value_or(key->number);
    if (const double least = company_ == Company::ourselves ? key->least_alone : key->least; chosen < least) {
      problems_.push_back(
          fmt::format("{}{}={} can't be smaller than {}, adjusting...", prefix_, key->name(), chosen, least));
      chosen = least;
    }
    out = from_seconds(std::min(chosen, 1e6));
  }

  void flag(ConfigName key, bool& out) {
    const Json* value = get(key);
    if (value != nullptr && !scalar_flag(*value)) complain(key, "true or false");
    out = flag_in(document_, key);
  }

  // One of the row's words, in any case; a truth value is `on` or `off`.
  std::string word(ConfigName key) {
    const Json* value = get(key);
    std::string word(key->standard);
    if (value == nullptr) return word;
    bool known = false;
    std::string written = value->is_string() ? value->get<std::string>() : "";
    std::transform(written.begin(), written.end(), written.begin(), [](unsigned char c) { return std::tolower(c); });
    if (const auto truth = scalar_flag(*value)) written = *truth ? "on" : "off";
    for_each_word(key->words, [&](std::string_view candidate) {
      if (candidate != written) return;
      word = written;
      known = true;
    });
    if (!known) complain(key, fmt::format("one of {}", key->words));
    return word;
  }

  void complain(ConfigName key, std::string_view wanted) {
    problems_.push_back(fmt::format("{}{} must be {}; its default is used until it is", prefix_, key->name(), wanted));
  }

 private:
  const Json& document_;
  std::string prefix_;
  Company company_;
  std::vector<std::string>& problems_;
};

SyncMode read_sync_mode(Reader& in) {
  const auto word = in.word("synchronous_mode");
  return word == "quorum" ? SyncMode::quorum : word == "on" ? SyncMode::on : SyncMode::off;
}

HangPolicy read_hang_policy(Reader& in) {
  const auto word = in.word("primary_hang_policy");
  return word == "restart" ? HangPolicy::restart : word == "report" ? HangPolicy::report : HangPolicy::failover;
}

// Seconds, or a word that switches it off or back on.
void read_takeover(Reader& in, Duration& out) {
  constexpr ConfigName key = "synchronous_takeover_after";
  const Json* value = in.get(key);
  // "0" and "1" are seconds like any other number.
  const bool word = value != nullptr && !scalar_number(*value);
  const auto flag = word ? scalar_flag(*value) : std::nullopt;
  if (!flag) return in.seconds(key, out);
  out = *flag ? from_seconds(key->number) : Duration::zero();
}

// The lease must outlive one cycle and the retries of two calls, as peers enforce it (T13).
void enforce_timing_rule(Settings& settings, Company company) {
  if (settings.loop_wait + 2 * settings.retry_timeout <= settings.ttl) return;
  const auto least = [&](ConfigName key) {
    return from_seconds(company == Company::ourselves ? key->least_alone : key->least);
  };
  const Duration minimum_retry = least("retry_timeout");
  // Nobody asked for more than one look a second by asking for a short lease.
  const Duration minimum_loop =
      std::max(least("loop_wait"), std::min<Duration>(settings.loop_wait, std::chrono::seconds(1)));
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
  const Json* section = value_of(config, "standby_cluster");
  if (section == nullptr || *section == false) return std::nullopt;
  if (section->is_object() && section->empty()) return std::nullopt;
  StandbyCluster out;
  constexpr ConfigName port = "standby_cluster.port";
  out.port = port->standard;
  if (section->is_object()) {
    const auto text = [&](ConfigName key) {
      const Json* value = value_of(*section, key);
      return value == nullptr ? std::string() : text_of(*value);
    };
    out.host = text("standby_cluster.host");
    if (const auto written = text(port); !written.empty()) {
      out.port = written;
      // A port without a host means this machine, as in libpq.
      if (out.host.empty()) out.host = "localhost";
    }
    out.primary_slot_name = text("standby_cluster.primary_slot_name");
    for (const ConfigName key :
         {ConfigName("standby_cluster.restore_command"), ConfigName("standby_cluster.archive_cleanup_command"),
          ConfigName("standby_cluster.recovery_min_apply_delay")}) {
      if (const auto value = text(key); !value.empty()) out.recovery[std::string(key->name())] = value;
    }
    const Json* methods = value_of(*section, "standby_cluster.create_replica_methods");
    if (methods != nullptr) out.create_replica_methods = texts_of(*methods);
  }
  if (out.host.empty() && !out.recovery.contains("restore_command")) {
    problems.emplace_back(
        "standby_cluster needs a host, a port or a restore_command; until it has one, this cluster replicates from "
        "nobody and is not promoted");
  }
  return out;
}

void read_postgresql(const Json& config, Company company, const Json& local, Settings& settings) {
  const Json* section = value_of(config, "postgresql");
  if (section != nullptr && !section->is_object())
    settings.problems.emplace_back("postgresql must be a mapping; its defaults are used until it is");
  Json merged = Json::object();
  for (const ConfigName key : {ConfigName("postgresql.use_pg_rewind"), ConfigName("postgresql.use_slots"),
                               ConfigName("postgresql.remove_data_directory_on_rewind_failure"),
                               ConfigName("postgresql.remove_data_directory_on_diverged_timelines")}) {
    // Slots are one thing of the whole cluster: half of its members without them would keep WAL for ever.
    const Json* value = key->place == ConfigPlace::both ? value_of(local, key) : nullptr;
    if (value == nullptr && section != nullptr) value = value_of(*section, key);
    if (value != nullptr) merged[std::string(key->name())] = *value;
  }
  Reader in(merged, "postgresql.", company, settings.problems);
  in.flag("postgresql.use_pg_rewind", settings.use_pg_rewind);
  in.flag("postgresql.use_slots", settings.use_slots);
  in.flag("postgresql.remove_data_directory_on_rewind_failure", settings.remove_data_directory_on_rewind_failure);
  in.flag("postgresql.remove_data_directory_on_diverged_timelines",
          settings.remove_data_directory_on_diverged_timelines);
}

void read(const Json& config, Company company, const Json& local, Settings& settings) {
  Reader in(config, "", company, settings.problems);
  in.seconds("ttl", settings.ttl);
  in.seconds("loop_wait", settings.loop_wait);
  in.seconds("retry_timeout", settings.retry_timeout);
  enforce_timing_rule(settings, company);
  settings.maximum_lag_on_failover = static_cast<std::uint64_t>(in.number("maximum_lag_on_failover"));
  settings.max_timelines_history = static_cast<int>(in.number("max_timelines_history"));
  in.seconds("primary_start_timeout", settings.primary_start_timeout);
  in.seconds("primary_stop_timeout", settings.primary_stop_timeout);
  in.seconds("primary_race_backoff", settings.primary_race_backoff);
  in.seconds("primary_hang_timeout", settings.primary_hang_timeout);
  in.seconds("primary_stall_timeout", settings.primary_stall_timeout);
  settings.primary_hang_policy = read_hang_policy(in);
  in.seconds("member_slots_ttl", settings.member_slots_ttl);
  in.flag("check_timeline", settings.check_timeline);
  in.flag("check_collation", settings.check_collation);
  in.flag("pause", settings.pause);
  in.flag("failsafe_mode", settings.failsafe_mode);
  settings.synchronous_mode = read_sync_mode(in);
  in.flag("synchronous_mode_strict", settings.synchronous_mode_strict);
  settings.synchronous_node_count = static_cast<int>(in.number("synchronous_node_count"));
  settings.maximum_lag_on_syncnode = static_cast<std::int64_t>(in.number("maximum_lag_on_syncnode"));
  read_takeover(in, settings.synchronous_takeover_after);
  settings.standby_cluster = read_standby_cluster(config, settings.problems);
  settings.permanent_slots = parse_permanent_slots(config, settings.problems);
  settings.ignore_slots = parse_ignore_slots(config, settings.problems);
  read_postgresql(config, company, local, settings);
}

}  // namespace

Settings::Settings() {
  read(Json::object(), Company::with_patroni, Json::object(), *this);
}

Company company_of(const std::vector<Member>& members) {
  const bool all_regent =
      std::all_of(members.begin(), members.end(), [](const Member& member) { return !member.regent.empty(); });
  return all_regent ? Company::ourselves : Company::with_patroni;
}

Settings parse_settings(const Json& config, Company company, const Json& local) {
  Settings settings;
  settings.problems.clear();
  read(config.is_object() ? config : Json::object(), company, local, settings);
  return settings;
}

bool Settings::has_logical_slots() const {
  return std::any_of(permanent_slots.begin(), permanent_slots.end(),
                     [](const auto& slot) { return !slot.second.physical; });
}

}  // namespace regent
