// Values of PostgreSQL's settings with their units: '128MB' and 16384 pages of 8kB are the same.
// Pure. Threading: any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace regent {

// What pg_settings tells of a setting.
struct SettingType {
  std::string vartype;  // bool, integer, real, enum, string
  std::string unit;     // "8kB", "ms", ... or empty
};

// A number in the setting's own unit, e.g. ('128MB', "8kB") is 16384. nullopt: not a number of that kind.
std::optional<double> in_unit(std::string_view value, std::string_view unit);

std::optional<bool> parse_bool(std::string_view value);

// Whether both spellings mean the same to PostgreSQL.
bool same_setting(std::string_view left, std::string_view right, const SettingType& type);

// A raw value of pg_settings as SHOW would print it: ("16384", "8kB") is "128MB".
std::string show_setting(std::string_view value, const SettingType& type);

}  // namespace regent
