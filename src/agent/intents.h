// What REST asked of this agent: writes to the store are performed between two cycles; a restart or a re-initialisation
// becomes a request that the rules see, and is answered when they say so.
// Threading: the control loop's thread (Agent::submit brings the calls here).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/decision.h"
#include "ports/control.h"
#include "ports/task.h"

namespace regent {

struct AgentState;

class Intents {
 public:
  void submit(const std::shared_ptr<AgentState>& state, Intent intent, IntentReply reply);

  bool waiting() const { return !waiting_.empty(); }
  // Performs one waiting write to the store and replies.
  Task<void> serve_one(AgentState& state);

  void answer_restart(AgentState& state, const action::AnswerRestart& answer);
  void answer_reinit(AgentState& state, const action::AnswerReinit& answer);
  void answer_schedule(AgentState& state, const action::AnswerSchedule& answer);

  // Who asked for a fresh look before this cycle began; they are told when it was published.
  std::vector<IntentReply> take_observers() { return std::exchange(observers_, {}); }

  // The loop has ended: everybody who still waits, and whoever comes, is told so.
  void close(AgentState& state);

 private:
  struct Reception;
  // What is written to the store, between two cycles.
  using Write = std::variant<intent::SetFailover, intent::ClearFailover, intent::ReplaceConfig, intent::PatchConfig>;

  // Tells whoever waits, if anybody does.
  static void settle(IntentReply& waiting, bool done, const std::string& text);

  struct Waiting {
    Write write;
    IntentReply reply;
  };
  std::deque<Waiting> waiting_;
  std::vector<IntentReply> observers_;
  IntentReply restart_reply_;
  IntentReply reinit_reply_;
  IntentReply schedule_reply_;
  std::uint64_t last_id_ = 0;
  bool closed_ = false;
};

}  // namespace regent
