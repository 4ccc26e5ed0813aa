// A script of the user's that a step waits for: before_stop, pre_promote.
// Threading: the loop's thread. Errors: as values, with the script's name; one that is not configured is none.
#pragma once

#include "adapters/postgres/context.h"
#include "model/config_table.h"

namespace regent {

Task<Result<void>> run_hook(Context& context, ConfigName key, Instant deadline);

}  // namespace regent
