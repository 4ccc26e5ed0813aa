#include "adapters/dcs/etcd3/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "model/config_value.h"

namespace regent::etcd3 {

namespace {

tl::unexpected<Error> invalid(ConfigName key, std::string_view what) {
  return fail(ErrorKind::invalid, fmt::format("{}: {}", key->path, what));
}

Result<std::string> text(const Json& section, ConfigName key) {
  const Json* value = value_of(section, key);
  if (value == nullptr) return std::string(key->standard);
  const auto text = scalar_text(*value);
  if (!text) return invalid(key, "a text is expected");
  return *text;
}

// That of addresses that have none. Kubernetes sets a variable of that name to something else for its service `etcd`.
std::uint16_t default_port(const Json& section) {
  constexpr ConfigName key = "etcd3.port";
  const Json* value = value_of(section, key);
  const auto port = value == nullptr ? std::nullopt : scalar_integer(*value);
  const bool usable = port && key->allows(static_cast<double>(*port));
  if (value != nullptr && !usable)
    log::warning("{} {} is not a number{}; {} is used", key->path, to_compact(*value), key->bounds(), key->standard);
  return static_cast<std::uint16_t>(usable ? static_cast<double>(*port) : key->number);
}

// Environment variables bring lists in quotes (T20).
std::string_view bare(std::string_view item) {
  constexpr std::string_view around = " \t'\"";
  const auto first = item.find_first_not_of(around);
  if (first == item.npos) return {};
  return item.substr(first, item.find_last_not_of(around) - first + 1);
}

// "a:1,b:2" or a list of such.
Result<std::vector<std::string>> host_list(const Json& section) {
  std::vector<std::string> hosts;
  constexpr ConfigName key = "etcd3.hosts";
  const Json* value = value_of(section, key);
  if (value == nullptr) return hosts;
  const bool texts =
      value->is_string() ||
      (value->is_array() && std::all_of(value->begin(), value->end(), [](auto& item) { return item.is_string(); }));
  if (!texts) return invalid(key, "a list of host:port is expected");
  for (const auto& list : texts_of(*value)) {
    for (const auto& item : texts_of(Json(list))) {
      if (const auto host = bare(item); !host.empty()) hosts.emplace_back(host);
    }
  }
  if (hosts.empty()) return invalid(key, "the list is empty");
  return hosts;
}

// A whole URL under `url` or `proxy`; may carry user and password.
Result<void> take_url(const Json& section, ConfigName key, Options& options) {
  const auto value = text(section, key);
  if (!value) return tl::unexpected(value.error());
  if (value->empty()) return {};
  const auto url = parse_url(*value, static_cast<std::uint16_t>(ConfigName("etcd3.port")->number));
  if (!url) return invalid(key, url.error().message);
  options.endpoints.push_back(url->endpoint);
  options.username = url->username;
  options.password = url->password;
  return {};
}

Result<void> take_hosts(const Json& section, Options& options) {
  const auto protocol = text(section, "etcd3.protocol");
  if (!protocol) return tl::unexpected(protocol.error());
  if (!protocol->empty() && *protocol != "http" && *protocol != "https")
    return invalid("etcd3.protocol", fmt::format("\"{}\" is neither http nor https", *protocol));
  const auto port = default_port(section);
  auto hosts = host_list(section);
  if (!hosts) return tl::unexpected(hosts.error());
  ConfigName key = "etcd3.hosts";
  if (hosts->empty()) {
    key = "etcd3.host";
    const auto host = text(section, key);
    if (!host) return tl::unexpected(host.error());
    if (!host->empty()) hosts->push_back(*host);
  }
  for (const auto& host : *hosts) {
    auto endpoint = parse_endpoint(host, *protocol == "https", port);
    if (!endpoint) return invalid(key, endpoint.error().message);
    options.endpoints.push_back(*endpoint);
  }
  return {};
}

Result<void> take_credentials(const Json& section, Options& options) {
  struct Text {
    ConfigName key;
    std::string* target;
  };
  const Text texts[] = {{"etcd3.username", &options.username},
                        {"etcd3.password", &options.password},
                        {"etcd3.cacert", &options.tls.ca_file},
                        {"etcd3.cert", &options.tls.cert_file},
                        {"etcd3.key", &options.tls.key_file}};
  for (const auto& [key, target] : texts) {
    auto value = text(section, key);
    if (!value) return tl::unexpected(value.error());
    if (!value->empty()) *target = *value;
  }
  if (!options.tls.key_file.empty() && options.tls.cert_file.empty()) {
    return invalid("etcd3.key", "it needs the certificate it belongs to: set etcd3.cert");
  }
  return {};
}

}  // namespace

Result<Options> parse_options(const Json& section, std::string_view name) {
  if (!section.is_object()) return fail(ErrorKind::invalid, "etcd3: a mapping with hosts, host or url is expected");
  Options options;
  options.instead_of_v2 = name == "etcd";
  if (value_of(section, "etcd3.srv") != nullptr) {
    return invalid("etcd3.srv", "discovery by DNS SRV records is not supported: list the members under etcd3.hosts");
  }
  if (auto taken = take_url(section, "etcd3.proxy", options); !taken) return tl::unexpected(taken.error());
  options.discover = options.endpoints.empty() && !flag_in(section, "etcd3.use_proxies");
  if (options.endpoints.empty()) {
    if (auto taken = take_url(section, "etcd3.url", options); !taken) return tl::unexpected(taken.error());
  }
  if (options.endpoints.empty()) {
    if (auto taken = take_hosts(section, options); !taken) return tl::unexpected(taken.error());
  }
  if (options.endpoints.empty()) {
    return fail(ErrorKind::invalid, "etcd3: no address of etcd is given: set etcd3.hosts, etcd3.host or etcd3.url");
  }
  if (auto taken = take_credentials(section, options); !taken) return tl::unexpected(taken.error());
  return options;
}

}  // namespace regent::etcd3
