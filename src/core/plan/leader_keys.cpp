#include <algorithm>

#include "core/plan/planners.h"
#include "core/timeline.h"

namespace regent::plan {
namespace {

// A member slot of ours on the server, by the name rule of compat §1.6.
bool is_member_slot(const Situation& s, const std::string& name) {
  return s.m.slot_seen.contains(name) ||
         std::any_of(s.view->members.begin(), s.view->members.end(),
                     [&](const Member& member) { return slot_name(member.name) == name; });
}

Status current_status(const Situation& s) {
  Status status;
  status.optime = s.server->wal;
  if (s.o.self.generation != Generation::v4) return status;
  for (const auto& slot : s.server->slots) {
    if (slot.physical && slot.restart_lsn && is_member_slot(s, slot.name)) status.slots[slot.name] = *slot.restart_lsn;
  }
  const auto own = slot_name(s.o.self.name);
  status.slots[own] = s.server->wal;
  for (const auto& [name, seen] : s.m.slot_seen) status.retain_slots.push_back(name);
  status.retain_slots.push_back(own);
  std::sort(status.retain_slots.begin(), status.retain_slots.end());
  status.retain_slots.erase(std::unique(status.retain_slots.begin(), status.retain_slots.end()),
                            status.retain_slots.end());
  return status;
}

}  // namespace

void status_key(const Situation& s, Decision& d) {
  const bool due = !s.m.status_written_at || s.o.now - *s.m.status_written_at >= s.o.settings.loop_wait;
  if (!due) return;
  const auto status = current_status(s);
  if (s.view->status.exists() && status == s.view->status.value) return;
  d.actions.emplace_back(action::WriteKey{action::Key::status, print_status(status), s.view->status.version});
  d.memory.status_written_at = s.o.now;
}

void history_key(const Situation& s, Decision& d) {
  if (!s.o.local_history.is_known()) return;
  const History& local = *s.o.local_history;
  // The file must be the one of the timeline that runs: a moment after a promotion it may still be the old one.
  if (local.empty() ? s.server->timeline.value != 1 : recorded_timeline(local) > s.server->timeline) return;
  History wanted = local;
  for (auto& line : wanted) {
    const auto& stored = s.view->history.value;
    const auto old = std::find_if(stored.begin(), stored.end(), [&](const HistoryLine& candidate) {
      return candidate.timeline == line.timeline && candidate.switch_lsn == line.switch_lsn;
    });
    if (old != stored.end()) {
      line = *old;
    } else if (&line == &wanted.back()) {
      line.timestamp = to_iso_time(s.o.wall);
      line.new_leader = s.o.self.name.str();
    }
  }
  const auto limit = static_cast<std::size_t>(s.o.settings.max_timelines_history);
  if (limit > 0 && wanted.size() > limit) {
    wanted.erase(wanted.begin(), wanted.end() - static_cast<std::ptrdiff_t>(limit));
  }
  if (wanted == s.view->history.value) return;
  d.actions.emplace_back(action::WriteKey{action::Key::history, print_history(wanted), s.view->history.version});
}

void lost_keys(const Situation& s, Decision& d) {
  const auto& sysid = s.o.postgres.data.system_id;
  // An empty value is a bootstrap in progress elsewhere; a leader that runs knows better (T29).
  const bool claimed_only = s.view->initialize.exists() && s.view->initialize.value.empty();
  if ((!s.view->initialize.exists() || claimed_only) && !sysid.empty()) {
    d.actions.emplace_back(action::WriteKey{action::Key::initialize, sysid.str(), s.view->initialize.version});
  }
  if (!s.view->config.exists()) {
    const Json& content = s.o.cached_config.is_object() ? s.o.cached_config : s.o.self.bootstrap_dcs;
    d.actions.emplace_back(action::WriteKey{action::Key::config, to_compact(content), Version{}});
  }
}

void failsafe_key(const Situation& s, Decision& d) {
  const auto& key = s.view->failsafe;
  if (!s.o.settings.failsafe_mode) {
    if (key.exists()) d.actions.emplace_back(action::DeleteKey{action::Key::failsafe, key.version});
    d.memory.failsafe_written_for = {};
    return;
  }
  FailsafeMembers wanted{{s.me(), s.o.self.api_url}};
  for (const auto& member : s.view->members) {
    if (member.name != s.o.self.name && !member.api_url.empty()) wanted[member.name.str()] = member.api_url;
  }
  // Once in every reign also when nothing changed: it makes late writes of an earlier leader fail (I11).
  if (wanted == key.value && s.m.failsafe_written_for == s.o.lease.version) return;
  Json value = Json::object();
  for (const auto& [name, url] : wanted) value[name] = url;
  d.actions.emplace_back(action::WriteKey{action::Key::failsafe, to_compact(value), key.version});
  d.memory.failsafe_written_for = s.o.lease.version;
  d.memory.failsafe_members.insert(wanted.begin(), wanted.end());
}

void slots(const Situation& s, Decision& d) {
  auto& seen = d.memory.slot_seen;
  for (const auto& name : s.view->status.value.retain_slots) seen.try_emplace(name, s.o.now);
  seen.erase(slot_name(s.o.self.name));
  action::SyncSlots change;
  for (const auto& member : s.view->members) {
    if (member.name == s.o.self.name || member.tags.nostream) continue;
    const auto name = slot_name(member.name);
    seen[name] = s.o.now;
    if (!s.o.settings.use_slots) continue;
    const auto found = std::find_if(s.server->slots.begin(), s.server->slots.end(),
                                    [&](const SlotRow& slot) { return slot.name == name; });
    if (found == s.server->slots.end()) {
      change.create.push_back(name);
    } else if (found->physical && found->lost && !found->active) {
      // It reserves nothing any more; a new one protects at least what comes (F77).
      change.drop.push_back(name);
    }
  }
  // Only slots that were a member's are ever dropped, and only long after the member is gone (F77).
  for (auto it = seen.begin(); it != seen.end();) {
    const bool expired = s.o.now - it->second >= s.o.settings.member_slots_ttl && it->second != s.o.now;
    if (!expired) {
      ++it;
      continue;
    }
    const auto found = std::find_if(s.server->slots.begin(), s.server->slots.end(), [&](const SlotRow& slot) {
      return slot.name == it->first && slot.physical && !slot.active;
    });
    if (found != s.server->slots.end()) change.drop.push_back(it->first);
    it = seen.erase(it);
  }
  if (!change.create.empty() || !change.drop.empty()) d.actions.emplace_back(std::move(change));
}

void configuration(const Situation& s, Decision& d) {
  const bool busy = s.job_running || std::any_of(d.actions.begin(), d.actions.end(), [](const Action& action) {
                      return std::holds_alternative<action::StartJob>(action);
                    });
  if (s.view == nullptr || busy || !s.has_data()) return;
  const bool changed = s.view->config.exists() && s.view->config.version != s.m.applied_config;
  if (!(changed || s.o.requests.reload) || s.server == nullptr) return;
  d.actions.emplace_back(action::ApplyConfig{});
  d.memory.applied_config = s.view->config.version;
}

}  // namespace regent::plan
