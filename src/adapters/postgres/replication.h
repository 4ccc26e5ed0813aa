// What a possible upstream says about itself over a replication connection, and timeline history files from there.
// Threading: the loop's thread. Errors: as values; refused when it belongs to a different cluster (I9).
#pragma once

#include <cstdint>

#include "adapters/postgres/context.h"
#include "core/decision.h"
#include "core/observation.h"

namespace regent {

// `own` is our system identifier; empty: not compared.
Task<Result<UpstreamHistory>> ask_upstream_history(Context& context, action::GatherUpstreamHistory question,
                                                   SystemId own, Instant deadline);

// Puts the missing files into our own pg_wal, the newest first: whenever it ends, PostgreSQL finds no number there that
// leads to an empty file.
Task<Result<void>> run_fetch_histories(Context& context, action::FetchHistories order, Instant deadline);

// --- what an archive may feed (F61) ---

// The script that restore_command asks first, see limited_command(): ends well for the files that belong to the limit.
std::string restore_script(const ArchiveLimit& limit, std::uint64_t segment_size);
// A restore_command that restores nothing that the script, if there is one, refuses. Constant: a running server needs
// no reload when the script changes.
std::string limited_command(const Layout& layout, const std::string& command);
// Restored files must belong to `limit` from now on; nullopt: all of them may be restored.
Task<Result<void>> limit_archive(Context& context, std::optional<ArchiveLimit> limit, Instant deadline);

}  // namespace regent
