#include "adapters/postgres/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>

namespace regent {
namespace {

std::string first_of_list(const std::string& list) {
  auto first = list.substr(0, list.find(','));
  while (first.starts_with(' ')) first.erase(0, 1);
  while (first.ends_with(' ')) first.pop_back();
  return first;
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

HostPort local_address(const PostgresConfig& config, const std::string& socket_directories, bool use_socket) {
  const auto socket = first_of_list(socket_directories);
  if (use_socket && !socket.empty()) return {socket, config.port};
  auto rest = config.listen_addresses;
  std::string chosen;
  while (!rest.empty()) {
    const auto address = first_of_list(rest);
    rest.erase(0, std::min(rest.find(',') == std::string::npos ? rest.size() : rest.find(',') + 1, rest.size()));
    if (address == "*" || address == "0.0.0.0" || address == "localhost" || address == "127.0.0.1") {
      return {address == "127.0.0.1" ? "127.0.0.1" : "localhost", config.port};
    }
    if (chosen.empty()) chosen = address == "::" ? "localhost" : address;
  }
  return {chosen.empty() ? (socket.empty() ? "localhost" : socket) : chosen, config.port};
}

ConnectionOptions local_connection(const PostgresConfig& config, const std::string& socket_directories,
                                   const std::string& application_name) {
  const auto address = local_address(config, socket_directories, config.use_unix_socket);
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
