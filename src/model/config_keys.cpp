#include "model/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace regent {
namespace {

using Keys = std::set<std::string_view>;

const Keys top_keys{"name",
                    "namespace",
                    "scope",
                    "compat",
                    "thread_pool_size",
                    "thread_stack_size",
                    "log",
                    "restapi",
                    "ctl",
                    "bootstrap",
                    "watchdog",
                    "guard",
                    "postgresql",
                    "tags",
                    "citus",
                    "consul",
                    "etcd",
                    "etcd3",
                    "raft",
                    "exhibitor",
                    "kubernetes",
                    "zookeeper"};

// At the top of the file they do nothing, although people write them there.
const Keys dynamic_keys{"ttl",
                        "loop_wait",
                        "retry_timeout",
                        "maximum_lag_on_failover",
                        "maximum_lag_on_syncnode",
                        "max_timelines_history",
                        "primary_start_timeout",
                        "master_start_timeout",
                        "primary_stop_timeout",
                        "master_stop_timeout",
                        "synchronous_mode",
                        "synchronous_mode_strict",
                        "synchronous_node_count",
                        "synchronous_takeover_after",
                        "failsafe_mode",
                        "check_timeline",
                        "check_collation",
                        "primary_race_backoff",
                        "member_slots_ttl",
                        "primary_hang_timeout",
                        "primary_stall_timeout",
                        "primary_hang_policy",
                        "pause",
                        "slots",
                        "ignore_slots",
                        "permanent_slots",
                        "standby_cluster"};

const Keys credential_keys{"username", "password",    "sslmode",   "sslcert",    "sslkey",          "sslpassword",
                           "sslcrl",   "sslrootcert", "sslcrldir", "gssencmode", "channel_binding", "sslnegotiation"};

struct SectionKeys {
  std::string_view path;
  Keys keys;
};

const std::vector<SectionKeys>& sections() {
  static const Keys etcd{"host", "hosts",    "url",      "proxy",    "srv",    "srv_suffix", "use_proxies",
                         "port", "protocol", "username", "password", "cacert", "cert",       "key"};
  static const std::vector<SectionKeys> all{
      {"log",
       {"type", "level", "traceback_level", "format", "dateformat", "static_fields", "max_queue_size", "dir", "mode",
        "file_num", "file_size", "loggers", "deduplicate_heartbeat_logs"}},
      {"restapi",
       {"listen", "connect_address", "authentication", "auth", "certfile", "keyfile", "keyfile_password", "cafile",
        "ciphers", "verify_client", "allowlist", "allowlist_include_members", "http_extra_headers",
        "https_extra_headers", "request_queue_size", "server_tokens", "thread_pool_size"}},
      {"restapi.authentication", {"username", "password"}},
      {"ctl", {"authentication", "insecure", "cacert", "certfile", "keyfile", "keyfile_password"}},
      {"ctl.authentication", {"username", "password"}},
      {"postgresql.authentication", {"superuser", "replication", "rewind"}},
      {"postgresql.authentication.superuser", credential_keys},
      {"postgresql.authentication.replication", credential_keys},
      {"postgresql.authentication.rewind", credential_keys},
      {"postgresql.callbacks", {"on_start", "on_stop", "on_restart", "on_reload", "on_role_change"}},
      {"postgresql.bin_name",
       {"pg_ctl", "initdb", "pg_controldata", "pg_basebackup", "postgres", "pg_isready", "pg_rewind"}},
      {"watchdog", {"mode", "device", "safety_margin", "driver"}},
      {"guard", {"mode"}},
      {"citus", {"group", "database"}},
      {"etcd", etcd},
      {"etcd3", etcd},
      {"consul",
       {"host", "url", "port", "scheme", "token", "verify", "cacert", "cert", "key", "dc", "consistency", "checks",
        "register_service", "service_tags", "service_check_interval", "service_check_tls_server_name"}},
      {"zookeeper", {"hosts", "use_ssl", "cacert", "cert", "key", "key_password", "verify", "set_acls", "auth_data"}},
      {"exhibitor", {"hosts", "port", "poll_interval", "set_acls", "auth_data"}},
      {"kubernetes",
       {"namespace", "labels", "scope_label", "role_label", "leader_label_value", "follower_label_value",
        "standby_leader_label_value", "tmp_role_label", "bootstrap_labels", "use_endpoints", "pod_ip", "ports",
        "bypass_api_service", "cacert", "context", "retriable_http_codes", "xlog_cache_ttl"}},
      {"raft", {"self_addr", "bind_addr", "partner_addrs", "data_dir", "password"}},
  };
  return all;
}

const Keys postgresql_keys{"listen",
                           "connect_address",
                           "proxy_address",
                           "data_dir",
                           "config_dir",
                           "config_base_name",
                           "bin_dir",
                           "bin_name",
                           "pgpass",
                           "authentication",
                           "parameters",
                           "parameters_primary",
                           "parameters_replica",
                           "parameters_standby_leader",
                           "pg_hba",
                           "pg_hba_primary",
                           "pg_hba_replica",
                           "pg_hba_standby_leader",
                           "pg_ident",
                           "pg_ident_primary",
                           "pg_ident_replica",
                           "pg_ident_standby_leader",
                           "custom_conf",
                           "recovery_conf",
                           "callbacks",
                           "create_replica_methods",
                           "basebackup",
                           "use_unix_socket",
                           "use_unix_socket_repl",
                           "krbsrvname",
                           "pg_ctl_timeout",
                           "use_pg_rewind",
                           "use_slots",
                           "rewind",
                           "remove_data_directory_on_rewind_failure",
                           "remove_data_directory_on_diverged_timelines",
                           "pre_promote",
                           "before_stop"};

const Keys bootstrap_keys{"dcs", "method", "initdb", "pg_hba", "post_bootstrap", "users"};

const Json* at_path(const Json& document, std::string_view path) {
  const Json* place = &document;
  while (place != nullptr) {
    const auto dot = path.find('.');
    place = find(*place, path.substr(0, dot));
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  return place;
}

// A slip of the finger: one character wrong, missing, doubled, or two swapped.
bool looks_like(std::string_view written, std::string_view known) {
  if (written.size() > known.size()) std::swap(written, known);
  if (known.size() - written.size() > 1 || known.size() < 4) return false;
  std::size_t start = 0;
  while (start < written.size() && written[start] == known[start]) ++start;
  const auto rest = known.substr(start);
  const auto mine = written.substr(start);
  if (known.size() > written.size()) return rest.substr(1) == mine;
  if (rest.size() <= 1) return true;
  return rest.substr(1) == mine.substr(1) ||
         (rest[0] == mine[1] && rest[1] == mine[0] && rest.substr(2) == mine.substr(2));
}

std::string unknown_sentence(std::string_view path, std::string_view key, const Keys& known) {
  std::string name = path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
  for (const auto candidate : known)
    if (looks_like(key, candidate)) return fmt::format("{} is not known and has no effect; is it {}?", name, candidate);
  return fmt::format("{} is not known and has no effect", name);
}

void check(const Json* section, std::string_view path, const Keys& known, std::vector<std::string>& out) {
  if (section == nullptr || !section->is_object()) return;
  for (const auto& [key, value] : section->items())
    if (!known.contains(key)) out.push_back(unknown_sentence(path, key, known));
}

// Keys of Patroni's that mean nothing here, and why.
struct Idle {
  std::string_view path, why;
};
constexpr Idle idle_keys[] = {
    {"thread_pool_size", "nothing here waits on a thread of a pool"},
    {"thread_stack_size", "threads take what they need"},
    {"restapi.request_queue_size", "1024 connections are kept waiting"},
    {"restapi.thread_pool_size", "one thread serves all requests"},
    {"restapi.server_tokens", "no version is told"},
    {"log.traceback_level", "errors are sentences"},
    {"log.deduplicate_heartbeat_logs", "a sentence that repeats itself is told once per loop_wait"},
    {"postgresql.pg_ctl_timeout", "pg_ctl is not used"},
    {"postgresql.pg_hba_primary", "pg_hba is the same in every role"},
    {"postgresql.pg_hba_replica", "pg_hba is the same in every role"},
    {"postgresql.pg_hba_standby_leader", "pg_hba is the same in every role"},
    {"postgresql.pg_ident_primary", "pg_ident is the same in every role"},
    {"postgresql.pg_ident_replica", "pg_ident is the same in every role"},
    {"postgresql.pg_ident_standby_leader", "pg_ident is the same in every role"},
    {"postgresql.parameters_primary", "parameters are the same in every role"},
    {"postgresql.parameters_replica", "parameters are the same in every role"},
    {"postgresql.parameters_standby_leader", "parameters are the same in every role"},
};

void rename(Json& section, std::string_view old_key, std::string_view new_key) {
  if (!section.is_object()) return;
  const auto found = section.find(std::string(old_key));
  if (found == section.end()) return;
  const Json value = *found;
  section.erase(std::string(old_key));
  if (find(section, new_key) == nullptr) section[std::string(new_key)] = value;
}

Json* mutable_section(Json& document, std::string_view key) {
  const auto found = document.find(std::string(key));
  return found == document.end() || !found->is_object() ? nullptr : &*found;
}

std::vector<std::string> replica_methods(const Json& postgresql) {
  std::vector<std::string> methods;
  const Json* list = find(postgresql, "create_replica_methods");
  if (list == nullptr) return methods;
  if (list->is_string()) methods.push_back(list->get<std::string>());
  if (list->is_array())
    for (const auto& item : *list)
      if (item.is_string()) methods.push_back(item.get<std::string>());
  return methods;
}

void modernize_postgresql(Json& postgresql, std::vector<std::string>& notes) {
  rename(postgresql, "create_replica_method", "create_replica_methods");
  for (const auto& method : replica_methods(postgresql)) {
    Json* section = mutable_section(postgresql, method);
    if (section == nullptr || !section->contains("no_master")) continue;
    rename(*section, "no_master", "no_leader");
    notes.push_back(fmt::format("postgresql.{}.no_master is read as its new name, no_leader", method));
  }
}

}  // namespace

const std::vector<std::string_view>& store_kinds() {
  static const std::vector<std::string_view> kinds{"consul",     "etcd", "etcd3",    "exhibitor",
                                                   "kubernetes", "raft", "zookeeper"};
  return kinds;
}

std::vector<std::string> modernize_config(Json& document) {
  std::vector<std::string> notes;
  if (Json* postgresql = mutable_section(document, "postgresql")) modernize_postgresql(*postgresql, notes);
  if (Json* bootstrap = mutable_section(document, "bootstrap")) {
    rename(*bootstrap, "post_init", "post_bootstrap");
    if (find(*bootstrap, "users") != nullptr)
      notes.emplace_back(
          "bootstrap.users is a key of Patroni before 4.0; create these roles in bootstrap.post_bootstrap instead");
  }
  if (Json* rest = mutable_section(document, "restapi")) {
    const Json* auth = find(*rest, "auth");
    if (auth != nullptr && auth->is_string() && find(*rest, "authentication") == nullptr) {
      const auto text = auth->get<std::string>();
      const auto colon = text.find(':');
      Json authentication{{"username", text.substr(0, colon)},
                          {"password", colon == std::string::npos ? "" : text.substr(colon + 1)}};
      rest->erase("auth");
      (*rest)["authentication"] = std::move(authentication);
    }
  }
  return notes;
}

std::vector<std::string> find_unknown_keys(const Json& document) {
  std::vector<std::string> out;
  if (!document.is_object()) return out;
  for (const auto& [key, value] : document.items()) {
    if (dynamic_keys.contains(key)) {
      out.push_back(
          fmt::format("{} has no effect here; it belongs to the dynamic configuration, bootstrap.dcs for a new cluster "
                      "or edit-config for a running one",
                      key));
    } else if (!top_keys.contains(key)) {
      out.push_back(unknown_sentence("", key, top_keys));
    }
  }
  for (const auto& [path, keys] : sections()) check(at_path(document, path), path, keys, out);
  if (const Json* postgresql = find(document, "postgresql")) {
    const auto methods = replica_methods(*postgresql);
    Keys keys = postgresql_keys;
    for (const auto& method : methods) keys.insert(method);
    check(postgresql, "postgresql", keys, out);
  }
  if (const Json* bootstrap = find(document, "bootstrap")) {
    Keys keys = bootstrap_keys;
    const Json* method = find(*bootstrap, "method");
    if (method != nullptr && method->is_string()) keys.insert(method->get_ref<const std::string&>());
    check(bootstrap, "bootstrap", keys, out);
    Keys dynamic = dynamic_keys;
    dynamic.insert({"postgresql", "permanent_replication_slots"});
    check(find(*bootstrap, "dcs"), "bootstrap.dcs", dynamic, out);
  }
  for (const auto& [path, why] : idle_keys) {
    if (at_path(document, path) != nullptr) out.push_back(fmt::format("{} has no effect: {}", path, why));
  }
  return out;
}

}  // namespace regent
