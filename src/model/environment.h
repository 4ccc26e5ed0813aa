// PATRONI_* variables as a document to lay over the YAML file (compat §1.25, T20).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace regent {

struct EnvironmentLayer {
  Json document = Json::object();
  std::vector<std::string> warnings;
};

// Empty variables count as not set. Variables without the prefix are not looked at.
EnvironmentLayer read_environment(const std::map<std::string, std::string>& environment);

// "a,b", "'a','b'", "[a, b]" or a YAML block list.
Json parse_env_list(std::string_view text);

// "k: v, k2: v2" or "{k: v}". null when it is neither.
Json parse_env_dictionary(std::string_view text);

}  // namespace regent
