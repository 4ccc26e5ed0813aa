// The `etcd3` section of the configuration (compat §1.13).
// Threading: pure. Errors: invalid, naming the key and what to write there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/net/tls_options.h"
#include "adapters/net/url.h"
#include "base/json.h"
#include "base/result.h"

namespace regent::etcd3 {

struct Options {
  std::vector<Endpoint> endpoints;  // never empty
  bool discover = true;             // learn the other members from the cluster; not behind proxies
  std::string username, password;
  TlsOptions tls;
  // The section is `etcd`, which means the v2 API: v3 stands in for it where the servers have no v2 any more. Where
  // they have it the cluster's keys are there, and a second leader would be found in v3 (I1).
  bool instead_of_v2 = false;
};

// Whether the store section of this name is served here.
inline bool is_etcd(std::string_view section) {
  return section == "etcd3" || section == "etcd";
}

// `name` is that of the section, etcd3 or etcd.
Result<Options> parse_options(const Json& section, std::string_view name = "etcd3");

}  // namespace regent::etcd3
