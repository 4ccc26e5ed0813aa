#include "model/tags.h"

#include <fmt/format.h>

#include <charconv>

#include "model/config_section.h"

namespace regent {
namespace {

bool as_flag(const Json& tags, std::string_view key) {
  const Json* value = find(tags, key);
  if (value == nullptr) return false;
  if (value->is_number_integer()) return value->get<std::int64_t>() != 0;
  return scalar_flag(*value).value_or(false);
}

int as_priority(const Json& tags, std::string_view key) {
  const Json* value = find(tags, key);
  if (value == nullptr) return 1;
  if (value->is_number_integer()) return value->get<int>();
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    int number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && stop == text.data() + text.size()) return number;
  }
  return 1;
}

bool is_builtin_flag(std::string_view key) {
  return key == "nofailover" || key == "noloadbalance" || key == "nosync" || key == "clonefrom" || key == "nostream";
}

// A false nofailover or nosync is worth publishing beside its priority twin: it then says which of the two wins.
bool has_priority_twin(const Json& tags, std::string_view key) {
  if (key == "nofailover") return find(tags, "failover_priority") != nullptr;
  if (key == "nosync") return find(tags, "sync_priority") != nullptr;
  return false;
}

}  // namespace

std::vector<std::string> tag_conflicts(const Json& tags) {
  std::vector<std::string> conflicts;
  for (const auto& [flag, priority] :
       {std::pair{"nofailover", "failover_priority"}, std::pair{"nosync", "sync_priority"}}) {
    if (!tags.is_object() || find(tags, flag) == nullptr || find(tags, priority) == nullptr) continue;
    const bool set = as_flag(tags, flag);
    const int number = as_priority(tags, priority);
    if (set != (number > 0)) continue;
    const auto* word = set ? "True" : "False";
    conflicts.push_back(fmt::format("Conflicting configuration between {}: {} and {}: {}. Defaulting to {}: {}", flag,
                                    word, priority, number, flag, word));
  }
  return conflicts;
}

Tags parse_tags(const Json& tags) {
  Tags out;
  if (!tags.is_object()) return out;
  out.nofailover = as_flag(tags, "nofailover");
  out.noloadbalance = as_flag(tags, "noloadbalance");
  out.nosync = as_flag(tags, "nosync");
  out.clonefrom = as_flag(tags, "clonefrom");
  out.nostream = as_flag(tags, "nostream");
  out.failover_priority = as_priority(tags, "failover_priority");
  out.sync_priority = as_priority(tags, "sync_priority");
  // An explicit nofailover beats the priority, in both directions.
  if (find(tags, "nofailover") != nullptr && !out.nofailover && out.failover_priority <= 0) out.failover_priority = 1;
  if (find(tags, "nosync") != nullptr && !out.nosync && out.sync_priority <= 0) out.sync_priority = 1;
  if (const Json* from = find(tags, "replicatefrom"); from != nullptr && from->is_string()) {
    out.replicatefrom = from->get<std::string>();
  }
  for (const auto& [key, value] : tags.items()) {
    if (value.is_null()) continue;
    if (is_builtin_flag(key) && !as_flag(tags, key) && !has_priority_twin(tags, key)) continue;
    out.all[key] = is_builtin_flag(key) ? Json(as_flag(tags, key)) : value;
  }
  return out;
}

}  // namespace regent
