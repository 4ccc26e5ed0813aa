// The `etcd3` section of the configuration (compat §1.13).
// Threading: pure. Errors: invalid, naming the key and what to write there.
#pragma once

#include <string>
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
};

Result<Options> parse_options(const Json& section);

}  // namespace regent::etcd3
