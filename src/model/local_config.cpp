#include "model/local_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "base/host.h"
#include "model/address.h"
#include "model/config_keys.h"
#include "model/config_reading.h"

namespace regent {
namespace {

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// "/service" from "service", "/service/" or "//service": one slash in front, none behind; the root is empty.
std::string clean_namespace(const std::string& text) {
  std::string out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const auto part = rest.substr(0, slash);
    if (!part.empty()) out += "/" + std::string(part);
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  return out;
}

class Reader {
 public:
  ConfigReading read(Json document, ConfigScope scope) {
    auto notes = modernize_config(document);
    config_.document = std::move(document);
    config_.warnings = find_unknown_keys(config_.document);
    config_.warnings.insert(config_.warnings.end(), notes.begin(), notes.end());
    const ConfigSection root(&config_.document, "", problems_);
    read_identity(root, scope);
    read_store(root);
    read_rest(root.section("restapi"), scope);
    read_ctl(root.section("ctl"));
    if (scope == ConfigScope::agent) {
      read_log(root.section("log"));
      read_postgres(root.section("postgresql"));
      config_.tags = parse_tags(root.section("tags").json());
      for (auto& conflict : tag_conflicts(root.section("tags").json())) warn(std::move(conflict));
      config_.bootstrap = root.section("bootstrap").json();
      config_.watchdog = root.section("watchdog").json();
      read_guard(root.section("guard"));
    }
    return {std::move(config_), std::move(problems_)};
  }

 private:
  void read_guard(const ConfigSection& section) {
    const Json* mode = section.get("mode");
    if (mode == nullptr) return;
    if (const auto parsed = parse_fence_mode(*mode)) {
      config_.guard_mode = *parsed;
    } else {
      section.problem("mode", "is not one of off, automatic, required", "write one of them");
    }
  }

  void warn(std::string sentence) { config_.warnings.push_back(std::move(sentence)); }

  void read_identity(const ConfigSection& root, ConfigScope scope) {
    const bool agent = scope == ConfigScope::agent;
    config_.scope = agent ? root.required_text("scope", "write the name of the cluster, the same on every node")
                          : root.text("scope");
    // As a machine is called: no other node of the cluster is.
    const auto name = agent && root.has("name")
                          ? root.required_text("name", "write a name no other node of this cluster has")
                          : root.text("name", agent ? host_name() : "");
    config_.name = MemberName(name);
    // Both become parts of a path in the store.
    constexpr std::string_view no_slash = "must not contain a slash";
    if (config_.scope.find('/') != std::string::npos) root.problem("scope", std::string(no_slash));
    if (name.find('/') != std::string::npos) root.problem("name", std::string(no_slash));
    config_.service_namespace = clean_namespace(root.text("namespace", "service"));
    if (!root.has("compat")) return;
    const auto generation = parse_generation(root.text("compat"));
    if (generation) {
      config_.compat = *generation;
    } else {
      root.problem("compat", "is not a generation of Patroni", "write 2.1, 3 or 4");
    }
  }

  void read_store(const ConfigSection& root) {
    std::vector<std::string> found;
    for (const auto kind : store_kinds())
      if (root.has(kind)) found.emplace_back(kind);
    if (found.empty()) {
      problems_.push_back({fmt::format("one of {}", fmt::join(store_kinds(), ", ")), "", std::string(not_defined),
                           "write the section of the store this cluster uses", true});
      return;
    }
    if (found.size() > 1) {
      problems_.push_back({fmt::format("{}", fmt::join(found, " and ")), "", "cannot be used together",
                           "keep the section of the store this cluster uses", true});
    }
    const auto section = root.section(found.front());
    config_.store.kind = found.front();
    config_.store.section = section.json();
    check_store(section, found.front());
  }

  static void check_store(const ConfigSection& section, std::string_view kind) {
    if (!section.exists()) return;
    static_cast<void>(section.list("hosts"));
    const bool etcd = kind == "etcd" || kind == "etcd3";
    const auto has = [&](std::string_view key) { return section.has(key); };
    constexpr std::array endpoints{"host", "hosts", "url", "proxy", "srv"};
    if (etcd && std::none_of(endpoints.begin(), endpoints.end(), has))
      section.problem("hosts", std::string(not_defined), "write one of host, hosts, url, proxy or srv");
    if (kind == "zookeeper" && !has("hosts"))
      section.problem("hosts", std::string(not_defined), "write the list of host:port");
  }

