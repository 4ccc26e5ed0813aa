// Signs of life of the own server: since when it does not answer, and since when its WAL does not get to the disk.
// Threading: the loop's thread. Errors: none; what could not be asked says nothing.
#pragma once

#include <cstdint>

#include "adapters/postgres/context.h"
#include "adapters/postgres/monitor.h"
#include "adapters/postgres/pulse.h"

namespace regent {

class Vitals {
 public:
  explicit Vitals(Context& context) : context_(context) {}

  // Of this postmaster from now on: what was seen of another one is forgotten.
  void begin(std::uint32_t incarnation);
  // What the monitoring query that was asked then has brought: a server that is stopped by a signal, no answer in time,
  // an answer.
  void frozen(Instant asked);
  void silent(Instant asked);
  void answered(const ServerAnswer& answer, Instant asked);
  // Notes whether the server answers a new connection.
  Task<void> probe(Instant deadline);
  // Returns when it does not any more, or at `until`.
  Task<void> watch(Instant until);

  void tell(PostgresFacts& facts) const;

 private:
  Context& context_;
  // Of the postmaster with this number; see PostgresFacts.
  std::uint32_t pulse_of_ = 0;
  bool primary_ = false;
  Pulse connections_, queries_, flushes_;
  Lsn flushed_;
};

}  // namespace regent
