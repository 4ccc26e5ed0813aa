// Filling an empty data directory from another member (compat §1.7), and emptying it again (I10).
// Threading: the loop's thread. Errors: as values; an unfinished directory keeps its marker (F72).
#pragma once

#include "adapters/postgres/context.h"

namespace regent {

// A method that needs nobody to copy from is configured.
bool clones_without_leader(const Context& context);

// pg_basebackup or the user's methods, in the order of `create_replica_methods`. Ends with standby.signal in place, so
// that the copy can never be started as a primary by mistake (F56).
Task<Result<void>> run_clone(Context& context, Upstream source, Instant deadline);

// Empties the data directory with its tablespaces, or moves it aside to `<data_dir>.failed` in place of an earlier one.
Task<Result<void>> run_remove_data(Context& context, job::RemoveData removal, Instant deadline);

}  // namespace regent
