// What REST asks of the control loop. A request that changes something becomes an intent; the loop performs it and
// replies.
#pragma once

#include <functional>
#include <string>
#include <variant>

#include "base/json.h"
#include "base/result.h"
#include "core/observation.h"

namespace regent {

namespace intent {

// Both reply with the new configuration. invalid, with a sentence: it would have parameters that PostgreSQL refuses and
// that were not there before. `force`: write it all the same. `dry_run`: write nothing, only say what would become of
// it.
struct PatchConfig {
  Json patch;
  bool force = false;
  bool dry_run = false;
};
struct ReplaceConfig {
  Json config;
  bool force = false;
  bool dry_run = false;
};
// Writes the failover key; conflict when a request is there already. The checks of the request are the caller's.
struct SetFailover {
  Failover failover;
};
// not_found when there is none.
struct ClearFailover {};
// Replies when the restart has ended: a JSON string with Patroni's text. refused when not proceeding.
struct Restart {
  RestartRequest request;
};
// A restart for later, or, without a plan, not at all any more. A JSON string with Patroni's text; refused when one is
// planned already, or none is.
struct ScheduleRestart {
  std::optional<ScheduledRestart> plan;
};
// Replies when accepted or refused: a JSON string.
struct Reinit {
  ReinitRequest request;
};
struct Reload {};
// Replies when the loop has looked at the server once more and published it: positions of the last cycle may be
// loop_wait old, which is no basis for an election or a hand-over (I6, F09).
struct Observe {};
// Replies when the store was read once more and what it said is published, beside the loop and without a look at the
// server: for documents that tell of the store's keys.
struct ReadStore {};
// Replies at once, whatever the loop is waiting for: accepted, with the position of the local server as {"lsn": n}, or
// refused. An accepted one binds this member (I13).
struct PromiseFailsafe {
  FailsafeRequest request;
};

}  // namespace intent

using Intent = std::variant<intent::PatchConfig, intent::ReplaceConfig, intent::SetFailover, intent::ClearFailover,
                            intent::Restart, intent::ScheduleRestart, intent::Reinit, intent::Reload, intent::Observe,
                            intent::ReadStore, intent::PromiseFailsafe>;
using IntentReply = std::function<void(Result<Json>)>;

class Control {
 public:
  virtual ~Control() = default;

  // Any thread. `reply` is called exactly once, on the control loop's thread; it must not block.
  virtual void submit(Intent intent, IntentReply reply) = 0;
};

}  // namespace regent
