// The command line as a whole: global options, configuration, the command, the exit code.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ctl/context.h"

namespace regent::ctl {

// How the configuration is read; main passes load_ctl_config().
using LoadConfig =
    std::function<Result<LocalConfig>(const std::string& path, const std::map<std::string, std::string>& environment)>;

struct Launch {
  std::vector<std::string> words;  // without the program's name
  std::map<std::string, std::string> environment;
  LoadConfig load;
  std::function<bool(const std::string& path)> readable;
  // Told the configuration before the command runs, e.g. for the credentials of the REST API.
  std::function<void(const LocalConfig&)> configured;
};

// Returns the exit code: 0, also when a member refused an action (T3; 1 with --strict), 1 when something failed, 2 for
// wrong usage.
int run(Context& context, const Launch& launch);

// "etcd3://h1:2379,h2:2379/namespace", "host:port": which store to ask instead of the configured one.
struct StoreUrl {
  StoreConfig store;
  std::string service_namespace;  // empty: the configured one
};
Result<StoreUrl> parse_store_url(const std::string& text);

}  // namespace regent::ctl
