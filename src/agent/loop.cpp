#include "agent/loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/executor.h"
#include "agent/gather.h"
#include "base/log.h"
#include "core/contract.h"
#include "core/decide.h"
#include "core/settle.h"

namespace regent {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

// A cycle that had effects is followed by the next one at once, but not for ever.
constexpr int max_immediate_cycles = 100;
constexpr Duration breather = std::chrono::milliseconds(100);
// A wait shorter than this was none.
constexpr Duration instantly = std::chrono::milliseconds(1);
// After a failure: soon again, then less and less soon.
constexpr Duration first_retry = std::chrono::milliseconds(100);
constexpr Duration longest_retry = std::chrono::seconds(2);
// It may be refused for as long as the facts stay the same.
constexpr Duration after_refusal = std::chrono::seconds(1);
constexpr Duration noticeably_late = std::chrono::seconds(1);
constexpr Duration goodbye_time = std::chrono::seconds(3);

// How fast the loop goes round.
struct Pace {
  std::uint64_t cycle = 0;
  int immediate_cycles = 0;
  int failures = 0;   // in a row
  int conflicts = 0;  // likewise
  Duration most_late{};

  bool breathless() const { return immediate_cycles >= max_immediate_cycles; }
  Duration retry_after() const { return std::min(first_retry * (1 << std::min(failures - 1, 10)), longest_retry); }
};

// The sentence of a decision when it is new or a loop_wait old, and problems when they begin (L3).
class Announcer {
 public:
  void say(const Decision& decision, Instant now, Duration loop_wait) {
    for (const Condition& condition : decision.conditions) {
      // These are told by whoever finds them.
      const bool told =
          condition.name == "ConfigProblem" || condition.name == "KeyUnreadable" || condition.name == "DecisionRefused";
      const bool known = std::find(conditions_.begin(), conditions_.end(), condition) != conditions_.end();
      if (!told && !known && !condition.detail.empty()) log::info("{}", condition.detail);
    }
    conditions_ = decision.conditions;
    const std::string& sentence = decision.sentence;
    const auto* exit = decision.actions.empty() ? nullptr : std::get_if<action::Exit>(&decision.actions.back());
    if (exit != nullptr && exit->code != 0) return log::critical("{}", sentence);
    // Nine tenths: two cycles are never exactly loop_wait apart.
    if (sentence == last_ && now - said_at_ < loop_wait * 9 / 10) return;
    last_ = sentence;
    said_at_ = now;
    log::info("{}", sentence);
  }

 private:
  std::vector<Condition> conditions_;
  std::string last_;
  Instant said_at_{};
};

// A decision that breaks the contract is a defect, and doing nothing is safer than whatever it wants: the lease runs
// out by itself. The memory stays as it was, so that the same facts are judged again.
void refuse_if_broken(AgentState& state, const Observation& observation, Decision& decision) {
  const std::vector<std::string> broken = violations(observation, decision);
  if (broken.empty()) return;
  ++state.refused_decisions;
  const std::string text = fmt::format("rule {} decided what no rule may, its actions are not performed: it {}",
                                       decision.rule, fmt::join(broken, "; it "));
  log::critical("{}", text);
  decision.conditions.push_back({"DecisionRefused", text});
  decision.actions.clear();
  decision.memory = state.memory;
  decision.wake_at = observation.now + after_refusal;
}

void publish(const AgentState& state, Observation observation, const Decision& decision, const Pace& pace) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->observation = std::move(observation);
  snapshot->decision = decision;
  snapshot->cycle = pace.cycle;
  snapshot->most_late = pace.most_late;
  snapshot->refused_decisions = state.refused_decisions;
  snapshot->last_cluster = state.last_cluster;
  snapshot->dcs_last_seen = state.dcs_last_seen;
  if (pace.breathless()) {
    snapshot->decision.conditions.push_back(
        {"LoopBusy", "every cycle of the control loop has something to do; it is being slowed down"});
  }
  state.board.publish(std::move(snapshot));
}

Instant wait_until(const AgentState& state, const Decision& decision, const Pace& pace) {
  const Instant now = state.now();
  Instant until = std::min(decision.wake_at, now + state.settings.loop_wait);
  if (pace.failures > 0) until = std::min(until, now + pace.retry_after());
  const LeaseFacts& lease = state.lease.facts();
  if (lease.held) {
    if (demote_at(lease) > now) until = std::min(until, demote_at(lease));
  } else if (state.session_kept_at && pace.failures == 0) {
    until = std::min(until, *state.session_kept_at + renew_interval(state.settings.ttl, state.settings.loop_wait));
  }
  return until;
}

// Events wake earlier: the store's watch, the postmaster, a job's end, requests (which ring the bell).
Task<void> wait_for_something(AgentState& state, Instant until) {
  auto bell = state.wake.wait();
  auto store = state.ports.dcs.changed(until);
  auto server = state.ports.postgres.changed(until);
  auto guard = state.ports.guard.changed(until);
  auto timer = state.ports.clock.sleep_until(until);
  co_await (std::move(bell) || std::move(store) || std::move(server) || std::move(guard) || std::move(timer));
}

// F05: starved, frozen or suspended. What that means is for the rules, which see the time.
void note_lateness(Pace& pace, Duration late) {
  pace.most_late = std::max(pace.most_late, late);
  if (late > noticeably_late) log::warning("woke up {:.1f} s late", to_seconds(late));
}

