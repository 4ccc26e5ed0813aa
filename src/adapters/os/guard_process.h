// The guard as a child of this process (src/guard). It is in a session of its own, has nothing of our descriptors, and
// outlives us while it is armed. Threading: the control loop's thread. Errors: facts and log lines.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "adapters/os/unique_fd.h"
#include "adapters/os/waiting.h"
#include "adapters/os/worker.h"
#include "guard/protocol.h"
#include "ports/clock.h"
#include "ports/guard.h"

namespace regent {

struct GuardOptions {
  FenceMode mode = FenceMode::automatic;
  std::string data_dir;
  std::string executable;  // of PostgreSQL's server, e.g. "postgres"
};

class GuardProcess final : public Guard {
 public:
  GuardProcess(GuardOptions options, Clock& clock);
  // One that is armed goes on: it ends PostgreSQL at its deadline unless a later agent sends it home.
  ~GuardProcess() override = default;

  // The configuration was read again. One that is not wanted any more ends at once, and ends nothing.
  void set_mode(FenceMode mode);

  GuardFacts facts() const override { return facts_; }
  Task<void> arm(Instant deadline, bool leased, Instant until) override;
  Task<void> disarm(Instant until) override;
  Task<void> changed(Instant until) override;

  // For tests; 0: none runs.
  pid_t pid() const { return pid_; }

 private:
  Result<void> launch();
  // Sends the request and waits for its answer.
  Task<Result<void>> ask(guard::Command command, Instant deadline, bool leased, Instant until);
  Task<Result<void>> ask_once(guard::Command command, Instant deadline, bool leased, Instant until);
  // Returns when the guard said something or is gone, or at `until`.
  Task<void> hear(Instant until);
  // Takes in what the guard said. False when it is gone.
  bool listen();
  void take(const guard::Report& report);
  void bury();
  void replace();
  // The guards of agents before this one.
  Task<void> send_home_others(Instant until);

  GuardOptions options_;
  Clock& clock_;
  WorkerPool workers_{1};
  GuardFacts facts_;
  pid_t pid_ = 0;
  UniqueFd socket_;
  WatchedFd speech_;  // the same socket, for waiting
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  std::int32_t error_ = 0;  // of the last answer
  bool alone_ = false;      // nobody before us left one behind
};

// Sends home every guard of this data directory but `except`, and returns how many there were. Each goes only if its
// own agent is gone. It looks at the directory: it belongs on a worker.
int send_guards_home(const std::string& data_dir, const std::string& executable, pid_t except);

}  // namespace regent
