// What REST asks of the control loop. A request that changes something becomes an intent; the loop performs it and
// replies.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <variant>

#include "base/json.h"
#include "base/result.h"
#include "core/observation.h"

namespace regent {

namespace intent {

// Each says what a reply to it consists of.

// Both reply with the new configuration. invalid, with a sentence: it would have parameters that PostgreSQL refuses and
// that were not there before. `force`: write it all the same. `dry_run`: write nothing, only say what would become of
// it.
struct PatchConfig {
  using Answer = Json;
  Json patch;
  bool force = false;
  bool dry_run = false;
};
struct ReplaceConfig {
  using Answer = Json;
  Json config;
  bool force = false;
  bool dry_run = false;
};
// Writes the failover key; conflict when a request is there already. The checks of the request are the caller's.
struct SetFailover {
  using Answer = void;
  Failover failover;
};
// not_found when there is none.
struct ClearFailover {
  using Answer = void;
};
// Replies when the restart has ended, with Patroni's text. refused when not proceeding.
struct Restart {
  using Answer = std::string;
  RestartRequest request;
};
// A restart for later, or, without a plan, not at all any more. Replies with Patroni's text; refused when one is
// planned already, or none is.
struct ScheduleRestart {
  using Answer = std::string;
  std::optional<ScheduledRestart> plan;
};
// Replies when accepted, with Patroni's text, or refused.
struct Reinit {
  using Answer = std::string;
  ReinitRequest request;
};
struct Reload {
  using Answer = void;
};
// Replies when the loop has looked at the server once more and published it: positions of the last cycle may be
// loop_wait old, which is no basis for an election or a hand-over (I6, F09).
struct Observe {
  using Answer = void;
};
// Replies when the store was read once more and what it said is published, beside the loop and without a look at the
// server: for documents that tell of the store's keys.
struct ReadStore {
  using Answer = void;
};
// Replies at once, whatever the loop is waiting for: accepted, with the position of the local server where it is known,
// or refused. An accepted one binds this member (I13).
struct PromiseFailsafe {
  using Answer = std::optional<Lsn>;
  FailsafeRequest request;
};

}  // namespace intent

template <class Kind>
using Reply = std::function<void(Result<typename Kind::Answer>)>;

// Whoever asked is told.
template <class Kind>
struct Asked {
  Kind intent;
  Reply<Kind> reply;
};

using Intent = std::variant<Asked<intent::PatchConfig>, Asked<intent::ReplaceConfig>, Asked<intent::SetFailover>,
                            Asked<intent::ClearFailover>, Asked<intent::Restart>, Asked<intent::ScheduleRestart>,
                            Asked<intent::Reinit>, Asked<intent::Reload>, Asked<intent::Observe>,
                            Asked<intent::ReadStore>, Asked<intent::PromiseFailsafe>>;

class Control {
 public:
  virtual ~Control() = default;

  // Any thread. The reply is called exactly once, on the control loop's thread; it must not block.
  virtual void take(Intent intent) = 0;

  template <class Kind>
  void submit(Kind intent, Reply<Kind> reply) {
    take(Asked<Kind>{std::move(intent), std::move(reply)});
  }
};

}  // namespace regent
