#include "agent/executor.h"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <tuple>
#include <utility>

#include "agent/fencing.h"
#include "base/log.h"
#include "core/permission.h"

namespace regent {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

// Short enough for the answers to be fresh when the slowest member did not answer (core/election.h).
constexpr Duration peers_time = std::chrono::seconds(1);
// The longest; that and no more is what silence is judged by.
constexpr Duration probe_time = std::chrono::seconds(1);
constexpr Duration history_time = std::chrono::seconds(3);
constexpr Duration files_time = std::chrono::seconds(10);
constexpr Duration slot_time = std::chrono::seconds(5);
// In the way of a promotion.
constexpr Duration record_time = std::chrono::milliseconds(500);
constexpr Duration sync_names_time = std::chrono::seconds(5);
constexpr Duration upstream_slots_time = std::chrono::seconds(1);
constexpr Duration cancel_time = std::chrono::seconds(5);

Instant store_deadline(const AgentState& state) {
  return state.deadline(state.settings.retry_timeout);
}

template <class T>
Result<void> outcome_of(const Result<T>& result) {
  if (result) return {};
  return tl::make_unexpected(result.error());
}

// --- the store ---

// Without it the agent after this one waits for the end of the lease, and that is all.
Task<void> record_lock(AgentState& state, std::string session) {
  auto note = state.ports.postgres.record_lock(session, state.deadline(record_time));
  const Result<void> noted = co_await std::move(note);
  if (noted) {
    state.recorded_session = std::move(session);
  } else {
    log::debug("the leader lock is not recorded: {}", noted.error().message);
  }
}

Task<Result<void>> acquire(AgentState& state, Task<Result<LeaseGrant>> attempt, Instant decided_at) {
  auto allowed = may_acquire(state.failsafe, state.settings, decided_at, state.now());
  if (!allowed) co_return allowed;
  state.acquiring = true;
  Result<LeaseGrant> grant = co_await std::move(attempt);
  state.acquiring = false;
  state.lease.acquired(grant);
  if (grant) {
    state.session_kept_at = grant->sent;
    auto record = record_lock(state, grant->session);
    co_await std::move(record);
  }
  co_return outcome_of(grant);
}

Task<Result<void>> renew_leader(AgentState& state) {
  auto renew = state.ports.dcs.renew_leader(state.lease.facts().version, store_deadline(state));
  Result<LeaseGrant> grant = co_await std::move(renew);
  state.lease.renewed(grant, state.now());
  if (grant) {
    state.session_kept_at = grant->sent;
    auto follow = fences_follow_lease(state);
    co_await std::move(follow);
    if (state.recorded_session != grant->session) {
      auto record = record_lock(state, grant->session);
      co_await std::move(record);
    }
  }
  co_return outcome_of(grant);
}

Task<Result<void>> release_leader(AgentState& state, Version asked) {
  const Version version = asked.absent() ? state.lease.facts().version : asked;
  // From the moment it is asked for: an unknown outcome may have deleted the key (F32).
  state.lease.released();
  auto release = state.ports.dcs.release_leader(version, store_deadline(state));
  Result<void> released = co_await std::move(release);
  // Not ours any more is what was wanted.
  if (!released && released.error().kind == ErrorKind::conflict) co_return Result<void>{};
  co_return released;
}

Task<Result<void>> write_key(AgentState& state, action::WriteKey key) {
  auto write = state.ports.dcs.write(std::move(key), store_deadline(state));
  Result<Version> version = co_await std::move(write);
  co_return outcome_of(version);
}

Task<Result<void>> write_member(AgentState& state, std::string value) {
  if (!state.lease.facts().held && session_due(state)) {
    auto keep = keep_session(state);
    Result<void> kept = co_await std::move(keep);
    if (!kept) co_return kept;
  }
  auto write = state.ports.dcs.write_member(std::move(value), store_deadline(state));
  co_return co_await std::move(write);
}

// --- facts ---

std::vector<Member> members_but(const AgentState& state, const MemberName& except) {
  std::vector<Member> others = state.known_members;
  std::erase_if(others, [&](const Member& member) { return member.name == state.self.name || member.name == except; });
  return others;
}

Task<Result<void>> gather_peers(AgentState& state, MemberName except) {
  std::vector<Member> others = members_but(state, except);
  auto ask = state.ports.peers.ask(std::move(others), state.deadline(peers_time));
  PeersFacts answers = co_await std::move(ask);
  const Instant asked_at = answers.asked_at;
  state.peers = Fact<PeersFacts>::known(std::move(answers), asked_at);
  co_return Result<void>{};
}

Presence presence(const Result<void>& outcome) {
  if (outcome || outcome.error().kind == ErrorKind::refused) return Presence::answers;
  const ErrorKind kind = outcome.error().kind;
  return kind == ErrorKind::timeout || kind == ErrorKind::unreachable ? Presence::silent : Presence::unclear;
}

// Its agent and its server at the same time, and the other members with them.
Task<Result<void>> probe_leader(AgentState& state, Upstream leader) {
  const Instant until = state.deadline(std::min(probe_time, state.settings.synchronous_takeover_after));
  LeaderProbe probe;
  probe.leader = leader.name;
  probe.asked_at = state.now();
  auto ask = state.ports.peers.ask(members_but(state, MemberName()), until);
  auto call = state.ports.postgres.probe(leader, until);
  std::tuple<PeersFacts, Result<void>> both = co_await (std::move(ask) && std::move(call));
  PeersFacts& answers = std::get<0>(both);
  const Result<void>& server = std::get<1>(both);
  if (const PeerAnswer* agent = answers.find(probe.leader)) {
    probe.agent = agent->reachable ? Presence::answers : agent->silent ? Presence::silent : Presence::unclear;
    probe.why = "agent: " + (agent->reachable ? std::string("it answers") : agent->why);
  }
  probe.server = presence(server);
  probe.why += "; PostgreSQL: " + (server ? std::string("it answers") : server.error().message);
  probe.ended_at = state.now();
  const Instant asked_at = probe.asked_at;
  state.peers = Fact<PeersFacts>::known(std::move(answers), asked_at);
  state.leader_probe = Fact<LeaderProbe>::known(std::move(probe), asked_at);
  co_return Result<void>{};
}

Task<Result<void>> ask_failsafe(AgentState& state, action::AskFailsafe question) {
  const Duration counted = std::min(state.lease.facts().ttl, state.settings.ttl);
  auto ask = state.ports.peers.ask_failsafe(std::move(question.members), std::move(question.request),
                                            state.last_deadline(peers_time));
  FailsafeRound round = co_await std::move(ask);
  // A lease that is over stays over: what they promised meanwhile, another leader may have been promised too.
  if (round.complete() && lease_valid(state.lease.facts(), round.sent)) {
    state.lease.extended(round.sent, counted);
    auto follow = fences_follow_lease(state);
    co_await std::move(follow);
  }
  state.failsafe.round = std::move(round);
  co_return Result<void>{};
}

Task<Result<void>> gather_upstream_history(AgentState& state, action::GatherUpstreamHistory question) {
  const Instant asked = state.now();
  auto ask = state.ports.postgres.upstream_history(std::move(question), state.deadline(history_time));
  Result<UpstreamHistory> answer = co_await std::move(ask);
  // A failure is a fact of its own, and paces the next attempt like any other failure.
  const Result<void> outcome = outcome_of(answer);
  state.upstream_history = answer ? Fact<UpstreamHistory>::known(std::move(*answer), asked)
                                  : Fact<UpstreamHistory>::unknown(answer.error().message, asked);
  co_return outcome;
}

// --- the local server ---

Result<void> start_job(const std::shared_ptr<AgentState>& state, job::Spec spec) {
  // Only a stop may push aside what was cancelled and hangs: it works with signals, and it may be fencing (I3).
  if (state->jobs.running() && std::holds_alternative<job::Stop>(spec)) {
    state->jobs.cancel();
    state->jobs.abandon(*state);
  }
  return state->jobs.start(state, std::move(spec));
}

Task<Result<void>> cancel_job(AgentState& state) {
  const Instant until = state.deadline(cancel_time);
  state.jobs.cancel();
  while (state.jobs.running() && state.now() < until) {
    auto rung = state.wake.wait();
    auto patience = state.ports.clock.sleep_until(until);
    co_await (std::move(rung) || std::move(patience));
    state.wake.mute();
  }
  if (state.jobs.running())
    log::warning("the job {} does not end although it was cancelled", job_name(*state.jobs.facts().running));
  co_return Result<void>{};
}

Task<Result<void>> follow(AgentState& state, Upstream upstream) {
  auto step = state.ports.postgres.follow(std::move(upstream), state.deadline(files_time));
  Result<void> followed = co_await std::move(step);
  if (followed) state.callbacks.reloaded(state.ports.postgres, state.self.generation);
  co_return followed;
}

Task<Result<void>> apply_config(AgentState& state) {
  auto apply = state.ports.postgres.apply_config(state.deadline(files_time));
  Result<bool> applied = co_await std::move(apply);
  if (applied) {
    state.requests.reload = false;
    if (*applied) state.callbacks.reloaded(state.ports.postgres, state.self.generation);
  }
  co_return outcome_of(applied);
}

Task<Result<void>> gather_upstream_slots(AgentState& state, Upstream source) {
  const Instant asked = state.now();
  auto ask = state.ports.postgres.upstream_slots(std::move(source), state.deadline(upstream_slots_time));
  Result<UpstreamSlots> answer = co_await std::move(ask);
  state.upstream_slots = answer ? Fact<UpstreamSlots>::known(std::move(*answer), asked)
                                : Fact<UpstreamSlots>::unknown(answer.error().message, asked);
  co_return Result<void>{};
}

void note_slot(AgentState& state, const std::string& name, const Result<void>& outcome) {
  if (outcome) {
    state.slot_failures.erase(name);
    return;
  }
  log::warning("slot {}: {}", name, outcome.error().message);
  state.slot_failures[name] = {outcome.error().message, state.now()};
}

// One slot that cannot be made or dropped does not keep the others from it, nor anything else.
Task<Result<void>> sync_slots(AgentState& state, action::SyncSlots slots) {
  Postgres& postgres = state.ports.postgres;
  if (slots.copies) {
    auto mark = postgres.mark_slots(*slots.copies, state.deadline(slot_time));
    Result<void> marked = co_await std::move(mark);
    if (!marked) co_return marked;
  }
  for (const std::string& name : slots.drop) {
    auto drop = postgres.drop_slot(name, state.deadline(slot_time));
    const Result<void> outcome = co_await std::move(drop);
    if (outcome) log::info("Dropped replication slot '{}'", name);
    note_slot(state, name, outcome);
  }
  for (const std::string& name : slots.create) {
    auto create = postgres.create_slot(name, state.deadline(slot_time));
    const Result<void> outcome = co_await std::move(create);
    note_slot(state, name, outcome);
  }
  for (const auto& slot : slots.create_logical) {
    auto create = postgres.create_logical_slot(slot, state.deadline(slot_time));
    const Result<void> outcome = co_await std::move(create);
    note_slot(state, slot.name, outcome);
  }
  for (const auto& slot : slots.advance) {
    auto advance = postgres.advance_slot(slot, state.deadline(slot_time));
    const Result<void> outcome = co_await std::move(advance);
    note_slot(state, slot.name, outcome);
  }
  co_return Result<void>{};
}

Task<Result<void>> set_sync_names(AgentState& state, std::optional<std::string> names, Instant decided_at) {
  if (auto allowed = may_set_sync_names(state.settings, decided_at, state.now()); !allowed) co_return allowed;
  auto set = state.ports.postgres.set_sync_names(std::move(names), state.deadline(sync_names_time));
  co_return co_await std::move(set);
}

// --- fences ---

Task<Result<void>> set_fences(AgentState& state, std::optional<FenceOrder> order) {
  auto step = order ? arm_fences(state, *order) : disarm_fences(state);
  co_await std::move(step);
  co_return Result<void>{};
}

// --- one action ---

Task<Result<void>> immediately(Result<void> outcome) {
  co_return outcome;
}

// Takes an action apart before anything waits: none of these is a coroutine of its own. No default on purpose: a
// forgotten action does not compile.
struct Performer {
  const std::shared_ptr<AgentState>& shared;
  Instant decided_at;
  AgentState& state = *shared;
  Dcs& dcs = shared->ports.dcs;

