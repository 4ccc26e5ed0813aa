#include "core/slots.h"

#include <algorithm>
#include <array>

#include "core/timeline.h"

namespace regent {
namespace {

// How old the leader's answer may be: several cycles, because the next one asks again.
constexpr Duration answer_life = std::chrono::minutes(2);

bool is_member_slot(const Situation& s, const std::string& name) {
  return std::any_of(s.view->members.begin(), s.view->members.end(),
                     [&](const Member& member) { return slot_name(member.name) == name; });
}

// Whom the member streams from is the leader, unless its tag names another one that is there.
bool streams_from(const Situation& s, const Member& member, bool leading) {
  if (s.view->leader.exists() && member.name == s.view->leader.name) return false;
  const Member* parent = parent_of(*s.view, member.name, member.tags);
  return parent == nullptr ? leading : parent->name == s.o.self.name;
}

Lsn published_position(const Situation& s, const std::string& name) {
  const auto& slots = s.view->status.value.slots;
  const auto found = slots.find(name);
  return found == slots.end() ? Lsn{} : found->second;
}

// The leader's slot of a member that streams from elsewhere stands still: what the member says counts.
Lsn told_by(const Member& member) {
  if (member.tags.replicatefrom.empty()) return {};
  return member.replay_lsn.value_or(member.xlog_location.value_or(Lsn{}));
}

void want_members(const Situation& s, bool leading, std::map<std::string, WantedSlot>& wanted) {
  for (const auto& member : s.view->members) {
    if (member.name == s.o.self.name || member.tags.nostream) continue;
    const bool active = streams_from(s, member, leading);
    const bool kept = keeps_member_slots(s) && (leading || s.o.self.tags.may_lead());
    if (!active && !kept) continue;
    WantedSlot slot;
    slot.expected_active = active;
    const auto name = slot_name(member.name);
    slot.advance_to = std::max(published_position(s, name), told_by(member));
    // What it lacks is gone, and nothing that comes after helps it before it is copied anew.
    if (leading && !member.missing_wal.empty()) {
      slot.expected_active = false;
      slot.advance_to = s.server->wal;
      // Which may begin where one of these has got to.
      for (const auto& source : s.view->members) {
        if (source.tags.clonefrom && source.name != member.name && source.replay_lsn) {
          slot.advance_to = std::min(slot.advance_to, *source.replay_lsn);
        }
      }
    }
    wanted.emplace(name, slot);
  }
}

void want_retained(const Situation& s, bool leading, std::map<std::string, WantedSlot>& wanted) {
  if (!leading && !(keeps_member_slots(s) && s.o.self.tags.may_lead())) return;
  const auto own = slot_name(s.o.self.name);
  const auto keep = [&](const std::string& name) {
    if (name == own) return;
    WantedSlot slot;
    slot.owner = SlotOwner::retained;
    if (!leading) slot.advance_to = published_position(s, name);
    wanted.emplace(name, slot);
  };
  if (!leading) {
    for (const auto& name : s.view->status.value.retain_slots) keep(name);
    return;
  }
  for (const auto& [name, seen] : s.m.slot_seen) {
    if (seen != given_up) keep(name);
  }
}

void want_permanent(const Situation& s, bool leading, std::map<std::string, WantedSlot>& wanted) {
  const auto own = slot_name(s.o.self.name);
  const std::string_view cluster_type = s.o.settings.standby_cluster ? "standby" : "primary";
  for (const auto& [name, spec] : s.o.settings.permanent_slots) {
    if (name == own) continue;
    WantedSlot slot;
    slot.spec = spec;
    slot.owner = SlotOwner::permanent;
    if (spec.physical) {
      if (!spec.cluster_type.empty() && spec.cluster_type != cluster_type) continue;
      // Nobody will ever use the copy of one that cannot lead.
      if (!leading && !s.o.self.tags.may_lead()) continue;
      // On the leader its user moves it, if it is not a member that streams from elsewhere; the copies follow.
      const auto member = std::find_if(s.view->members.begin(), s.view->members.end(),
                                       [&](const Member& one) { return slot_name(one.name) == name; });
      const bool elsewhere = member != s.view->members.end() && !streams_from(s, *member, leading);
      if (!leading || elsewhere) {
        slot.expected_active = false;
        slot.advance_to = std::max(published_position(s, name), elsewhere ? told_by(*member) : Lsn{});
      }
      // A member's slot that is permanent as well is there whether or not the member is.
      const auto [place, made] = wanted.emplace(name, slot);
      if (!made) place->second.owner = SlotOwner::permanent;
    } else if (!is_member_slot(s, name) && !s.o.settings.standby_cluster && (leading || carries_logical_slots(s))) {
      wanted.insert_or_assign(name, slot);
    }
  }
}

}  // namespace

std::set<std::string> cascaded_slots(const Situation& s) {
  std::set<std::string> names;
  for (const auto& member : s.view->members) {
    const bool other = member.name != s.o.self.name && !member.tags.nostream;
    if (other && !streams_from(s, member, true)) names.insert(slot_name(member.name));
  }
  return names;
}

bool keeps_member_slots(const Situation& s) {
  return s.o.self.generation == Generation::v4 && s.o.settings.member_slots_ttl > Duration::zero();
}

std::string_view to_string(SlotOwner owner) {
  constexpr std::array<std::string_view, 5> names{"member", "retained", "permanent", "ignored", "foreign"};
  return names.at(static_cast<std::size_t>(owner));
}

std::map<std::string, WantedSlot> wanted_slots(const Situation& s, bool leading) {
  std::map<std::string, WantedSlot> wanted;
  if (s.view == nullptr || !s.o.settings.use_slots) return wanted;
  want_members(s, leading, wanted);
  want_permanent(s, leading, wanted);
  want_retained(s, leading, wanted);
  return wanted;
}

const SlotRow* find_slot(const ServerFacts& server, const std::string& name) {
  for (const auto& slot : server.slots) {
    if (slot.name == name) return &slot;
  }
  return nullptr;
}

bool same_kind(const SlotRow& row, const SlotSpec& spec) {
  if (row.physical != spec.physical) return false;
  return row.physical || (row.database == spec.database && row.plugin == spec.plugin);
}

bool is_ignored(const Situation& s, const SlotRow& row) {
  const std::string type = row.physical ? "physical" : "logical";
  return std::any_of(s.o.settings.ignore_slots.begin(), s.o.settings.ignore_slots.end(), [&](const SlotMatcher& m) {
    const auto fits = [](const std::optional<std::string>& wanted, const std::string& is) {
      return !wanted || *wanted == is;
    };
    return fits(m.name, row.name) && fits(m.type, type) && fits(m.database, row.database) && fits(m.plugin, row.plugin);
  });
}

SlotOwner owner_of(const Situation& s, const std::map<std::string, WantedSlot>& wanted, const SlotRow& row) {
  if (const auto found = wanted.find(row.name); found != wanted.end() && same_kind(row, found->second.spec)) {
    return found->second.owner;
  }
  if (is_ignored(s, row)) return SlotOwner::ignored;
  if (row.physical && s.m.slot_seen.contains(row.name)) return SlotOwner::retained;
  if (const auto was = s.m.permanent_slots.find(row.name); was != s.m.permanent_slots.end()) {
    if (same_kind(row, was->second)) return SlotOwner::permanent;
  }
  return SlotOwner::foreign;
}

bool carries_logical_slots(const Situation& s) {
  if (!s.o.self.tags.may_lead() || s.o.settings.standby_cluster) return false;
  return !slot_on_leader(s).empty();
}

std::string slot_on_leader(const Situation& s) {
  if (s.view == nullptr || s.o.self.tags.nostream || !s.o.settings.use_slots) return {};
  MemberName at = s.o.self.name;
  const Tags* tags = &s.o.self.tags;
  // No longer than there are members: tags may form a ring.
  for (std::size_t i = 0; i <= s.view->members.size(); ++i) {
    const Member* parent = parent_of(*s.view, at, *tags);
    if (parent == nullptr || (s.view->leader.exists() && parent->name == s.view->leader.name)) return slot_name(at);
    if (parent->tags.nostream) return {};
    at = parent->name;
    tags = &parent->tags;
  }
  return {};
}

const UpstreamSlots* leader_slots(const Situation& s) {
  const auto* answer = s.o.upstream_slots.get();
  if (answer == nullptr || s.leader == nullptr || s.server == nullptr) return nullptr;
  if (answer->source != s.leader->name || s.m.rejoin != Rejoin::clean) return nullptr;
  // Positions of another timeline are of another history (I8).
  if (answer->timeline != s.server->timeline) return nullptr;
  return s.o.upstream_slots.age(s.o.now) > answer_life ? nullptr : answer;
}

bool lost_logical_slot(const Situation& s, const std::string& name) {
  return s.view->status.value.slots.contains(name) && !s.m.led_slots.contains(name);
}

bool xid_at_most(std::uint32_t one, std::uint32_t other) {
  return static_cast<std::int32_t>(one - other) <= 0;
}

namespace {

// What was published on a timeline that is not recorded yet would be taken for WAL of the one before it, on which this
// node would then seem to lack it (F63).
void set_position(const Situation& s, Status& status, Timeline timeline, Lsn optime) {
  status.optime = optime;
  status.timeline = timeline.value > 1 && timeline != recorded_timeline(*s.view) ? timeline : Timeline{};
}

}  // namespace

Status last_status(const Situation& s) {
  Status status = s.view->status.value;
  set_position(s, status, s.control->timeline, s.control->checkpoint);
  status.timeline = s.control->timeline;
  status.shut_down = true;
  return status;
}

Status published_status(const Situation& s) {
  Status status;
  set_position(s, status, s.server->timeline, s.server->wal);
  const auto wanted = wanted_slots(s, true);
  const bool members = s.o.self.generation == Generation::v4;
  for (const auto& [name, slot] : wanted) {
    if (slot.owner != SlotOwner::permanent && !members) continue;
    const auto* row = find_slot(*s.server, name);
    if (row != nullptr && same_kind(*row, slot.spec)) {
      const auto position = slot.spec.physical ? row->restart_lsn : row->confirmed_flush_lsn;
      if (position) status.slots[name] = *position;
    } else if (!slot.spec.physical && lost_logical_slot(s, name)) {
      // Stays published for as long as it is configured: whoever leads next must not make a new one either.
      status.slots[name] = s.view->status.value.slots.at(name);
    }
  }
  const auto own = slot_name(s.o.self.name);
  const auto& permanent = s.o.settings.permanent_slots;
  if (members || permanent.contains(own)) status.slots[own] = s.server->wal;
  if (!members) return status;
  // Permanent ones are kept anyway.
  const auto retain = [&](const std::string& name) {
    if (!permanent.contains(name)) status.retain_slots.push_back(name);
  };
  for (const auto& [name, seen] : s.m.slot_seen) {
    if (seen != given_up) retain(name);
  }
  retain(own);
  std::sort(status.retain_slots.begin(), status.retain_slots.end());
  status.retain_slots.erase(std::unique(status.retain_slots.begin(), status.retain_slots.end()),
                            status.retain_slots.end());
  return status;
}

bool publishes_new_logical_slot(const Situation& s, const Status& status) {
  return std::any_of(s.o.settings.permanent_slots.begin(), s.o.settings.permanent_slots.end(), [&](const auto& slot) {
    return !slot.second.physical && status.slots.contains(slot.first) &&
           !s.view->status.value.slots.contains(slot.first);
  });
}

std::vector<SlotEntry> slot_ledger(const Observation& observation, const Memory& memory) {
  std::vector<SlotEntry> ledger;
  const auto s = survey(observation, memory);
  if (s.server == nullptr || s.view == nullptr) return ledger;
  const auto wanted = wanted_slots(s, s.holding);
  const Lsn end = s.primary ? s.server->wal : s.server->replayed.value_or(s.server->wal);
  for (const auto& row : s.server->slots) {
    SlotEntry entry;
    entry.row = row;
    entry.owner = owner_of(s, wanted, row);
    if (row.restart_lsn) entry.retained = bytes_between(*row.restart_lsn, end);
    const auto idle = memory.slot_idle_since.find(row.name);
    if (idle != memory.slot_idle_since.end() && !row.active) entry.idle_since = idle->second;
    if (s.replica && !row.physical && entry.owner == SlotOwner::permanent) {
      const auto proof = memory.slot_proofs.find(row.name);
      entry.proven = proof != memory.slot_proofs.end() && proof->second.proven;
    }
    ledger.push_back(std::move(entry));
  }
  for (const auto& [name, slot] : wanted) {
    if (find_slot(*s.server, name) != nullptr) continue;
    SlotEntry entry;
    entry.row.name = name;
    entry.row.physical = slot.spec.physical;
    entry.row.database = slot.spec.database;
    entry.row.plugin = slot.spec.plugin;
    entry.owner = slot.owner;
    entry.missing = true;
    ledger.push_back(std::move(entry));
  }
  std::sort(ledger.begin(), ledger.end(),
            [](const SlotEntry& one, const SlotEntry& other) { return one.row.name < other.row.name; });
  return ledger;
}

}  // namespace regent
