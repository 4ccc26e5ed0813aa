// Replication slots: those of the leader, and logical ones as files, which is the only way they get onto a replica.
// Threading: the loop's thread; what names a Layout blocks and belongs on a worker. Errors: as values.
#pragma once

#include "adapters/postgres/context.h"
#include "adapters/postgres/postmaster.h"
#include "ports/postgres.h"

namespace regent {

// What the leader has. Refused when the source is in recovery.
Task<Result<UpstreamSlots>> ask_upstream_slots(Context& context, Upstream source, Instant deadline);

// State files of the leader's logical slots, and the WAL that they need and our own pg_wal lacks: without it decoding
// from the copy would end with an error. Fails when a name is missing, or when that WAL is too much.
Task<Result<std::vector<SlotCopy>>> fetch_slots(Context& context, Upstream source, std::vector<std::string> names,
                                                Instant deadline);

// Puts state files into a stopped server's directory; each slot appears whole or not at all.
Result<void> store_slots(const Layout& layout, const std::vector<SlotCopy>& slots);

// The mark that says that logical slots of this directory are copies.
Result<void> mark_followed(const Layout& layout, bool followed);

// The last sixteen digits of the name of the WAL file that holds `lsn`.
std::string wal_file_suffix(Lsn lsn, std::uint64_t segment_size);

// Those of the local server: the methods of Postgres that change them. An exception of a library gets through.
class Slots {
 public:
  Slots(Context& context, Postmaster& postmaster) : context_(context), postmaster_(postmaster) {}

  Task<Result<void>> create(std::string name, Instant deadline);
  Task<Result<void>> drop(std::string name, Instant deadline);
  Task<Result<void>> create_logical(action::SyncSlots::Logical slot, Instant deadline);
  Task<Result<void>> advance(action::SyncSlots::Advance slot, Instant deadline);
  Task<Result<void>> mark(bool copies, Instant deadline);
  Task<Result<void>> write(std::vector<SlotCopy> slots, Instant deadline);

 private:
  Context& context_;
  Postmaster& postmaster_;
};

}  // namespace regent
