// The control tool's entry: it gives the commands the real world.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "ctl/app.h"
#include "main/ctl_database.h"
#include "main/ctl_terminal.h"
#include "main/ctl_world.h"
#include "main/environment.h"
#include "main/self.h"

namespace {

using namespace regent;

std::map<std::string, std::string> environment_of_ctl() {
  auto environment = take_environment();
  for (const char* name : {"HOME", "XDG_CONFIG_HOME", "PATRONICTL_CONFIG_FILE", "DCS_URL"}) {
    if (const char* value = std::getenv(name)) environment[name] = value;
  }
  return environment;
}

int run(std::vector<std::string> words) {
  const std::string called = words.front();
  CtlWorld world;
  LibpqDatabases databases;
  RealTerminal terminal;
  ctl::Context context{
      world, world, databases, terminal, called.substr(called.rfind('/') + 1), std::string(regent_version), {}};
  ctl::Launch launch;
  launch.words = {words.begin() + 1, words.end()};
  launch.environment = environment_of_ctl();
  launch.load = load_ctl_config;
  launch.readable = [](const std::string& path) { return ::access(path.c_str(), R_OK) == 0; };
  launch.configured = [&world](const LocalConfig& config) { world.configure(config.ctl); };
  return ctl::run(context, launch);
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return run({argv, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "Error: {}\n", error.what());
    return 1;
  }
}
