// Who may use the unsafe endpoints: allowlist, client certificate, basic authentication (compat 1.15, 1.24).
// Threading: pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/http.h"
#include "model/cluster_view.h"
#include "model/local_config.h"

namespace regent::rest {

// Addresses of host names, resolved by somebody who may wait for it.
using Addresses = std::map<std::string, std::vector<std::string>>;

// "127.0.0.1" in "127.0.0.0/8", IPv6 alike. False for anything that is no address or network.
bool in_network(std::string_view address, std::string_view network);

// Entries of the allowlist, and hosts of the members when they are allowed, that are names: resolve these first. Empty
// when the list does not matter or consists of numbers.
// `failsafe`: for POST /failsafe.
std::vector<std::string> names_to_resolve(const RestConfig& config, const ClusterView* cluster, bool failsafe = false);

// nullopt: go on. `members_count` is false for /failsafe, where the members' own addresses do not open the door.
std::optional<HttpResponse> refuse_access(const RestConfig& config, const ClusterView* cluster,
                                          const Addresses& addresses, const HttpRequest& request, bool members_count);

// POST /failsafe keeps this member from taking over for a while: of somebody who proved nothing it is taken only from
// where a member is. A member whose address is not known could be anywhere. nullopt: go on.
std::optional<HttpResponse> refuse_stranger(const RestConfig& config, const ClusterView* cluster,
                                            const Addresses& addresses, const HttpRequest& request);

}  // namespace regent::rest
