// Whose leader lock this data directory had: what lets an agent that was restarted retake the lock at once, and a twin
// not at all (F74). The record counts only in the very file it was written to, and until the machine is booted again: a
// copy of it has another inode, a copied machine another boot.
// Threading: any, blocking: on a worker (F55). Errors: what cannot be written; what cannot be read proves nothing.
#pragma once

#include <string>

#include "adapters/postgres/layout.h"
#include "base/result.h"

namespace regent {

// Nothing is to survive the machine: it is not forced to the disk. not_found: there is no data directory to speak of.
Result<void> write_lock_record(const Layout& layout, const std::string& session);

// The session; empty: nothing is proven.
std::string read_lock_record(const Layout& layout);

}  // namespace regent
