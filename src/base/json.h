// JSON as Patroni's users and peers see it: key order kept, two spellings (T8).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace regent {

// Keys keep their order: peers compare texts to spare writes (T8).
using Json = nlohmann::ordered_json;

// {"a":1,"b":[1,2]}: keys of the store.
std::string to_compact(const Json& value);

// {"a": 1, "b": [1, 2]}: the REST API and files.
std::string to_spaced(const Json& value);

// `where` names the source in the error sentence, e.g. "/service/demo/config". What is nested deeper than anything that
// makes sense is refused.
Result<Json> parse_json(std::string_view text, std::string_view where);

// Merges a patch into a document by Patroni's rule (T32): a null deletes a key of a mapping that exists; inside a
// mapping that is new it stays. Returns whether anything changed.
bool merge_patch(Json& document, const Json& patch);

// The members of an object leniently read: nullptr when `value` is no object, lacks the key or holds null there.
const Json* find(const Json& value, std::string_view key);

}  // namespace regent
