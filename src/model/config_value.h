// One value of the configuration, however it was written: YAML's types, or a text that says the same (T20). The one
// place that knows truth words and units.
// Pure. Threading: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/config_table.h"

namespace regent {

// The text of a scalar as PyYAML and str() would give it; nullopt for booleans, lists and mappings.
std::optional<std::string> scalar_text(const Json& value);
// Truth words in any case; of numbers, 0 is no.
std::optional<bool> scalar_flag(const Json& value);
std::optional<std::int64_t> scalar_integer(const Json& value);
// Never NaN, never infinite.
std::optional<double> scalar_number(const Json& value);
// A number of seconds, or one with a unit: ms, s, min, h, d.
std::optional<double> scalar_seconds(const Json& value);

// The value of a key in the mapping that holds it, under its present name or an older one; null: there is none.
const Json* value_of(const Json& section, ConfigName key);
// A flag that cannot be understood is what it is where nothing is written.
bool flag_in(const Json& section, ConfigName key);

// A text, or what holds where none is written.
std::string text_in(const Json& section, ConfigName key);
// A list, or one text with commas; what is no text is left out.
std::vector<std::string> texts_of(const Json& value);

// Of an address that names none.
std::string standard_port(ConfigName key);

// The value at a path, "restapi.listen"; null: there is none.
const Json* at_path(const Json& document, std::string_view path);

}  // namespace regent
