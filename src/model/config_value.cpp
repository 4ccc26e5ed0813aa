#include "model/config_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "base/yaml.h"

namespace regent {
namespace {

// A number and what stands behind it.
std::optional<std::pair<double, std::string_view>> leading_number(std::string_view text) {
  text = trim(text);
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  return std::pair{number, trim(text.substr(static_cast<std::size_t>(stop - text.data())))};
}

}  // namespace

std::optional<std::string> scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  return std::nullopt;
}

std::optional<bool> scalar_flag(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value.get<double>() != 0;
  if (!value.is_string()) return std::nullopt;
  std::string word(trim(value.get_ref<const std::string&>()));
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::array yes{"on", "true", "yes", "1", "t", "y"};
  constexpr std::array no{"off", "false", "no", "0", "f", "n"};
  if (std::find(yes.begin(), yes.end(), word) != yes.end()) return true;
  if (std::find(no.begin(), no.end(), word) != no.end()) return false;
  return std::nullopt;
}

std::optional<std::int64_t> scalar_integer(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > INT64_MAX) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_string()) return std::nullopt;
  const Json resolved = resolve_plain_scalar(value.get_ref<const std::string&>());
  return resolved.is_number_integer() ? scalar_integer(resolved) : std::nullopt;
}

std::optional<double> scalar_number(const Json& value) {
  if (value.is_number()) {
    const auto number = value.get<double>();
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
  }
  if (!value.is_string()) return std::nullopt;
  const auto found = leading_number(value.get_ref<const std::string&>());
  return found && found->second.empty() ? std::optional(found->first) : std::nullopt;
}

std::optional<double> scalar_seconds(const Json& value) {
  if (!value.is_string()) return scalar_number(value);
  const auto found = leading_number(value.get_ref<const std::string&>());
  if (!found) return std::nullopt;
  constexpr std::array<std::pair<std::string_view, double>, 6> units{
      {{"", 1}, {"ms", 0.001}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}}};
  for (const auto& [name, seconds] : units) {
    if (found->second == name) return found->first * seconds;
  }
  return std::nullopt;
}

const Json* value_of(const Json& section, ConfigName key) {
  const Json* value = find(section, key->name());
  for_each_word(key->formerly, [&](std::string_view older) {
    if (value == nullptr) value = find(section, older);
  });
  return value;
}

bool flag_in(const Json& section, ConfigName key) {
  const Json* value = value_of(section, key);
  return (value == nullptr ? std::nullopt : scalar_flag(*value)).value_or(key->number != 0);
}

std::string text_in(const Json& section, ConfigName key) {
  const Json* value = value_of(section, key);
  return (value == nullptr ? std::nullopt : scalar_text(*value)).value_or(std::string(key->standard));
}

std::vector<std::string> texts_of(const Json& value) {
  std::vector<std::string> out;
  if (value.is_array()) {
    for (const auto& item : value) {
      if (auto text = scalar_text(item)) out.push_back(std::move(*text));
    }
    return out;
  }
  if (!value.is_string()) return out;
  std::string_view rest = value.get_ref<const std::string&>();
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    if (const auto item = trim(rest.substr(0, comma)); !item.empty()) out.emplace_back(item);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return out;
}

std::string standard_port(ConfigName key) {
  return fmt::format("{}", key->number);
}

const Json* at_path(const Json& document, std::string_view path) {
  const Json* place = &document;
  while (place != nullptr) {
    const auto dot = path.find('.');
    place = find(*place, path.substr(0, dot));
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  return place;
}

}  // namespace regent
