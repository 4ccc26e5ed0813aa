#include "adapters/dcs/etcd3/options.h"

#include <fmt/format.h>

namespace regent::etcd3 {

namespace {

constexpr std::uint16_t default_port = 2379;

tl::unexpected<Error> invalid(std::string_view key, std::string_view what) {
  return fail(ErrorKind::invalid, fmt::format("etcd3.{}: {}", key, what));
}

Result<std::string> text(const Json& section, std::string_view key) {
  const Json* value = find(section, key);
  if (value == nullptr) return std::string();
  if (value->is_number()) return value->dump();
  if (!value->is_string()) return invalid(key, "a text is expected");
  return value->get<std::string>();
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
  const auto add = [&hosts](std::string_view list) {
    while (!list.empty()) {
      const auto comma = list.find(',');
      if (const auto item = bare(list.substr(0, comma)); !item.empty()) hosts.emplace_back(item);
      list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
    }
  };
  const Json* value = find(section, "hosts");
  if (value == nullptr) return hosts;
  if (value->is_string()) {
    add(value->get_ref<const std::string&>());
  } else if (value->is_array()) {
    for (const Json& item : *value) {
      if (!item.is_string()) return invalid("hosts", "a list of host:port is expected");
      add(item.get_ref<const std::string&>());
    }
  } else {
    return invalid("hosts", "a list of host:port is expected");
  }
  if (hosts.empty()) return invalid("hosts", "the list is empty");
  return hosts;
}

// A whole URL under `url` or `proxy`; may carry user and password.
Result<void> take_url(const Json& section, std::string_view key, Options& options) {
  const auto value = text(section, key);
  if (!value) return tl::unexpected(value.error());
  if (value->empty()) return {};
  const auto url = parse_url(*value, default_port);
  if (!url) return invalid(key, url.error().message);
  options.endpoints.push_back(url->endpoint);
  options.username = url->username;
  options.password = url->password;
  return {};
}

Result<void> take_hosts(const Json& section, Options& options) {
  const auto protocol = text(section, "protocol");
  if (!protocol) return tl::unexpected(protocol.error());
  if (!protocol->empty() && *protocol != "http" && *protocol != "https") {
    return invalid("protocol", fmt::format("\"{}\" is neither http nor https", *protocol));
  }
  auto hosts = host_list(section);
  if (!hosts) return tl::unexpected(hosts.error());
  std::string_view key = "hosts";
  if (hosts->empty()) {
    const auto host = text(section, "host");
    if (!host) return tl::unexpected(host.error());
    if (!host->empty()) hosts->push_back(*host);
    key = "host";
  }
  for (const auto& host : *hosts) {
    auto endpoint = parse_endpoint(host, *protocol == "https", default_port);
    if (!endpoint) return invalid(key, endpoint.error().message);
    options.endpoints.push_back(*endpoint);
  }
  return {};
}

Result<void> take_credentials(const Json& section, Options& options) {
  const std::pair<std::string_view, std::string*> texts[] = {{"username", &options.username},
                                                             {"password", &options.password},
                                                             {"cacert", &options.tls.ca_file},
                                                             {"cert", &options.tls.cert_file},
                                                             {"key", &options.tls.key_file}};
  for (const auto& [key, target] : texts) {
    auto value = text(section, key);
    if (!value) return tl::unexpected(value.error());
    if (!value->empty()) *target = *value;
  }
  if (!options.tls.key_file.empty() && options.tls.cert_file.empty()) {
    return invalid("key", "it needs the certificate it belongs to: set etcd3.cert");
  }
  return {};
}

}  // namespace

Result<Options> parse_options(const Json& section, std::string_view name) {
  if (!section.is_object()) return fail(ErrorKind::invalid, "etcd3: a mapping with hosts, host or url is expected");
  Options options;
  options.instead_of_v2 = name == "etcd";
  if (find(section, "srv") != nullptr) {
    return invalid("srv", "discovery by DNS SRV records is not supported: list the members under etcd3.hosts");
  }
  if (auto taken = take_url(section, "proxy", options); !taken) return tl::unexpected(taken.error());
  const Json* proxies = find(section, "use_proxies");
  const bool use_proxies = proxies != nullptr && proxies->is_boolean() && proxies->get<bool>();
  options.discover = options.endpoints.empty() && !use_proxies;
  if (options.endpoints.empty()) {
    if (auto taken = take_url(section, "url", options); !taken) return tl::unexpected(taken.error());
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
