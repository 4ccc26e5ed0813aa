// Replication slots as the dynamic configuration asks for them: `slots` and `ignore_slots` (compat §1.6).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace regent {

// One permanent slot: it exists whether or not somebody uses it, and survives a change of the leader.
struct SlotSpec {
  bool physical = true;
  std::string database;      // logical only
  std::string plugin;        // logical only
  std::string cluster_type;  // physical only: "primary" or "standby"; empty: any

  friend bool operator==(const SlotSpec&, const SlotSpec&) = default;
};
using SlotSpecs = std::map<std::string, SlotSpec>;

// A slot that somebody else looks after. Every part that is given has to fit.
struct SlotMatcher {
  std::optional<std::string> name, type, database, plugin;

  friend bool operator==(const SlotMatcher&, const SlotMatcher&) = default;
};

// Lower case letters, digits and underscores, at most 63: what PostgreSQL takes.
bool valid_slot_name(std::string_view name);

// `slots`, or one of its older names. Entries that make no sense are left out and named in `problems` (F40).
SlotSpecs parse_permanent_slots(const Json& config, std::vector<std::string>& problems);
std::vector<SlotMatcher> parse_ignore_slots(const Json& config, std::vector<std::string>& problems);

}  // namespace regent
