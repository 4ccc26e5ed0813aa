// The command line of the daemon: Patroni's (compat 1.1).
#pragma once

#include <string>
#include <vector>

namespace regent {

struct Arguments {
  enum class Action { run, validate, version, help, wrong };
  Action action = Action::run;
  std::string program;  // as it was called, without directory: "regent" or "patroni"
  std::string config_path;
  bool ignore_listen_port = false;
  bool print = false;
  std::string problem;  // for wrong
};

Arguments parse_arguments(const std::vector<std::string>& argv);
std::string usage(const std::string& program);
std::string help(const std::string& program);

}  // namespace regent
