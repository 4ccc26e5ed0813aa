// The local configuration: YAML file or directory, environment, defaults (compat §1.11, §1.25).
// Who uses it: main wires adapters from it; rest and ctl read their sections. Read once, replaced whole on reload.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "base/result.h"
#include "base/strong.h"
#include "model/fence_mode.h"
#include "model/generation.h"
#include "model/member.h"
#include "model/tags.h"

namespace regent {

struct Credentials {
  std::string username;
  std::string password;
  // sslmode, sslcert, ... as written, passed on to libpq
  std::map<std::string, std::string> options;
};

struct RestConfig {
  std::string listen_host;  // without brackets; "*" stands for every address of either family
  std::uint16_t listen_port = 0;
  std::string connect_address;  // host:port as other members reach it
  std::string username, password;
  std::string certfile, keyfile, keyfile_password, cafile, ciphers, verify_client;
  std::vector<std::string> allowlist;
  bool allowlist_include_members = false;
  std::map<std::string, std::string> http_extra_headers, https_extra_headers;

  bool tls() const { return !certfile.empty(); }
};

struct CtlConfig {
  std::string username, password;
  bool insecure = false;
  std::string cacert, certfile, keyfile, keyfile_password;
};

// Which store, and its section as written. Exactly one of the known names.
struct StoreConfig {
  std::string kind;  // "etcd3", "etcd", "consul", "zookeeper", ...
  Json section = Json::object();
};

struct PostgresConfig {
  std::string listen_addresses = "*";  // as PostgreSQL's parameter wants it
  std::string port;
  HostPort connect_address;
  std::string proxy_address;  // host:port, empty when there is no proxy
  std::string data_dir;
  std::string config_dir;  // data_dir when not set
  std::string config_base_name = "postgresql";
  std::string bin_dir;
  std::map<std::string, std::string> bin_name;  // pg_ctl, initdb, ... -> name
  std::string pgpass;
  Credentials superuser, replication;
  Credentials rewind;  // the superuser when not set
  bool use_unix_socket = false;
  bool use_unix_socket_repl = false;
  Json section = Json::object();  // the whole `postgresql` mapping as written: parameters, pg_hba, callbacks, ...
};

struct LocalConfig {
  MemberName name;
  std::string scope;
  std::string service_namespace = "/service";  // with leading slash, no trailing one
  Generation compat = Generation::v4;
  RestConfig rest;
  CtlConfig ctl;
  StoreConfig store;
  PostgresConfig postgres;
  log::Options log;
  Tags tags;
  Json bootstrap = Json::object();
  Json watchdog = Json::object();
  FenceMode guard_mode = FenceMode::automatic;
  Json document = Json::object();  // the whole document after the environment was applied

  std::vector<std::string> warnings;  // things that are accepted and worth a sentence (T19, T22)
};

// `path` is a file or a directory of *.yml files; empty: PATRONI_CONFIGURATION or single variables only. `environment`
// holds PATRONI_* variables. Errors name the file and key and what to write there.
Result<LocalConfig> load_local_config(const std::string& path, const std::map<std::string, std::string>& environment);

// The same from one parsed document, for tests and for PATRONI_CONFIGURATION.
Result<LocalConfig> parse_local_config(Json document, std::string_view where);

// What regentctl needs is less: scope and store only; name, PostgreSQL and REST may be missing.
Result<LocalConfig> load_ctl_config(const std::string& path, const std::map<std::string, std::string>& environment);

// `--validate-config` for a source that may be broken: what keeps it from being loaded, and then everything
// validate_local_config() finds, all at once.
std::vector<std::string> validate_config_source(const std::string& path,
                                                const std::map<std::string, std::string>& environment,
                                                bool ignore_listen_port);

// `--validate-config`: every problem at once, one sentence each; looks at files and ports unless told otherwise.
std::vector<std::string> validate_local_config(const LocalConfig& config, bool ignore_listen_port);

}  // namespace regent
