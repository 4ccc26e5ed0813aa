// The daemon: adapters, agent and REST API put together, and what belongs to a process: signals, the log, the service
// manager. Threading: run() on the main thread, which becomes the control loop's.
#pragma once

#include <map>
#include <string>

#include "model/local_config.h"

namespace regent {

struct Launch {
  LocalConfig config;
  // To read the configuration again.
  std::string config_path;
  std::map<std::string, std::string> environment;
  std::string notify_socket;
};

// Returns the exit code. What keeps it from starting is said in one sentence on standard error.
int run_daemon(Launch launch);

}  // namespace regent
