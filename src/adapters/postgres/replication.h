// What a possible upstream says about itself over a replication connection.
// Threading: the loop's thread. Errors: as values; refused when it belongs to a different cluster (I9).
#pragma once

#include "adapters/postgres/context.h"
#include "core/observation.h"

namespace regent {

// `own` is our system identifier; empty: not compared.
Task<Result<UpstreamHistory>> ask_upstream_history(Context& context, Upstream source, SystemId own, Instant deadline);

}  // namespace regent
