// 300: long work is under way, or somebody asked for some.
#include <algorithm>

#include "core/election.h"
#include "core/rules/steps.h"
#include "core/timeline.h"

namespace regent::rules {
namespace {

// The lock is lost while the job relies on it. A bootstrap relies on its claim.
bool promoting_without_lock(const Situation& s) {
  const bool as_primary = s.job_running && makes_primary(*s.o.job.running) && !s.doing<job::Bootstrap>();
  return as_primary && !s.holding && !s.paused;
}

// The request stays until it is answered; the one that is being served is not a new one.
bool asked_to_restart(const Situation& s) {
  return s.o.requests.restart && s.m.restart_id != s.o.requests.restart->id;
}

// With or without the job that began it: that one gives up earlier.
bool starts_too_long(const Situation& s) {
  const bool starting = s.o.job.running ? s.doing<job::Start>() : s.o.postgres.process == Process::starting;
  return s.holding && !s.paused && !s.running && starting && start_timed_out(s) && !s.m.demotion;
}

bool can_restart(const Situation& s) {
  const bool able = s.has_data() && !s.o.postgres.data.rewind_marker && s.o.postgres.process != Process::unknown;
  return able && (s.holding || !s.may_write || s.paused) && s.view != nullptr && !foreign_data(s);
}

bool restart_is_due(const Situation& s) {
  return s.m.scheduled_restart && s.m.scheduled_restart->at <= s.o.wall && !s.paused;
}

// Why a scheduled restart whose time has come is dropped.
std::optional<std::string> void_plan(const Situation& s) {
  const auto& plan = *s.m.scheduled_restart;
  if (is_stale(s, plan.at)) return "its time passed long ago";
  if (s.server != nullptr && !plan.postmaster_start_time.empty() &&
      plan.postmaster_start_time != to_rest_time(s.server->postmaster_start_time)) {
    return "the server was restarted since it was scheduled";
  }
  return restart_objection(plan.filter, s);
}

// Paused: it went down as the primary, nobody took over, and the history did not go on without it.
bool was_primary(const Situation& s) {
  return s.paused && s.stopped && s.unlocked && !s.o.postgres.data.standby_signal && s.control != nullptr &&
         s.o.self.tags.may_lead() && s.control->timeline >= recorded_timeline(*s.view);
}

void restart(const Situation& s, Decision& d) {
  const bool again = was_primary(s);
  const bool as_primary = (s.holding && s.may_write) || (s.paused && s.primary) || again;
  // Without the lock it would become a standby of nobody; with it nobody else can be promoted meanwhile (I2, I14).
  if (again) act(d, action::AcquireLeader{});
  // As in a start: not compared with the leader's history, a server that is down must not replay beyond a fork.
  const bool may_follow = s.replica || s.m.rejoin == Rejoin::clean;
  if (s.holding) act(d, action::RenewLease{});
  start(d, job::Restart{.as_primary = as_primary,
                        .upstream = as_primary || !may_follow ? Upstream{} : wanted_upstream(s)});
  // Or the server coming up as a replica would be taken for a primary that lost its lease, and stopped.
  d.memory.ran_as_primary = as_primary;
}

std::string in_progress(const Situation& s) {
  if (s.m.restart_id) return "restart in progress";
  if (s.m.reinitializing) return "reinitialize in progress";
  if (s.doing<job::Clone>()) {
    const auto& clone = std::get<job::Clone>(*s.o.job.running);
    if (clone.source.none()) return "bootstrap (without leader) in progress";
    return fmt::format("bootstrap from {} '{}' in progress", clone.from_leader ? "leader" : "replica",
                       clone.source.name.str());
  }
  if (s.doing<job::Stop>() && s.m.demotion) return fmt::format("{}: demote in progress", s.m.demotion->reason);
  if (s.doing<job::Start>() && s.m.crashed_at) return "restarting after failure in progress";
  if (s.doing<job::Start>() && s.m.demotion) return "starting after demotion in progress";
  return fmt::format("{} in progress", job_name(*s.o.job.running));
}

// Nobody waits for it any more, and nothing allows it.
bool must_end_promotion(const Situation& s) {
  return s.promotion_may_come && !s.holding && !s.paused && s.view != nullptr && !s.doing<job::Stop>();
}

constexpr Rule table[] = {
    {306, "late_promotion", "a promotion that was given up may still come, and the lock is not ours any more",
     "stopping PostgreSQL because its promotion failed, and may still come without the leader lock", "I1, I2, I3, F63",
     must_end_promotion,
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL because its promotion failed, and may still come without the leader lock");
       if (s.job_running) act(d, action::CancelJob{});
       start(d, job::Stop{.immediate = true});
       d.memory.demotion = Demotion{Demotion::Kind::immediate, "the lock was lost", s.o.now};
       forget_rejoin(d.memory);
     }},
    {310, "job_without_lock", "a job makes this node a primary, and the lock is no longer ours",
     "stopping PostgreSQL because the leader lock was lost while it was becoming a primary", "I2, F63",
     promoting_without_lock,
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL because the leader lock was lost while it was becoming a primary");
       act(d, action::CancelJob{});
       start(d, fence(s));
       d.memory.demotion = Demotion{Demotion::Kind::immediate, "the lock was lost", s.o.now};
       forget_rejoin(d.memory);
     }},
    {320, "job_stale_clone", "a replica is being made from a leader that is gone",
     "cancelling the base backup: {} no longer leads", "F52, F72",
     [](const Situation& s) {
       return s.doing<job::Clone>() && s.view != nullptr && std::get<job::Clone>(*s.o.job.running).from_leader &&
              s.other_leads && s.leader_name != std::get<job::Clone>(*s.o.job.running).source.name;
     },
     [](const Situation& s, Decision& d) {
       say(d, "cancelling the base backup: {} no longer leads",
           std::get<job::Clone>(*s.o.job.running).source.name.str());
       act(d, action::CancelJob{});
     }},
    {325, "crash_overdue_ask_peers",
     "our crashed primary is still starting after primary_start_timeout: can somebody take over?",
     "Primary crashed. Failing over.", "L1, F51",
     [](const Situation& s) { return starts_too_long(s) && !peers_are_fresh(s); },
     [](const Situation& s, Decision& d) {
       say(d, "Primary crashed. Failing over.");
       renew_when_due(s, d);
       act(d, action::GatherPeers{});
     }},
    {327, "crash_overdue",
     "our crashed primary is still starting after primary_start_timeout, and somebody can take over",
     "stopping PostgreSQL because it takes longer than primary_start_timeout to start", "L1, F51",
     [](const Situation& s) { return starts_too_long(s) && somebody_could_take_over(s); },
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL because it takes longer than primary_start_timeout to start");
       renew_when_due(s, d);
       if (s.job_running) act(d, action::CancelJob{});
       start(d, job::Stop{.immediate = true});
       d.memory.demotion = Demotion{Demotion::Kind::immediate, "the primary crashed", s.o.now};
       forget_rejoin(d.memory);
     }},
    {330, "job_as_leader", "a job runs and the lock is ours", "updated leader lock during {}", "L1",
     [](const Situation& s) { return s.job_running && s.holding; },
     [](const Situation& s, Decision& d) {
       say(d, (s.paused ? "PAUSE: " : "") + in_progress(s));
       renew_when_due(s, d);
       if (s.doing<job::Promote>() && !s.o.job.progress.empty()) condition(d, "PromotionWaits", s.o.job.progress);
       if (s.m.crashed_at && !start_timed_out(s)) {
         d.wake_at = std::min(d.wake_at, *s.m.crashed_at + s.o.settings.primary_start_timeout);
       }
     }},
    {340, "job_running", "a job runs", "{} in progress", "", [](const Situation& s) { return s.job_running; },
     [](const Situation& s, Decision& d) { say(d, (s.paused ? "PAUSE: " : "") + in_progress(s)); }},
    {350, "restart_not_wanted", "a restart was asked for under a condition that does not hold",
     "not proceeding with the restart: {}", "",
     [](const Situation& s) { return asked_to_restart(s) && restart_objection(s.o.requests.restart->filter, s); },
     [](const Situation& s, Decision& d) {
       const auto why = *restart_objection(s.o.requests.restart->filter, s);
       say(d, "not proceeding with the restart: {}", why);
       act(d, action::AnswerRestart{s.o.requests.restart->id, false, why});
     }},
    {352, "scheduled_restart_void", "the time of a scheduled restart has come, and it is not to be done any more",
     "not proceeding with the scheduled restart: {}", "F78",
     [](const Situation& s) { return restart_is_due(s) && void_plan(s); },
     [](const Situation& s, Decision& d) {
       say(d, "not proceeding with the scheduled restart: {}", *void_plan(s));
       d.memory.scheduled_restart.reset();
       if (s.holding) renew_when_due(s, d);
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {354, "restart_leave_sync", "a restart is to be done and the local server is a synchronous standby",
     "waiting for the leader to do without this synchronous standby", "L1, F65",
     [](const Situation& s) { return (asked_to_restart(s) || restart_is_due(s)) && can_restart(s) && leaves_sync(s); },
     leave_sync},
    {355, "scheduled_restart", "the time of a scheduled restart has come", "scheduled restart initiated", "F78",
     [](const Situation& s) { return restart_is_due(s) && can_restart(s) && !asked_to_restart(s); },
     [](const Situation& s, Decision& d) {
       say(d, "scheduled restart initiated");
       restart(s, d);
       d.memory.scheduled_restart.reset();
     }},
    {360, "restart_requested", "a restart was asked for", "restart initiated", "F78",
     [](const Situation& s) { return asked_to_restart(s) && can_restart(s); },
     [](const Situation& s, Decision& d) {
       say(d, "restart initiated");
       restart(s, d);
       d.memory.restart_id = s.o.requests.restart->id;
     }},
    {365, "restart_impossible", "a restart was asked for and cannot be done now", "restart is not possible now", "F78",
     asked_to_restart,
     [](const Situation& s, Decision& d) {
       say(d, "restart is not possible now");
       act(d, action::AnswerRestart{s.o.requests.restart->id, false, "restart is not possible now"});
     }},
    {370, "reinit_refused", "a rebuild was asked for and would remove the only copy, or there is nobody to copy from",
     "refused to reinitialize: {}", "I10",
     [](const Situation& s) { return s.o.requests.reinit && (s.named || !s.leader_usable || s.may_write); },
     [](const Situation& s, Decision& d) {
       const std::string why = s.named || s.may_write ? "I am the leader, can not reinitialize"
                                                      : "Cluster has no leader, can not reinitialize";
       say(d, "refused to reinitialize: {}", why);
       act(d, action::AnswerReinit{s.o.requests.reinit->id, false, why});
     }},
    {375, "reinit_accepted", "a rebuild was asked for and there is a leader to copy from", "reinitialize started",
     "I10", [](const Situation& s) { return s.o.requests.reinit.has_value(); },
     [](const Situation& s, Decision& d) {
       say(d, "reinitialize started");
       act(d, action::AnswerReinit{s.o.requests.reinit->id, true, "reinitialize started"});
       d.memory.reinitializing = true;
       d.memory.reinit_from_leader = s.o.requests.reinit->from_leader;
       d.memory.clone_failures = 0;
       d.memory.retry_at.reset();
     }},
    {378, "reinit_leave_sync", "rebuilding: the local server still is a synchronous standby",
     "waiting for the leader to do without this synchronous standby", "L1, F65",
     [](const Situation& s) { return s.m.reinitializing && s.leader_usable && leaves_sync(s); }, leave_sync},
    {380, "reinit_stop", "rebuilding: the server still runs", "reinitialize: stopping PostgreSQL", "I10",
     [](const Situation& s) { return s.m.reinitializing && s.leader_usable && !s.stopped && !s.may_write; },
     [](const Situation&, Decision& d) {
       say(d, "reinitialize: stopping PostgreSQL");
       start(d, job::Stop{.immediate = true});
     }},
    {385, "reinit_remove", "rebuilding: the server is down, a leader is there to copy from",
     "reinitialize: removing the data directory", "I10",
     [](const Situation& s) { return s.m.reinitializing && s.leader_usable && s.stopped && s.has_data() && !s.named; },
     [](const Situation&, Decision& d) {
       say(d, "reinitialize: removing the data directory");
       start(d, job::RemoveData{});
     }},
};

}  // namespace

std::span<const Rule> jobs() {
  return table;
}

}  // namespace regent::rules
