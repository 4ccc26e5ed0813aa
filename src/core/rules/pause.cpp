// 100: maintenance mode. The lock is kept, nothing is started, stopped, promoted or demoted by itself (I14, compat
// §1.21).
#include "core/election.h"
#include "core/rules/steps.h"
#include "core/timeline.h"

namespace regent::rules {
namespace {

bool calm(const Situation& s) {
  return s.paused && !s.job_running;
}
// Manual switchovers, restarts and rebuilds work in pause: their rules live in the later sections.
bool asked_for_a_leader(const Situation& s) {
  return s.view->failover.exists() && !s.view->failover.value.candidate.empty() && !s.view->failover.value.scheduled_at;
}
bool busy_by_request(const Situation& s) {
  return s.o.requests.restart || s.o.requests.reinit || s.m.reinitializing || s.m.reinitialized || s.m.demotion ||
         s.m.restart_id || s.m.acquired_now;
}
bool quiet(const Situation& s) {
  return calm(s) && s.view != nullptr && !asked_for_a_leader(s) && !busy_by_request(s);
}

constexpr Rule table[] = {
    {110, "pause_store_unreachable", "paused and the store does not answer", "PAUSE: DCS is not accessible", "I14",
     [](const Situation& s) { return calm(s) && s.view == nullptr; },
     [](const Situation& s, Decision& d) {
       say(d, "PAUSE: DCS is not accessible");
       condition(d, "StoreUnreachable", s.o.cluster.why());
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {115, "pause_foreign_data", "paused and the data directory belongs to another cluster",
     "PAUSE: system ID mismatch, node {} belongs to a different cluster: {} != {}", "I9, I14",
     // Whoever is asked to lead: this data has no part in it.
     [](const Situation& s) { return calm(s) && foreign_data(s) && !busy_by_request(s); },
     [](const Situation& s, Decision& d) {
       say(d, "PAUSE: system ID mismatch, node {} belongs to a different cluster: {} != {}", s.me(),
           s.view->initialize.value, s.o.postgres.data.system_id.str());
       condition(d, "ForeignData", "the data directory belongs to another cluster");
       if (!s.holding) return;
       // The lock is not given back while clients can write (F64).
       if (s.may_write) {
         renew_when_due(s, d);
       } else {
         act(d, action::ReleaseLeader{});
       }
     }},
    {120, "pause_leader", "paused, the lock is ours, the local server is the primary",
     "PAUSE: no action. I am ({}), the leader with the lock", "I14",
     [](const Situation& s) { return quiet(s) && s.named && s.may_write; },
     [](const Situation& s, Decision& d) {
       say(d, "PAUSE: no action. I am ({}), the leader with the lock", s.me());
       if (s.holding) {
         renew_when_due(s, d);
       } else if (s.namesake) {
         say(d, "PAUSE: waiting for a leader lock in my name that I have no record of");
         report_namesake(s, d);
       } else {
         act(d, action::AcquireLeader{s.view->leader.version});
       }
     }},
    {122, "pause_standby_leader", "paused, the lock is ours, the local server follows the remote one",
     "PAUSE: no action. I am ({}), the standby leader with the lock", "I14, L2",
     [](const Situation& s) { return quiet(s) && s.holding && s.standby_leads && s.replica; },
     [](const Situation& s, Decision& d) {
       say(d, "PAUSE: no action. I am ({}), the standby leader with the lock", s.me());
       renew_when_due(s, d);
     }},
    {130, "pause_leader_not_primary", "paused, the lock is ours, the local server is not what the leader's should be",
     "PAUSE: removed leader lock because postgres is not running", "I14",
     [](const Situation& s) { return quiet(s) && s.holding && (s.stopped || s.replica); },
     [](const Situation& s, Decision& d) {
       say(d, s.stopped ? "PAUSE: removed leader lock because postgres is not running"
                        : "PAUSE: removed leader lock because postgres is not running as primary");
       act(d, action::ReleaseLeader{});
       d.memory.ran_as_primary = false;
     }},
    {140, "pause_primary_takes_lock", "paused, nobody holds the lock, the local server is a primary",
     "PAUSE: acquired session lock as a leader", "I8, I14, F79",
     [](const Situation& s) {
       // Not with a timeline that the cluster has left: the primary that pause kept alive slept through a promotion
       // (I8).
       return quiet(s) && s.unlocked && s.primary && s.o.self.tags.may_lead() &&
              s.server->timeline >= recorded_timeline(*s.view);
     },
     [](const Situation&, Decision& d) {
       say(d, "PAUSE: acquired session lock as a leader");
       act(d, action::AcquireLeader{});
     }},
    {150, "pause_not_running", "paused and the local server is down", "PAUSE: postgres is not running", "I14",
     [](const Situation& s) { return quiet(s) && s.stopped; },
     [](const Situation&, Decision& d) { say(d, "PAUSE: postgres is not running"); }},
    {160, "pause_replica", "paused, somebody else leads",
     "PAUSE: no action. I am ({}), a secondary, and following a leader ({})", "I14",
     [](const Situation& s) { return quiet(s) && s.other_leads; },
     [](const Situation& s, Decision& d) {
       if (s.primary) {
         say(d, "PAUSE: no action. I am ({}), a primary without the lock; the leader is {}", s.me(),
             s.view->leader.name.str());
         condition(d, "TwoPrimaries", "this node runs as a primary although another one holds the lock");
       } else {
         say(d, "PAUSE: no action. I am ({}), a secondary, and following a leader ({})", s.me(),
             s.view->leader.name.str());
       }
     }},
    {170, "pause_idle", "paused, nothing else applies", "PAUSE: no action. I am ({})", "I14", quiet,
     [](const Situation& s, Decision& d) { say(d, "PAUSE: no action. I am ({})", s.me()); }},
};

}  // namespace

std::span<const Rule> pause() {
  return table;
}

}  // namespace regent::rules
