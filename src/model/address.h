// Addresses as they stand in `listen` and `connect_address`: host:port, several hosts before one port, IPv6 with or
// without brackets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/member.h"

namespace regent {

struct ListenAddress {
  std::vector<std::string> hosts;  // without brackets; "*" stands for every address
  std::string port;

  // As PostgreSQL's listen_addresses wants it: "127.0.0.1,::1".
  std::string joined() const;
};

// Patroni's rule: the port follows the last colon. nullopt when the port is no number from 0 to 65535.
std::optional<ListenAddress> parse_listen(std::string_view text, std::string_view default_port);

// The same for exactly one host.
std::optional<HostPort> parse_host_port(std::string_view text, std::string_view default_port);

// "host:port", brackets around IPv6.
std::string to_string(const HostPort& address);

// "*", "0.0.0.0", "::": nobody can connect to these.
bool is_wildcard(std::string_view host);
// "localhost", "127.0.0.1", "::1": nobody else can connect to these.
bool is_loopback(std::string_view host);

}  // namespace regent
