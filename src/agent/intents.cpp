#include "agent/intents.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "agent/state.h"
#include "base/log.h"
#include "core/situation.h"

namespace regent {

namespace {

// How many times a change of the configuration is tried again on top of somebody else's.
constexpr int conflict_retries = 2;

// What PostgreSQL gets to say whether it would take its parameters.
constexpr Duration parameters_time = std::chrono::seconds(2);

// A leader keeps at least half of the time that is left for the renewal of its lease.
Instant write_deadline(const AgentState& state) {
  const Instant now = state.now();
  const Instant deadline = state.deadline(state.settings.retry_timeout);
  if (!state.lease.facts().held) return deadline;
  return std::max(now + (deadline - now) / 2, now + shortest_call);
}

Task<Result<ClusterView>> read_view(AgentState& state) {
  auto read = state.ports.dcs.read(write_deadline(state));
  co_return co_await std::move(read);
}

// What becomes of the configuration, as it is now, by a request to change it.
using ConfigChange = std::function<Result<Json>(const Versioned<Json>& current)>;

Result<Json> replaced(const Json& wanted) {
  if (!wanted.is_object()) return fail(ErrorKind::invalid, "the configuration must be a JSON object");
  return wanted;
}

Result<Json> patched(const Versioned<Json>& current, const Json& patch) {
  if (!patch.is_object()) return fail(ErrorKind::invalid, "the patch must be a JSON object");
  if (!current.exists()) return fail(ErrorKind::not_found, "there is no configuration in the store yet");
  Json document = current.value.is_object() ? current.value : Json::object();
  merge_patch(document, patch);
  return document;
}

const Json* parameters_of(const Json& config) {
  const Json* section = config.is_object() ? find(config, "postgresql") : nullptr;
  const Json* parameters = section != nullptr && section->is_object() ? find(*section, "parameters") : nullptr;
  return parameters != nullptr && parameters->is_object() ? parameters : nullptr;
}

// Why PostgreSQL would not take what is new in the configuration. What cannot be found out is no reason (F20).
Task<Result<void>> judge_parameters(AgentState& state, Json before, Json after) {
  const Json* wanted = parameters_of(after);
  const Json* present = parameters_of(before);
  const auto is_new = [&](const std::string& name) {
    const Json* value = find(*wanted, name);
    const Json* old = present != nullptr ? find(*present, name) : nullptr;
    return value != nullptr && (old == nullptr || *old != *value);
  };
  bool changed = false;
  if (wanted != nullptr) {
    for (const auto& item : wanted->items()) changed = changed || is_new(item.key());
  }
  if (!changed) co_return Result<void>();
  const Instant deadline = std::min(write_deadline(state), state.now() + parameters_time);
  auto checking = state.ports.postgres.check_config(after, deadline);
  const auto refused = co_await std::move(checking);
  if (!refused) {
    log::warning("{}", refused.error().message);
    co_return Result<void>();
  }
  std::string text;
  for (const auto& parameter : *refused) {
    if (!is_new(parameter.name)) continue;
    text += fmt::format("{}{} = '{}': {}", text.empty() ? "" : "; ", parameter.name, parameter.value, parameter.why);
  }
  if (text.empty()) co_return Result<void>();
  co_return fail(ErrorKind::invalid, "postgresql.parameters: " + text);
}

Task<Result<Json>> write_config(AgentState& state, ConfigChange change, bool force, bool dry_run) {
  for (int attempt = 0;; ++attempt) {
    auto read = read_view(state);
    Result<ClusterView> view = co_await std::move(read);
    if (!view) co_return tl::make_unexpected(view.error());
    Result<Json> document = change(view->config);
    if (!document || (view->config.exists() && *document == view->config.value)) co_return document;
    if (!force) {
      auto judging = judge_parameters(state, view->config.value, *document);
      if (auto judged = co_await std::move(judging); !judged) co_return tl::make_unexpected(judged.error());
    }
    if (dry_run) co_return document;

    action::WriteKey key;
    key.key = action::Key::config;
    key.value = to_compact(*document);
    key.expect = view->config.version;
    auto write = state.ports.dcs.write(std::move(key), write_deadline(state));
    Result<Version> written = co_await std::move(write);
    if (written) co_return document;
    const bool again = written.error().kind == ErrorKind::conflict && attempt < conflict_retries;
    if (!again) co_return tl::make_unexpected(written.error());
  }
}

Task<Result<void>> set_failover(AgentState& state, Failover wanted) {
  auto read = read_view(state);
  Result<ClusterView> view = co_await std::move(read);
  if (!view) co_return tl::make_unexpected(view.error());
  const Versioned<Failover>& current = view->failover;
  // One that is scheduled for later may be replaced; the compare-and-swap tells if somebody else did so too.
  if (current.exists() && !current.value.empty() && !current.value.scheduled_at) {
    // The same request twice is one request.
    if (current.value == wanted) co_return Result<void>();
    co_return fail(ErrorKind::conflict, "another failover or switchover is requested already");
  }
  action::WriteKey key;
  key.key = action::Key::failover;
  key.value = print_failover(wanted);
  key.expect = current.version;
  auto write = state.ports.dcs.write(std::move(key), write_deadline(state));
  Result<Version> written = co_await std::move(write);
  if (!written) co_return tl::make_unexpected(written.error());
  co_return Result<void>();
}

Task<Result<void>> clear_failover(AgentState& state) {
  auto read = read_view(state);
  Result<ClusterView> view = co_await std::move(read);
  if (!view) co_return tl::make_unexpected(view.error());
  if (!view->failover.exists() || view->failover.value.empty()) {
    co_return fail(ErrorKind::not_found, "no failover or switchover is requested");
  }
  action::DeleteKey key;
  key.key = action::Key::failover;
  key.expect = view->failover.version;
  auto erase = state.ports.dcs.erase(key, write_deadline(state));
  co_return co_await std::move(erase);
}

Task<Result<void>> perform(AgentState& state, intent::SetFailover set) {
  return set_failover(state, std::move(set.failover));
}
Task<Result<void>> perform(AgentState& state, intent::ClearFailover) {
  return clear_failover(state);
}
Task<Result<Json>> perform(AgentState& state, intent::ReplaceConfig replace) {
  ConfigChange change = [wanted = std::move(replace.config)](const auto&) { return replaced(wanted); };
  return write_config(state, std::move(change), replace.force, replace.dry_run);
}
Task<Result<Json>> perform(AgentState& state, intent::PatchConfig wanted) {
  ConfigChange change = [patch = std::move(wanted.patch)](const auto& current) { return patched(current, patch); };
  return write_config(state, std::move(change), wanted.force, wanted.dry_run);
}

template <class Kind>
Task<void> serve(AgentState& state, Asked<Kind> asked) {
  auto work = perform(state, std::move(asked.intent));
  auto outcome = co_await std::move(work);
  if (!outcome) log::warning("a request to change the cluster failed: {}", outcome.error().message);
  asked.reply(std::move(outcome));
}

// Why a leader that asks may not count on this member; empty when it may.
std::string refuse_failsafe(const AgentState& state, const FailsafeRequest& request) {
  const auto snapshot = state.board.load();
  if (!snapshot) return "this member has just started and knows nothing yet";
  const Situation s = survey(snapshot->observation, state.memory);
  return failsafe_refusal(s, request, {state.lease.facts(), state.acquiring, state.failsafe, state.now()});
}

// Given without waiting for the loop, which may be waiting for the store, and kept by whatever it does next.
Result<std::optional<Lsn>> promise_failsafe(AgentState& state, const FailsafeRequest& request) {
  const std::string why = refuse_failsafe(state, request);
  if (!why.empty()) {
    log::warning("refused {} failsafe mode: {}", request.name.str(), why);
    return fail(ErrorKind::refused, why);
  }
  const Instant now = state.now();
  if (!promised(state.failsafe, now))
    log::info("{} leads without the store: this member will not stand for election", request.name.str());
  FailsafePromise promise;
  promise.leader.name = request.name;
  promise.leader.conn_url = request.conn_url;
  promise.leader.api_url = request.api_url;
  promise.leader.state = PgState::running;
  promise.leader.role = Role::primary;
  promise.slots = request.slots;
  promise.given_at = now;
  promise.until = now + state.settings.ttl;
  state.failsafe.promise = std::move(promise);
  const auto snapshot = state.board.load();
  const auto* server = snapshot->observation.postgres.server.get();
  return server != nullptr ? std::optional(server->wal) : std::nullopt;
}

}  // namespace

// What becomes of a request when it arrives. No default on purpose: a forgotten one does not compile.
struct Intents::Reception {
  Intents& intents;
  const std::shared_ptr<AgentState>& shared;
  AgentState& state = *shared;

