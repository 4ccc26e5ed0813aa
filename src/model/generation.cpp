#include "model/generation.h"

namespace regent {

std::optional<Generation> parse_generation(std::string_view text) {
  if (text == "2.1" || text == "2") return Generation::v2_1;
  if (text == "3" || text == "3.0") return Generation::v3;
  if (text == "4" || text == "4.0") return Generation::v4;
  return std::nullopt;
}

std::string_view patroni_version(Generation generation) {
  switch (generation) {
    case Generation::v2_1:
      return "2.1.4";
    case Generation::v3:
      return "3.0.2";
    case Generation::v4:
      break;
  }
  return "4.1.4";
}

std::string_view primary_word(Generation generation) {
  return generation == Generation::v4 ? "primary" : "master";
}

}  // namespace regent
