// Replication slots (compat §1.6). What is not ours is never dropped: a slot that nobody asked for may hold somebody's
// only chance to read on (I16, F76, F77).
#include "core/slots.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/plan/planners.h"
#include "core/timeline.h"

namespace regent::plan {
namespace {

using Wanted = std::map<std::string, WantedSlot>;

// WAL that an idle slot may hold before it is called a problem.
constexpr std::uint64_t much_wal = 1ULL << 30U;
// The server reads all WAL on the way, and has nothing if it is interrupted: no more at a time.
constexpr std::uint64_t advance_step = 16ULL << 20U;

void note(Decision& d, std::string name, std::string detail) {
  d.conditions.push_back({std::move(name), std::move(detail)});
}

void remember_names(const Situation& s, Decision& d, bool leading) {
  auto& seen = d.memory.slot_seen;
  for (const auto& name : s.view->status.value.retain_slots) {
    if (leading) {
      seen.try_emplace(name, s.o.now);
    } else {
      seen[name] = s.o.now;
    }
  }
  for (const auto& member : s.view->members) {
    if (!member.tags.nostream) seen[slot_name(member.name)] = s.o.now;
  }
  seen.erase(slot_name(s.o.self.name));
  if (!leading) return;
  const auto& published = s.view->status.value.retain_slots;
  for (auto it = seen.begin(); it != seen.end();) {
    const bool old = it->second != s.o.now && s.o.now - it->second >= s.o.settings.member_slots_ttl;
    if (old) it->second = given_up;
    const bool over = old && std::find(published.begin(), published.end(), it->first) == published.end() &&
                      find_slot(*s.server, it->first) == nullptr;
    it = over ? seen.erase(it) : std::next(it);
  }
}

// The file keeps what was configured before this agent started.
void remember_permanent(const Situation& s, Decision& d) {
  auto& known = d.memory.permanent_slots;
  if (known.empty() && s.o.cached_config.is_object()) {
    std::vector<std::string> ignored;
    known = parse_permanent_slots(s.o.cached_config, ignored);
  }
  for (const auto& [name, spec] : s.o.settings.permanent_slots) {
    const auto* row = find_slot(*s.server, name);
    // Under another definition it stays known as what it was until that one is gone.
    const auto old = known.find(name);
    const bool still_old = old != known.end() && row != nullptr && same_kind(*row, old->second);
    if (!still_old) known[name] = spec;
  }
  std::erase_if(known, [&](const auto& slot) {
    return !s.o.settings.permanent_slots.contains(slot.first) && find_slot(*s.server, slot.first) == nullptr;
  });
}

// Ours by name: made for a member, or configured once.
bool was_ours(const Situation& s, const Decision& d, const SlotRow& row) {
  if (row.physical && (d.memory.slot_seen.contains(row.name) || s.m.slot_seen.contains(row.name))) return true;
  const auto permanent = d.memory.permanent_slots.find(row.name);
  return permanent != d.memory.permanent_slots.end() && same_kind(row, permanent->second);
}

bool untouchable(const Situation& s, const SlotRow& row) {
  // PostgreSQL 17 takes care of failover slots by itself; one that is in use is somebody's.
  return row.active || row.temporary || row.failover || row.synced || is_ignored(s, row);
}

// On a server before 16 a logical slot of a replica can only be left over from its time as the primary: nobody can use
// it, it pins WAL, and after another promotion nothing tells whether it would skip changes.
bool is_leftover(const Situation& s, const SlotRow& row) {
  return s.replica && !row.physical && s.server->version < 160000;
}

void drop_unwanted(const Situation& s, Decision& d, const Wanted& wanted, action::SyncSlots& change) {
  if (s.paused) return;
  for (const auto& row : s.server->slots) {
    if (untouchable(s, row)) continue;
    const auto found = wanted.find(row.name);
    const bool fits = found != wanted.end() && same_kind(row, found->second.spec);
    if (fits) continue;
    if (was_ours(s, d, row) || is_leftover(s, row)) {
      change.drop.push_back(row.name);
    } else if (found != wanted.end()) {
      note(d, "SlotConflict",
           fmt::format("the slot {} exists and is not the {} one that is wanted; drop it or take another name",
                       row.name, found->second.spec.physical ? "physical" : "logical"));
    }
  }
}

bool in(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void keep_physical(const Situation& s, const Wanted& wanted, action::SyncSlots& change) {
  const Lsn end = s.replica ? s.server->replayed.value_or(Lsn{}) : s.server->wal;
  for (const auto& [name, slot] : wanted) {
    if (!slot.spec.physical) continue;
    const auto* row = find_slot(*s.server, name);
    if (row == nullptr) {
      change.create.push_back(name);
      continue;
    }
    if (!row->physical || untouchable(s, *row)) continue;
    // Reserves nothing any more: a new one protects at least what comes (F77). One that nobody is to use here and that
    // holds back vacuum would do so for ever.
    const bool useless = row->lost || !row->restart_lsn;
    const bool stale_xmin = slot.expected_active == false && row->has_xmin;
    if (useless || stale_xmin) {
      if (!s.paused) change.drop.push_back(name);
      continue;
    }
    if (slot.expected_active == true || row->has_xmin) continue;
    const Lsn to = std::min(slot.advance_to, end);
    if (to > *row->restart_lsn) change.advance.push_back({name, "", to});
  }
}

// --- the leader

void keep_logical_of_leader(const Situation& s, Decision& d, const Wanted& wanted, action::SyncSlots& change) {
  for (const auto& [name, slot] : wanted) {
    if (slot.spec.physical) continue;
    if (const auto* row = find_slot(*s.server, name)) {
      if (same_kind(*row, slot.spec)) d.memory.led_slots.insert(name);
      continue;
    }
    if (lost_logical_slot(s, name)) {
      note(d, "SlotLost",
           fmt::format(
               "the logical slot {} was at {} and did not survive the change of the leader; a new one would skip "
               "changes: take it out of the configuration and add it again to have one",
               name, to_string(s.view->status.value.slots.at(name))));
      continue;
    }
    change.create_logical.push_back({name, slot.spec.database, slot.spec.plugin});
  }
  std::erase_if(d.memory.led_slots, [&](const std::string& name) { return !wanted.contains(name); });
}

// --- a replica

bool asks_leader(const Situation& s, const Wanted& wanted) {
  if (s.leader == nullptr || !s.leader_usable || s.m.rejoin != Rejoin::clean) return false;
  return std::any_of(wanted.begin(), wanted.end(), [](const auto& slot) { return !slot.second.spec.physical; });
}

void compare_with_leader(const Situation& s, Decision& d, const UpstreamSlots& theirs, const SlotRow& row) {
  auto& proof = d.memory.slot_proofs[row.name];
  const auto* original = theirs.find(row.name);
  const auto* ours_there = theirs.find(slot_on_leader(s));
  if (original == nullptr || ours_there == nullptr || !row.catalog_xmin || !row.confirmed_flush_lsn) {
    proof = {};
    return;
  }
  if (!ours_there->catalog_xmin || !original->catalog_xmin) return;
  if (!proof.primary_xmin) proof.primary_xmin = original->catalog_xmin;
  // Rows down to what the primary's slot needed then are still there: its own slot kept them so far, our feedback keeps
  // them from now on. And the copy must not be ahead, neither of its original nor of what was replayed here.
  const bool held_back = xid_at_most(*proof.primary_xmin, *ours_there->catalog_xmin) &&
                         xid_at_most(*ours_there->catalog_xmin, *row.catalog_xmin);
  const bool behind = original->confirmed_flush_lsn && *row.confirmed_flush_lsn <= *original->confirmed_flush_lsn &&
                      *row.confirmed_flush_lsn <= s.server->replayed.value_or(Lsn{});
  if (held_back && behind) proof.proven = true;
}

void keep_logical_of_replica(const Situation& s, Decision& d, const Wanted& wanted, action::SyncSlots& change) {
  // In a later reign, also of the same leader, the slot may be another one.
  const auto of =
      fmt::format("{} {} {}", s.view->leader.version.value, s.server->timeline.value, s.o.postgres.incarnation);
  if (d.memory.proofs_of != of) {
    d.memory.slot_proofs.clear();
    d.memory.proofs_of = of;
  }
  const auto* theirs = leader_slots(s);
  for (const auto& row : s.server->slots) {
    const auto found = wanted.find(row.name);
    if (row.physical || found == wanted.end() || !same_kind(row, found->second.spec) || row.failover || row.synced) {
      continue;
    }
    if (row.lost) {
      // A copy that recovery invalidated is replaced by another one.
      if (!row.active && !s.paused) change.drop.push_back(row.name);
      d.memory.slot_proofs.erase(row.name);
      continue;
    }
    if (theirs == nullptr) continue;
    compare_with_leader(s, d, *theirs, row);
    const auto* original = theirs->find(row.name);
    if (original == nullptr || !original->confirmed_flush_lsn || !row.confirmed_flush_lsn || row.active) continue;
    // Never beyond what the consumer confirmed to the leader, never beyond what was replayed here (I16).
    const Lsn step{row.confirmed_flush_lsn->value + advance_step};
    const Lsn to = std::min({*original->confirmed_flush_lsn, s.server->replayed.value_or(Lsn{}), step});
    if (to > *row.confirmed_flush_lsn) change.advance.push_back({row.name, row.database, to});
  }
  std::erase_if(d.memory.slot_proofs, [&](const auto& proof) {
    return !wanted.contains(proof.first) || find_slot(*s.server, proof.first) == nullptr;
  });
}

bool failed_lately(const Situation& s, const std::string& name) {
  const auto failure = s.o.slot_failures.find(name);
  return failure != s.o.slot_failures.end() && s.o.now - failure->second.at < s.o.settings.loop_wait;
}

void act_on(const Situation& s, action::SyncSlots change, Decision& d) {
  const auto given_up = [&](const auto& slot) { return failed_lately(s, slot.name); };
  std::erase_if(change.create_logical, given_up);
  std::erase_if(change.advance, given_up);
  for (auto* names : {&change.create, &change.drop}) {
    std::erase_if(*names, [&](const std::string& name) { return failed_lately(s, name); });
  }
  std::sort(change.drop.begin(), change.drop.end());
  change.drop.erase(std::unique(change.drop.begin(), change.drop.end()), change.drop.end());
  std::erase_if(change.advance, [&](const auto& slot) { return in(change.drop, slot.name); });
  if (!change.empty()) d.actions.emplace_back(std::move(change));
}

}  // namespace

void slots_of_leader(const Situation& s, Decision& d) {
  remember_names(s, d, true);
  remember_permanent(s, d);
  d.memory.cascaded = cascaded_slots(s);
  d.memory.slot_proofs.clear();
  d.memory.proofs_of.clear();
  // With the names of this cycle: one that has just expired is not wanted any more.
  Memory fresh = s.m;
  fresh.slot_seen = d.memory.slot_seen;
  const auto now = survey(s.o, fresh);
  const auto wanted = wanted_slots(now, true);
  action::SyncSlots change;
  drop_unwanted(s, d, wanted, change);
  keep_physical(s, wanted, change);
  keep_logical_of_leader(s, d, wanted, change);
  if (s.o.postgres.data.followed && s.primary) change.copies = false;
  act_on(s, std::move(change), d);
}

void slots_of_replica(const Situation& s, Decision& d) {
  remember_names(s, d, false);
  remember_permanent(s, d);
  const auto wanted = wanted_slots(s, false);
  action::SyncSlots change;
  drop_unwanted(s, d, wanted, change);
  keep_physical(s, wanted, change);
  keep_logical_of_replica(s, d, wanted, change);
  const bool has_logical =
      std::any_of(s.server->slots.begin(), s.server->slots.end(), [](const SlotRow& row) { return !row.physical; });
  if (!s.o.postgres.data.followed && has_logical) change.copies = true;
  const bool due = !s.m.slots_asked_at || s.o.now - *s.m.slots_asked_at >= s.o.settings.loop_wait;
  if (due && asks_leader(s, wanted)) {
    d.actions.emplace_back(action::GatherUpstreamSlots{leader_upstream(s)});
    d.memory.slots_asked_at = s.o.now;
  }
  act_on(s, std::move(change), d);
}

void slots_of_leader_in_failsafe(const Situation& s, Decision& d) {
  const auto& round = s.o.failsafe.round;
  if (!round || !vouched_for(s.o.lease, s.o.now) || !s.o.settings.use_slots) return;
  action::SyncSlots change;
  for (const auto& answer : round->answers) {
    const auto name = slot_name(answer.name);
    const bool told = answer.accepted && answer.wal && s.m.cascaded.contains(name);
    const auto* row = told ? find_slot(*s.server, name) : nullptr;
    if (row == nullptr || !row->physical || row->active || row->has_xmin || row->lost || untouchable(s, *row)) continue;
    const Lsn to = std::min(*answer.wal, s.server->wal);
    if (row->restart_lsn && to > *row->restart_lsn) change.advance.push_back({row->name, row->database, to});
  }
  act_on(s, std::move(change), d);
}

void slots_in_failsafe(const Situation& s, Decision& d) {
  const auto& promise = s.o.failsafe.promise;
  // Positions of a server that this one does not follow are of another history (I8).
  if (!promise || s.server->replication_state != "streaming") return;
  const Lsn replayed = s.server->replayed.value_or(Lsn{});
  action::SyncSlots change;
  for (const auto& [name, spec] : s.o.settings.permanent_slots) {
    const auto* row = find_slot(*s.server, name);
    const auto told = promise->slots.find(name);
    if (row == nullptr || told == promise->slots.end() || !same_kind(*row, spec) || row->lost || untouchable(s, *row)) {
      continue;
    }
    const auto& at = spec.physical ? row->restart_lsn : row->confirmed_flush_lsn;
    if (!at || (spec.physical && row->has_xmin)) continue;
    Lsn to = std::min(Lsn{told->second}, replayed);
    if (!spec.physical) to = std::min(to, Lsn{at->value + advance_step});
    if (to > *at) change.advance.push_back({name, row->database, to});
  }
  act_on(s, std::move(change), d);
}

void slots_before_promotion(const Situation& s, Decision& d) {
  if (s.server == nullptr || s.view == nullptr) return;
  // One that somebody promoted by hand takes the lock with the copies it has (F75).
  const auto promotes = std::find_if(d.actions.begin(), d.actions.end(), [&](const Action& action) {
    if (s.primary && std::holds_alternative<action::AcquireLeader>(action)) return true;
    const auto* start = std::get_if<action::StartJob>(&action);
    return start != nullptr && std::holds_alternative<job::Promote>(start->spec);
  });
  // The last primary comes back with its own slots: they are what copies are made of. Not if it went on to a timeline
  // of somebody else's, out of an archive, whether or not that one could record it.
  const MemberName led_by(leader_of(*s.view, s.server->timeline));
  const auto& data = s.o.postgres.data;
  const bool beyond = data.led_timeline.value > 0 && s.server->timeline > data.led_timeline;
  const bool went_on = led_by.empty() ? beyond : !same_name(led_by, s.o.self.name);
  if (promotes == d.actions.end() || !(data.followed || went_on)) return;
  action::SyncSlots change;
  const bool same_server =
      s.m.proofs_of.ends_with(fmt::format(" {} {}", s.server->timeline.value, s.o.postgres.incarnation));
  for (const auto& row : s.server->slots) {
    if (row.physical || row.failover || row.synced || is_ignored(s, row)) continue;
    const auto spec = s.o.settings.permanent_slots.find(row.name);
    const bool ours = spec != s.o.settings.permanent_slots.end() && same_kind(row, spec->second);
    // Before version 16 nobody but us makes logical slots on a replica: it was ours until somebody removed it, and
    // would be taken for a good one should it be added again.
    if (!ours && s.server->version >= 160000) continue;
    const auto proof = s.m.slot_proofs.find(row.name);
    const bool ahead = !row.confirmed_flush_lsn || *row.confirmed_flush_lsn > s.server->wal;
    const bool proven = proof != s.m.slot_proofs.end() && proof->second.proven && same_server && !ahead;
    if (ours && proven) continue;
    change.drop.push_back(row.name);
    // We drop it, not a person: one that was made anew would skip what comes before (I16).
    d.memory.led_slots.erase(row.name);
  }
  // The lease was confirmed a moment before, and nobody can connect to a primary yet.
  if (!change.drop.empty()) d.actions.insert(promotes, std::move(change));
}

void slot_ages(const Situation& s, Decision& d) {
  auto& idle = d.memory.slot_idle_since;
  if (s.server == nullptr) return;
  for (const auto& row : s.server->slots) {
    if (row.active) {
      idle.erase(row.name);
    } else {
      idle.try_emplace(row.name, s.o.now);
    }
  }
  std::erase_if(idle, [&](const auto& slot) { return find_slot(*s.server, slot.first) == nullptr; });
  for (const auto& [name, failure] : s.o.slot_failures) {
    if (s.o.now - failure.at < 3 * s.o.settings.loop_wait)
      note(d, "SlotFailed", fmt::format("{}: {}", name, failure.why));
  }
  const Lsn end = s.primary ? s.server->wal : s.server->replayed.value_or(s.server->wal);
  for (const auto& row : s.server->slots) {
    if (row.lost) {
      note(d, "SlotLost", fmt::format("the WAL that the slot {} needs is gone, or it was invalidated", row.name));
    } else if (row.wal_status == "unreserved") {
      note(d, "SlotRetainsMuch", fmt::format("the slot {} is about to lose the WAL it needs", row.name));
    } else if (!row.active && row.restart_lsn && bytes_between(*row.restart_lsn, end) >= much_wal) {
      note(d, "SlotRetainsMuch",
           fmt::format("the slot {}, which nobody uses, keeps {} MB of WAL", row.name,
                       bytes_between(*row.restart_lsn, end) >> 20U));
    }
  }
}

}  // namespace regent::plan
