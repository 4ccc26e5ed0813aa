#include <algorithm>

#include "core/plan/planners.h"
#include "core/slots.h"
#include "core/ticket.h"
#include "core/timeline.h"

namespace regent::plan {

void status_key(const Situation& s, Decision& d) {
  const auto status = published_status(s);
  if (s.view->status.exists() && status == s.view->status.value) return;
  // A logical slot that nobody knows of could be made anew after a failover, and would skip what came before (I16).
  // Or that it was shut down, which ends with the first thing it writes.
  const bool news = publishes_new_logical_slot(s, status) || s.view->status.value.shut_down;
  const bool due = !s.m.status_written_at || s.o.now - *s.m.status_written_at >= s.o.settings.loop_wait;
  if (!due && !news) return;
  d.actions.emplace_back(action::WriteKey{action::Key::status, print_status(status), s.view->status.version});
  d.memory.status_written_at = s.o.now;
}

namespace {

// /history as it shall be; nullopt: the own one is not known. The file must be the one of the timeline that runs: a
// moment after a promotion it may still be the old one.
std::optional<History> wanted_history(const Situation& s) {
  if (!s.o.local_history.is_known()) return std::nullopt;
  const History& local = *s.o.local_history;
  const bool of_this_timeline =
      local.empty() ? s.server->timeline.value == 1 : recorded_timeline(local) <= s.server->timeline;
  if (!of_this_timeline) return std::nullopt;
  // Numbers are left out: two timelines may begin at one place of a third, and then the line that is there is that of
  // the other one, whose leader is not us (I16, F71).
  const bool recorded = recorded_timeline(*s.view) >= s.server->timeline;
  const History& stored = s.view->history.value;
  History wanted = local;
  for (auto& line : wanted) {
    const auto old = std::find_if(stored.begin(), stored.end(), [&](const HistoryLine& candidate) {
      return candidate.timeline == line.timeline && candidate.switch_lsn == line.switch_lsn;
    });
    const bool newest = &line == &wanted.back();
    const bool there = old != stored.end() && (!newest || recorded || old->new_leader == s.o.self.name.str());
    if (there) {
      line = *old;
    } else if (newest) {
      line.timestamp = to_iso_time(s.o.wall);
      line.new_leader = s.o.self.name.str();
    }
  }
  const auto limit = static_cast<std::size_t>(s.o.settings.max_timelines_history);
  if (limit > 0 && wanted.size() > limit) {
    wanted.erase(wanted.begin(), wanted.end() - static_cast<std::ptrdiff_t>(limit));
  }
  return wanted;
}

}  // namespace

void history_key(const Situation& s, Decision& d) {
  const auto wanted = wanted_history(s);
  if (!wanted || *wanted == s.view->history.value) return;
  d.actions.emplace_back(action::WriteKey{action::Key::history, print_history(*wanted), s.view->history.version});
}

void timeline_counter(const Situation& s, Decision& d) {
  const Timeline own = s.server->timeline;
  const auto& counter = s.view->timelines;
  if (own.value <= 1 && !counter.exists()) return;
  // After /history: whoever reads that a timeline was reached may rely on it. A standby leader is on one of the remote
  // server's, which /history does not tell: whoever leads this cluster once it is none any more finds it here.
  const auto history = wanted_history(s);
  const bool told = history && *history == s.view->history.value;
  if (!told && s.primary) return;
  // A primary beyond what was left behind is where the cluster went on. What it reached before it followed the remote
  // server is given up by whoever leads a standby cluster.
  const Timeline given_up = s.primary ? Timeline{} : left_by(s);
  const bool over = s.primary && own > counter.value.left;
  const Timeline left = over ? Timeline{} : std::max(counter.value.left, given_up);
  const TimelineCounter wanted{std::max({counter.value.ticket, own, left}), own, left};
  if (counter.exists() && counter.value == wanted) return;
  d.actions.emplace_back(action::WriteKey{action::Key::timelines, print_timelines(wanted), counter.version});
}

void lost_keys(const Situation& s, Decision& d) {
  const auto& sysid = s.o.postgres.data.system_id;
  // An empty value is a bootstrap in progress elsewhere; a leader that runs knows better (T29).
  const bool claimed_only = s.view->initialize.exists() && s.view->initialize.value.empty();
  if ((!s.view->initialize.exists() || claimed_only || key_was_changed(s)) && !sysid.empty()) {
    d.actions.emplace_back(action::WriteKey{action::Key::initialize, sysid.str(), s.view->initialize.version});
    d.memory.recognized_id = sysid;
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
