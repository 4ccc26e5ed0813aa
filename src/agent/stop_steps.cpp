// Stopping PostgreSQL: fast, then immediate, then SIGKILL; and never later than the lease allows (I3, F14, F15).
#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

#include "agent/jobs.h"
#include "agent/state.h"
#include "base/log.h"

namespace regent {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

// How long a fast stop may take where neither the job nor a lease limits it.
constexpr Duration default_patience = std::chrono::seconds(60);
// The lease is looked at again this often: renewals move its deadline while we wait.
constexpr Duration slice = std::chrono::seconds(1);
// Who reads on needs milliseconds; who does not is not waited for (F15). Standbys get the last record only after the
// consumers of logical decoding are gone.
constexpr Duration decoding_patience = std::chrono::seconds(5);
constexpr Duration replication_patience = std::chrono::seconds(10);
constexpr Duration immediate_time = std::chrono::seconds(5);
constexpr Duration kill_time = std::chrono::seconds(10);
constexpr int kill_attempts = 3;
constexpr Duration checkpoint_time = std::chrono::hours(1);
constexpr Duration before_stop_time = std::chrono::seconds(60);
constexpr Duration archive_time = std::chrono::seconds(60);

// From here on a fast stop would be too late: the second half of the way to dead_by() belongs to the harder means.
Instant escalate_at(const LeaseFacts& lease) {
  const Instant begin = demote_at(lease);
  return begin + (dead_by(lease) - begin) / 2;
}

// A lease that was lost while we stop leaves no time at all: somebody else may be leader already.
bool out_of_time(const AgentState& state, bool led) {
  const LeaseFacts& lease = state.lease.facts();
  return led && (!lease.held || state.now() >= escalate_at(lease));
}

Task<void> until_out_of_time(AgentState& state, bool led) {
  while (!out_of_time(state, led)) {
    auto nap = state.ports.clock.sleep_until(state.now() + slice);
    co_await std::move(nap);
  }
}

// Clients are still served meanwhile, and the shutdown checkpoint after it is short. Failing is no reason not to stop.
Task<void> checkpoint_ahead(AgentState& state, bool led) {
  auto checkpoint = state.ports.postgres.checkpoint(state.now() + checkpoint_time);
  auto watch = until_out_of_time(state, led);
  co_await (std::move(checkpoint) || std::move(watch));
}

// Once for each stop, and not as part of it: what is cut off does not begin again with the next signal.
Task<void> run_before_stop(AgentState& state, bool led, Duration limit) {
  auto hook = state.ports.postgres.before_stop(state.now() + limit);
  auto watch = until_out_of_time(state, led);
  const auto ended = co_await (std::move(hook) || std::move(watch));
  if (const auto* done = std::get_if<0>(&ended); done != nullptr && !*done) log::warning("{}", done->error().message);
  if (ended.index() != 0) log::warning("before_stop is cut off: the leader lock runs out");
}

StopMode step_after(Duration waited) {
  if (waited >= replication_patience) return StopMode::fast_without_replication;
  return waited >= decoding_patience ? StopMode::fast_without_decoding : StopMode::fast;
}

Task<Result<void>> stop_fast(AgentState& state, Duration patience, bool led) {
  const Instant began = state.now();
  const Instant until = began + patience;
  StopMode furthest = StopMode::fast;
  while (!out_of_time(state, led)) {
    const Instant now = state.now();
    if (now >= until) break;
    const StopMode due = step_after(now - began);
    // Each step is taken once.
    const StopMode mode = std::exchange(furthest, due) == due ? StopMode::fast : due;
    Instant deadline = std::min(until, now + slice);
    if (led) deadline = std::min(deadline, escalate_at(state.lease.facts()));
    auto attempt = state.ports.postgres.stop(mode, deadline);
    auto outcome = co_await std::move(attempt);
    if (outcome || outcome.error().kind != ErrorKind::timeout) co_return outcome;
  }
  co_return fail(ErrorKind::timeout, "a fast stop takes too long");
}

Task<Result<void>> kill(AgentState& state) {
  auto killing = state.ports.postgres.kill_tree(state.now() + kill_time);
  co_return co_await std::move(killing);
}

Task<Result<void>> stop_hard(AgentState& state, bool led) {
  const Instant now = state.now();
  Instant deadline = now + immediate_time;
  if (led && state.lease.facts().held) {
    // Half of what is left belongs to SIGKILL.
    const Instant end = dead_by(state.lease.facts());
    deadline = std::min(deadline, std::max(now + (end - now) / 2, now + shortest_call));
  }
  auto immediate = state.ports.postgres.stop(StopMode::immediate, deadline);
  Result<void> outcome = co_await std::move(immediate);
  for (int attempt = 0; !outcome && attempt < kill_attempts; ++attempt) {
    log::warning("PostgreSQL did not stop in immediate mode ({}), killing its processes", outcome.error().message);
    auto killing = kill(state);
    outcome = co_await std::move(killing);
  }
  co_return outcome;
}

}  // namespace

Task<Result<void>> perform_stop(AgentState& state, job::Stop spec) {
  if (spec.kill) {
    auto killing = kill(state);
    co_return co_await std::move(killing);
  }
  const bool led = state.lease.facts().held;
  if (!spec.immediate) {
    if (spec.checkpoint) {
      auto ahead = checkpoint_ahead(state, led);
      co_await std::move(ahead);
    }
    // Where the stop is bounded, the hook is a part of it: a primary that may not write any more goes on writing while
    // it runs (I3).
    const bool bounded = spec.escalate_after > Duration::zero();
    const auto began = state.now();
    auto hook =
        run_before_stop(state, led, bounded ? std::min(before_stop_time, spec.escalate_after / 2) : before_stop_time);
    co_await std::move(hook);
    state.jobs.refuse_clients(state.now());
    Duration patience = bounded ? spec.escalate_after - (state.now() - began) : spec.escalate_after;
    if (patience <= Duration::zero()) patience = led ? std::chrono::hours(24 * 7) : default_patience;
    auto gentle = stop_fast(state, patience, led);
    Result<void> outcome = co_await std::move(gentle);
    if (outcome && spec.archive) {
      auto archiving = state.ports.postgres.archive_shutdown(state.now() + archive_time);
      const auto archived = co_await std::move(archiving);
      if (!archived) log::warning("the last WAL did not get to the archive: {}", archived.error().message);
    }
    if (outcome) co_return outcome;
    log::warning("stopping PostgreSQL in immediate mode: {}", outcome.error().message);
  }
  auto hard = stop_hard(state, led);
  co_return co_await std::move(hard);
}

}  // namespace regent
