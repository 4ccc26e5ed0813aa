#include "main/self.h"

#include <fmt/format.h>

#include <climits>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "model/address.h"
#include "model/config_table.h"

namespace regent {

Self make_self(const LocalConfig& config) {
  Self self;
  self.name = config.name;
  self.conn_url = print_conn_url(config.postgres.connect_address);
  self.listen_port = config.postgres.port;
  self.api_url = fmt::format("{}://{}/patroni", config.rest.tls() ? "https" : "http", config.rest.connect_address);
  if (!config.postgres.proxy_address.empty()) {
    self.proxy_url = fmt::format("postgres://{}/postgres", config.postgres.proxy_address);
  }
  self.tags = config.tags;
  self.generation = config.compat;
  self.version = regent_version;
#ifdef __GLIBC__
  self.libc = gnu_get_libc_version();
#endif
  if (const Json* dcs = find(config.bootstrap, "dcs"); dcs != nullptr && dcs->is_object()) self.bootstrap_dcs = *dcs;
  // What may hold a secret does not get into the agent's records.
  for (const ConfigRow& row : config_rows()) {
    if (row.place != ConfigPlace::both || row.kind != ConfigKind::flag) continue;
    const std::string key(row.name());
    if (const Json* value = find(config.postgres.section, key)) self.local_postgresql[key] = *value;
  }
  self.has_rewind_credentials = !config.postgres.rewind.username.empty();
  return self;
}

}  // namespace regent
