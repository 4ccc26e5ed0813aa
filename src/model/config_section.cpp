#include "model/config_section.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/config_value.h"

namespace regent {
namespace {

const Json no_mapping = Json::object();

// Short enough for a sentence.
std::string shown(const Json& value) {
  std::string text = value.is_string() ? value.get<std::string>() : to_spaced(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

}  // namespace

std::string ConfigProblem::sentence(std::string_view where) const {
  std::string out = fmt::format("{}: {}", where, key);
  if (!value.empty()) out += fmt::format(" \"{}\"", value);
  out += " " + what;
  if (!remedy.empty()) out += "; " + remedy;
  return out;
}

std::string ConfigProblem::validator_line() const {
  if (what == not_defined) return fmt::format("{}  {}.", key, what);
  return fmt::format("{} {} {}", key, value, what);
}

ConfigSection::ConfigSection(const Json* value, std::string path, std::vector<ConfigProblem>& problems)
    : value_(value), path_(std::move(path)), problems_(&problems) {
  if (value_ != nullptr && !value_->is_object()) {
    problems_->push_back({path_, shown(*value_), "is not a dictionary", "write a mapping of keys below it", true});
    value_ = nullptr;
  }
}

const Json& ConfigSection::json() const {
  return value_ == nullptr ? no_mapping : *value_;
}

const Json* ConfigSection::get(ConfigName key) const {
  return value_of(json(), key);
}

std::string ConfigSection::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void ConfigSection::problem_at(std::string_view name, const Json* value, std::string what, std::string remedy,
                               bool fatal) const {
  problems_->push_back(
      {path_of(name), value == nullptr ? std::string() : shown(*value), std::move(what), std::move(remedy), fatal});
}

void ConfigSection::problem(ConfigName key, std::string what, std::string remedy, bool fatal) const {
  problem_at(key->name(), get(key), std::move(what), std::move(remedy), fatal);
}

ConfigSection ConfigSection::section(ConfigName key) const {
  return {get(key), path_of(key->name()), *problems_};
}

ConfigSection ConfigSection::section_of(const std::string& name) const {
  return {find(json(), name), path_of(name), *problems_};
}

std::optional<std::string> ConfigSection::text_at(std::string_view name, const Json& value) const {
  if (auto text = scalar_text(value)) return text;
  problem_at(name, &value, "is not a string",
             value.is_boolean() ? "YAML reads this word as a boolean, put it in quotes" : "write one value");
  return std::nullopt;
}

std::string ConfigSection::text(ConfigName key) const {
  const Json* value = get(key);
  if (value == nullptr) return std::string(key->standard);
  return text_at(key->name(), *value).value_or(std::string(key->standard));
}

std::string ConfigSection::required_text(ConfigName key, std::string_view remedy) const {
  auto value = text(key);
  const Json* written = get(key);
  if (written == nullptr || (written->is_string() && value.empty()))
    problem(key, std::string(not_defined), std::string(remedy));
  return value;
}

bool ConfigSection::flag(ConfigName key) const {
  const Json* value = get(key);
  if (value != nullptr && !scalar_flag(*value)) problem(key, "is not a boolean", "write true or false");
  return flag_in(json(), key);
}

std::optional<std::int64_t> ConfigSection::integer(ConfigName key) const {
  const Json* value = get(key);
  std::optional<std::int64_t> standard;
  if (!key->standard.empty()) standard = static_cast<std::int64_t>(key->number);
  if (value == nullptr) return standard;
  const auto number = scalar_integer(*value);
  if (number && key->allows(static_cast<double>(*number))) return number;
  problem(key, "didn't pass validation: Wrong value", fmt::format("write a number{}", key->bounds()));
  return standard;
}

std::vector<std::string> ConfigSection::list(ConfigName key) const {
  const Json* value = get(key);
  if (value == nullptr) return {};
  if (!value->is_array() && !value->is_string()) {
    problem(key, "is not a list", "write `[a, b]` or one item per line");
  } else if (value->is_array() &&
             std::any_of(value->begin(), value->end(), [](const Json& item) { return !scalar_text(item); })) {
    problem(key, "is not a list of strings");
  }
  return texts_of(*value);
}

std::map<std::string, std::string> ConfigSection::texts(std::vector<std::string_view> except) const {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : json().items()) {
    if (!value.is_null() && std::find(except.begin(), except.end(), name) == except.end())
      out[name] = text_at(name, value).value_or("");
  }
  return out;
}

std::map<std::string, std::string> ConfigSection::texts(ConfigName key) const {
  return section(key).texts();
}

}  // namespace regent