  using Step = Task<Result<void>>;

  Step operator()(action::AcquireLeader lock) const {
    return acquire(state, dcs.acquire_leader(std::move(lock), store_deadline(state)), decided_at);
  }
  Step operator()(action::TakeOver take) const {
    return acquire(state, dcs.take_over(std::move(take), store_deadline(state)), decided_at);
  }
  Step operator()(action::RenewLease) const { return renew_leader(state); }
  Step operator()(action::ReleaseLeader release) const { return release_leader(state, release.version); }
  Step operator()(action::WriteKey write) const { return write_key(state, std::move(write)); }
  Step operator()(action::DeleteKey erase) const { return dcs.erase(std::move(erase), store_deadline(state)); }
  Step operator()(action::WriteMember write) const { return write_member(state, std::move(write.value)); }
  Step operator()(action::GatherPeers gather) const { return gather_peers(state, std::move(gather.except)); }
  Step operator()(action::ProbeLeader probe) const { return probe_leader(state, std::move(probe.leader)); }
  Step operator()(action::AskFailsafe question) const { return ask_failsafe(state, std::move(question)); }
  Step operator()(action::GatherUpstreamHistory ask) const { return gather_upstream_history(state, std::move(ask)); }
  Step operator()(action::FetchHistories fetch) const {
    return state.ports.postgres.fetch_histories(std::move(fetch), state.deadline(history_time));
  }
  Step operator()(action::ForgetCopy) const { return state.ports.postgres.forget_copy(state.deadline(history_time)); }
  Step operator()(action::GatherUpstreamSlots ask) const { return gather_upstream_slots(state, std::move(ask.source)); }
  Step operator()(action::StartJob job) const { return immediately(start_job(shared, std::move(job.spec))); }
  Step operator()(action::CancelJob) const { return cancel_job(state); }
  Step operator()(action::Follow whom) const { return follow(state, std::move(whom.upstream)); }
  Step operator()(action::ApplyConfig) const { return apply_config(state); }
  Step operator()(action::SyncSlots slots) const { return sync_slots(state, std::move(slots)); }
  Step operator()(action::SetSyncNames sync) const { return set_sync_names(state, std::move(sync.names), decided_at); }
  Step operator()(action::ArmFences fences) const { return set_fences(state, fences.order); }
  Step operator()(action::DisarmFences) const { return set_fences(state, std::nullopt); }
  Step operator()(const action::AnswerRestart& answer) const {
    state.intents.answer_restart(state, answer);
    return immediately({});
  }
  Step operator()(const action::AnswerSchedule& answer) const {
    state.intents.answer_schedule(state, answer);
    return immediately({});
  }
  Step operator()(const action::AnswerReinit& answer) const {
    state.intents.answer_reinit(state, answer);
    return immediately({});
  }
  // Performed by who called: nothing comes after it.
  Step operator()(action::Exit) const { return immediately({}); }
};

Task<Result<void>> perform(const std::shared_ptr<AgentState>& state, Action act, Instant decided_at) {
  if (overslept(act, state->lease.facts(), decided_at, state->now())) {
    return immediately(fail(ErrorKind::cancelled, "the leader lease ran out since this was decided"));
  }
  return std::visit(Performer{.shared = state, .decided_at = decided_at}, std::move(act));
}

}  // namespace

