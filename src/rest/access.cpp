#include "rest/access.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "rest/respond.h"

namespace regent::rest {
namespace {

// Every address as IPv6: IPv4 ones mapped, so that a dual-stack socket's clients compare equal.
std::optional<std::array<std::uint8_t, 16>> parse_address(std::string_view text) {
  const std::string copy(text);
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return bytes;
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, copy.c_str(), four.data()) != 1) return std::nullopt;
  bytes.fill(0);
  bytes[10] = bytes[11] = 0xff;
  std::copy(four.begin(), four.end(), bytes.begin() + 12);
  return bytes;
}

bool is_v4_text(std::string_view text) {
  return text.find(':') == std::string_view::npos;
}

// A network in CIDR form or a single address.
bool is_network(std::string_view entry) {
  return parse_address(entry.substr(0, entry.find('/'))).has_value();
}

std::string url_host(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find('/'));
  if (!url.empty() && url.front() == '[') return std::string(url.substr(1, url.find(']') - 1));
  return std::string(url.substr(0, url.rfind(':')));
}

std::vector<std::string> allowed_entries(const RestConfig& config, const ClusterView* cluster, bool members_count) {
  auto entries = config.allowlist;
  if (!members_count || !config.allowlist_include_members || cluster == nullptr) return entries;
  for (const auto& member : cluster->members) {
    if (auto host = url_host(member.api_url); !host.empty()) entries.push_back(std::move(host));
  }
  return entries;
}

// Where the members are, as far as they tell.
std::vector<std::string> member_hosts(const ClusterView& cluster) {
  std::vector<std::string> hosts;
  for (const auto& member : cluster.members) {
    for (const auto& url : {member.api_url, member.conn_url}) {
      if (auto host = url_host(url); !host.empty()) hosts.push_back(std::move(host));
    }
  }
  return hosts;
}

bool wants_certificate(const RestConfig& config) {
  return config.tls() && (config.verify_client == "required" || config.verify_client == "optional");
}

// Whoever gets through has credentials, a certificate, or an address that somebody listed.
bool is_protected(const RestConfig& config) {
  return !config.username.empty() || !config.password.empty() || wants_certificate(config) || !config.allowlist.empty();
}

bool allowed(const std::vector<std::string>& entries, const Addresses& addresses, std::string_view peer) {
  return std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) {
    if (is_network(entry)) return in_network(peer, entry);
    const auto found = addresses.find(entry);
    if (found == addresses.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(),
                       [&](const std::string& address) { return in_network(peer, address); });
  });
}

std::string base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < text.size() ? static_cast<std::uint8_t>(text[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) out += i + k <= text.size() ? digits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

// Takes as long for a near miss as for a far one.
bool same_secret(std::string_view given, std::string_view expected) {
  unsigned different = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = expected.empty() ? '\0' : expected[i % expected.size()];
    different |= static_cast<unsigned char>(given[i] ^ other);
  }
  return different == 0;
}

std::optional<HttpResponse> refuse_credentials(const RestConfig& config, const HttpRequest& request) {
  if (config.username.empty() && config.password.empty()) return std::nullopt;
  const auto unauthorized = [](std::string why) {
    auto response = text_response(401, std::move(why));
    response.headers.insert(response.headers.begin(), {"WWW-Authenticate", "Basic realm=\"Patroni\""});
    return response;
  };
  if (!request.authorization) return unauthorized("no auth header received");
  constexpr std::string_view scheme = "Basic ";
  const std::string_view given = *request.authorization;
  const bool basic = given.substr(0, scheme.size()) == scheme;
  const auto expected = base64(config.username + ":" + config.password);
  if (!basic || !same_secret(given.substr(scheme.size()), expected)) return unauthorized("not authenticated");
  return std::nullopt;
}

}  // namespace

bool in_network(std::string_view address, std::string_view network) {
  const auto slash = network.find('/');
  const auto base_text = network.substr(0, slash);
  const auto base = parse_address(base_text);
  const auto candidate = parse_address(address);
  if (!base || !candidate) return false;
  const unsigned offset = is_v4_text(base_text) ? 96 : 0;
  unsigned bits = 128 - offset;
  if (slash != std::string_view::npos) {
    const auto digits = network.substr(slash + 1);
    unsigned given = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), given);
    if (error != std::errc() || end != digits.data() + digits.size() || given > bits) return false;
    bits = given;
  }
  bits += offset;
  for (unsigned i = 0; i < 16 && bits > 0; ++i) {
    const unsigned take = std::min(bits, 8U);
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - take));
    if (((*base)[i] ^ (*candidate)[i]) & mask) return false;
    bits -= take;
  }
  return true;
}

std::vector<std::string> names_to_resolve(const RestConfig& config, const ClusterView* cluster, bool failsafe) {
  auto entries = allowed_entries(config, cluster, true);
  if (failsafe && cluster != nullptr && !is_protected(config)) {
    for (auto& host : member_hosts(*cluster)) entries.push_back(std::move(host));
  }
  entries.erase(std::remove_if(entries.begin(), entries.end(), is_network), entries.end());
  std::sort(entries.begin(), entries.end());
  entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
  return entries;
}

std::optional<HttpResponse> refuse_access(const RestConfig& config, const ClusterView* cluster,
                                          const Addresses& addresses, const HttpRequest& request, bool members_count) {
  const bool listed = !config.allowlist.empty() || (members_count && config.allowlist_include_members);
  if (listed && !allowed(allowed_entries(config, cluster, members_count), addresses, request.peer)) {
    return text_response(403, "Access is denied");
  }
  if (wants_certificate(config) && !request.client_certificate) {
    return text_response(403, "client certificate required");
  }
  return refuse_credentials(config, request);
}

std::optional<HttpResponse> refuse_stranger(const RestConfig& config, const ClusterView* cluster,
                                            const Addresses& addresses, const HttpRequest& request) {
  if (is_protected(config) || cluster == nullptr) return std::nullopt;
  const auto hosts = member_hosts(*cluster);
  const bool all_known = std::all_of(hosts.begin(), hosts.end(), [&](const std::string& host) {
    return is_network(host) || addresses.find(host) != addresses.end();
  });
  if (hosts.empty() || !all_known || allowed(hosts, addresses, request.peer)) return std::nullopt;
  return text_response(403, "Access is denied: no member of this cluster has the address " + request.peer);
}

}  // namespace regent::rest
