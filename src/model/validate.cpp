// --validate-config: rules of compat §1.26. The lines have Patroni's form, "key value what is wrong".
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/host.h"
#include "model/address.h"
#include "model/config_reading.h"
#include "model/config_value.h"
#include "model/local_config.h"
#include "model/settings.h"

namespace regent {
namespace {

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
  const Json* at(std::string_view path) const { return at_path(config_.document, path); }

  static std::string shown(const Json& value) {
    return value.is_string() ? value.get<std::string>() : to_spaced(value);
  }

  void report(std::string_view path, std::string_view value, std::string_view what) {
    lines_.push_back(fmt::format("{} {} {}", path, value, what));
  }

  void check_values() {
    for (const ConfigRow& row : config_rows()) {
      if (row.in_file()) check_value(row, std::string(row.path));
      if (row.in_dynamic()) check_value(row, fmt::format("bootstrap.dcs.{}", row.path));
    }
  }

  void check_value(const ConfigRow& row, const std::string& path) {
    const Json* value = at(path);
    const auto what = value == nullptr ? std::string_view() : problem_of(row, *value);
    if (!what.empty()) report(path, shown(*value), what);
  }

  // Empty: none.
  static std::string_view problem_of(const ConfigRow& row, const Json& value) {
    constexpr std::string_view wrong = "didn't pass validation: Wrong value";
    switch (row.kind) {
      case ConfigKind::flag:
        return scalar_flag(value) ? "" : "is not a boolean";
      case ConfigKind::integer: {
        const auto number = scalar_integer(value);
        return number && row.allows(static_cast<double>(*number)) ? "" : wrong;
      }
      case ConfigKind::number: {
        const auto number = scalar_number(value);
        return number && row.allows(*number) ? "" : wrong;
      }
      case ConfigKind::seconds: {
        const auto seconds = scalar_seconds(value);
        const bool switched = !row.words.empty() && scalar_flag(value);
        return switched || (seconds && row.allows(*seconds)) ? "" : wrong;
      }
      case ConfigKind::mapping:
      case ConfigKind::section:
      case ConfigKind::open:
        return value.is_object() ? "" : "is not a dictionary";
      case ConfigKind::text:
      case ConfigKind::list:
      case ConfigKind::any:
        break;
    }
    if (row.words.empty()) return "";
    // `off` and `on` without quotes are booleans to YAML.
    auto written = value.is_boolean() ? (value.get<bool>() ? "on" : "off") : shown(value);
    if (row.in_dynamic())
      std::transform(written.begin(), written.end(), written.begin(), [](unsigned char c) { return std::tolower(c); });
    bool known = false;
    for_each_word(row.words, [&](std::string_view word) { known = known || word == written; });
    return known ? "" : wrong;
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
    check_listen("restapi.listen");
    check_listen("postgresql.listen");
  }

  void check_connect_address(std::string_view path) {
    const Json* value = at(path);
    if (value == nullptr || !value->is_string()) return;
    const auto address = parse_host_port(value->get<std::string>(), "1");
    if (address && (is_wildcard(address->host) || is_loopback(address->host)))
      report(path, shown(*value),
             "didn't pass validation: must not contain \"127.0.0.1\", \"0.0.0.0\", \"*\", \"::1\", \"localhost\"");
  }

  void check_listen(ConfigName key) {
    const auto path = key->path;
    const Json* value = at(path);
    if (value == nullptr || !value->is_string()) return;
    const auto address = parse_listen(value->get<std::string>(), standard_port(key));
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
  const auto begins = [](const std::string& line, std::string_view key) {
    return line.starts_with(key) && line.substr(key.size(), 1) == " ";
  };
  const auto kept = lines;
  const auto said = [&](std::string_view key, const std::vector<std::string>& among) {
    return std::any_of(among.begin(), among.end(), [&](const std::string& line) { return begins(line, key); });
  };
  for (auto& line : validate_local_config(reading.config, ignore_listen_port))
    if (!said(std::string_view(line).substr(0, line.find(' ')), kept)) lines.push_back(std::move(line));
  // What the start would say about them, unless it was said above.
  for (const auto& warning : reading.config.warnings) {
    if (!warning.starts_with("Conflicting configuration")) lines.push_back(warning);
  }
  const Json* dynamic = find(reading.config.bootstrap, "dcs");
  if (dynamic == nullptr || !dynamic->is_object()) return lines;
  for (const auto& problem : parse_settings(*dynamic).problems) {
    if (!said("bootstrap.dcs." + problem.substr(0, problem.find_first_of(" =")), lines))
      lines.push_back("bootstrap.dcs." + problem);
  }
  return lines;
}

}  // namespace regent
