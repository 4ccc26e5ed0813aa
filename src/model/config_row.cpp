#include "model/config_row.h"

#include <fmt/format.h>

namespace regent {

std::string ConfigRow::bounds() const {
  const bool bottom = least > std::numeric_limits<double>::lowest();
  const bool top = most < std::numeric_limits<double>::max();
  if (bottom && top) return fmt::format(" from {} to {}", least, most);
  if (bottom) return fmt::format(", at least {}", least);
  if (top) return fmt::format(", at most {}", most);
  return {};
}

}  // namespace regent
