#include <fmt/format.h>

#include "core/plan/planners.h"

namespace regent {

std::string to_sentence(const RefusedParameter& refused) {
  return fmt::format("{} = '{}' in the {} configuration: {}", refused.name, refused.value,
                     refused.local ? "local" : "dynamic", refused.why);
}

namespace plan {

void refused_parameters(const Situation& s, Decision& d) {
  const auto& refused = s.o.postgres.refused_parameters;
  if (refused.empty()) return;
  std::string text = "not used: ";
  for (const auto& parameter : refused) {
    if (&parameter != &refused.front()) text += "; ";
    text += to_sentence(parameter);
  }
  d.conditions.push_back({"ParametersRefused", std::move(text)});
}

}  // namespace plan
}  // namespace regent
