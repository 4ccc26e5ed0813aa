// How much a node relies on what ends PostgreSQL for it: the `mode` of the `watchdog` and `guard` sections.
#pragma once

#include <optional>

#include "base/json.h"

namespace regent {

enum class FenceMode {
  off,
  automatic,  // used when it can be
  required,   // no primary without it
};

// A word, or a YAML boolean; nullopt: it means nothing.
std::optional<FenceMode> parse_fence_mode(const Json& value);

}  // namespace regent