  void read_rest(const ConfigSection& section, ConfigScope scope) {
    auto& rest = config_.rest;
    const auto authentication = section.section("authentication");
    rest.username = authentication.text("username");
    rest.password = authentication.text("password");
    rest.certfile = section.text("certfile");
    rest.keyfile = section.text("keyfile");
    rest.keyfile_password = section.text("keyfile_password");
    rest.cafile = section.text("cafile");
    if (scope == ConfigScope::ctl) return;
    rest.ciphers = section.text("ciphers");
    rest.verify_client = section.text("verify_client", "none");
    rest.allowlist = section.list("allowlist");
    rest.allowlist_include_members = section.flag("allowlist_include_members");
    rest.http_extra_headers = section.texts("http_extra_headers");
    rest.https_extra_headers = section.texts("https_extra_headers");
    if (!section.exists()) {
      // A section of the wrong type has its problem already.
      if (find(config_.document, "restapi") == nullptr)
        problems_.push_back(
            {"restapi", "", std::string(not_defined), "write at least `listen` and `connect_address` below it", true});
      return;
    }
    read_rest_addresses(section);
  }

  void read_rest_addresses(const ConfigSection& section) {
    auto& rest = config_.rest;
    const auto listen = read_host_port(section, "listen", "8008");
    if (!listen) return;
    rest.listen_host = listen->host;
    rest.listen_port = static_cast<std::uint16_t>(std::atoi(listen->port.c_str()));
    if (section.has("connect_address")) {
      const auto address = read_host_port(section, "connect_address", listen->port);
      if (address) rest.connect_address = to_string(reachable(*address, "restapi.connect_address"));
    } else {
      rest.connect_address = to_string(default_address(section, *listen));
    }
  }

  std::optional<HostPort> read_host_port(const ConfigSection& section, std::string_view key,
                                         std::string_view default_port) {
    const auto text = section.required_text(key, "write host:port");
    if (text.empty()) return std::nullopt;
    auto address = parse_host_port(text, default_port);
    if (!address)
      section.problem(key, "is not an address", fmt::format("write host:port, e.g. 10.0.0.1:{}", default_port));
    return address;
  }

  HostPort reachable(HostPort address, std::string_view key) {
    if (is_wildcard(address.host))
      warn(fmt::format("{} is {}, where no other node can connect to; write the address of this node", key,
                       to_string(address)));
    return address;
  }

  static HostPort default_address(const ConfigSection& section, const HostPort& listen) {
    HostPort address{is_wildcard(listen.host) ? host_name() : listen.host, listen.port};
    section.problem("connect_address", std::string(not_defined),
                    fmt::format("other nodes are told {}", to_string(address)), false);
    return address;
  }

  void read_ctl(const ConfigSection& section) {
    auto& ctl = config_.ctl;
    const auto authentication = section.section("authentication");
    const bool own = authentication.exists();
    ctl.username = own ? authentication.text("username") : config_.rest.username;
    ctl.password = own ? authentication.text("password") : config_.rest.password;
    ctl.insecure = section.flag("insecure");
    // Certificates are not taken over from restapi: that ended with Patroni 3.1 (T25).
    ctl.cacert = section.text("cacert");
    ctl.certfile = section.text("certfile");
    ctl.keyfile = section.text("keyfile");
    ctl.keyfile_password = section.text("keyfile_password");
  }

  void read_log(const ConfigSection& section) {
    auto& options = config_.log;
    if (section.has("level")) {
      const auto level = parse_level(section.text("level"));
      if (level) {
        options.level = *level;
      } else {
        section.problem("level", "is not a level", "write DEBUG, INFO, WARNING, ERROR or CRITICAL");
      }
    }
    const auto type = section.text("type", "plain");
    if (type != "plain" && type != "json") section.problem("type", "is not a type", "write plain or json");
    options.json = type == "json";
    options.directory = without_trailing_slash(section.text("dir"));
    options.file_size = static_cast<std::uint64_t>(section.integer("file_size", 1, INT64_MAX).value_or(25'000'000));
    options.file_count = static_cast<unsigned>(section.integer("file_num", 0, 1000).value_or(4));
    options.queue_size = static_cast<std::uint32_t>(section.integer("max_queue_size", 1, 1'000'000).value_or(1000));
    options.file_mode = static_cast<std::uint32_t>(section.integer("mode", 0, 0777).value_or(0));
    for (const auto* key : {"format", "dateformat", "static_fields", "loggers"})
      if (section.has(key)) warn(fmt::format("log.{} has no effect; lines have Patroni's standard format", key));
  }

  static std::optional<log::Level> parse_level(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
    if (text == "DEBUG" || text == "NOTSET") return log::Level::debug;
    if (text == "INFO") return log::Level::info;
    if (text == "WARNING" || text == "WARN") return log::Level::warning;
    if (text == "ERROR") return log::Level::error;
    if (text == "CRITICAL" || text == "FATAL") return log::Level::critical;
    return std::nullopt;
  }

