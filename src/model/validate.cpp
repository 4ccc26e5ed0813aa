// --validate-config: rules of compat §1.26. The lines have Patroni's form, "key value what is wrong".
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/host.h"
#include "model/address.h"
#include "model/config_reading.h"
#include "model/local_config.h"
#include "model/settings.h"

namespace regent {
namespace {

struct NumberRule {
  std::string_view path;
  std::int64_t least;
  std::int64_t most = INT64_MAX;
};

constexpr NumberRule number_rules[] = {
    {"thread_stack_size", 65536},
    {"bootstrap.dcs.ttl", 20},
    {"bootstrap.dcs.loop_wait", 1},
    {"bootstrap.dcs.retry_timeout", 3},
    {"bootstrap.dcs.maximum_lag_on_failover", 0},
    {"bootstrap.dcs.maximum_lag_on_syncnode", -1},
    {"bootstrap.dcs.max_timelines_history", 0},
    {"bootstrap.dcs.primary_start_timeout", 0},
    {"bootstrap.dcs.master_start_timeout", 0},
    {"bootstrap.dcs.primary_stop_timeout", 0},
    {"bootstrap.dcs.master_stop_timeout", 0},
    {"bootstrap.dcs.synchronous_node_count", 1},
    {"restapi.request_queue_size", 0, 4096},
    {"restapi.thread_pool_size", 1},
    {"watchdog.safety_margin", -1},
    {"tags.failover_priority", INT64_MIN},
    {"tags.sync_priority", INT64_MIN},
};

struct WordRule {
  std::string_view path;
  std::vector<std::string_view> words;
};

const std::vector<WordRule>& word_rules() {
  static const std::vector<WordRule> rules{
      {"restapi.verify_client", {"none", "optional", "required"}},
      {"restapi.server_tokens", {"original", "minimal", "productonly"}},
      {"watchdog.mode", {"off", "automatic", "required"}},
      {"guard.mode", {"off", "automatic", "required"}},
      {"consul.consistency", {"default", "consistent", "stale"}},
      {"bootstrap.dcs.synchronous_mode", {"on", "off", "quorum"}},
  };
  return rules;
}

constexpr std::string_view boolean_paths[] = {
    "tags.nofailover",
    "tags.nosync",
    "tags.noloadbalance",
    "tags.clonefrom",
    "tags.nostream",
    "bootstrap.dcs.synchronous_mode_strict",
    "bootstrap.dcs.failsafe_mode",
    "bootstrap.dcs.check_timeline",
    "bootstrap.dcs.check_collation",
    "bootstrap.dcs.postgresql.use_pg_rewind",
    "bootstrap.dcs.postgresql.use_slots",
    "postgresql.use_pg_rewind",
    "postgresql.use_slots",
};

constexpr std::string_view mapping_paths[] = {
    "bootstrap.dcs",        "bootstrap.dcs.postgresql", "bootstrap.dcs.postgresql.parameters",
    "bootstrap.dcs.slots",  "postgresql.parameters",    "bootstrap.dcs.standby_cluster",
    "postgresql.callbacks",
};

class Validator {
 public:
  Validator(const LocalConfig& config, bool ignore_listen_port)
      : config_(config), ignore_listen_port_(ignore_listen_port) {}

  std::vector<std::string> run() {
    check_values();
    check_tags();
    check_addresses();
    check_files();
    check_programs();
    check_data_directory();
    return std::move(lines_);
  }

 private:
  const Json* at(std::string_view path) const {
    const Json* place = &config_.document;
    while (place != nullptr) {
      const auto dot = path.find('.');
      place = find(*place, path.substr(0, dot));
      if (dot == std::string_view::npos) break;
      path.remove_prefix(dot + 1);
    }
    return place;
  }

  static std::string shown(const Json& value) {
    return value.is_string() ? value.get<std::string>() : to_spaced(value);
  }

  void report(std::string_view path, std::string_view value, std::string_view what) {
    lines_.push_back(fmt::format("{} {} {}", path, value, what));
  }

  void check_values() {
    constexpr std::string_view wrong = "didn't pass validation: Wrong value";
    for (const auto& rule : number_rules) {
      const Json* value = at(rule.path);
      if (value == nullptr) continue;
      const auto number = scalar_integer(*value);
      if (!number || *number < rule.least || *number > rule.most) report(rule.path, shown(*value), wrong);
    }
    for (const auto& rule : word_rules()) {
      const Json* value = at(rule.path);
      if (value == nullptr) continue;
      // `off` and `on` without quotes are booleans to YAML.
      const auto word = value->is_boolean() ? (value->get<bool>() ? "on" : "off") : shown(*value);
      if (std::find(rule.words.begin(), rule.words.end(), word) == rule.words.end())
        report(rule.path, shown(*value), wrong);
    }
    for (const auto path : boolean_paths) {
      const Json* value = at(path);
      if (value != nullptr && !scalar_flag(*value)) report(path, shown(*value), "is not a boolean");
    }
    for (const auto path : mapping_paths) {
      const Json* value = at(path);
      if (value != nullptr && !value->is_object()) report(path, shown(*value), "is not a dictionary");
    }
  }

  void check_tags() {
    for (const auto& [flag, priority] :
         {std::pair{"nofailover", "failover_priority"}, std::pair{"nosync", "sync_priority"}})
      if (find(config_.tags.all, flag) != nullptr && find(config_.tags.all, priority) != nullptr)
        report(fmt::format("tags.{}", flag), shown(*find(config_.tags.all, flag)),
               fmt::format("cannot be used together with tags.{}", priority));
  }

