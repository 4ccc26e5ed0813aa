#include "model/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace regent {
namespace {

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

std::string_view without_brackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

std::optional<std::vector<std::string>> split_hosts(std::string_view text) {
  std::vector<std::string> hosts;
  while (true) {
    const auto comma = text.find(',');
    const auto host = without_brackets(trim(text.substr(0, comma)));
    if (host.find(':') != std::string_view::npos && !is_ipv6(host)) return std::nullopt;
    // A lone number is a port whose host was forgotten.
    if (!host.empty() && host.find_first_not_of("0123456789") == std::string_view::npos) return std::nullopt;
    if (!host.empty()) hosts.emplace_back(host);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (hosts.empty()) hosts.emplace_back("*");
  return hosts;
}

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc() && stop == text.data() + text.size() && value <= 65535;
}

}  // namespace

std::string ListenAddress::joined() const {
  return fmt::format("{}", fmt::join(hosts, ","));
}

std::optional<ListenAddress> parse_listen(std::string_view text, std::string_view default_port) {
  text = trim(text);
  const auto colon = text.ends_with(']') ? std::string_view::npos : text.rfind(':');
  if (colon != std::string_view::npos) {
    auto hosts = split_hosts(text.substr(0, colon));
    const auto port = text.substr(colon + 1);
    if (hosts && is_port(port)) return ListenAddress{std::move(*hosts), std::string(port)};
    // "::1" alone: what looks like a port is the end of an address.
    if (hosts && text.find(':') == colon) return std::nullopt;
  }
  auto hosts = split_hosts(text);
  if (!hosts) return std::nullopt;
  return ListenAddress{std::move(*hosts), std::string(default_port)};
}

std::optional<HostPort> parse_host_port(std::string_view text, std::string_view default_port) {
  auto address = parse_listen(text, default_port);
  if (!address || address->hosts.size() != 1) return std::nullopt;
  return HostPort{std::move(address->hosts.front()), std::move(address->port)};
}

std::string to_string(const HostPort& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", address.host, address.port) : fmt::format("{}:{}", address.host, address.port);
}

bool is_wildcard(std::string_view host) {
  return host == "*" || host == "0.0.0.0" || host == "::";
}
bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

}  // namespace regent