  void read_postgres(const ConfigSection& section) {
    if (!section.exists()) {
      if (find(config_.document, "postgresql") == nullptr)
        problems_.push_back({"postgresql", "", std::string(not_defined),
                             "write at least `listen`, `connect_address`, `data_dir` and `authentication` below it",
                             true});
      return;
    }
    auto& postgres = config_.postgres;
    postgres.section = section.json();
    read_postgres_addresses(section);
    postgres.data_dir =
        without_trailing_slash(section.required_text("data_dir", "write the path of the data directory"));
    postgres.config_dir = without_trailing_slash(section.text("config_dir", postgres.data_dir));
    postgres.config_base_name = section.text("config_base_name", "postgresql");
    postgres.bin_dir = without_trailing_slash(section.text("bin_dir"));
    postgres.bin_name = section.texts("bin_name");
    postgres.pgpass = section.text("pgpass");
    if (postgres.pgpass.empty()) postgres.pgpass = home_directory() + "/pgpass";
    postgres.use_unix_socket = section.flag("use_unix_socket");
    postgres.use_unix_socket_repl = section.flag("use_unix_socket_repl");
    read_authentication(section);
  }

  void read_postgres_addresses(const ConfigSection& section) {
    auto& postgres = config_.postgres;
    const auto text = section.required_text("listen", "write host:port, several hosts with commas before the port");
    if (text.empty()) return;
    const auto listen = parse_listen(text, "5432");
    if (!listen) {
      section.problem("listen", "is not an address", "write host:port, e.g. 0.0.0.0:5432");
      return;
    }
    postgres.listen_addresses = listen->joined();
    postgres.port = listen->port;
    if (section.has("connect_address")) {
      if (const auto address = read_host_port(section, "connect_address", listen->port))
        postgres.connect_address = reachable(*address, "postgresql.connect_address");
    } else {
      postgres.connect_address = default_address(section, {listen->hosts.front(), listen->port});
    }
    if (section.has("proxy_address"))
      if (const auto address = read_host_port(section, "proxy_address", listen->port))
        postgres.proxy_address = to_string(*address);
  }

  void read_authentication(const ConfigSection& section) {
    auto& postgres = config_.postgres;
    const auto authentication = section.section("authentication");
    if (!authentication.exists()) {
      if (!section.has("authentication"))
        section.problem("authentication", std::string(not_defined), "write `superuser` and `replication` below it");
      return;
    }
    if (!authentication.has("replication"))
      authentication.problem("replication", std::string(not_defined), "write `username` and `password` below it");
    if (!authentication.has("superuser"))
      authentication.problem("superuser", std::string(not_defined),
                             "the role named like the operating system's user is taken, without a password", false);
    postgres.superuser = read_credentials(authentication.section("superuser"));
    postgres.replication = read_credentials(authentication.section("replication"));
    const auto rewind = authentication.section("rewind");
    postgres.rewind = rewind.exists() ? read_credentials(rewind) : postgres.superuser;
  }

  static Credentials read_credentials(const ConfigSection& section) {
    Credentials out;
    if (!section.exists()) return out;
    out.username = section.required_text("username", "write the name of the role");
    out.password = section.text("password");
    for (const auto& [key, value] : section.json().items())
      if (key != "username" && key != "password" && !value.is_null()) out.options[key] = section.text(key);
    return out;
  }

  LocalConfig config_;
  std::vector<ConfigProblem> problems_;
};

Result<LocalConfig> finish(Json document, std::string_view where, ConfigScope scope,
                           std::vector<std::string> source_warnings = {}) {
  if (!document.is_object())
    return fail(ErrorKind::invalid, fmt::format("{} does not contain a dict; write keys such as `scope: demo`", where));
  auto reading = read_config(std::move(document), scope);
  for (auto& problem : reading.problems) {
    if (!problem.fatal) continue;
    // A required key that seems to be missing is often there with a slip of the finger.
    if (problem.what == not_defined)
      for (const auto& warning : reading.config.warnings)
        if (warning.ends_with(fmt::format("is it {}?", problem.key.substr(problem.key.rfind('.') + 1))))
          problem.remedy = warning;
    return fail(ErrorKind::invalid, problem.sentence(where));
  }
  auto& warnings = reading.config.warnings;
  for (auto& warning : warnings) warning = fmt::format("{}: {}", where, warning);
  warnings.insert(warnings.begin(), source_warnings.begin(), source_warnings.end());
  for (const auto& problem : reading.problems) warnings.push_back(problem.sentence(where));
  return std::move(reading.config);
}

Result<LocalConfig> load(const std::string& path, const std::map<std::string, std::string>& environment,
                         ConfigScope scope) {
  auto source = read_config_source(path, environment);
  if (!source) return tl::unexpected(source.error());
  return finish(std::move(source->document), source->where, scope, std::move(source->warnings));
}

}  // namespace

ConfigReading read_config(Json document, ConfigScope scope) {
  return Reader().read(std::move(document), scope);
}

Result<LocalConfig> load_local_config(const std::string& path, const std::map<std::string, std::string>& environment) {
  return load(path, environment, ConfigScope::agent);
}

Result<LocalConfig> parse_local_config(Json document, std::string_view where) {
  return finish(std::move(document), where, ConfigScope::agent);
}

Result<LocalConfig> load_ctl_config(const std::string& path, const std::map<std::string, std::string>& environment) {
  return load(path, environment, ConfigScope::ctl);
}

}  // namespace regent
