// What REST asked of this agent: writes to the store are performed between two cycles; a restart or a re-initialisation
// becomes a request that the rules see, and is answered when they say so.
// Threading: the control loop's thread (Agent::take brings the calls here).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
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
  void take(const std::shared_ptr<AgentState>& state, Intent intent);

  bool waiting() const { return !waiting_.empty(); }
  // Performs one waiting write to the store and replies.
  Task<void> serve_one(AgentState& state);

  void answer_restart(AgentState& state, const action::AnswerRestart& answer);
  void answer_reinit(AgentState& state, const action::AnswerReinit& answer);
  void answer_schedule(AgentState& state, const action::AnswerSchedule& answer);

  // Who asked for a fresh look before this cycle began; they are told when it was published.
  std::vector<Reply<intent::Observe>> take_observers() { return std::exchange(observers_, {}); }

  // The loop has ended: everybody who still waits, and whoever comes, is told so.
  void close(AgentState& state);

 private:
  struct Reception;
  // What is written to the store, between two cycles.
  using Write = std::variant<Asked<intent::SetFailover>, Asked<intent::ClearFailover>, Asked<intent::ReplaceConfig>,
                             Asked<intent::PatchConfig>>;
  using TextReply = std::function<void(Result<std::string>)>;

  // Tells whoever waits, if anybody does.
  static void settle(TextReply& waiting, bool done, const std::string& text);

  std::deque<Write> waiting_;
  std::vector<Reply<intent::Observe>> observers_;
  TextReply restart_reply_;
  TextReply reinit_reply_;
  TextReply schedule_reply_;
  std::uint64_t last_id_ = 0;
  bool closed_ = false;
};

}  // namespace regent
