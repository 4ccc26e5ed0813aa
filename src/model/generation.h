// The words Patroni changed over its life (T1, T2). Every generation is accepted on input; this selects what we write.
// Source of the choice: the YAML key `compat` or PATRONI_COMPAT.
#pragma once

#include <optional>
#include <string_view>

namespace regent {

enum class Generation { v2_1, v3, v4 };

// "2.1", "3" or "4".
std::optional<Generation> parse_generation(std::string_view text);

// The Patroni version published in the member key: peers decide by it what they may use (T11).
std::string_view patroni_version(Generation generation);

// "master" before 4.0, "primary" from there on: member keys, REST, callbacks.
std::string_view primary_word(Generation generation);

}  // namespace regent
