// Synchronous replication, one step per cycle: either the /sync key or synchronous_standby_names (I5, I7, F65).
#include <fmt/format.h>

#include <algorithm>

#include "core/election.h"
#include "core/plan/planners.h"
#include "core/sync.h"

namespace regent::plan {
namespace {

// How soon to look again at a standby that has to catch up.
constexpr Duration look_again = std::chrono::milliseconds(200);
// The processes of a server hear of a new setting within microseconds, unless they are busy.
constexpr Duration look_at_processes = std::chrono::milliseconds(20);

// A replica that is about to go back to the member it replicates from is no standby of ours (F68).
bool belongs_elsewhere(const Situation& s, const Member& member) {
  const Member* parent = parent_of(*s.view, member.name, member.tags);
  return parent != nullptr && parent->name != s.o.self.name;
}

struct Standby {
  const Member* member = nullptr;
  Lsn flushed;
  Lsn reached;          // as far as commits wait for it
  bool chosen = false;  // it is one already
};

// What synchronous_commit waits for.
Lsn reached(const Situation& s, const ReplicationRow& row) {
  const auto& level = s.server->synchronous_commit;
  if (level == "remote_apply") return row.replay_lsn.value_or(Lsn{});
  if (level == "remote_write") return row.write_lsn.value_or(Lsn{});
  return row.flush_lsn.value_or(Lsn{});
}

// Who could be a synchronous standby now (I15).
std::vector<Standby> fit_standbys(const Situation& s, const NameSet& chosen) {
  std::vector<Standby> fit;
  for (const auto& row : s.server->replication) {
    if (row.state != "streaming" || !row.flush_lsn) continue;
    const MemberName name(row.application_name);
    const auto found = std::find_if(s.view->members.begin(), s.view->members.end(),
                                    [&](const Member& member) { return same_name(member.name, name); });
    if (found == s.view->members.end() || same_name(found->name, s.o.self.name)) continue;
    // Its state says that it is about to stop, or its key is gone with its agent: then it cannot be elected either.
    if (found->state != PgState::running || !found->tags.may_sync() || belongs_elsewhere(s, *found)) continue;
    const auto twin =
        std::find_if(fit.begin(), fit.end(), [&](const Standby& other) { return other.member == &*found; });
    if (twin != fit.end()) {
      // A connection that died unnoticed and the one that took its place: what is confirmed counts.
      twin->flushed = std::max(twin->flushed, *row.flush_lsn);
      twin->reached = std::max(twin->reached, reached(s, row));
    } else {
      fit.push_back({&*found, *row.flush_lsn, reached(s, row), chosen.contains(found->name.str())});
    }
  }
  return fit;
}

void drop_laggards(const Situation& s, std::vector<Standby>& fit) {
  const auto limit = s.o.settings.maximum_lag_on_syncnode;
  if (limit <= 0 || fit.empty()) return;
  const auto best = std::max_element(fit.begin(), fit.end(),
                                     [](const Standby& a, const Standby& b) { return a.reached < b.reached; });
  const Lsn reference = fit.size() > 1 ? best->reached : s.server->wal;
  std::erase_if(fit, [&](const Standby& standby) {
    return bytes_between(standby.reached, reference) > static_cast<std::uint64_t>(limit);
  });
}

// Those that may be elected first, then by priority, then who is one already, then the most advanced (I15).
bool preferred(const Standby& a, const Standby& b) {
  const bool a_leads = a.member->tags.may_lead(), b_leads = b.member->tags.may_lead();
  if (a_leads != b_leads) return a_leads;
  if (a.member->tags.sync_priority != b.member->tags.sync_priority) {
    return a.member->tags.sync_priority > b.member->tags.sync_priority;
  }
  if (a.chosen != b.chosen) return a.chosen;
  return a.reached != b.reached ? a.reached > b.reached : a.member->name < b.member->name;
}

SyncPicture picture_of(const Situation& s) {
  const auto& settings = s.o.settings;
  SyncPicture picture;
  picture.me = s.o.self.name;
  picture.mode = settings.synchronous() ? settings.synchronous_mode : SyncMode::off;
  picture.strict = settings.synchronous_mode_strict;
  picture.count = static_cast<std::size_t>(settings.synchronous_node_count);
  picture.published = s.view->sync.exists();
  picture.state = electorate(s);
  // As the store was put back it is of another electorate, and has to be written first of all (F34).
  if (s.m.restored_store && picture.mode != SyncMode::off) picture.published = false;
  // What cannot be understood binds nobody.
  picture.effective = parse_sync_names(s.server->synchronous_standby_names).value_or(SyncNames{});
  picture.effective_text = s.server->synchronous_standby_names;
  picture.file = s.o.postgres.managed_sync_names;
  picture.fenced = s.m.sync_fenced;
  picture.noticed = s.m.sync_watch && s.m.sync_watch->since;
  return picture;
}

// Who is to be waited for, and who of them has everything that was acknowledged before.
void add_standbys(const Situation& s, SyncPicture& picture) {
  NameSet chosen = picture.effective.names;
  for (const auto& name : picture.state.standbys) chosen.insert(name.str());
  auto fit = fit_standbys(s, chosen);
  drop_laggards(s, fit);
  std::sort(fit.begin(), fit.end(), preferred);
  if (picture.mode == SyncMode::on && fit.size() > picture.count) fit.resize(picture.count);
  const auto& watch = s.m.sync_watch;
  for (const auto& standby : fit) {
    picture.wanted.insert(standby.member->name.str());
    if (watch && watch->since && standby.flushed >= *watch->since) picture.ready.insert(standby.member->name.str());
  }
}

std::string python_list(const NameSet& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "'" : ", '") + name + "'";
  return "[" + out + "]";
}

std::string plain_list(const NameSet& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// As long as commits wait for standbys that were never seen here: enough for one that lives to change its upstream.
constexpr Duration patience_with_heirs = std::chrono::seconds(5);

// A member that may be elected lives, and is about to connect. The last leader is not counted on: it is what failed.
bool expects_standby(const Situation& s, const SyncPicture& picture) {
  const auto& since = s.m.promoted_at;
  if (!since || s.o.now - *since >= patience_with_heirs) return false;
  const auto now = electable(picture.state);
  return std::any_of(s.view->members.begin(), s.view->members.end(), [&](const Member& member) {
    const bool heir = now.voters.contains(member.name.str()) && !same_name(member.name, s.o.self.name);
    return heir && member.role == Role::replica && member.state == PgState::running && member.tags.may_sync() &&
           !belongs_elsewhere(s, member);
  });
}

// Patroni's sentences (T23).
std::string note_of(const SyncPicture& picture, const sync_step::Publish& step) {
  const auto before = electable(picture.state), after = electable(step.state);
  if (!picture.published || picture.state.empty()) return "Enabled synchronous replication";
  if (picture.mode == SyncMode::quorum) {
    return fmt::format("Setting leader to {}, quorum to {} of {} ({})", picture.me.str(), after.quorum,
                       after.voters.size(), plain_list(after.voters));
  }
  const bool adds = std::any_of(after.voters.begin(), after.voters.end(),
                                [&](const auto& name) { return !before.voters.contains(name); });
  if (adds) return fmt::format("Synchronous standby status assigned to {}", python_list(after.voters));
  return fmt::format("Updating synchronous privilege temporarily from {} to {}", python_list(before.voters),
                     python_list(after.voters));
}

std::string note_of(const SyncPicture& picture, const sync_step::SetNames& step) {
  if (!step.names) return "Disabled synchronous replication";
  const auto names = parse_sync_names(*step.names).value_or(SyncNames{});
  if (picture.mode == SyncMode::quorum) {
    return fmt::format("Setting synchronous replication to {} of {} ({})", names.needed, names.names.size(),
                       plain_list(names.names));
  }
  return fmt::format("Assigning synchronous standby status to {}", python_list(names.names));
}

// False: there is nothing to do.
bool take(const Situation& s, const SyncPicture& picture, const SyncStep& step, Decision& d) {
  if (const auto* write = std::get_if<sync_step::Publish>(&step)) {
    d.notes.push_back(note_of(picture, *write));
    d.actions.emplace_back(
        action::WriteKey{action::Key::sync, print_sync(write->state, s.o.self.generation), s.view->sync.version});
    d.memory.sync_fenced = true;
  } else if (std::holds_alternative<sync_step::Unpublish>(step)) {
    d.actions.emplace_back(action::DeleteKey{action::Key::sync, s.view->sync.version});
    d.memory.sync_fenced = true;
  } else if (const auto* set = std::get_if<sync_step::SetNames>(&step)) {
    d.notes.push_back(note_of(picture, *set));
    d.actions.emplace_back(action::SetSyncNames{set->names});
  } else {
    return false;
  }
  return true;
}

void report(const Situation& s, const SyncPicture& picture, bool waiting, Decision& d) {
  if (waiting && picture.wanted.empty()) {
    d.conditions.push_back({"SyncStandbyNotReady", "commits wait for a standby of the last leader to connect here"});
    d.wake_at = std::min(d.wake_at, s.o.now + look_again);
  } else if (waiting) {
    d.conditions.push_back(
        {"SyncStandbyNotReady", fmt::format("of {}, not all have what was acknowledged before commits waited for them",
                                            plain_list(picture.wanted))});
    d.wake_at = std::min(d.wake_at, s.o.now + look_again);
  }
  if (!picture.strict || !picture.wanted.empty()) return;
  d.conditions.push_back({"SyncBlocked", "No standbys available! synchronous_mode_strict lets commits wait for one"});
}

// I17: on the way down nothing is touched.
bool going_down(const Situation& s, const Decision& d) {
  return s.m.demotion || d.memory.demotion || s.o.requests.shutdown || s.doing<job::Stop>() || s.doing<job::Restart>();
}

}  // namespace

void sync_replication(const Situation& s, Decision& d) {
  if (going_down(s, d)) return;
  auto picture = picture_of(s);
  if (picture.mode != SyncMode::off) {
    add_standbys(s, picture);
    picture.expects = picture.wanted.empty() && expects_standby(s, picture);
  }
  const auto step = next_sync_step(picture);
  const bool waiting = std::holds_alternative<sync_step::Wait>(step);
  take(s, picture, step, d);
  if (picture.mode != SyncMode::off) report(s, picture, waiting, d);
}

bool sync_prepared(const Situation& s) {
  if (!s.o.settings.synchronous()) return true;
  return std::holds_alternative<sync_step::Nothing>(next_step_to_promotion(picture_of(s)));
}

void prepare_sync(const Situation& s, Decision& d) {
  const auto picture = picture_of(s);
  if (!take(s, picture, next_step_to_promotion(picture), d)) {
    d.wake_at = std::min(d.wake_at, s.o.now + look_at_processes);
  }
  d.notes.clear();
}

void replica_sync_names(const Situation& s, Decision& d) {
  if (s.job_running || going_down(s, d)) return;
  const auto& file = s.o.postgres.managed_sync_names;
  if (!s.o.settings.synchronous()) {
    if (file) d.actions.emplace_back(action::SetSyncNames{});
    return;
  }
  const auto wanted = print_sync_names(first_names(picture_of(s)));
  if (file != wanted || s.server->synchronous_standby_names != wanted) {
    d.actions.emplace_back(action::SetSyncNames{wanted});
  }
}

}  // namespace regent::plan