Task<void> pause_between(AgentState& state, Pace& pace, const Decision& decision, bool again) {
  if (again && !pace.breathless()) {
    ++pace.immediate_cycles;
    co_return;
  }
  const Instant began = state.now();
  if (pace.breathless()) {
    auto rest = state.ports.clock.sleep_until(began + breather);
    co_await std::move(rest);
    note_lateness(pace, state.now() - (began + breather));
    // One calm cycle earns one immediate one, not a hundred.
    if (!again) pace.immediate_cycles = 0;
    co_return;
  }
  const Instant until = wait_until(state, decision, pace);
  // It rang while the cycle went on, e.g. because a job ended after it was looked at: a wait that is over before all
  // its parts have begun would go on until the next event.
  if (state.wake.rung() || until <= began) {
    ++pace.immediate_cycles;
    co_return;
  }
  auto wait = wait_for_something(state, until);
  co_await std::move(wait);
  const Instant woke = state.now();
  pace.immediate_cycles = woke - began < instantly ? pace.immediate_cycles + 1 : 0;
  note_lateness(pace, woke - until);
}

// Non-leaders keep their member key alive by themselves; a leader's renewals do it.
Task<bool> keep_member_alive(AgentState& state, bool store_answers) {
  if (state.lease.facts().held || !store_answers || !session_due(state)) co_return true;
  auto keep = keep_session(state);
  const Result<void> kept = co_await std::move(keep);
  if (!kept) log::warning("the session in the store could not be refreshed: {}", kept.error().message);
  co_return kept.has_value();
}

Task<void> say_goodbye(AgentState& state) {
  state.jobs.cancel();
  const Instant until = state.now() + goodbye_time;
  while (state.jobs.running() && state.now() < until) {
    auto rung = state.wake.wait();
    auto patience = state.ports.clock.sleep_until(until);
    co_await (std::move(rung) || std::move(patience));
    state.wake.mute();
  }
  state.intents.close(state);
  // In pause the lock outlives the agent, because PostgreSQL does (I14): its key hangs on the session.
  if (state.lease.facts().held) co_return;
  auto close = state.ports.dcs.close(state.now() + goodbye_time);
  co_await std::move(close);
}

Task<void> serve_intents(AgentState& state) {
  // One per cycle: the lease comes first.
  if (!state.intents.waiting()) co_return;
  auto serve = state.intents.serve_one(state);
  co_await std::move(serve);
}

}  // namespace

Task<int> run_loop(std::shared_ptr<AgentState> state) {
  Bell bell(state->executor, state->wake);
  Pace pace;
  Announcer announcer;
  adopt_initial_config(*state);
  state->failsafe.agent_started = state->now();
  for (;;) {
    const Instant began = state->now();
    bell.mute();
    const auto observers = state->intents.take_observers();
    auto look = gather(*state);
    Observation observation = co_await std::move(look);
    if (state->hooks.tamper_facts) state->hooks.tamper_facts(observation);
    state->callbacks.observe(
        state->ports.postgres, observation.postgres, observation.job, state->memory.demotion.has_value(),
        observation.settings.standby_cluster.has_value() && observation.lease.held, state->self.generation);

    Decision decision =
        state->hooks.decide ? state->hooks.decide(observation, state->memory) : decide(observation, state->memory);
    if (state->hooks.misjudge) state->hooks.misjudge(observation, decision);
    if (!state->hooks.decide) refuse_if_broken(*state, observation, decision);
    if (state->hooks.tamper_decision) state->hooks.tamper_decision(observation, decision);
    ++pace.cycle;
    if (state->hooks.decided) state->hooks.decided(observation, state->memory, decision);
    announcer.say(decision, observation.now, observation.settings.loop_wait);
    for (const std::string& note : decision.notes) log::info("{}", note);
    publish(*state, observation, decision, pace);
    for (const auto& reply : observers) reply({});

    auto act = execute(state, decision.actions, observation.now);
    const Performed performed = co_await std::move(act);
    state->memory = settle(state->memory, decision, performed.outcome);
    if (performed.exit_code) {
      auto goodbye = say_goodbye(*state);
      co_await std::move(goodbye);
      co_return *performed.exit_code;
    }
    const bool had_intents = state->intents.waiting();
    auto intents = serve_intents(*state);
    co_await std::move(intents);
    auto keep = keep_member_alive(*state, observation.cluster.is_known());
    const bool kept = co_await std::move(keep);

    const auto& error = performed.outcome.failed;
    const bool conflict = error && error->kind == ErrorKind::conflict;
    pace.conflicts = conflict ? pace.conflicts + 1 : 0;
    // A lost comparison means that the world changed: look again at once. One that is lost again and again is no news.
    const bool changed = conflict && pace.conflicts <= 2;
    const bool failed = (error && !changed) || !observation.cluster.is_known() || !kept;
    pace.failures = failed ? pace.failures + 1 : 0;
    // Readers judge the lease by what was confirmed last, not by what this cycle began with.
    observation.lease = state->lease.facts();
    observation.job = state->jobs.facts();
    publish(*state, std::move(observation), decision, pace);

    const Duration took = state->now() - began;
    if (took > state->settings.loop_wait) log::warning("Loop time exceeded, rescheduling immediately.");
    const bool again = (had_effects(decision, performed.outcome) && !failed) || changed || had_intents;
    auto pause = pause_between(*state, pace, decision, again);
    co_await std::move(pause);
  }
}

}  // namespace regent
