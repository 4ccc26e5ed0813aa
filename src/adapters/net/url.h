// Addresses of HTTP servers: stores and the REST API of other members.
// Threading: values. Errors: invalid, naming the text and what is expected.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace regent {

struct Endpoint {
  bool tls = false;
  std::string host;  // without the brackets of IPv6
  std::uint16_t port = 0;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// "http://10.0.0.1:2379", "https://[fe80::1]:8008".
std::string to_string(const Endpoint& endpoint);
// "10.0.0.1:2379": what stands in the Host header.
std::string authority(const Endpoint& endpoint);

struct Url {
  Endpoint endpoint;
  std::string target = "/";  // path and query
  std::string username, password;
};

// "http[s]://[user:password@]host[:port][/path]". A port that is missing is `default_port`, or the scheme's own for 0.
Result<Url> parse_url(std::string_view text, std::uint16_t default_port = 0);

// "host[:port]" as in the configuration, or a whole URL, whose scheme wins over `tls`.
Result<Endpoint> parse_endpoint(std::string_view text, bool tls, std::uint16_t default_port);

}  // namespace regent
