#include "model/config_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/yaml.h"

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

std::optional<std::string> scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  if (value.is_number_float()) return fmt::format("{}", value.get<double>());
  return std::nullopt;
}

std::optional<bool> scalar_flag(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  auto text = scalar_text(value);
  if (!text) return std::nullopt;
  std::transform(text->begin(), text->end(), text->begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::array yes{"on", "true", "yes", "1"};
  constexpr std::array no{"off", "false", "no", "0"};
  if (std::find(yes.begin(), yes.end(), *text) != yes.end()) return true;
  if (std::find(no.begin(), no.end(), *text) != no.end()) return false;
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

const Json* ConfigSection::get(std::string_view key) const {
  return find(json(), key);
}

std::string ConfigSection::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void ConfigSection::problem(std::string_view key, std::string what, std::string remedy, bool fatal) const {
  const Json* value = get(key);
  problems_->push_back(
      {path_of(key), value == nullptr ? std::string() : shown(*value), std::move(what), std::move(remedy), fatal});
}

ConfigSection ConfigSection::section(std::string_view key) const {
  return {get(key), path_of(key), *problems_};
}

std::string ConfigSection::text(std::string_view key, std::string default_value) const {
  const Json* value = get(key);
  if (value == nullptr) return default_value;
  if (auto text = scalar_text(*value)) return *text;
  problem(key, "is not a string",
          value->is_boolean() ? "YAML reads this word as a boolean, put it in quotes" : "write one value");
  return default_value;
}

std::string ConfigSection::required_text(std::string_view key, std::string_view remedy) const {
  auto value = text(key);
  const Json* written = get(key);
  if (written == nullptr || (written->is_string() && value.empty()))
    problem(key, std::string(not_defined), std::string(remedy));
  return value;
}

bool ConfigSection::flag(std::string_view key, bool default_value) const {
  const Json* value = get(key);
  if (value == nullptr) return default_value;
  if (const auto flag = scalar_flag(*value)) return *flag;
  problem(key, "is not a boolean", "write true or false");
  return default_value;
}

std::optional<std::int64_t> ConfigSection::integer(std::string_view key, std::int64_t least, std::int64_t most) const {
  const Json* value = get(key);
  if (value == nullptr) return std::nullopt;
  const auto number = scalar_integer(*value);
  if (number && *number >= least && *number <= most) return number;
  std::string remedy = most == INT64_MAX ? fmt::format("write a number, at least {}", least)
                                         : fmt::format("write a number from {} to {}", least, most);
  problem(key, "didn't pass validation: Wrong value", std::move(remedy));
  return std::nullopt;
}

std::vector<std::string> ConfigSection::list(std::string_view key) const {
  std::vector<std::string> out;
  const Json* value = get(key);
  if (value == nullptr) return out;
  if (value->is_array()) {
    for (const auto& item : *value) {
      if (auto text = scalar_text(item)) {
        out.push_back(std::move(*text));
      } else {
        problem(key, "is not a list of strings");
      }
    }
    return out;
  }
  if (!value->is_string()) {
    problem(key, "is not a list", "write `[a, b]` or one item per line");
    return out;
  }
  std::string_view rest = value->get_ref<const std::string&>();
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    auto item = rest.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) out.emplace_back(item);
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  return out;
}

std::map<std::string, std::string> ConfigSection::texts(std::string_view key) const {
  std::map<std::string, std::string> out;
  const auto inner = section(key);
  for (const auto& [name, value] : inner.json().items())
    if (!value.is_null()) out[name] = inner.text(name);
  return out;
}

}  // namespace regent
