// 200: the store does not answer. An outage is no reason to restart anything before the lease margin (F26, F28), nor
// after it while every member that could take over promised not to (I13).
#include <algorithm>

#include "core/rules/steps.h"

namespace regent::rules {
namespace {

bool lost(const Situation& s) {
  return s.view == nullptr && !s.paused;
}

void report(const Situation& s, Decision& d) {
  condition(d, "StoreUnreachable", s.o.cluster.why());
  wake_in(s, d, std::chrono::seconds(1));
}

// The members can be asked: this node wrote the failsafe key in this reign and knows everybody it may name.
bool members_known(const Situation& s) {
  return s.o.settings.failsafe_mode && !s.m.failsafe_written_for.absent() &&
         s.m.failsafe_written_for == s.o.lease.version && s.m.failsafe_members.contains(s.me());
}

// Where the store tells that the lock is not ours, the members have nothing to say about it (I5, I8).
bool lock_may_be_ours(const Situation& s) {
  return s.view == nullptr || s.named;
}

// A primary that does not start again: members that see the store do not wait for it for ever, because of their word
// (L1).
bool will_not_start(const Situation& s) {
  const auto patience = std::max(s.o.settings.primary_start_timeout, s.o.settings.ttl);
  return s.m.crashed_at && s.o.now - *s.m.crashed_at >= patience;
}

// Only a lease that has not run out can be extended, and nobody is asked to wait for a primary that is going down.
bool serves_under_lease(const Situation& s) {
  const bool comes_back = crashed(s) && !s.standby && !will_not_start(s);
  return (s.may_write || comes_back) && lease_valid(s.o.lease, s.o.now) && !s.other_leads && !s.paused &&
         !s.m.demotion && !s.o.requests.shutdown && !s.doing<job::Stop>() && !s.doing<job::Restart>();
}

Duration round_interval(const Situation& s) {
  const auto& round = s.o.failsafe.round;
  if (round && !round->complete()) return std::chrono::seconds(1);
  return renew_interval(s.o.lease.ttl, s.o.settings.loop_wait);
}

bool time_to_ask(const Situation& s) {
  // A store that answers sometimes gets all the time there is for the renewal (F27).
  if (s.view != nullptr && s.o.now < ask_members_at(s.o.lease)) return false;
  const auto& round = s.o.failsafe.round;
  // A little early rather than a whole cycle late.
  return !round || round->sent < s.o.lease.confirmed_at ||
         s.o.now + std::chrono::milliseconds(100) >= round->sent + round_interval(s);
}

void ask_members(const Situation& s, Decision& d) {
  action::AskFailsafe ask;
  for (const auto& [name, url] : s.m.failsafe_members) {
    if (name != s.me()) ask.members[name] = url;
  }
  ask.request.name = s.o.self.name;
  ask.request.conn_url = conn_url(s);
  ask.request.api_url = s.o.self.api_url;
  // No member promises more than the cluster's ttl, whatever the lease was made with.
  ask.request.ttl = std::min(s.o.lease.ttl, s.o.settings.ttl);
  if (s.primary) {
    ask.request.timeline = s.server->timeline;
    for (const auto& slot : s.server->slots) {
      const auto position = slot.physical ? slot.restart_lsn : slot.confirmed_flush_lsn;
      if (position) ask.request.slots[slot.name] = position->value;
    }
    ask.request.slots[slot_name(s.o.self.name)] = s.server->wal.value;
  }
  act(d, std::move(ask));
}

void report_silence(const Situation& s, Decision& d) {
  if (s.view == nullptr) return report(s, d);
  condition(d, "LeaderLockNotRenewed", "the store answers, but the leader lock could not be renewed");
  renew_when_due(s, d);
}

// Who did not agree in the last round, in words.
std::string refusals(const FailsafeRound& round) {
  std::string text;
  for (const auto& answer : round.answers) {
    if (!answer.accepted) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", answer.name.str(), answer.why);
  }
  return text;
}

// Down, with the word of everybody that it may be started again. The question whether they stick to it goes with that:
// where the store swallows every read, it is always time to ask by then.
bool crashed_in_failsafe(const Situation& s) {
  const auto& data = s.o.postgres.data;
  return lost(s) && crashed(s) && !will_not_start(s) && s.has_data() && !data.rewind_marker && !s.standby &&
         vouched_for(s.o.lease, s.o.now) && !s.job_running && !s.backing_off() && !s.o.requests.shutdown;
}

bool must_ask_members(const Situation& s) {
  return members_known(s) && serves_under_lease(s) && lock_may_be_ours(s) && time_to_ask(s);
}

// A promotion is under way, and the time to end a primary has come.
bool outlasts_lease(const Situation& s) {
  return s.doing<job::Promote>() && (!s.holding || s.o.now >= demote_at(s.o.lease));
}

// Nothing that an answer of the store could change: it must not be a primary when the lease is over.
bool must_end_promotion(const Situation& s) {
  return lost(s) && (s.promotion_may_come || outlasts_lease(s)) && !s.doing<job::Stop>();
}

// Whoever has it may be a primary by now.
bool lock_was_taken(const Situation& s) {
  return lost(s) && s.may_write && !s.o.lease.held && !s.o.lease.taken_by.empty() && !s.doing<job::Stop>();
}

constexpr Rule table[] = {
    {203, "failsafe_ask", "the lock cannot be renewed, failsafe mode is on: will all members let this leader go on?",
     "DCS is not accessible; asking all members for failsafe mode", "I1, I3, I13, F26, F28",
     [](const Situation& s) { return must_ask_members(s) && !crashed_in_failsafe(s); },
     [](const Situation& s, Decision& d) {
       const auto& round = s.o.failsafe.round;
       if (vouched_for(s.o.lease, s.o.now) && round && round->complete()) {
         say(d, "continue to run as a leader because failsafe mode is enabled and all members are accessible");
         condition(d, "FailsafeActive", "the members let this leader go on without the store");
       } else {
         say(d, "DCS is not accessible; asking all members for failsafe mode");
       }
       ask_members(s, d);
       if (s.view == nullptr) report(s, d);
       // Whatever they answer is to be acted on at once.
       wake_in(s, d, std::chrono::milliseconds(100));
     }},
    {205, "failsafe_serving", "the members let this leader go on without the store",
     "continue to run as a leader because failsafe mode is enabled and all members are accessible", "I1, I3, I13, F26",
     [](const Situation& s) {
       // An unlocked store is for the election to take back.
       return s.may_write && serves_under_lease(s) && vouched_for(s.o.lease, s.o.now) && lock_may_be_ours(s);
     },
     [](const Situation& s, Decision& d) {
       const auto& round = s.o.failsafe.round;
       const bool complete = round && round->complete();
       say(d, complete ? "continue to run as a leader because failsafe mode is enabled and all members are accessible"
                       : "DCS is not accessible; continuing as the leader until the promises of the members run out");
       condition(d, "FailsafeActive", "the members let this leader go on without the store");
       if (round && !complete) condition(d, "FailsafeRefused", refusals(*round));
       report_silence(s, d);
       if (round) d.wake_at = std::min(d.wake_at, round->sent + round_interval(s));
       d.wake_at = std::min(d.wake_at, demote_at(s.o.lease));
     }},
    {207, "failsafe_restart", "our primary crashed while the members let it go on without the store",
     "starting primary after failure", "L1, F12, F26", crashed_in_failsafe,
     [](const Situation& s, Decision& d) {
       say(d, "starting primary after failure");
       if (must_ask_members(s)) ask_members(s, d);
       condition(d, "FailsafeActive", "the members let this leader go on without the store");
       report(s, d);
       // The job looks at the lease again right before the server starts (I2).
       start(d, job::Start{.as_primary = true, .upstream = {}});
       if (!s.m.crashed_at) d.memory.crashed_at = s.o.now;
     }},
    {210, "store_lost_serving", "the store does not answer, our lease is still good",
     "DCS is not accessible; continuing as the leader until the lock runs out", "I3, F26",
     [](const Situation& s) { return lost(s) && s.holding && s.may_write; },
     [](const Situation& s, Decision& d) {
       say(d, "DCS is not accessible; continuing as the leader until the lock runs out");
       report(s, d);
       const auto& round = s.o.failsafe.round;
       if (s.o.settings.failsafe_mode && round && round->sent > s.o.lease.confirmed_at && !round->complete()) {
         condition(d, "FailsafeRefused", refusals(*round));
       }
       // A renewal may get through where a read of everything does not (F27).
       renew_when_due(s, d);
       d.wake_at = std::min(d.wake_at, demote_at(s.o.lease));
     }},
    {230, "store_lost_read_only", "the store does not answer, the primary was stopped for it: serve reads",
     "demoted self because DCS is not accessible and I was a leader", "F26",
     [](const Situation& s) {
       return lost(s) && s.stopped && s.has_data() && !s.job_running && s.m.demotion &&
              s.m.demotion->kind == Demotion::Kind::offline && !s.o.postgres.data.rewind_marker && !s.backing_off();
     },
     [](const Situation& s, Decision& d) {
       say(d, "demoted self because DCS is not accessible and I was a leader");
       report(s, d);
       start(d, job::Start{});
       d.memory.ran_as_primary = false;
     }},
    {240, "store_lost", "the store does not answer and there is nothing to be done about it", "DCS is not accessible",
     "F26", [](const Situation& s) { return lost(s) && !must_end_promotion(s) && !lock_was_taken(s); },
     [](const Situation& s, Decision& d) {
       say(d, "DCS is not accessible");
       report(s, d);
     }},
    {242, "store_lost_promotion",
     "the store does not answer, and a promotion may still come: it was given up, or the lease ends before it does",
     "stopping PostgreSQL because its promotion {} while DCS is not accessible", "I2, I3, F26, F63", must_end_promotion,
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL because its promotion {} while DCS is not accessible",
           outlasts_lease(s) ? "outlasts the leader lock" : "failed, and may still come");
       report(s, d);
       if (s.job_running) act(d, action::CancelJob{});
       start(d, job::Stop{.immediate = true});
       d.memory.demotion = Demotion{Demotion::Kind::offline, "the promotion failed", s.o.now};
       forget_rejoin(d.memory);
     }},
    {244, "store_lost_lock_taken",
     "a renewal was refused because somebody else has the lock, and the store does not answer any more",
     "demoting self because {} took the leader lock", "I1, I3, F28", lock_was_taken,
     [](const Situation& s, Decision& d) {
       say(d, "demoting self because {} took the leader lock", s.o.lease.taken_by.str());
       report(s, d);
       if (s.job_running) act(d, action::CancelJob{});
       start(d, job::Stop{.immediate = true});
       d.memory.demotion = Demotion{Demotion::Kind::offline, "the lock was taken", s.o.now};
       forget_rejoin(d.memory);
     }},
};

}  // namespace

std::span<const Rule> store() {
  return table;
}

}  // namespace regent::rules
