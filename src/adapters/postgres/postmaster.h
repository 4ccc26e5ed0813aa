// The postmaster as a process: found, adopted (F01), started, signalled, waited for. It outlives the agent.
// Threading: the loop's thread. Errors: as values; what cannot be told is an error, never "stopped".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/postgres/context.h"
#include "adapters/postgres/data_directory.h"
#include "ports/postgres.h"

namespace regent {

// Returns when the process has ended, or at `until`.
Task<void> wait_exit(ProcessId id, Clock& clock, Instant until);

class Postmaster {
 public:
  explicit Postmaster(Context& context) : context_(context) {}

  // Who runs in the data directory now. Orphaned backends are killed on sight: their postmaster is gone, nothing
  // supervises them, and they could still write (F12).
  Task<Result<Tenants>> look(Instant deadline);

  // Grows with every postmaster seen; 0: none yet.
  std::uint32_t incarnation() const { return incarnation_; }

  // See Postgres::changed().
  Task<void> changed(Instant until);

  // Starts it and waits until it accepts connections. It must not run, nor anybody else in its directory.
  Task<Result<void>> start(std::vector<std::string> arguments, Instant deadline);
  // Fast or immediate stop; returns when the postmaster and all its backends are gone.
  Task<Result<void>> stop(StopMode mode, Instant deadline);
  // SIGKILL for all of them. Works without the disk and without a fork (F04, F55).
  Task<Result<void>> kill(Instant deadline);
  // SIGTERM to its walsenders, or to those for logical decoding.
  static void end_replication(ProcessId postmaster, bool decoding_only);
  // Makes it read its configuration again. False: there is none.
  bool reload();

 private:
  Task<Result<Tenants>> find(Instant deadline);
  Task<Result<void>> wait_gone(Instant deadline);
  Task<Result<void>> wait_ready(ProcessId id, Instant deadline);
  Task<void> wait_appear(Instant until);
  void note(std::optional<ProcessId> id);

  Context& context_;
  std::optional<ProcessId> current_;   // the latest postmaster we know of; may be dead by now
  std::optional<ProcessId> observed_;  // the one the last look() told about
  std::vector<ProcessId> lingering_;   // orphans of the last look()
  std::uint32_t incarnation_ = 0;
};

}  // namespace regent
