// Timelines in the own pg_wal: history files, also those that stand for numbers left out, and when timelines began.
// Threading: what blocks says so and belongs on a worker, the rest on the loop's thread. Errors: as values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "adapters/postgres/context.h"
#include "adapters/postgres/layout.h"

namespace regent {

// The history file of `timeline`; empty on timeline 1. Blocking.
Result<History> read_local_history(const Layout& layout, Timeline timeline);

// Makes an empty history file for every timeline below `limit` that has none. A promotion takes the first number
// without a file, and a standby fetches the files of all numbers between its own and its upstream's (F62). Blocking.
Result<void> fill_histories(const Layout& layout, Timeline limit);

// Removes empty history files above `own` that no real one is above of: what is left of a promotion that did not take
// place, or of an upstream's files that did not all arrive. A standby that starts takes the highest number for the one
// to follow, and would never open (F62). Blocking.
Result<void> clean_histories(const Layout& layout, Timeline own);

// The time in the record that begins `timeline` at `start`, in UTC.
Task<Result<std::string>> ask_branch_time(Context& context, Timeline timeline, Lsn start, Instant deadline);
// Out of what pg_waldump prints of that record; nullopt: it is not one that ends a recovery.
std::optional<std::string> parse_branch_time(std::string_view text);

}  // namespace regent