  void operator()(Asked<intent::Restart>&& asked) const {
    if (intents.restart_reply_) return asked.reply(fail(ErrorKind::refused, "restart already in progress"));
    state.requests.restart = std::move(asked.intent.request);
    state.requests.restart->id = ++intents.last_id_;
    intents.restart_reply_ = std::move(asked.reply);
  }
  void operator()(Asked<intent::ScheduleRestart>&& asked) const {
    if (intents.schedule_reply_) return asked.reply(fail(ErrorKind::conflict, "another schedule is being dealt with"));
    state.requests.schedule = ScheduleRequest{++intents.last_id_, std::move(asked.intent.plan)};
    intents.schedule_reply_ = std::move(asked.reply);
  }
  void operator()(Asked<intent::Reinit>&& asked) const {
    if (intents.reinit_reply_) return asked.reply(fail(ErrorKind::refused, "reinitialize already in progress"));
    state.requests.reinit = asked.intent.request;
    state.requests.reinit->id = ++intents.last_id_;
    intents.reinit_reply_ = std::move(asked.reply);
  }
  void operator()(Asked<intent::PromiseFailsafe>&& asked) const {
    asked.reply(promise_failsafe(state, asked.intent.request));
  }
  void operator()(Asked<intent::Observe>&& asked) const { intents.observers_.push_back(std::move(asked.reply)); }
  void operator()(Asked<intent::ReadStore>&& asked) const { state.store_reader.ask(shared, std::move(asked.reply)); }
  void operator()(Asked<intent::Reload>&& asked) const {
    if (state.hooks.reload) {
      state.hooks.reload();
    } else {
      state.requests.reload = true;
    }
    asked.reply({});
  }
  void operator()(Asked<intent::SetFailover>&& asked) const { later(std::move(asked)); }
  void operator()(Asked<intent::ClearFailover>&& asked) const { later(std::move(asked)); }
  void operator()(Asked<intent::ReplaceConfig>&& asked) const { later(std::move(asked)); }
  void operator()(Asked<intent::PatchConfig>&& asked) const { later(std::move(asked)); }

