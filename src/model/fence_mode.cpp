#include "model/fence_mode.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace regent {

std::optional<FenceMode> parse_fence_mode(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? FenceMode::automatic : FenceMode::off;
  if (!value.is_string()) return std::nullopt;
  std::string word = value.get<std::string>();
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  if (word == "require" || word == "required") return FenceMode::required;
  if (word == "auto" || word == "automatic" || word == "on") return FenceMode::automatic;
  if (word == "off" || word == "disabled") return FenceMode::off;
  return std::nullopt;
}

}  // namespace regent
