#include "adapters/postgres/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include "base/text.h"

namespace regent {
namespace {

struct Unit {
  std::string_view name;
  double size;  // in bytes or microseconds
};

constexpr std::array memory_units{Unit{"TB", 1099511627776.0}, Unit{"GB", 1073741824.0}, Unit{"MB", 1048576.0},
                                  Unit{"kB", 1024.0}, Unit{"B", 1.0}};
constexpr std::array time_units{Unit{"d", 86400e6}, Unit{"h", 3600e6}, Unit{"min", 60e6},
                                Unit{"s", 1e6},     Unit{"ms", 1e3},   Unit{"us", 1.0}};

struct Measure {
  bool memory = false;
  double size = 0;  // of one unit
};

std::optional<Measure> find_unit(std::string_view name) {
  for (const auto& unit : memory_units) {
    if (unit.name == name) return Measure{true, unit.size};
  }
  for (const auto& unit : time_units) {
    if (unit.name == name) return Measure{false, unit.size};
  }
  return std::nullopt;
}

// "8kB" is eight times kB.
std::optional<Measure> base_measure(std::string_view unit) {
  std::size_t digits = 0;
  while (digits < unit.size() && std::isdigit(static_cast<unsigned char>(unit[digits])) != 0) ++digits;
  auto measure = find_unit(unit.substr(digits));
  if (measure && digits > 0) measure->size *= std::atof(std::string(unit.substr(0, digits)).c_str());
  return measure;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// The old names of wal_level = replica.
std::string enum_word(std::string_view value) {
  auto word = lowered(trim(value));
  if (word == "hot_standby" || word == "archive") return "replica";
  // Enums such as synchronous_commit accept the words of booleans too.
  if (word == "true" || word == "yes" || word == "1") return "on";
  if (word == "false" || word == "no" || word == "0") return "off";
  return word;
}

}  // namespace

std::optional<double> in_unit(std::string_view value, std::string_view unit) {
  const std::string text(trim(value));
  char* end = nullptr;
  double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str()) return std::nullopt;
  // PostgreSQL reads whole numbers as C does.
  if (text.size() > 1 && text[0] == '0' && std::isdigit(static_cast<unsigned char>(text[1])) != 0 &&
      text.find('.') == std::string::npos) {
    number = static_cast<double>(std::strtoll(text.c_str(), &end, 8));
  }
  const auto suffix = trim(end);
  if (suffix.empty()) return number;
  const auto base = base_measure(unit);
  const auto measure = find_unit(suffix);
  if (!base || !measure || base->memory != measure->memory) return std::nullopt;
  return number * measure->size / base->size;
}

std::optional<bool> parse_bool(std::string_view value) {
  const auto word = lowered(trim(value));
  if (word.empty()) return std::nullopt;
  const auto begins = [&](std::string_view whole) { return whole.starts_with(word); };
  if (word == "1" || word == "on" || begins("true") || begins("yes")) return true;
  if (word == "0" || begins("false") || begins("no") || (begins("off") && word.size() > 1)) return false;
  return std::nullopt;
}

bool same_setting(std::string_view left, std::string_view right, const SettingType& type) {
  if (left == right) return true;
  if (type.vartype == "bool") {
    const auto a = parse_bool(left);
    return a && a == parse_bool(right);
  }
  if (type.vartype == "integer" || type.vartype == "real") {
    const auto a = in_unit(left, type.unit);
    const auto b = in_unit(right, type.unit);
    if (!a || !b) return false;
    // PostgreSQL rounds fractions of whole-number settings.
    return type.vartype == "integer" ? std::round(*a) == std::round(*b) : *a == *b;
  }
  return type.vartype == "enum" && enum_word(left) == enum_word(right);
}

std::string show_setting(std::string_view value, const SettingType& type) {
  const auto base = base_measure(type.unit);
  const auto number = in_unit(value, type.unit);
  if ((type.vartype != "integer" && type.vartype != "real") || !base || !number || *number <= 0) {
    return std::string(value);
  }
  const double total = *number * base->size;
  const auto print = [&](const auto& units) -> std::string {
    for (const auto& unit : units) {
      if (std::fmod(total, unit.size) == 0) return fmt::format("{:.0f}{}", total / unit.size, unit.name);
    }
    return std::string(value);
  };
  return base->memory ? print(memory_units) : print(time_units);
}

}  // namespace regent
