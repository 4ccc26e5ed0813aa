// The daemon's entry: the command line, the environment, and nothing else.
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <exception>

#include "adapters/os/clock.h"
#include "adapters/os/descriptor_limit.h"
#include "adapters/postgres/node.h"
#include "adapters/postgres/parameters.h"
#include "base/yaml.h"
#include "main/arguments.h"
#include "main/daemon.h"
#include "main/environment.h"
#include "main/self.h"
#include "model/generation.h"

namespace {

using namespace regent;

int print_version(const Arguments& arguments) {
  if (arguments.program.starts_with("patroni")) {
    fmt::print("patroni {}\n", patroni_version(Generation::v4));
  } else {
    fmt::print("regent {}\n", regent_version);
  }
  return 0;
}

// What PostgreSQL's own executable says to its parameters; nothing where it cannot be asked.
std::vector<std::string> refused_parameters(const LocalConfig& config) {
  constexpr Duration patience = std::chrono::seconds(20);
  std::vector<std::string> lines;
  boost::asio::io_context io(1);
  SystemClock clock;
  PostgresNode postgres(config, clock);
  const auto check = [&](const Json& wanted, std::string_view prefix) {
    auto checking = postgres.check_config(wanted, clock.now() + patience);
    boost::asio::co_spawn(
        io, std::move(checking), [&](std::exception_ptr, Result<std::vector<RefusedParameter>> refused) {
          for (const auto& [name, value, local, why] : refused.value_or(std::vector<RefusedParameter>())) {
            lines.push_back(
                fmt::format("{}postgresql.parameters.{} {} didn't pass validation: {}", prefix, name, value, why));
          }
        });
    io.restart();
    io.run();
  };
  if (const Json* dynamic = find(config.bootstrap, "dcs")) check(*dynamic, "bootstrap.dcs.");
  const Json* parameters = find(config.postgres.section, "parameters");
  if (parameters == nullptr || !parameters->is_object()) return lines;
  check(Json{{"postgresql", {{"parameters", *parameters}}}}, "");
  for (const auto& item : parameters->items()) {
    if (is_governed(item.key())) {
      lines.push_back(fmt::format(
          "postgresql.parameters.{} has no effect here: it has to be the same on all nodes, set it in the dynamic "
          "configuration",
          item.key()));
    }
  }
  return lines;
}

int validate(const Arguments& arguments, const std::map<std::string, std::string>& environment) {
  auto problems = validate_config_source(arguments.config_path, environment, arguments.ignore_listen_port);
  if (const auto config = load_local_config(arguments.config_path, environment)) {
    for (auto& line : refused_parameters(*config)) problems.push_back(std::move(line));
  }
  for (const std::string& problem : problems) fmt::print(stderr, "{}\n", problem);
  if (arguments.print) {
    const auto config = load_local_config(arguments.config_path, environment);
    if (config) fmt::print("{}", to_yaml(config->document));
  }
  return problems.empty() ? 0 : 1;
}

int run(const Arguments& arguments, std::map<std::string, std::string> environment) {
  auto config = load_local_config(arguments.config_path, environment);
  if (!config) {
    fmt::print(stderr, "{}\n", config.error().message);
    return 1;
  }
  Launch launch{std::move(*config), arguments.config_path, std::move(environment), take_notify_socket()};
  return run_daemon(std::move(launch));
}

int choose(const Arguments& arguments) {
  switch (arguments.action) {
    case Arguments::Action::help:
      fmt::print("{}", help(arguments.program));
      return 0;
    case Arguments::Action::version:
      return print_version(arguments);
    case Arguments::Action::wrong:
      fmt::print(stderr, "{}{}: error: {}\n", usage(arguments.program), arguments.program, arguments.problem);
      return 2;
    case Arguments::Action::validate:
      return validate(arguments, take_environment());
    case Arguments::Action::run:
      break;
  }
  return run(arguments, take_environment());
}

}  // namespace

int main(int argc, char** argv) {
  // An agent at rest should weigh little: one heap, and freed memory goes back.
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 64 * 1024);
  ::mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  try {
    return choose(parse_arguments({argv, argv + argc}));
  } catch (const std::exception& error) {
    fmt::print(stderr, "regent: {}\n", error.what());
    return 1;
  }
}
