#include "adapters/postgres/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace regent {
namespace {

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> items;
  for (std::size_t from = 0; from <= list.size();) {
    const auto comma = std::min(list.find(',', from), list.size());
    auto item = list.substr(from, comma - from);
    while (item.starts_with(' ')) item.erase(0, 1);
    while (item.ends_with(' ')) item.pop_back();
    if (!item.empty()) items.push_back(std::move(item));
    from = comma + 1;
  }
  return items;
}

// To libpq a relative path is the name of a host.
std::string first_socket(const std::string& directories) {
  for (auto& directory : split_list(directories)) {
    if (directory.starts_with('/') || directory.starts_with('@')) return directory;
  }
  return {};
}

// The remote server of a standby cluster may be one of several: the one that is the primary now.
bool is_host_list(const HostPort& address) {
  return address.host.find(',') != std::string::npos;
}

void notice_soon(std::map<std::string, std::string>& values) {
  constexpr std::array<std::pair<const char*, const char*>, 4> wanted{{{"keepalives_idle", "1"},
                                                                       {"keepalives_interval", "1"},
                                                                       {"keepalives_count", "1"},
                                                                       {"tcp_user_timeout", "1000"}}};
  const bool configured =
      values.contains("keepalives") ||
      std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return values.contains(w.first); });
  if (configured) return;
  for (const auto& [keyword, value] : wanted) values[keyword] = value;
}

void add_credentials(ConnectionOptions& options, const Credentials& credentials) {
  if (!credentials.username.empty()) options.emplace_back("user", credentials.username);
  if (!credentials.password.empty()) options.emplace_back("password", credentials.password);
  for (const auto& [keyword, value] : credentials.options) {
    if (option_value(options, keyword) == nullptr) options.emplace_back(keyword, value);
  }
}

}  // namespace

ConnectionOptions address_options(const HostPort& address) {
  ConnectionOptions options{{"host", address.host}, {"port", address.port}};
  if (is_host_list(address)) options.emplace_back("target_session_attrs", "read-write");
  return options;
}

std::string primary_conninfo(const Upstream& upstream, const Credentials& credentials, const std::string& passfile,
                             const std::string& member, Generation generation, int major_version, Liveness liveness) {
  std::map<std::string, std::string> values = credentials.options;
  // PostgreSQL 17 needs a database to synchronize failover slots; older Patroni did not write one.
  if (generation == Generation::v4) values["dbname"] = "postgres";
  values["user"] = credentials.username;
  if (!credentials.password.empty()) values["passfile"] = passfile;
  values["host"] = upstream.address.host;
  values["port"] = upstream.address.port;
  if (is_host_list(upstream.address)) values["target_session_attrs"] = "read-write";
  values["application_name"] = member;
  values.try_emplace("sslmode", "prefer");
  if (major_version >= 12) values.try_emplace("gssencmode", "prefer");
  if (major_version >= 13) values.try_emplace("channel_binding", "prefer");
  if (liveness == Liveness::noticed_soon && major_version >= 12) notice_soon(values);
  constexpr std::array order{"dbname",
                             "user",
                             "passfile",
                             "host",
                             "port",
                             "sslmode",
                             "sslcompression",
                             "sslcert",
                             "sslkey",
                             "sslpassword",
                             "sslrootcert",
                             "sslcrl",
                             "sslcrldir",
                             "application_name",
                             "krbsrvname",
                             "gssencmode",
                             "channel_binding",
                             "target_session_attrs",
                             "sslnegotiation",
                             "keepalives",
                             "keepalives_idle",
                             "keepalives_interval",
                             "keepalives_count",
                             "tcp_user_timeout"};
  ConnectionOptions options;
  for (const char* keyword : order) {
    if (const auto found = values.find(keyword); found != values.end()) options.emplace_back(*found);
  }
  return print_conninfo(options);
}

HostPort upstream_of(const std::string& conninfo) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(conninfo.c_str(), &message), &PQconninfoFree);
  PQfreemem(message);
  HostPort address;
  for (const auto* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "host" || (keyword == "hostaddr" && address.host.empty())) address.host = option->val;
    if (keyword == "port") address.port = option->val;
  }
  return address;
}

std::string public_conninfo(ConnectionOptions options) {
  std::erase_if(options,
                [](const auto& option) { return option.first == "password" || option.first == "sslpassword"; });
  return print_conninfo(options);
}

void add_secrets(Command& command, const Credentials& credentials) {
  if (!credentials.password.empty()) command.environment.emplace_back("PGPASSWORD", credentials.password);
  // libpq has no variable for the password of a client's key, but a service may have one.
  const auto key = credentials.options.find("sslpassword");
  if (key == credentials.options.end() || key->second.find('\n') != std::string::npos) return;
  command.environment.emplace_back("PGSERVICE", "regent");
  command.secret_files.emplace_back("PGSERVICEFILE", "[regent]\nsslpassword=" + key->second + "\n");
}

Doors serving_doors(Doors configured, const PidFile& running, bool restart_pending) {
  if (running.port.empty()) return configured;  // it has not got as far as writing it
  const auto in_force = [&](const std::string& list, const std::string& first) {
    const auto items = split_list(list);
    return !restart_pending && (items.empty() ? first.empty() : items.front() == first);
  };
  if (!in_force(configured.addresses, running.address)) configured.addresses = running.address;
  if (!in_force(configured.socket_directories, running.socket_directory)) {
    configured.socket_directories = running.socket_directory;
  }
  configured.port = running.port;
  return configured;
}

HostPort local_address(const Doors& doors, bool use_socket) {
  const auto socket = first_socket(doors.socket_directories);
  if (use_socket && !socket.empty()) return {socket, doors.port};
  std::string chosen;
  for (const auto& address : split_list(doors.addresses)) {
    if (address == "*" || address == "0.0.0.0" || address == "localhost" || address == "127.0.0.1") {
      return {address == "127.0.0.1" ? "127.0.0.1" : "localhost", doors.port};
    }
    if (chosen.empty()) chosen = address == "::" ? "localhost" : address;
  }
  return {chosen.empty() ? (socket.empty() ? "localhost" : socket) : chosen, doors.port};
}

ConnectionOptions local_connection(const PostgresConfig& config, const Doors& doors,
                                   const std::string& application_name) {
  const auto address = local_address(doors, config.use_unix_socket);
  ConnectionOptions options{{"host", address.host},
                            {"port", address.port},
                            {"dbname", "postgres"},
                            {"application_name", application_name},
                            {"options", "-c statement_timeout=2000 -c search_path=pg_catalog"}};
  add_credentials(options, config.superuser);
  return options;
}

ConnectionOptions replication_connection(const HostPort& address, const Credentials& credentials) {
  ConnectionOptions options = address_options(address);
  options.emplace_back("replication", "1");
  options.emplace_back("application_name", "Patroni");
  add_credentials(options, credentials);
  return options;
}

const Credentials& rewind_credentials(const PostgresConfig& config) {
  return config.rewind.username.empty() ? config.superuser : config.rewind;
}

ConnectionOptions rewind_connection(const HostPort& address, const PostgresConfig& config) {
  ConnectionOptions options = address_options(address);
  options.emplace_back("dbname", "postgres");
  add_credentials(options, rewind_credentials(config));
  return options;
}

}  // namespace regent
