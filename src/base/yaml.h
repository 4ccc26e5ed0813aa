// YAML 1.1 as Patroni's files are written (T31): yes/no/on/off are booleans, 010 is octal, 1:30 is sexagesimal, `<<`
// merges. yaml-cpp parses the syntax; the meaning of plain scalars is resolved here.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace regent {

// A whole document as JSON; an empty document is null. `where` names the file in the error sentence, which carries the
// line number.
Result<Json> parse_yaml(std::string_view text, std::string_view where);

// One plain scalar by YAML 1.1's rules: null, boolean, integer, float or string.
Json resolve_plain_scalar(std::string_view text);

// Block style with keys sorted, as `show-config` and `list -f yaml` print it.
std::string to_yaml(const Json& value);

// Flow style on one line, `{zone: a}`, as tags are printed in tables.
std::string to_yaml_flow(const Json& value);

}  // namespace regent
