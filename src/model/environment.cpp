#include "model/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/yaml.h"

namespace regent {
namespace {

constexpr std::string_view prefix = "PATRONI_";

enum class Kind { text, scalar, list, dictionary };

struct Variable {
  std::string_view name;
  std::string_view path;  // where it goes in the document
  Kind kind = Kind::text;
};

// `scalar` follows YAML's rules: numbers and booleans. Names, passwords and paths stay text whatever they look like.
constexpr Variable variables[] = {
    {"NAME", "name"},
    {"NAMESPACE", "namespace"},
    {"SCOPE", "scope"},
    {"COMPAT", "compat"},
    {"THREAD_POOL_SIZE", "thread_pool_size", Kind::scalar},
    {"THREAD_STACK_SIZE", "thread_stack_size", Kind::scalar},
    {"LOGLEVEL", "log.level"},
    {"LOGFORMAT", "log.format"},
    {"LOG_DATEFMT", "log.dateformat"},
    {"LOG_TYPE", "log.type"},
    {"LOG_LEVEL", "log.level"},
    {"LOG_TRACEBACK_LEVEL", "log.traceback_level"},
    {"LOG_FORMAT", "log.format"},
    {"LOG_DATEFORMAT", "log.dateformat"},
    {"LOG_STATIC_FIELDS", "log.static_fields", Kind::dictionary},
    {"LOG_MAX_QUEUE_SIZE", "log.max_queue_size", Kind::scalar},
    {"LOG_DIR", "log.dir"},
    {"LOG_MODE", "log.mode", Kind::scalar},
    {"LOG_FILE_NUM", "log.file_num", Kind::scalar},
    {"LOG_FILE_SIZE", "log.file_size", Kind::scalar},
    {"LOG_LOGGERS", "log.loggers", Kind::dictionary},
    {"LOG_DEDUPLICATE_HEARTBEAT_LOGS", "log.deduplicate_heartbeat_logs", Kind::scalar},
    {"RESTAPI_LISTEN", "restapi.listen"},
    {"RESTAPI_CONNECT_ADDRESS", "restapi.connect_address"},
    {"RESTAPI_USERNAME", "restapi.authentication.username"},
    {"RESTAPI_PASSWORD", "restapi.authentication.password"},
    {"RESTAPI_CERTFILE", "restapi.certfile"},
    {"RESTAPI_KEYFILE", "restapi.keyfile"},
    {"RESTAPI_KEYFILE_PASSWORD", "restapi.keyfile_password"},
    {"RESTAPI_CAFILE", "restapi.cafile"},
    {"RESTAPI_CIPHERS", "restapi.ciphers"},
    {"RESTAPI_VERIFY_CLIENT", "restapi.verify_client"},
    {"RESTAPI_ALLOWLIST", "restapi.allowlist", Kind::list},
    {"RESTAPI_ALLOWLIST_INCLUDE_MEMBERS", "restapi.allowlist_include_members", Kind::scalar},
    {"RESTAPI_HTTP_EXTRA_HEADERS", "restapi.http_extra_headers", Kind::dictionary},
    {"RESTAPI_HTTPS_EXTRA_HEADERS", "restapi.https_extra_headers", Kind::dictionary},
    {"RESTAPI_REQUEST_QUEUE_SIZE", "restapi.request_queue_size", Kind::scalar},
    {"RESTAPI_SERVER_TOKENS", "restapi.server_tokens"},
    {"RESTAPI_THREAD_POOL_SIZE", "restapi.thread_pool_size", Kind::scalar},
    {"CTL_USERNAME", "ctl.authentication.username"},
    {"CTL_PASSWORD", "ctl.authentication.password"},
    {"CTL_INSECURE", "ctl.insecure", Kind::scalar},
    {"CTL_CACERT", "ctl.cacert"},
    {"CTL_CERTFILE", "ctl.certfile"},
    {"CTL_KEYFILE", "ctl.keyfile"},
    {"CTL_KEYFILE_PASSWORD", "ctl.keyfile_password"},
    {"POSTGRESQL_LISTEN", "postgresql.listen"},
    {"POSTGRESQL_CONNECT_ADDRESS", "postgresql.connect_address"},
    {"POSTGRESQL_PROXY_ADDRESS", "postgresql.proxy_address"},
    {"POSTGRESQL_DATA_DIR", "postgresql.data_dir"},
    {"POSTGRESQL_CONFIG_DIR", "postgresql.config_dir"},
    {"POSTGRESQL_BIN_DIR", "postgresql.bin_dir"},
    {"POSTGRESQL_PGPASS", "postgresql.pgpass"},
    {"POSTGRESQL_BIN_PG_CTL", "postgresql.bin_name.pg_ctl"},
    {"POSTGRESQL_BIN_INITDB", "postgresql.bin_name.initdb"},
    {"POSTGRESQL_BIN_PG_CONTROLDATA", "postgresql.bin_name.pg_controldata"},
    {"POSTGRESQL_BIN_PG_BASEBACKUP", "postgresql.bin_name.pg_basebackup"},
    {"POSTGRESQL_BIN_POSTGRES", "postgresql.bin_name.postgres"},
    {"POSTGRESQL_BIN_IS_READY", "postgresql.bin_name.pg_isready"},
    {"POSTGRESQL_BIN_PG_ISREADY", "postgresql.bin_name.pg_isready"},
    {"POSTGRESQL_BIN_PG_REWIND", "postgresql.bin_name.pg_rewind"},
};

// What may follow the name of a store.
constexpr Variable store_suffixes[] = {
    {"HOST", ""},
    {"HOSTS", "", Kind::list},
    {"PORT", "", Kind::scalar},
    {"PROTOCOL", ""},
    {"SCHEME", ""},
    {"SRV", ""},
    {"SRV_SUFFIX", ""},
    {"URL", ""},
    {"PROXY", ""},
    {"USE_PROXIES", "", Kind::scalar},
    {"USERNAME", ""},
    {"PASSWORD", ""},
    {"CACERT", ""},
    {"CERT", ""},
    {"KEY", ""},
    {"KEY_PASSWORD", ""},
    {"USE_SSL", "", Kind::scalar},
    {"VERIFY", "", Kind::scalar},
    {"SET_ACLS", "", Kind::dictionary},
    {"AUTH_DATA", "", Kind::dictionary},
    {"TOKEN", ""},
    {"CHECKS", "", Kind::list},
    {"DC", ""},
    {"CONSISTENCY", ""},
    {"REGISTER_SERVICE", "", Kind::scalar},
    {"SERVICE_TAGS", "", Kind::list},
    {"SERVICE_CHECK_INTERVAL", ""},
    {"SERVICE_CHECK_TLS_SERVER_NAME", ""},
    {"NAMESPACE", ""},
    {"CONTEXT", ""},
    {"USE_ENDPOINTS", "", Kind::scalar},
    {"SCOPE_LABEL", ""},
    {"ROLE_LABEL", ""},
    {"LEADER_LABEL_VALUE", ""},
    {"FOLLOWER_LABEL_VALUE", ""},
    {"STANDBY_LEADER_LABEL_VALUE", ""},
    {"TMP_ROLE_LABEL", ""},
    {"BOOTSTRAP_LABELS", "", Kind::dictionary},
    {"POD_IP", ""},
    {"PORTS", "", Kind::list},
    {"LABELS", "", Kind::dictionary},
    {"BYPASS_API_SERVICE", "", Kind::scalar},
    {"RETRIABLE_HTTP_CODES", "", Kind::list},
    {"GROUP", "", Kind::scalar},
    {"DATABASE", ""},
    {"POLL_INTERVAL", "", Kind::scalar},
    {"SELF_ADDR", ""},
    {"BIND_ADDR", ""},
    {"PARTNER_ADDRS", "", Kind::list},
    {"DATA_DIR", ""},
};

constexpr std::array stores{"ETCD3", "ETCD", "CONSUL", "ZOOKEEPER", "EXHIBITOR", "KUBERNETES", "RAFT", "CITUS"};
constexpr std::array roles{"SUPERUSER", "REPLICATION", "REWIND"};
constexpr std::array role_options{"USERNAME",  "PASSWORD",    "SSLMODE",         "SSLCERT",
                                  "SSLKEY",    "SSLPASSWORD", "SSLROOTCERT",     "SSLCRL",
                                  "SSLCRLDIR", "GSSENCMODE",  "CHANNEL_BINDING", "SSLNEGOTIATION"};

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void put(Json& document, std::string_view path, Json value) {
  Json* place = &document;
  while (true) {
    const auto dot = path.find('.');
    place = &(*place)[std::string(path.substr(0, dot))];
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  *place = std::move(value);
}

class Reader {
 public:
  EnvironmentLayer read(const std::map<std::string, std::string>& environment) {
    for (const auto& [name, value] : environment) {
      const std::string_view full = name;
      if (!full.starts_with(prefix) || value.empty() || name == "PATRONI_CONFIGURATION") continue;
      const auto rest = full.substr(prefix.size());
      // Old names come first in the table, so that the new name wins when both are set.
      if (read_known(name, rest, value) || read_store(name, rest, value) || read_role(rest, value) ||
          read_user(rest, value))
        continue;
      layer_.warnings.push_back(fmt::format("the environment variable {} is not known and has no effect", name));
    }
    apply_known();
    return std::move(layer_);
  }

 private:
  Json convert(std::string_view name, Kind kind, const std::string& value) {
    switch (kind) {
      case Kind::text:
        return value;
      case Kind::scalar:
        return resolve_plain_scalar(trim(value));
      case Kind::list:
        return parse_env_list(value);
      case Kind::dictionary:
        break;
    }
    Json result = parse_env_dictionary(value);
    if (result.is_null())
      layer_.warnings.push_back(
          fmt::format("the environment variable {} has no effect: write `key: value, key: value`", name));
    return result;
  }

  bool read_known(std::string_view name, std::string_view rest, const std::string& value) {
    for (std::size_t i = 0; i < std::size(variables); ++i) {
      if (variables[i].name != rest) continue;
      Json converted = convert(name, variables[i].kind, value);
      if (!converted.is_null()) known_[i] = std::move(converted);
      return true;
    }
    return false;
  }

  void apply_known() {
    for (auto& [index, value] : known_) put(layer_.document, variables[index].path, std::move(value));
  }

  bool read_store(std::string_view name, std::string_view rest, const std::string& value) {
    for (const std::string_view store : stores) {
      if (!rest.starts_with(store) || rest.size() <= store.size() || rest[store.size()] != '_') continue;
      const auto suffix = rest.substr(store.size() + 1);
      for (const auto& known : store_suffixes) {
        if (known.name != suffix) continue;
        Json converted = convert(name, known.kind, value);
        if (!converted.is_null()) layer_.document[lower(store)][lower(suffix)] = std::move(converted);
        return true;
      }
    }
    return false;
  }

  bool read_role(std::string_view rest, const std::string& value) {
    for (const std::string_view role : roles) {
      if (!rest.starts_with(role) || rest.size() <= role.size() || rest[role.size()] != '_') continue;
      const auto option = rest.substr(role.size() + 1);
      if (std::find(role_options.begin(), role_options.end(), option) == role_options.end()) return false;
      put(layer_.document, fmt::format("postgresql.authentication.{}.{}", lower(role), lower(option)), value);
      return true;
    }
    return false;
  }

  // PATRONI_<user>_PASSWORD and _OPTIONS: roles to create at bootstrap, until Patroni 4.0 (T19).
  bool read_user(std::string_view rest, const std::string& value) {
    constexpr std::string_view password = "_PASSWORD";
    constexpr std::string_view options = "_OPTIONS";
    const auto user_of = [&](std::string_view suffix) -> std::optional<std::string> {
      if (!rest.ends_with(suffix) || rest.size() == suffix.size()) return std::nullopt;
      return std::string(rest.substr(0, rest.size() - suffix.size()));
    };
    if (const auto user = user_of(password)) {
      layer_.document["bootstrap"]["users"][*user]["password"] = value;
    } else if (const auto owner = user_of(options)) {
      layer_.document["bootstrap"]["users"][*owner]["options"] = parse_env_list(value);
    } else {
      return false;
    }
    return true;
  }

  EnvironmentLayer layer_;
  std::map<std::size_t, Json> known_;  // index in `variables` -> value
};

}  // namespace

Json parse_env_list(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[') || text.starts_with("- ")) {
    auto parsed = parse_yaml(text, "list");
    if (parsed && parsed->is_array()) return *parsed;
  }
  if (text.find_first_of("'\"{") != std::string_view::npos) {
    auto parsed = parse_yaml(fmt::format("[{}]", text), "list");
    if (parsed && parsed->is_array()) return *parsed;
  }
  Json list = Json::array();
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto item = trim(text.substr(0, comma));
    if (!item.empty()) {
      // Status codes and ports are numbers; everything else in such lists is text: "10:20" is an address here.
      const bool digits = item.find_first_not_of("0123456789") == std::string_view::npos;
      list.push_back(digits ? resolve_plain_scalar(item) : Json(std::string(item)));
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return list;
}

Json parse_env_dictionary(std::string_view text) {
  text = trim(text);
  // As it stands first: a block mapping of several lines is YAML too.
  const bool wrapped = text.starts_with('{') || text.find('\n') != std::string_view::npos;
  auto parsed = parse_yaml(wrapped ? std::string(text) : fmt::format("{{{}}}", text), "mapping");
  if (!parsed || !parsed->is_object()) return nullptr;
  return *parsed;
}

EnvironmentLayer read_environment(const std::map<std::string, std::string>& environment) {
  return Reader().read(environment);
}

}  // namespace regent
