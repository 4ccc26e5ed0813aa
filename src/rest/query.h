// Reading what clients put into a request: the target, and values with units.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace regent::rest {

struct Target {
  std::string path;                                        // "/replica"; leading slashes are one
  std::string endpoint;                                    // its first segment: "replica"; empty for "/"
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order; parameters without a value are left out

  // The first value of the parameter.
  const std::string* find(std::string_view name) const;
};

Target parse_target(std::string_view target);

// "1048576", "16MB", "1.5 kB". nullopt: not a size.
std::optional<std::uint64_t> parse_size(std::string_view text);

// 60, "60", "1min". nullopt: not a duration.
std::optional<Duration> parse_seconds(const Json& value);

// The words YAML and JSON use for true. Everything else is false.
bool is_true(const Json* value);

}  // namespace regent::rest