bool session_due(const AgentState& state) {
  if (!state.session_kept_at || state.ports.dcs.session().empty()) return true;
  return state.now() >= *state.session_kept_at + renew_interval(state.settings.ttl, state.settings.loop_wait);
}

Task<Result<void>> keep_session(AgentState& state) {
  const Instant sent = state.now();
  auto keep = state.ports.dcs.keep_session(store_deadline(state));
  Result<void> kept = co_await std::move(keep);
  if (kept) state.session_kept_at = sent;
  co_return kept;
}

Task<Performed> execute(std::shared_ptr<AgentState> state, std::vector<Action> actions, Instant decided_at) {
  Performed performed;
  for (const Action& act : actions) {
    if (const auto* end = std::get_if<action::Exit>(&act)) {
      performed.exit_code = end->code;
      break;
    }
    if (state->hooks.acting) state->hooks.acting(act, false);
    const std::string text = to_text(act);
    auto step = perform(state, act, decided_at);
    Result<void> outcome = co_await std::move(step);
    if (!outcome) {
      log::warning("{}: {}", text, outcome.error().message);
      performed.outcome.failed = outcome.error();
      break;
    }
    log::debug("{}: done", text);
    if (state->hooks.acting) state->hooks.acting(act, true);
    ++performed.outcome.done;
  }
  co_return performed;
}

}  // namespace regent
