#include "model/slots.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/config_value.h"

namespace regent {
namespace {

std::string as_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? std::string() : to_compact(value);
}

std::string text_in(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  return value == nullptr ? std::string() : as_text(*value);
}

// Null, zero, an empty mapping and the like all mean a physical slot without further wishes (T32).
bool says_nothing(const Json& value) {
  return value.is_null() || value == Json(0) || value == Json(false) || value == Json("") ||
         (value.is_object() && value.empty()) || (value.is_array() && value.empty());
}

std::optional<std::string> parse_spec(const Json& value, SlotSpec& spec) {
  if (says_nothing(value)) return std::nullopt;
  if (!value.is_object()) return "must be a mapping with a type";
  spec.database = text_in(value, "database");
  spec.plugin = text_in(value, "plugin");
  auto type = text_in(value, "type");
  if (type.empty()) type = !spec.database.empty() && !spec.plugin.empty() ? "logical" : "physical";
  if (type == "logical") {
    spec.physical = false;
    if (spec.database.empty() || spec.plugin.empty()) return "is logical and needs a database and a plugin";
    return std::nullopt;
  }
  if (type != "physical") return fmt::format("has the type '{}', which is neither physical nor logical", type);
  spec.database.clear();
  spec.plugin.clear();
  spec.cluster_type = text_in(value, "cluster_type");
  if (!spec.cluster_type.empty() && spec.cluster_type != "primary" && spec.cluster_type != "standby") {
    return fmt::format("has the cluster_type '{}', which is neither primary nor standby", spec.cluster_type);
  }
  return std::nullopt;
}

}  // namespace

bool valid_slot_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

SlotSpecs parse_permanent_slots(const Json& config, std::vector<std::string>& problems) {
  SlotSpecs specs;
  // The oldest name wins, as with Patroni; an empty one hides no other.
  constexpr ConfigName key = "slots";
  const Json* slots = nullptr;
  const auto take = [&](std::string_view name) {
    const Json* value = find(config, name);
    if (value != nullptr && !says_nothing(*value)) slots = value;
  };
  take(key->name());
  for_each_word(key->formerly, take);
  if (slots == nullptr) return specs;
  if (!slots->is_object()) {
    problems.emplace_back("slots must be a mapping of names; no permanent slots until it is");
    return specs;
  }
  for (const auto& [name, value] : slots->items()) {
    if (!valid_slot_name(name)) {
      problems.push_back(
          fmt::format("Invalid permanent replication slot name '{}': a slot name may only contain lower "
                      "case letters, numbers, and the underscore chars",
                      name));
      continue;
    }
    SlotSpec spec;
    if (const auto problem = parse_spec(value, spec)) {
      problems.push_back(fmt::format("Bad value for slot '{}' in permanent_slots: it {}", name, *problem));
      continue;
    }
    specs[name] = std::move(spec);
  }
  return specs;
}

std::vector<SlotMatcher> parse_ignore_slots(const Json& config, std::vector<std::string>& problems) {
  std::vector<SlotMatcher> matchers;
  const Json* list = value_of(config, "ignore_slots");
  if (list == nullptr || says_nothing(*list)) return matchers;
  if (!list->is_array()) {
    problems.emplace_back("ignore_slots must be a list; nothing is ignored until it is");
    return matchers;
  }
  for (const auto& item : *list) {
    if (!item.is_object()) {
      problems.emplace_back("ignore_slots must be a list of mappings; an entry that is none is left out");
      continue;
    }
    SlotMatcher matcher;
    const auto take = [&](std::string_view key, std::optional<std::string>& out) {
      if (const Json* value = find(item, key); value != nullptr && !value->is_null()) out = as_text(*value);
    };
    take("name", matcher.name);
    take("type", matcher.type);
    take("database", matcher.database);
    take("plugin", matcher.plugin);
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

}  // namespace regent
