// What each job does, in steps of the Postgres port.
#include <algorithm>

#include "agent/fencing.h"
#include "agent/jobs.h"
#include "agent/state.h"
#include "core/permission.h"

namespace regent {

namespace {

// Copying or replaying a large database takes as long as it takes; CancelJob ends it when circumstances change.
constexpr Duration as_long_as_it_takes = std::chrono::hours(24 * 7);
constexpr Duration removal_time = std::chrono::hours(1);
constexpr Duration checkpoint_time = std::chrono::hours(1);
// A replica that is not there by then goes on starting by itself; the rules look at it again.
constexpr Duration replica_start_time = std::chrono::seconds(60);
// Clients that do not let go are cut off after this long: the cluster has no primary meanwhile (F15).
constexpr Duration restart_patience = std::chrono::seconds(60);
constexpr Duration promote_hook_time = std::chrono::seconds(60);
// How often the loop is asked for another look at the claim, and for how long one is believed.
constexpr Duration claim_interval = std::chrono::milliseconds(100);
constexpr Duration claim_life = std::chrono::seconds(2);
// With up to a gigabyte of WAL.
constexpr Duration slot_read_time = std::chrono::minutes(2);

// Asked again right before each step (I2).
Result<void> check_lease(const AgentState& state) {
  return may_be_primary(state.lease.facts(), state.settings, state.last_cluster, state.now());
}

// Everything that must be there before the first write: the lease, and what ends the server with it. In pause a person
// is in charge, and nothing is to be ended (I14).
Task<Result<void>> prepare_primary(AgentState& state) {
  if (auto lease = check_lease(state); !lease) co_return lease;
  if (state.settings.pause || !state.lease.facts().held) co_return Result<void>{};
  auto arm = arm_fences(state, fence_order(dead_by(state.lease.facts()), state.settings, state.fences().watchdog));
  co_await std::move(arm);
  if (const std::string missing = missing_fence(state.fences()); !missing.empty()) {
    co_return fail(ErrorKind::refused, "Not promoting self because " + missing);
  }
  // Arming may have taken its time.
  co_return check_lease(state);
}

Task<Result<void>> start(AgentState& state, job::Start spec) {
  Duration patience = replica_start_time;
  if (spec.as_primary) {
    auto prepare = prepare_primary(state);
    if (auto ready = co_await std::move(prepare); !ready) co_return ready;
    patience = std::max(state.settings.primary_start_timeout, replica_start_time);
  }
  auto step = state.ports.postgres.start(std::move(spec), state.now() + patience);
  co_return co_await std::move(step);
}

// The claim on /initialize stands in for the lease while there is none. It hangs on our session, and the process may
// have been frozen since it was seen last: the next look of the loop counts, one that was begun now (F02, F73).
Task<Result<void>> check_claim(AgentState& state) {
  Instant asked = state.now();
  for (;;) {
    const Fact<ClusterView>& seen = state.last_cluster;
    if (!seen.is_known() || seen.at() < asked) {
      state.wake.ring();
      auto look = state.ports.clock.sleep_until(state.now() + claim_interval);
      co_await std::move(look);
    } else if (seen.age(state.now()) > claim_life) {
      asked = state.now();
    } else {
      const auto& claim = seen->initialize;
      const std::string session = state.ports.dcs.session();
      if (claim.exists() && claim.value.empty() && !session.empty() && seen->initialize_session == session) {
        co_return Result<void>{};
      }
      co_return fail(ErrorKind::refused, "the claim on the initialize key is not ours any more");
    }
  }
}

Task<Result<void>> bootstrap(AgentState& state) {
  Postgres& postgres = state.ports.postgres;
  auto ask = check_claim(state);
  if (auto claimed = co_await std::move(ask); !claimed) co_return claimed;
  auto create = postgres.initdb(state.now() + as_long_as_it_takes);
  auto created = co_await std::move(create);
  if (!created) co_return created;
  auto ask_again = check_claim(state);
  if (auto claimed = co_await std::move(ask_again); !claimed) co_return claimed;
  job::Start as_primary;
  as_primary.as_primary = true;  // the claim on /initialize stands in for the lease: nobody else has data yet (F73)
  auto launch =
      postgres.start(as_primary, state.now() + std::max(state.settings.primary_start_timeout, replica_start_time));
  auto launched = co_await std::move(launch);
  // Recovery to a point in time takes as long as it takes; what comes next waits for it.
  if (!launched && launched.error().kind != ErrorKind::timeout) co_return launched;
  auto roles = postgres.bootstrap_roles(state.now() + as_long_as_it_takes);
  co_return co_await std::move(roles);
}

Task<Result<void>> restart(AgentState& state, job::Restart spec) {
  if (spec.as_primary) {
    if (auto lease = check_lease(state); !lease) co_return lease;
  }
  auto stop = perform_stop(state, job::Stop{.escalate_after = restart_patience});
  auto stopped = co_await std::move(stop);
  if (!stopped) co_return stopped;
  job::Start again;
  again.as_primary = spec.as_primary;
  again.upstream = spec.upstream;
  auto launch = start(state, std::move(again));
  co_return co_await std::move(launch);
}

// Read before the server stops: it is down for as short as possible, and not at all when the leader does not answer.
Task<Result<void>> copy_slots(AgentState& state, job::CopySlots spec) {
  Postgres& postgres = state.ports.postgres;
  auto read = postgres.read_slots(std::move(spec.source), std::move(spec.names), state.now() + slot_read_time);
  auto copies = co_await std::move(read);
  if (!copies) co_return tl::make_unexpected(copies.error());
  auto stop = perform_stop(state, job::Stop{.escalate_after = restart_patience});
  auto stopped = co_await std::move(stop);
  if (!stopped) co_return stopped;
  auto write = postgres.write_slots(std::move(*copies), state.now() + slot_read_time);
  const auto written = co_await std::move(write);
  job::Start again;
  again.upstream = std::move(spec.upstream);
  auto launch = start(state, std::move(again));
  auto launched = co_await std::move(launch);
  co_return written ? launched : written;
}

Task<Result<void>> promote(AgentState& state, job::Promote promotion) {
  auto prepare = prepare_primary(state);
  if (auto ready = co_await std::move(prepare); !ready) co_return ready;
  auto hook = state.ports.postgres.before_promotion(promotion, state.now() + promote_hook_time);
  // Refused: the server was not asked, so nothing is under way.
  if (auto done = co_await std::move(hook); !done) co_return fail(ErrorKind::refused, done.error().message);
  // It may have taken its time, or the process stood still in it.
  if (auto lease = check_lease(state); !lease) co_return lease;
  // From here on the lease ends it, or a server that does not get on; never a clock (F18).
  auto step = state.ports.postgres.promote(promotion.timeline, state.now() + as_long_as_it_takes);
  co_return co_await std::move(step);
}

// No default on purpose: a forgotten job does not compile.
struct JobPerformer {
  AgentState& state;
  Postgres& postgres;

