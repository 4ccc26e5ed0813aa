#include "model/local_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "base/host.h"
#include "model/address.h"
#include "model/config_keys.h"
#include "model/config_reading.h"
#include "model/config_value.h"

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
    const Json* mode = section.get("guard.mode");
    if (mode == nullptr) return;
    if (const auto parsed = parse_fence_mode(*mode)) {
      config_.guard_mode = *parsed;
    } else {
      section.problem("guard.mode", "is not one of off, automatic, required", "write one of them");
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
                          : (agent ? host_name() : root.text("name"));
    config_.name = MemberName(name);
    // Both become parts of a path in the store.
    constexpr std::string_view no_slash = "must not contain a slash";
    if (config_.scope.find('/') != std::string::npos) root.problem("scope", std::string(no_slash));
    if (name.find('/') != std::string::npos) root.problem("name", std::string(no_slash));
    config_.service_namespace = clean_namespace(root.text("namespace"));
    const auto citus = root.section("citus");
    if (agent && citus.has("citus.group") && citus.has("citus.database"))
      root.problem("citus", "is not supported", "remove the section");
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
      if (find(root.json(), kind) != nullptr) found.emplace_back(kind);
    if (found.empty()) {
      problems_.push_back({fmt::format("one of {}", fmt::join(store_kinds(), ", ")), "", std::string(not_defined),
                           "write the section of the store this cluster uses", true});
      return;
    }
    if (found.size() > 1) {
      problems_.push_back({fmt::format("{}", fmt::join(found, " and ")), "", "cannot be used together",
                           "keep the section of the store this cluster uses", true});
    }
    const auto section = root.section_of(found.front());
    config_.store.kind = found.front();
    config_.store.section = section.json();
    check_store(section, found.front());
  }

  static void check_store(const ConfigSection& section, std::string_view kind) {
    if (!section.exists()) return;
    const auto has = [&](ConfigName key) { return section.has(key); };
    if (kind == "zookeeper" && !has("zookeeper.hosts"))
      section.problem("zookeeper.hosts", std::string(not_defined), "write the list of host:port");
    if (kind != "etcd" && kind != "etcd3") return;
    static_cast<void>(section.list("etcd3.hosts"));
    if (!has("etcd3.host") && !has("etcd3.hosts") && !has("etcd3.url") && !has("etcd3.proxy") && !has("etcd3.srv"))
      section.problem("etcd3.hosts", std::string(not_defined), "write one of host, hosts, url, proxy or srv");
  }

  void read_rest(const ConfigSection& section, ConfigScope scope) {
    auto& rest = config_.rest;
    const auto authentication = section.section("restapi.authentication");
    rest.username = authentication.text("restapi.authentication.username");
    rest.password = authentication.text("restapi.authentication.password");
    rest.certfile = section.text("restapi.certfile");
    rest.keyfile = section.text("restapi.keyfile");
    rest.keyfile_password = section.text("restapi.keyfile_password");
    rest.cafile = section.text("restapi.cafile");
    if (scope == ConfigScope::ctl) return;
    rest.ciphers = section.text("restapi.ciphers");
    rest.verify_client = section.text("restapi.verify_client");
    rest.allowlist = section.list("restapi.allowlist");
    rest.allowlist_include_members = section.flag("restapi.allowlist_include_members");
    rest.http_extra_headers = section.texts("restapi.http_extra_headers");
    rest.https_extra_headers = section.texts("restapi.https_extra_headers");
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
    const auto listen = read_host_port(section, "restapi.listen", standard_port("restapi.listen"));
    if (!listen) return;
    rest.listen_host = listen->host;
    rest.listen_port = static_cast<std::uint16_t>(std::atoi(listen->port.c_str()));
    if (section.has("restapi.connect_address")) {
      const auto address = read_host_port(section, "restapi.connect_address", listen->port);
      if (address) rest.connect_address = to_string(reachable(*address, "restapi.connect_address"));
    } else {
      rest.connect_address = to_string(default_address(section, "restapi.connect_address", *listen));
    }
  }

  std::optional<HostPort> read_host_port(const ConfigSection& section, ConfigName key, std::string_view default_port) {
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

  static HostPort default_address(const ConfigSection& section, ConfigName key, const HostPort& listen) {
    HostPort address{is_wildcard(listen.host) ? host_name() : listen.host, listen.port};
    section.problem(key, std::string(not_defined), fmt::format("other nodes are told {}", to_string(address)), false);
    return address;
  }

  void read_ctl(const ConfigSection& section) {
    auto& ctl = config_.ctl;
    const auto authentication = section.section("ctl.authentication");
    const bool own = authentication.exists();
    ctl.username = own ? authentication.text("ctl.authentication.username") : config_.rest.username;
    ctl.password = own ? authentication.text("ctl.authentication.password") : config_.rest.password;
    ctl.insecure = section.flag("ctl.insecure");
    // Certificates are not taken over from restapi: that ended with Patroni 3.1 (T25).
    ctl.cacert = section.text("ctl.cacert");
    ctl.certfile = section.text("ctl.certfile");
    ctl.keyfile = section.text("ctl.keyfile");
    ctl.keyfile_password = section.text("ctl.keyfile_password");
  }

  void read_log(const ConfigSection& section) {
    auto& options = config_.log;
    if (const auto level = parse_level(section.text("log.level"))) {
      options.level = *level;
    } else {
      section.problem("log.level", "is not a level", "write DEBUG, INFO, WARNING, ERROR or CRITICAL");
    }
    const auto type = section.text("log.type");
    if (type != "plain" && type != "json") section.problem("log.type", "is not a type", "write plain or json");
    options.line.json = type == "json";
    read_log_line(section, options.line);
    options.directory = without_trailing_slash(section.text("log.dir"));
    options.file_size = static_cast<std::uint64_t>(*section.integer("log.file_size"));
    options.file_count = static_cast<unsigned>(*section.integer("log.file_num"));
    options.queue_size = static_cast<std::uint32_t>(*section.integer("log.max_queue_size"));
    options.file_mode = static_cast<std::uint32_t>(section.integer("log.mode").value_or(0));
  }

  static void read_log_line(const ConfigSection& section, log::LineForm& line) {
    line.date_format = section.text("log.dateformat");
    line.static_fields = section.section("log.static_fields").json();
    constexpr ConfigName key = "log.format";
    const Json* format = section.get(key);
    if (format == nullptr) return;
    // A line of another form is better than no agent.
    const auto complain = [&](std::string what) {
      section.problem(key, std::move(what), fmt::format("write some of {}", log::line_attributes()), false);
    };
    if (format->is_array() && line.json) return read_log_fields(*format, line, complain);
    if (!format->is_string()) return complain("is not a text");
    const auto named = log::attributes_of(format->get<std::string>());
    if (!named || named->empty()) return complain(named ? "names nothing of a line" : named.error().message);
    line.format = format->get<std::string>();
    line.fields.clear();
    for (const auto& name : *named) line.fields.emplace_back(name, name);
  }

  // "- levelname", or "- levelname: level" for another key.
  static void read_log_fields(const Json& format, log::LineForm& line,
                              const std::function<void(std::string)>& complain) {
    decltype(line.fields) fields;
    for (const auto& item : format) {
      const Json renamed =
          item.is_object() ? item : Json{{scalar_text(item).value_or(""), scalar_text(item).value_or("")}};
      for (const auto& [name, key] : renamed.items()) {
        if (!log::is_line_attribute(name) || !key.is_string())
          return complain(fmt::format("names {}, which lines here do not have", to_compact(item)));
        fields.emplace_back(name, key.get<std::string>());
      }
    }
    if (fields.empty()) return complain("names nothing of a line");
    line.fields = std::move(fields);
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
        without_trailing_slash(section.required_text("postgresql.data_dir", "write the path of the data directory"));
    postgres.config_dir = without_trailing_slash(section.text("postgresql.config_dir"));
    if (postgres.config_dir.empty()) postgres.config_dir = postgres.data_dir;
    postgres.config_base_name = section.text("postgresql.config_base_name");
    postgres.bin_dir = without_trailing_slash(section.text("postgresql.bin_dir"));
    postgres.bin_name = section.texts("postgresql.bin_name");
    postgres.pgpass = section.text("postgresql.pgpass");
    if (postgres.pgpass.empty()) postgres.pgpass = home_directory() + "/pgpass";
    postgres.use_unix_socket = section.flag("postgresql.use_unix_socket");
    postgres.use_unix_socket_repl = section.flag("postgresql.use_unix_socket_repl");
    read_authentication(section);
  }

  void read_postgres_addresses(const ConfigSection& section) {
    auto& postgres = config_.postgres;
    constexpr ConfigName key = "postgresql.listen";
    const auto text = section.required_text(key, "write host:port, several hosts with commas before the port");
    if (text.empty()) return;
    const auto listen = parse_listen(text, standard_port(key));
    if (!listen) {
      section.problem(key, "is not an address", "write host:port, e.g. 0.0.0.0:5432");
      return;
    }
    postgres.listen_addresses = listen->joined();
    postgres.port = listen->port;
    if (section.has("postgresql.connect_address")) {
      if (const auto address = read_host_port(section, "postgresql.connect_address", listen->port))
        postgres.connect_address = reachable(*address, "postgresql.connect_address");
    } else {
      postgres.connect_address =
          default_address(section, "postgresql.connect_address", {listen->hosts.front(), listen->port});
    }
    if (section.has("postgresql.proxy_address"))
      if (const auto address = read_host_port(section, "postgresql.proxy_address", listen->port))
        postgres.proxy_address = to_string(*address);
  }

  void read_authentication(const ConfigSection& section) {
    auto& postgres = config_.postgres;
    const auto authentication = section.section("postgresql.authentication");
    if (!authentication.exists()) {
      if (!section.has("postgresql.authentication"))
        section.problem("postgresql.authentication", std::string(not_defined),
                        "write `superuser` and `replication` below it");
      return;
    }
    if (!authentication.has("postgresql.authentication.replication"))
      authentication.problem("postgresql.authentication.replication", std::string(not_defined),
                             "write `username` and `password` below it");
    if (!authentication.has("postgresql.authentication.superuser"))
      authentication.problem("postgresql.authentication.superuser", std::string(not_defined),
                             "the role named like the operating system's user is taken, without a password", false);
    const auto service = section.text("postgresql.krbsrvname");
    postgres.superuser = read_credentials(authentication.section("postgresql.authentication.superuser"), service);
    postgres.replication = read_credentials(authentication.section("postgresql.authentication.replication"), service);
    const auto rewind = authentication.section("postgresql.authentication.rewind");
    postgres.rewind = rewind.exists() ? read_credentials(rewind, service) : postgres.superuser;
  }

  // Everything but name and password goes to libpq as it is.
  static Credentials read_credentials(const ConfigSection& section, const std::string& kerberos_service) {
    Credentials out;
    if (!kerberos_service.empty()) out.options["krbsrvname"] = kerberos_service;
    if (!section.exists()) return out;
    out.username = section.required_text("postgresql.authentication.*.username", "write the name of the role");
    out.password = section.text("postgresql.authentication.*.password");
    out.options.merge(section.texts({"username", "password"}));
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
