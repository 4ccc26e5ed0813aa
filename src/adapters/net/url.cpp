#include "adapters/net/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace regent {

namespace {

tl::unexpected<Error> bad(std::string_view text, std::string_view expected) {
  return fail(ErrorKind::invalid, fmt::format("\"{}\" is no address: {}", text, expected));
}

std::optional<std::string> decode_percent(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const char* end = text.data() + i + 3;
    if (std::from_chars(text.data() + i + 1, end, value, 16).ptr != end) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

// Reads "host", "host:port", "[v6]" or "[v6]:port".
Result<Endpoint> parse_authority(std::string_view text, std::string_view whole, bool tls, std::uint16_t default_port) {
  Endpoint endpoint{.tls = tls, .host = {}, .port = default_port};
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == text.npos) return bad(whole, "the bracket of the IPv6 address is not closed");
    endpoint.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (!text.empty() && text.front() != ':') return bad(whole, "host:port is expected");
    if (!text.empty()) port = text.substr(1);
  } else {
    const auto colon = text.rfind(':');
    endpoint.host = text.substr(0, colon);
    if (colon != text.npos) {
      port = text.substr(colon + 1);
      if (port.empty()) return bad(whole, "the port is missing after the colon");
    }
    if (endpoint.host.find(':') != std::string::npos) return bad(whole, "an IPv6 address is written in brackets");
  }
  const bool blank = std::any_of(endpoint.host.begin(), endpoint.host.end(), [](unsigned char c) { return c <= ' '; });
  if (endpoint.host.empty() || blank) return bad(whole, "host:port is expected");
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (error != std::errc() || end != port.data() + port.size() || endpoint.port == 0) {
      return bad(whole, "the port must be a number from 1 to 65535");
    }
  }
  return endpoint;
}

bool starts_with_scheme(std::string_view text, std::string_view scheme) {
  return text.size() >= scheme.size() && std::equal(scheme.begin(), scheme.end(), text.begin(),
                                                    [](char a, char b) { return a == (b | 0x20) || a == b; });
}

}  // namespace

std::string authority(const Endpoint& endpoint) {
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", endpoint.host, endpoint.port) : fmt::format("{}:{}", endpoint.host, endpoint.port);
}

std::string to_string(const Endpoint& endpoint) {
  return fmt::format("{}://{}", endpoint.tls ? "https" : "http", authority(endpoint));
}

Result<Url> parse_url(std::string_view text, std::uint16_t default_port) {
  Url url;
  std::string_view rest = text;
  bool tls = false;
  if (starts_with_scheme(rest, "https://")) {
    tls = true;
    rest.remove_prefix(8);
  } else if (starts_with_scheme(rest, "http://")) {
    rest.remove_prefix(7);
  } else {
    return bad(text, "http://host:port or https://host:port is expected");
  }
  const auto path = rest.find_first_of("/?#");
  std::string_view location = rest.substr(0, path);
  if (path != rest.npos) {
    std::string_view target = rest.substr(path);
    target = target.substr(0, target.find('#'));
    url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  }
  if (const auto at = location.rfind('@'); at != location.npos) {
    const std::string_view user = location.substr(0, at);
    const auto colon = user.find(':');
    const auto name = decode_percent(user.substr(0, colon));
    const auto password = decode_percent(colon == user.npos ? std::string_view() : user.substr(colon + 1));
    if (!name || !password) return bad("...", "a percent sign in user or password starts two hexadecimal digits");
    url.username = *name;
    url.password = *password;
    location.remove_prefix(at + 1);
  }
  if (default_port == 0) default_port = tls ? 443 : 80;
  auto endpoint = parse_authority(location, location, tls, default_port);
  if (!endpoint) return tl::unexpected(endpoint.error());
  url.endpoint = *endpoint;
  return url;
}

Result<Endpoint> parse_endpoint(std::string_view text, bool tls, std::uint16_t default_port) {
  if (text.find("://") == text.npos) return parse_authority(text, text, tls, default_port);
  auto url = parse_url(text, default_port);
  if (!url) return tl::unexpected(url.error());
  return url->endpoint;
}

}  // namespace regent
