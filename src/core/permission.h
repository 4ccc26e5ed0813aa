// Whether what was decided may still be done when its turn comes: time passes between a decision and its actions, and
// the process may stand still in it (F02). Asked again right before the step. Pure; the error says why not.
#pragma once

#include "base/fact.h"
#include "base/result.h"
#include "core/decision.h"
#include "core/failsafe.h"
#include "core/lease.h"
#include "model/settings.h"

namespace regent {

// To take the leader lock, as decided at `decided_at`.
Result<void> may_acquire(const FailsafeFacts& failsafe, const Settings& settings, Instant decided_at, Instant now);

// To change whom commits wait for.
Result<void> may_set_sync_names(const Settings& settings, Instant decided_at, Instant now);

// The lease was valid when this was decided and ran out since: nothing that was decided under it is written any more.
bool overslept(const Action& action, const LeaseFacts& lease, Instant decided_at, Instant now);

// To let clients write here: nobody may without a lease that lasts (I2). `cluster`: the last known view.
Result<void> may_be_primary(const LeaseFacts& lease, const Settings& settings, const Fact<ClusterView>& cluster,
                            Instant now);

}  // namespace regent
