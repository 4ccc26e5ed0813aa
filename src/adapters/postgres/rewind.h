// Bringing a former primary back onto the leader's history (compat §1.9), and offline crash recovery (F71).
// Threading: the loop's thread. Errors: as values; a directory whose rewind did not finish keeps its marker (F69).
#pragma once

#include "adapters/postgres/context.h"
#include "adapters/postgres/control_data.h"

namespace regent {

// pg_controldata of our directory.
Task<Result<ControlData>> read_control_data(Context& context, Instant deadline);

// Runs the server in single-user mode until its crash recovery is done.
Task<Result<void>> run_crash_recovery(Context& context, Instant deadline);

// Of a server that was shut down: runs archive_command for the segment with its last checkpoint, where WAL is archived.
Task<Result<void>> archive_last_wal(Context& context, Instant deadline);

// The same error, told as one of a rewind that changed nothing yet (Postgres::rewind).
Error not_begun(Error error);

// The whole rewind, of a directory that has the configuration files of a replica.
Task<Result<void>> run_rewind(Context& context, Upstream source, Instant deadline);

// archive_command with %p, %f and %% filled in. Pure.
std::string archive_command_line(std::string_view command, std::string_view path, std::string_view file);

}  // namespace regent
