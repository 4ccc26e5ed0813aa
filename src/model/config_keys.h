// Which keys the configuration file knows (compat §1.11, §1.13): unknown ones are tolerated and named in a warning
// (T22).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace regent {

// The names a store section may have.
const std::vector<std::string_view>& store_kinds();

// Renames old spellings in place (T19), so that nobody else has to know them. Returns a sentence for each that is worth
// one.
std::vector<std::string> modernize_config(Json& document);

// One sentence for each key nobody reads.
std::vector<std::string> find_unknown_keys(const Json& document);
// The same for a dynamic configuration, whose keys are shown below `shown`.
std::vector<std::string> find_unknown_dynamic_keys(const Json& dynamic, std::string_view shown);

}  // namespace regent
