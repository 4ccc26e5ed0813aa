#include "core/settle.h"

#include <algorithm>
#include <concepts>

#include "core/action_traits.h"

namespace regent {
namespace {

template <class T, class... Others>
concept one_of = (std::same_as<T, Others> || ...);

// Takes back what a decision remembered as done, and was not. No default on purpose: who adds an action says what its
// failure undoes.
struct Forget {
  Memory& memory;
  const Memory& before;

  void operator()(const action::WriteMember&) const {
    memory.published.clear();
    memory.member_written_at.reset();
  }
  void operator()(const action::ApplyConfig&) const { memory.applied_config = before.applied_config; }
  void operator()(const action::WriteKey& write) const {
    if (write.key == action::Key::status) memory.status_written_at.reset();
    if (write.key == action::Key::failsafe) memory.failsafe_written_for = before.failsafe_written_for;
    of_sync(write.key);
  }
  void operator()(const action::DeleteKey& erase) const { of_sync(erase.key); }
  // They leave nothing behind in the memory but what the next look at the facts brings again.
  template <class T>
  requires one_of<T, action::AcquireLeader, action::TakeOver, action::RenewLease, action::ReleaseLeader,
                  action::GatherPeers, action::ProbeLeader, action::AskFailsafe, action::GatherUpstreamHistory,
                  action::GatherUpstreamSlots, action::FetchHistories, action::ForgetCopy, action::StartJob,
                  action::CancelJob, action::Follow, action::SyncSlots, action::SetSyncNames, action::ArmFences,
                  action::DisarmFences, action::AnswerRestart, action::AnswerSchedule, action::AnswerReinit,
                  action::Exit>
  void operator()(const T&) const {}

 private:
  // It may still come to be applied (F32).
  void of_sync(action::Key key) const {
    if (key == action::Key::sync) memory.sync_fenced = false;
  }
};

bool writes_sync(const Action& act) {
  const auto* write = std::get_if<action::WriteKey>(&act);
  const auto* erase = std::get_if<action::DeleteKey>(&act);
  return (write != nullptr && write->key == action::Key::sync) || (erase != nullptr && erase->key == action::Key::sync);
}

// Nothing of what was intended happened: it does not become true, and the same facts are digested again.
Memory taken_back(const Memory& before, const Decision& decision, const Outcome& outcome) {
  Memory memory = before;
  // Whom a write may have named although its answer got lost (F32).
  memory.failsafe_members = decision.memory.failsafe_members;
  // It was seen, whatever could be done about it.
  memory.stream_watch = decision.memory.stream_watch;
  memory.store_mark = decision.memory.store_mark;
  memory.restored_store = decision.memory.restored_store;
  memory.led_store = decision.memory.led_store;
  if (outcome.done < decision.actions.size() && writes_sync(decision.actions[outcome.done])) {
    memory.sync_fenced = false;
  }
  // Others may have been told, or the server may have let go although that failed (I7).
  memory.vote_free = before.vote_free && decision.memory.vote_free;
  return memory;
}

}  // namespace

bool had_effects(const Decision& decision, const Outcome& outcome) {
  const auto end =
      decision.actions.begin() + static_cast<std::ptrdiff_t>(std::min(outcome.done, decision.actions.size()));
  return std::any_of(decision.actions.begin(), end, [](const Action& act) { return !traits(act).heartbeat; });
}

Memory settle(const Memory& before, const Decision& decision, const Outcome& outcome) {
  if (!outcome.failed) return decision.memory;
  if (!had_effects(decision, outcome) && decision.has_effects()) return taken_back(before, decision, outcome);
  Memory memory = decision.memory;
  for (std::size_t i = outcome.done; i < decision.actions.size(); ++i) {
    std::visit(Forget{memory, before}, decision.actions[i]);
  }
  return memory;
}

}  // namespace regent
