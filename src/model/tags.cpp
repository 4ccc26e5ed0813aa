#include "model/tags.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>

#include "model/config_value.h"

namespace regent {
namespace {

int priority_in(const Json& tags, ConfigName key) {
  const Json* value = value_of(tags, key);
  const auto number = value == nullptr ? std::nullopt : scalar_number(*value);
  return static_cast<int>(std::clamp<double>(number.value_or(key->number), INT_MIN, INT_MAX));
}

struct Flag {
  ConfigName key;
  bool Tags::*value;
};
constexpr Flag flags[] = {{"tags.nofailover", &Tags::nofailover},
                          {"tags.noloadbalance", &Tags::noloadbalance},
                          {"tags.nosync", &Tags::nosync},
                          {"tags.clonefrom", &Tags::clonefrom},
                          {"tags.nostream", &Tags::nostream}};

// A flag, and the priority that says the same in more detail.
struct Twins {
  ConfigName flag;
  ConfigName priority;
};
constexpr Twins twins[] = {{"tags.nofailover", "tags.failover_priority"}, {"tags.nosync", "tags.sync_priority"}};

// A false nofailover or nosync is worth publishing beside its priority twin: it then says which of the two wins.
bool has_priority_twin(const Json& tags, ConfigName key) {
  return std::any_of(std::begin(twins), std::end(twins), [&](const Twins& pair) {
    return pair.flag->path == key->path && value_of(tags, pair.priority) != nullptr;
  });
}

}  // namespace

std::vector<std::string> tag_conflicts(const Json& tags) {
  std::vector<std::string> conflicts;
  for (const auto& [flag, priority] : twins) {
    if (value_of(tags, flag) == nullptr || value_of(tags, priority) == nullptr) continue;
    const bool set = flag_in(tags, flag);
    const int number = priority_in(tags, priority);
    if (set != (number > 0)) continue;
    const auto* word = set ? "True" : "False";
    conflicts.push_back(fmt::format("Conflicting configuration between {}: {} and {}: {}. Defaulting to {}: {}",
                                    flag->name(), word, priority->name(), number, flag->name(), word));
  }
  return conflicts;
}

Tags parse_tags(const Json& tags) {
  Tags out;
  if (!tags.is_object()) return out;
  for (const auto& [key, value] : flags) out.*value = flag_in(tags, key);
  constexpr ConfigName failover = "tags.failover_priority";
  constexpr ConfigName sync = "tags.sync_priority";
  out.failover_priority = priority_in(tags, failover);
  out.sync_priority = priority_in(tags, sync);
  // An explicit nofailover beats the priority, in both directions.
  if (value_of(tags, "tags.nofailover") != nullptr && !out.nofailover && out.failover_priority <= 0)
    out.failover_priority = static_cast<int>(failover->number);
  if (value_of(tags, "tags.nosync") != nullptr && !out.nosync && out.sync_priority <= 0)
    out.sync_priority = static_cast<int>(sync->number);
  if (const Json* from = value_of(tags, "tags.replicatefrom"); from != nullptr && from->is_string()) {
    out.replicatefrom = from->get<std::string>();
  }
  for (const auto& [key, value] : tags.items()) {
    if (!value.is_null()) out.all[key] = value;
  }
  for (const auto& [key, value] : flags) {
    const auto name = std::string(key->name());
    if (!out.all.contains(name)) continue;
    out.all[name] = out.*value;
    if (!(out.*value) && !has_priority_twin(tags, key)) out.all.erase(name);
  }
  return out;
}

}  // namespace regent
