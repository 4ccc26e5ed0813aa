// 000: what comes before everything else.
#include <fmt/format.h>

#include "core/election.h"
#include "core/rules/steps.h"
#include "core/slots.h"

namespace regent::rules {
namespace {

std::string mismatch(const Situation& s) {
  return fmt::format("system ID mismatch, node {} belongs to a different cluster: {} != {}", s.me(),
                     s.view->initialize.value, s.o.postgres.data.system_id.str());
}

// What is not to be touched here is not touched; but a primary is not left to its clients without an agent either.
bool foreign_primary(const Situation& s) {
  return foreign_data(s) && !key_was_changed(s) && !s.paused && s.may_write && !s.stopped;
}

// A stop that ends by itself in time. A graceful one waits for clients and is not.
bool bounded_stop_runs(const Situation& s) {
  if (!s.doing<job::Stop>()) return false;
  const auto& stop = std::get<job::Stop>(*s.o.job.running);
  return stop.immediate || stop.escalate_after > Duration::zero();
}

bool lease_ran_out(const Situation& s) {
  return !s.paused && s.may_write && s.o.lease.held && s.o.now >= demote_at(s.o.lease) && !bounded_stop_runs(s);
}

// The jobs that wait for a server that hangs, and have nothing to say about its end.
bool busy_elsewhere(const Situation& s) {
  return s.job_running && !s.doing<job::Checkpoint>();
}

bool must_end_hang(const Situation& s) {
  return hangs(s) && s.view != nullptr && s.holding && !s.paused && !s.standby && !s.m.demotion && !busy_elsewhere(s) &&
         !s.o.requests.shutdown && s.o.settings.primary_hang_policy != HangPolicy::report;
}

// The last look at the server was in vain up to its deadline, and what the others said before it grew old meanwhile.
constexpr Duration answers_while_hung = std::chrono::seconds(5);

bool may_hand_over_hang(const Situation& s) {
  return must_end_hang(s) && s.o.settings.primary_hang_policy == HangPolicy::failover;
}

// WAL that does not get to the disk would not get there after a restart either.
bool restart_helps(const Situation& s) {
  return must_end_hang(s) && s.o.postgres.deaf_since;
}

void kill_server(const Situation& s, Decision& d) {
  condition(d, "PostgresHangs", hang_symptoms(s));
  if (s.job_running) act(d, action::CancelJob{});
  start(d, job::Stop{.kill = true});
}

constexpr Rule table[] = {
    {10, "fence_at_the_lease_margin",
     "the local server may accept writes and the time to stop it before the lease ends has come",
     "demoting self because DCS is not accessible and I was a leader", "I3, F02, F28", lease_ran_out,
     [](const Situation& s, Decision& d) {
       say(d, s.view == nullptr ? "demoting self because DCS is not accessible and I was a leader"
                                : "demoted self because failed to update leader lock in DCS");
       condition(d, "LeaseRunsOut", "the leader lock could not be renewed in time; PostgreSQL is being stopped");
       if (s.job_running) act(d, action::CancelJob{});
       start(d, fence(s));
       d.memory.demotion = Demotion{Demotion::Kind::offline, "the lease ran out", s.o.now};
       forget_rejoin(d.memory);
     }},
    {15, "fence_without_lease",
     "for retry_timeout, or for ttl while the lock holds our name, the local server could be written to without a "
     "lease "
     "that we know of",
     "demoting self because I have no leader lock and could not get it", "I3, F01, F27",
     [](const Situation& s) {
       return !s.paused && !s.job_running && s.m.unleased_since &&
              s.o.now - *s.m.unleased_since >= unleased_patience(s);
     },
     [](const Situation& s, Decision& d) {
       say(d, s.view == nullptr ? "demoting self because DCS is not accessible and I was a leader"
                                : "demoting self because I have no leader lock and could not get it");
       start(d, job::Stop{.escalate_after = s.o.settings.retry_timeout});
       d.memory.demotion = Demotion{Demotion::Kind::offline, "no lease", s.o.now};
       forget_rejoin(d.memory);
     }},
    {16, "hang_unended", "a primary that hangs was to be killed, and its processes are still there",
     "waiting for the processes of a primary that hangs to be gone", "I1, F13, F54",
     [](const Situation& s) {
       return !s.paused && s.m.demotion && s.m.demotion->kind == Demotion::Kind::hung && s.may_write && !s.stopped &&
              !s.job_running;
     },
     [](const Situation& s, Decision& d) {
       // Neither renewed nor released: nobody is promoted before the lease is over.
       say(d, "waiting for the processes of a primary that hangs to be gone");
       kill_server(s, d);
     }},
    {17, "hang_ask_peers", "the primary hangs: can somebody take over?",
     "PostgreSQL hangs ({}): asking the other members", "L1, F13, F54",
     [](const Situation& s) { return may_hand_over_hang(s) && !peers_are_fresh(s, answers_while_hung); },
     [](const Situation& s, Decision& d) {
       say(d, "PostgreSQL hangs ({}): asking the other members", hang_symptoms(s));
       condition(d, "PostgresHangs", hang_symptoms(s));
       renew_when_due(s, d);
       act(d, action::GatherPeers{});
     }},
    {18, "hang_fail_over", "the primary hangs, and somebody can take over",
     "demoting self because PostgreSQL hangs: {}", "I1, L1, F13, F54",
     [](const Situation& s) { return may_hand_over_hang(s) && somebody_could_take_over(s, answers_while_hung); },
     [](const Situation& s, Decision& d) {
       say(d, "demoting self because PostgreSQL hangs: {}", hang_symptoms(s));
       act(d, action::RenewLease{});
       kill_server(s, d);
       d.memory.demotion = Demotion{Demotion::Kind::hung, "PostgreSQL hangs", s.o.now};
       forget_rejoin(d.memory);
     }},
    {19, "hang_restart", "the primary hangs, and nobody else can take over or is to",
     "restarting PostgreSQL because it hangs: {}", "L1, F13", restart_helps,
     [](const Situation& s, Decision& d) {
       say(d, "restarting PostgreSQL because it hangs: {}", hang_symptoms(s));
       act(d, action::RenewLease{});
       // What comes then is what comes after a crash.
       kill_server(s, d);
     }},
    {20, "shut_down_in_pause", "the agent is asked to end while the cluster is paused: PostgreSQL is left alone",
     "PAUSE: ending, PostgreSQL is left as it is", "I14, T30",
     [](const Situation& s) { return s.o.requests.shutdown && s.paused; },
     [](const Situation& s, Decision& d) {
       say(d, "PAUSE: ending, PostgreSQL is left as it is");
       if (s.job_running) act(d, action::CancelJob{});
       act(d, action::Exit{0});
     }},
    {25, "shut_down_leave_sync", "the agent is asked to end and the local server is a synchronous standby",
     "waiting for the leader to do without this synchronous standby", "L1, F65",
     [](const Situation& s) { return s.o.requests.shutdown && !s.job_running && leaves_sync(s); }, leave_sync},
    {30, "shut_down_stop_server", "the agent is asked to end and the local server is not down yet",
     "stopping PostgreSQL before the agent ends", "F09, F64",
     [](const Situation& s) { return s.o.requests.shutdown && !s.stopped && !s.single_user; },
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL before the agent ends");
       if (!s.doing<job::Stop>()) {
         if (s.job_running) act(d, action::CancelJob{});
         start(d, graceful_stop(s));
         d.memory.demotion = Demotion{Demotion::Kind::graceful, "shutdown", s.o.now};
       }
       // After it: a store that does not answer is no reason to go on.
       if (s.holding) renew_when_due(s, d);
     }},
    {32, "shut_down_end_job", "the agent is asked to end, the server is down, a job still runs",
     "waiting for the running job before the agent ends", "F72",
     [](const Situation& s) { return s.o.requests.shutdown && s.job_running; },
     [](const Situation&, Decision& d) {
       say(d, "waiting for the running job before the agent ends");
       act(d, action::CancelJob{});
     }},
    {33, "shut_down_hand_over",
     "the agent is asked to end, the server is down, and no replica is known to have all of its WAL",
     "waiting for a replica to receive everything before the leader key is released", "F09, I6",
     [](const Situation& s) { return s.o.requests.shutdown && s.view != nullptr && awaits_receiver(s); },
     [](const Situation& s, Decision& d) { await_receiver(s, d); }},
    {34, "shut_down_release", "the agent is asked to end, the server is down, the lock is ours", "Leader key released",
     "F09, F64", [](const Situation& s) { return s.o.requests.shutdown && s.holding; },
     [](const Situation& s, Decision& d) {
       say(d, "Leader key released");
       if (s.view != nullptr && s.control != nullptr && s.control->clean_primary()) {
         act(d, action::WriteKey{action::Key::status, print_status(last_status(s)), s.view->status.version});
       }
       act(d, action::ReleaseLeader{});
     }},
    {36, "shut_down_end", "the agent is asked to end and nothing is left to do", "the agent ends", "",
     [](const Situation& s) { return s.o.requests.shutdown; },
     [](const Situation&, Decision& d) {
       say(d, "the agent ends");
       act(d, action::Exit{0});
     }},
    {48, "foreign_primary",
     "the data directory belongs to another cluster than the store, and clients can write to the local server",
     "stopping PostgreSQL: system ID mismatch, node {} belongs to a different cluster: {} != {}", "I9, F64, F74",
     foreign_primary,
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL: {}", mismatch(s));
       condition(d, "ForeignData", mismatch(s));
       if (!s.doing<job::Stop>()) {
         if (s.job_running) act(d, action::CancelJob{});
         start(d, job::Stop{.escalate_after = s.o.settings.retry_timeout});
         d.memory.demotion = Demotion{Demotion::Kind::immediate, "the data belong to another cluster", s.o.now};
       }
       if (s.holding) renew_when_due(s, d);
     }},
    {50, "foreign_data", "the data directory belongs to another cluster than the store",
     "system ID mismatch, node {} belongs to a different cluster: {} != {}", "I9, F74",
     [](const Situation& s) { return foreign_data(s) && !key_was_changed(s) && !s.paused; },
     [](const Situation& s, Decision& d) {
       say(d, "{}", mismatch(s));
       if (s.job_running) act(d, action::CancelJob{});
       if (s.holding) act(d, action::ReleaseLeader{});
       act(d, action::Exit{1});
     }},
    {52, "initialize_changed",
     "the initialize key names another system than it did before, and the lock is not ours: its holder may write it "
     "back",
     "waiting: the initialize key was changed to {}", "I9, F64",
     [](const Situation& s) { return key_was_changed(s) && !s.paused && !s.holding && !s.may_write; },
     [](const Situation& s, Decision& d) {
       say(d, "waiting: the initialize key was changed to {}", s.view->initialize.value);
       condition(d, "ForeignData",
                 fmt::format("the initialize key was {} and is {} now; write the former back, or stop this agent",
                             s.o.postgres.data.system_id.str(), s.view->initialize.value));
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {54, "restored_lock",
     "the store was put back from a backup, with a lock in our name, and the local server is no primary",
     "giving back a leader lock that the store was put back with", "I1, I5, F34",
     [](const Situation& s) {
       const bool promotes = s.promotion_may_come || (s.o.job.running && makes_primary(*s.o.job.running));
       return s.named && s.lock_is_of_the_past && !s.namesake && !promotes && !s.paused;
     },
     [](const Situation& s, Decision& d) {
       say(d, "giving back a leader lock that the store was put back with");
       act(d, action::ReleaseLeader{s.view->leader.version});
     }},
};

}  // namespace

std::span<const Rule> safety() {
  return table;
}

}  // namespace regent::rules