  void check_addresses() {
    check_connect_address("restapi.connect_address");
    check_connect_address("postgresql.connect_address");
    if (ignore_listen_port_) return;
    check_listen("restapi.listen", "8008");
    check_listen("postgresql.listen", "5432");
  }

  void check_connect_address(std::string_view path) {
    const Json* value = at(path);
    if (value == nullptr || !value->is_string()) return;
    const auto address = parse_host_port(value->get<std::string>(), "1");
    if (address && (is_wildcard(address->host) || is_loopback(address->host)))
      report(path, shown(*value),
             "didn't pass validation: must not contain \"127.0.0.1\", \"0.0.0.0\", \"*\", \"::1\", \"localhost\"");
  }

  void check_listen(std::string_view path, std::string_view default_port) {
    const Json* value = at(path);
    if (value == nullptr || !value->is_string()) return;
    const auto address = parse_listen(value->get<std::string>(), default_port);
    if (!address) return;
    for (const auto& host : address->hosts) {
      const auto problem = why_no_listen(host, address->port);
      if (!problem.empty()) report(path, shown(*value), fmt::format("didn't pass validation: {}", problem));
    }
  }

  void check_file(std::string_view path, const std::string& file) {
    if (file.empty()) return;
    const auto why = why_no_access(file, Access::read);
    if (!why.empty()) report(path, file, fmt::format("cannot be read: {}", why));
  }

  void check_files() {
    check_file("restapi.certfile", config_.rest.certfile);
    check_file("restapi.keyfile", config_.rest.keyfile);
    check_file("restapi.cafile", config_.rest.cafile);
    if (config_.log.directory.empty()) return;
    const auto why = why_no_access(config_.log.directory, Access::write_directory);
    if (!why.empty()) report("log.dir", config_.log.directory, fmt::format("cannot be written: {}", why));
  }

  std::string program(const std::string& name) const {
    const auto& names = config_.postgres.bin_name;
    const auto renamed = names.find(name);
    return renamed == names.end() ? name : renamed->second;
  }

  void check_programs() {
    const auto& directory = config_.postgres.bin_dir;
    if (directory.empty()) return;
    std::error_code error;
    if (!std::filesystem::is_directory(directory, error)) {
      report("postgresql.bin_dir", "", fmt::format("Directory '{}' does not exist.", directory));
      return;
    }
    for (const auto* name : {"pg_ctl", "initdb", "pg_controldata", "pg_basebackup", "postgres", "pg_isready"}) {
      const auto file = fmt::format("{}/{}", directory, program(name));
      if (!why_no_access(file, Access::execute).empty())
        report("postgresql.bin_dir", directory, fmt::format("does not contain '{}'", program(name)));
    }
  }

  void check_data_directory() {
    const auto& path = config_.postgres.data_dir;
    std::error_code error;
    if (path.empty() || !std::filesystem::exists(path, error)) return;  // absent is fine, it will be made
    constexpr std::string_view key = "postgresql.data_dir";
    if (!std::filesystem::is_directory(path, error)) {
      report(key, path, "didn't pass validation: is not a directory");
    } else if (!is_empty(path) && !std::filesystem::exists(path + "/PG_VERSION", error)) {
      report(key, path, "didn't pass validation: doesn't look like a valid data directory");
    } else {
      check_data_version(path);
    }
  }

  // Debian's and the RPM packages' bin_dir tells the major version; asking the program would mean running it.
  void check_data_version(const std::string& path) {
    std::ifstream file(path + "/PG_VERSION");
    std::string major;
    if (!std::getline(file, major)) return;
    const auto place = std::filesystem::path(config_.postgres.bin_dir).parent_path().filename().string();
    const auto digits = place.starts_with("pgsql-") ? place.substr(6) : place;
    const bool version = !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
    if (version && digits != major)
      report("postgresql.data_dir", path,
             fmt::format("didn't pass validation: data directory version {} doesn't match with 'postgres' binary "
                         "version {}",
                         major, digits));
  }

  static bool is_empty(const std::string& path) {
    std::error_code error;
    return std::filesystem::is_empty(path, error) && !error;
  }

  const LocalConfig& config_;
  bool ignore_listen_port_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> validate_local_config(const LocalConfig& config, bool ignore_listen_port) {
  return Validator(config, ignore_listen_port).run();
}

std::vector<std::string> validate_config_source(const std::string& path,
                                                const std::map<std::string, std::string>& environment,
                                                bool ignore_listen_port) {
  auto source = read_config_source(path, environment);
  if (!source) return {source.error().message};
  const auto reading = read_config(std::move(source->document), ConfigScope::agent);
  std::vector<std::string> lines;
  for (const auto& problem : reading.problems) lines.push_back(problem.validator_line());
  for (auto& line : validate_local_config(reading.config, ignore_listen_port))
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
  // What the start would say about them, unless it was said above.
  for (const auto& warning : reading.config.warnings) {
    if (!warning.starts_with("Conflicting configuration")) lines.push_back(warning);
  }
  const Json* dynamic = find(reading.config.bootstrap, "dcs");
  if (dynamic == nullptr || !dynamic->is_object()) return lines;
  for (const auto& problem : parse_settings(*dynamic).problems) {
    const auto key = "bootstrap.dcs." + problem.substr(0, problem.find_first_of(" ="));
    const bool said =
        std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.starts_with(key + " "); });
    if (!said) lines.push_back("bootstrap.dcs." + problem);
  }
  return lines;
}

}  // namespace regent