 private:
  void later(Write write) const { intents.waiting_.push_back(std::move(write)); }
};

void Intents::take(const std::shared_ptr<AgentState>& state, Intent intent) {
  // Nothing of the loop's business.
  const bool beside = std::holds_alternative<Asked<intent::ReadStore>>(intent);
  if (closed_) {
    std::visit([](auto& asked) { asked.reply(fail(ErrorKind::cancelled, "the agent is shutting down")); }, intent);
  } else {
    std::visit(Reception{*this, state}, std::move(intent));
  }
  if (!beside) state->wake.ring();
}

Task<void> Intents::serve_one(AgentState& state) {
  if (waiting_.empty()) co_return;
  Write next = std::move(waiting_.front());
  waiting_.pop_front();
  auto work = std::visit([&state](auto&& asked) { return serve(state, std::forward<decltype(asked)>(asked)); },
                         std::move(next));
  co_await std::move(work);
}

void Intents::settle(TextReply& waiting, bool done, const std::string& text) {
  const TextReply reply = std::exchange(waiting, nullptr);
  if (!reply) return;
  if (done) {
    reply(text);
  } else {
    reply(fail(ErrorKind::refused, text));
  }
}

void Intents::answer_restart(AgentState& state, const action::AnswerRestart& answer) {
  if (!state.requests.restart || state.requests.restart->id != answer.id) return;
  state.requests.restart.reset();
  settle(restart_reply_, answer.done, answer.text);
}

void Intents::answer_reinit(AgentState& state, const action::AnswerReinit& answer) {
  if (!state.requests.reinit || state.requests.reinit->id != answer.id) return;
  state.requests.reinit.reset();
  settle(reinit_reply_, answer.accepted, answer.text);
}

void Intents::answer_schedule(AgentState& state, const action::AnswerSchedule& answer) {
  if (!state.requests.schedule || state.requests.schedule->id != answer.id) return;
  state.requests.schedule.reset();
  settle(schedule_reply_, answer.accepted, answer.text);
}

void Intents::close(AgentState& state) {
  closed_ = true;
  const Error error{ErrorKind::cancelled, "the agent is shutting down"};
  for (Write& left : std::exchange(waiting_, {})) {
    std::visit([&error](auto& asked) { asked.reply(tl::make_unexpected(error)); }, left);
  }
  for (auto& reply : take_observers()) reply(tl::make_unexpected(error));
  state.store_reader.close();
  if (restart_reply_) std::exchange(restart_reply_, nullptr)(tl::make_unexpected(error));
  if (reinit_reply_) std::exchange(reinit_reply_, nullptr)(tl::make_unexpected(error));
  if (schedule_reply_) std::exchange(schedule_reply_, nullptr)(tl::make_unexpected(error));
  state.requests.restart.reset();
  state.requests.reinit.reset();
  state.requests.schedule.reset();
}

}  // namespace regent
