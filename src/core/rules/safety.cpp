// 000: what comes before everything else.
#include "core/rules/steps.h"

namespace regent::rules {
namespace {

bool foreign_data(const Situation& s) {
  return s.view != nullptr && s.has_data() && s.view->initialize.exists() && !s.view->initialize.value.empty() &&
         !s.o.postgres.data.system_id.empty() && s.view->initialize.value != s.o.postgres.data.system_id.str();
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
     "for retry_timeout the local server could be written to without a lease that we know of",
     "demoting self because I have no leader lock and could not get it", "I3, F01, F27",
     [](const Situation& s) {
       return !s.paused && !s.job_running && s.m.unleased_since &&
              s.o.now - *s.m.unleased_since >= s.o.settings.retry_timeout;
     },
     [](const Situation& s, Decision& d) {
       say(d, s.view == nullptr ? "demoting self because DCS is not accessible and I was a leader"
                                : "demoting self because I have no leader lock and could not get it");
       start(d, job::Stop{.escalate_after = s.o.settings.retry_timeout});
       d.memory.demotion = Demotion{Demotion::Kind::offline, "no lease", s.o.now};
       forget_rejoin(d.memory);
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
     [](const Situation& s) { return s.o.requests.shutdown && !s.stopped; },
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL before the agent ends");
       if (s.holding) renew_when_due(s, d);
       if (!s.doing<job::Stop>()) {
         if (s.job_running) act(d, action::CancelJob{});
         start(d, job::Stop{.checkpoint = s.primary});
         d.memory.demotion = Demotion{Demotion::Kind::graceful, "shutdown", s.o.now};
       }
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
       if (s.control != nullptr && s.control->clean_primary()) {
         Status status = s.view != nullptr ? s.view->status.value : Status{};
         status.optime = s.control->checkpoint;
         const Version expect = s.view != nullptr ? s.view->status.version : Version{};
         if (s.view != nullptr) act(d, action::WriteKey{action::Key::status, print_status(status), expect});
       }
       act(d, action::ReleaseLeader{});
     }},
    {36, "shut_down_end", "the agent is asked to end and nothing is left to do", "the agent ends", "",
     [](const Situation& s) { return s.o.requests.shutdown; },
     [](const Situation&, Decision& d) {
       say(d, "the agent ends");
       act(d, action::Exit{0});
     }},
    {50, "foreign_data", "the data directory belongs to another cluster than the store",
     "system ID mismatch, node {} belongs to a different cluster: {} != {}", "I9, F74",
     [](const Situation& s) { return foreign_data(s) && !s.paused; },
     [](const Situation& s, Decision& d) {
       say(d, "system ID mismatch, node {} belongs to a different cluster: {} != {}", s.me(), s.view->initialize.value,
           s.o.postgres.data.system_id.str());
       if (s.job_running) act(d, action::CancelJob{});
       if (s.holding) act(d, action::ReleaseLeader{});
       act(d, action::Exit{1});
     }},
};

}  // namespace

std::span<const Rule> safety() {
  return table;
}

}  // namespace regent::rules