  using Step = Task<Result<void>>;

  Step operator()(job::Bootstrap) const { return bootstrap(state); }
  Step operator()(job::Clone clone) const { return postgres.clone(std::move(clone.source), unhurried()); }
  Step operator()(job::Start begin) const { return start(state, std::move(begin)); }
  Step operator()(job::Stop stop) const { return perform_stop(state, stop); }
  Step operator()(job::Restart again) const { return restart(state, std::move(again)); }
  Step operator()(job::Promote up) const { return promote(state, up); }
  Step operator()(job::Checkpoint) const { return postgres.checkpoint(state.now() + checkpoint_time); }
  Step operator()(job::CrashRecovery) const { return postgres.crash_recovery(unhurried()); }
  Step operator()(job::Rewind rewind) const { return postgres.rewind(std::move(rewind.source), unhurried()); }
  Step operator()(job::CopySlots copy) const { return copy_slots(state, std::move(copy)); }
  Step operator()(job::RemoveData remove) const {
    return postgres.remove_data(std::move(remove), state.now() + removal_time);
  }

 private:
  Instant unhurried() const { return state.now() + as_long_as_it_takes; }
};

}  // namespace

Task<Result<void>> perform_job(AgentState& state, job::Spec spec) {
  return std::visit(JobPerformer{state, state.ports.postgres}, std::move(spec));
}

}  // namespace regent
