// Which replication slots a node shall have, whose they are, and whether a copy of a logical one is whole (compat §1.6;
// I16, F76, F77). Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/situation.h"

namespace regent {

enum class SlotOwner {
  member,     // of a member that is there
  retained,   // of a member that left lately
  permanent,  // named in the configuration
  ignored,    // matched by ignore_slots
  foreign,    // anybody else's: never touched
};
std::string_view to_string(SlotOwner owner);

struct WantedSlot {
  SlotSpec spec;
  SlotOwner owner = SlotOwner::member;
  // Whether somebody is meant to stream from it here; unknown for a slot that is only kept.
  std::optional<bool> expected_active;
  // How far the member that uses it elsewhere has got; 0: unknown.
  Lsn advance_to;
};

// By name. `leading`: for the server that the others stream from.
std::map<std::string, WantedSlot> wanted_slots(const Situation& s, bool leading);

const SlotRow* find_slot(const ServerFacts& server, const std::string& name);

// In Memory::slot_seen: kept for long enough. It stays there until nobody reads of it in the store any more.
constexpr Instant given_up{};

// Whether the row is what the configuration asks for; a slot of the same name may be another kind.
bool same_kind(const SlotRow& row, const SlotSpec& spec);

bool is_ignored(const Situation& s, const SlotRow& row);

SlotOwner owner_of(const Situation& s, const std::map<std::string, WantedSlot>& wanted, const SlotRow& row);

// Logical slots of the configuration live on this member, too: it may lead one day, and streams.
bool carries_logical_slots(const Situation& s);

// The physical slot on the leader that holds its vacuum back for this member: its own, or the one of the member at the
// top of the cascade it belongs to. Empty: there is none.
std::string slot_on_leader(const Situation& s);

// The leader's slots, when they were asked for lately and belong to the history that is followed; else null.
const UpstreamSlots* leader_slots(const Situation& s);

// A logical slot was published once and this server, which leads now, never had it: a new one would skip changes (I16).
bool lost_logical_slot(const Situation& s, const std::string& name);

// The comparison of transaction numbers, which wrap around.
bool xid_at_most(std::uint32_t one, std::uint32_t other);

// Slots on the leader of members that stream from another one: nobody moves them but the leader.
std::set<std::string> cascaded_slots(const Situation& s);

// Generation 4 keeps the slots of all members everywhere, so that a new leader has the WAL they need.
bool keeps_member_slots(const Situation& s);

// What the leader publishes for the others to advance their slots to.
Status published_status(const Situation& s);
// The same after the shutdown checkpoint of a primary: the control file is known.
Status last_status(const Situation& s);
bool publishes_new_logical_slot(const Situation& s, const Status& status);

// One line of the ledger for people.
struct SlotEntry {
  SlotRow row;
  SlotOwner owner = SlotOwner::foreign;
  std::optional<Instant> idle_since;  // as seen by this agent
  std::optional<std::uint64_t> retained;
  // Of a copy of a logical slot on a replica: whether it would serve after a promotion.
  std::optional<bool> proven;
  bool missing = false;  // configured, and not there
};
std::vector<SlotEntry> slot_ledger(const Observation& observation, const Memory& memory);

}  // namespace regent
