#include "main/arguments.h"

#include <fmt/format.h>

namespace regent {

namespace {

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

Arguments parse_arguments(const std::vector<std::string>& argv) {
  Arguments arguments;
  arguments.program = argv.empty() ? "regent" : base_name(argv[0]);
  bool options_end = false;
  bool has_path = false;
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string& word = argv[i];
    if (!options_end && word == "--") {
      options_end = true;
    } else if (options_end || word.empty() || word[0] != '-') {
      if (has_path) {
        arguments.action = Arguments::Action::wrong;
        arguments.problem = "unrecognized arguments: " + word;
        return arguments;
      }
      arguments.config_path = word;
      has_path = true;
    } else if (word == "--help" || word == "-h") {
      arguments.action = Arguments::Action::help;
      return arguments;
    } else if (word == "--version") {
      arguments.action = Arguments::Action::version;
      return arguments;
    } else if (word == "--validate-config") {
      arguments.action = Arguments::Action::validate;
    } else if (word == "--ignore-listen-port" || word == "-i") {
      arguments.ignore_listen_port = true;
    } else if (word == "--print" || word == "-p") {
      arguments.print = true;
    } else {
      arguments.action = Arguments::Action::wrong;
      arguments.problem = "unrecognized arguments: " + word;
      return arguments;
    }
  }
  if (arguments.action != Arguments::Action::validate && (arguments.print || arguments.ignore_listen_port)) {
    arguments.action = Arguments::Action::wrong;
    arguments.problem = "--print and --ignore-listen-port can only be used with --validate-config";
  }
  return arguments;
}

std::string usage(const std::string& program) {
  return fmt::format("usage: {} [-h] [--version] [--validate-config] [--ignore-listen-port] [--print] [configfile]\n",
                     program);
}

std::string help(const std::string& program) {
  return usage(program) +
         "\n"
         "positional arguments:\n"
         "  configfile            a YAML file, or a directory of *.yml files; without it the configuration is read\n"
         "                        from the PATRONI_CONFIGURATION environment variable or from single PATRONI_*\n"
         "                        variables\n"
         "\n"
         "options:\n"
         "  -h, --help            show this help message and exit\n"
         "  --version             show the version and exit\n"
         "  --validate-config     check the configuration and exit\n"
         "  --ignore-listen-port, -i\n"
         "                        do not complain about `listen` ports that are in use; with --validate-config\n"
         "  --print, -p           print the local configuration, environment included; with --validate-config\n";
}

}  // namespace regent
