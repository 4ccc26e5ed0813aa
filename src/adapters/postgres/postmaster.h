// The postmaster as a process: found, adopted (F01), started, signalled, waited for. It outlives the agent.
// Threading: the loop's thread. Errors: as values; what cannot be told is an error, never "stopped".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/postgres/context.h"
#include "adapters/postgres/data_directory.h"
#include "ports/postgres.h"

namespace regent {

// Returns when the process has ended, or at `until`.
Task<void> wait_exit(ProcessId id, Clock& clock, Instant until);

// The same for a process that is waited for again and again.
class ExitWatch {
 public:
  Task<void> wait(ProcessId id, Clock& clock, Instant until);

 private:
  std::optional<ProcessId> id_;
  WatchedFd handle_;
};

class Postmaster {
 public:
  explicit Postmaster(Context& context) : context_(context) {}

  // Who runs in the data directory now. Orphaned backends are killed on sight: their postmaster is gone, nothing
  // supervises them, and they could still write (F12).
  Task<Result<Tenants>> look(Instant deadline);
  // The same in two parts, for who has more to ask a worker: what the worker is to do, and what is done with its
  // answer.
  std::function<Result<Tenants>()> search() const;
  void saw(const Result<Tenants>& tenants);
  // An error unless nobody runs there.
  Task<Result<void>> require_stopped(Instant deadline);

  // Grows with every postmaster seen; 0: none yet.
  std::uint32_t incarnation() const { return incarnation_; }

  // Tells the postmaster of the last look() from every other one, also for another agent; empty: there was none.
  std::string identity() const;

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
  ExitWatch end_;                      // of the one observed
  std::uint32_t incarnation_ = 0;
};

}  // namespace regent
