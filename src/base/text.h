// Small things about text that more than one part needs.
// Pure. Threading: any.
#pragma once

#include <string_view>

namespace regent {

// Without blanks and ends of lines around it.
constexpr std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace regent
