// 300: long work is under way, or somebody asked for some.
#include "core/rules/steps.h"

namespace regent::rules {
namespace {

// The lock is lost while the job relies on it.
bool promoting_without_lock(const Situation& s) {
  const bool as_primary = s.doing<job::Promote>() ||
                          (s.doing<job::Start>() && std::get<job::Start>(*s.o.job.running).as_primary) ||
                          (s.doing<job::Restart>() && std::get<job::Restart>(*s.o.job.running).as_primary);
  return as_primary && !s.holding && !s.paused;
}

// The request stays until it is answered; the one that is being served is not a new one.
bool asked_to_restart(const Situation& s) {
  return s.o.requests.restart && s.m.restart_id != s.o.requests.restart->id;
}

std::string in_progress(const Situation& s) {
  if (s.m.restart_id) return "restart in progress";
  if (s.m.reinitializing) return "reinitialize in progress";
  if (s.doing<job::Clone>()) {
    const auto& clone = std::get<job::Clone>(*s.o.job.running);
    return fmt::format("bootstrap from {} '{}' in progress", clone.from_leader ? "leader" : "replica",
                       clone.source.name.str());
  }
  if (s.doing<job::Stop>() && s.m.demotion) return fmt::format("{}: demote in progress", s.m.demotion->reason);
  if (s.doing<job::Start>() && s.m.crashed_at) return "restarting after failure in progress";
  if (s.doing<job::Start>() && s.m.demotion) return "starting after demotion in progress";
  return fmt::format("{} in progress", job_name(*s.o.job.running));
}

constexpr Rule table[] = {
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
              s.other_leads && s.view->leader.name != std::get<job::Clone>(*s.o.job.running).source.name;
     },
     [](const Situation& s, Decision& d) {
       say(d, "cancelling the base backup: {} no longer leads",
           std::get<job::Clone>(*s.o.job.running).source.name.str());
       act(d, action::CancelJob{});
     }},
    {330, "job_as_leader", "a job runs and the lock is ours", "updated leader lock during {}", "L1",
     [](const Situation& s) { return s.job_running && s.holding; },
     [](const Situation& s, Decision& d) {
       say(d, (s.paused ? "PAUSE: " : "") + in_progress(s));
       renew_when_due(s, d);
     }},
    {340, "job_running", "a job runs", "{} in progress", "", [](const Situation& s) { return s.job_running; },
     [](const Situation& s, Decision& d) { say(d, (s.paused ? "PAUSE: " : "") + in_progress(s)); }},
    {350, "restart_not_pending", "a restart was asked for only if one is pending, and none is",
     "not proceeding with the restart: pending restart flag is not set", "",
     [](const Situation& s) {
       return asked_to_restart(s) && s.o.requests.restart->only_if_pending && s.o.postgres.pending_restart.empty();
     },
     [](const Situation& s, Decision& d) {
       say(d, "not proceeding with the restart: pending restart flag is not set");
       act(d, action::AnswerRestart{s.o.requests.restart->id, false, "pending restart flag is not set"});
     }},
    {360, "restart_requested", "a restart was asked for", "restart initiated", "F78",
     [](const Situation& s) {
       const bool able = s.has_data() && !s.o.postgres.data.rewind_marker && s.o.postgres.process != Process::unknown;
       return asked_to_restart(s) && able && (s.holding || !s.may_write || s.paused) && s.view != nullptr;
     },
     [](const Situation& s, Decision& d) {
       say(d, "restart initiated");
       const bool as_primary = (s.holding && s.may_write) || (s.paused && s.primary);
       // As in a start: not compared with the leader's history, a server that is down must not replay beyond a fork.
       const bool may_follow = s.replica || s.m.rejoin == Rejoin::clean;
       if (s.holding) act(d, action::RenewLease{});
       start(d, job::Restart{.as_primary = as_primary,
                             .upstream = as_primary || !may_follow ? Upstream{} : wanted_upstream(s)});
       // Or the server coming up as a replica would be taken for a primary that lost its lease, and stopped.
       d.memory.ran_as_primary = as_primary;
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
       d.memory.clone_failures = 0;
       d.memory.retry_at.reset();
     }},
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
