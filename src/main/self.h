// Who this member is, from its local configuration.
#pragma once

#include <string_view>

#include "core/observation.h"
#include "model/local_config.h"

namespace regent {

constexpr std::string_view regent_version = "0.1.0";

Self make_self(const LocalConfig& config);

}  // namespace regent
