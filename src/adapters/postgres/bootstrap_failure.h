// Why bootstraps of this node failed, beside the data directory: a supervisor starts an agent again that gave up, and
// the same configuration fails for the same reason again and again. Threading: any, blocking: on a worker (F55).
#pragma once

#include <optional>
#include <string>

#include "adapters/postgres/layout.h"
#include "base/result.h"
#include "base/time.h"
#include "model/local_config.h"

namespace regent {

struct BootstrapFailure {
  std::string why;
  int times = 0;              // in a row, for this reason and with this configuration; 0: there was none
  std::string configuration;  // tells one from another, and nothing of what is in it
  WallTime at;                // the last one
};

// What a bootstrap goes by.
std::string configuration_of(const LocalConfig& config);

// What cannot be read was none.
BootstrapFailure read_bootstrap_failure(const Layout& layout);
// In the directory that was put aside, which is made where nothing was.
Result<void> write_bootstrap_failure(const Layout& layout, const BootstrapFailure& failure);

// With one more. Numbers in the reason, such as process ids, make it no other one.
BootstrapFailure next_failure(const BootstrapFailure& before, const std::string& why, const std::string& configuration,
                              WallTime now);

// From the second failure on the next attempt waits: 5 minutes, then twice as long each time, up to an hour. nullopt:
// it need not, or the clock was set back since.
std::optional<WallTime> retry_after(const BootstrapFailure& failure, const std::string& configuration, WallTime now);

}  // namespace regent
