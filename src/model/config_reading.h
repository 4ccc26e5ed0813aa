// The steps between a configuration's source and a LocalConfig, shared by loading and by --validate-config.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/config_section.h"
#include "model/local_config.h"

namespace regent {

// A document with the environment laid over it, and where it came from.
struct ConfigSource {
  Json document = Json::object();
  std::string where;
  std::vector<std::string> warnings;
};

Result<ConfigSource> read_config_source(const std::string& path, const std::map<std::string, std::string>& environment);

enum class ConfigScope {
  agent,  // everything a daemon needs
  ctl,    // the store
};

// As much of the configuration as can be understood, and everything that is wrong with it.
struct ConfigReading {
  LocalConfig config;
  std::vector<ConfigProblem> problems;
};

ConfigReading read_config(Json document, ConfigScope scope);

}  // namespace regent
