#include "ctl/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "ctl/commands.h"
#include "ctl/options.h"
#include "ctl/sequence.h"

namespace regent::ctl {
namespace {

struct StoreKind {
  const char* name;
  const char* port;
};
constexpr std::array<StoreKind, 5> store_kinds{
    {{"zookeeper", "2181"}, {"exhibitor", "8181"}, {"consul", "8500"}, {"etcd3", "2379"}, {"etcd", "2379"}}};

CommandLine global_line(const std::string& program, Generation generation) {
  CommandLine line;
  line.path = program;
  if (generation == Generation::v4) line.summary = "Command-line interface for interacting with Patroni.";
  line.options = {{"-c, --config-file", "TEXT", "Configuration file"},
                  {"-d, --dcs-url, --dcs", "TEXT", "The DCS connect url"},
                  {"-k, --insecure", "", "Allow connections to SSL sites without certs", Option::Kind::flag},
                  {"--strict", "", "Exit with 1 when a member refuses an action", Option::Kind::flag},
                  {"--help", "", "Show this message and exit.", Option::Kind::flag}};
  line.arguments = {{"COMMAND"}};
  return line;
}

// "COMMAND [ARGS]..." stands in the usage line but nothing is parsed by it.
std::string global_usage(const CommandLine& line) {
  return fmt::format("Usage: {} [OPTIONS] COMMAND [ARGS]...\n", line.path);
}

tl::unexpected<Stop> global_error(const CommandLine& line, const std::string& message) {
  return tl::unexpected<Stop>(
      Stop{2, fmt::format("{}Try '{} --help' for help.\n\nError: {}\n", global_usage(line), line.path, message)});
}

std::string global_help(const CommandLine& line, const std::vector<Command>& commands) {
  CommandLine shown = line;
  // Under the other tool's name its help is shown to the letter.
  const bool other_name = line.path.starts_with("patronictl");
  if (other_name) {
    std::erase_if(shown.options, [](const Option& option) { return option.names == "--strict"; });
  }
  std::string text = help_text(shown);
  text = global_usage(line) + text.substr(usage_text(shown).size());
  std::size_t longest = 0;
  for (const auto& command : commands) longest = std::max(longest, command.line.path.size());
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& command : commands) {
    if (other_name && command.line.path == "slots") continue;
    rows.emplace_back(command.line.path, short_help(command.line.summary, longest));
  }
  return text + "\nCommands:\n" + definition_list(rows);
}

std::string suggestion(const std::string& word, const std::vector<Command>& commands) {
  // Words people try that do not resemble the right one.
  constexpr std::array<std::pair<const char*, const char*>, 6> known{{{"status", "list"},
                                                                      {"members", "list"},
                                                                      {"rewind", "reinit"},
                                                                      {"maintenance", "pause"},
                                                                      {"promote", "failover"},
                                                                      {"config", "edit-config"}}};
  if (word == "configure" || word == "scaffold") {
    return " It was removed; the configuration file is written by hand.";
  }
  for (const auto& [wrong, right] : known) {
    if (word == wrong) return fmt::format(" Did you mean '{}'?", right);
  }
  std::vector<std::string> names;
  for (const auto& command : commands) names.push_back(command.line.path);
  const auto near = close_matches(word, names);
  return near.empty() ? "" : fmt::format(" Did you mean '{}'?", near.front());
}

std::string default_config_path(const std::map<std::string, std::string>& environment) {
  const auto value = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  const std::string base = value("XDG_CONFIG_HOME");
  return (base.empty() ? value("HOME") + "/.config" : base) + "/patroni/patronictl.yaml";
}

std::string option_or_variable(const Arguments& arguments, const char* option, const Launch& launch,
                               const char* variable) {
  if (const auto given = arguments.text(option)) return *given;
  const auto found = launch.environment.find(variable);
  return found == launch.environment.end() ? std::string() : found->second;
}

Status configure(Context& context, const Launch& launch, const Arguments& globals) {
  const std::string preset = default_config_path(launch.environment);
  std::string path = option_or_variable(globals, "config-file", launch, "PATRONICTL_CONFIG_FILE");
  if (path.empty()) path = preset;
  if (launch.readable(path)) {
    auto config = launch.load(path, launch.environment);
    if (!config) return refuse(config.error().message);
    context.config = std::move(*config);
  } else if (path != preset) {
    return refuse(fmt::format(
        "Provided config file {} not existing or no read rights. Check the -c/--config-file parameter", path));
  } else if (auto config = launch.load("", launch.environment)) {
    // Variables alone are enough; without them a store named by -d is.
    context.config = std::move(*config);
  }
  const std::string url = option_or_variable(globals, "dcs-url", launch, "DCS_URL");
  if (!url.empty()) {
    auto store = parse_store_url(url);
    if (!store) return refuse(store.error().message);
    // The same kind of store keeps its certificates and credentials.
    Json section = store->store.kind == context.config.store.kind ? context.config.store.section : Json::object();
    for (const auto* key : {"host", "hosts", "url", "proxy", "srv"}) section.erase(key);
    merge_patch(section, store->store.section);
    context.config.store = {store->store.kind, std::move(section)};
    if (!store->service_namespace.empty()) context.config.service_namespace = store->service_namespace;
  }
  if (globals.has("insecure")) context.config.ctl.insecure = true;
  if (launch.configured) launch.configured(context.config);
  return {};
}

Status run_command(Context& context, Command& command, const std::vector<std::string>& words) {
  command.line.path = context.program + " " + command.line.path;
  const auto arguments = parse(command.line, words);
  if (!arguments) return tl::unexpected(arguments.error());
  if (arguments->has("help")) {
    context.terminal.out(help_text(command.line));
    return {};
  }
  return command.run(context, command.line, *arguments);
}

Status run_line(Context& context, const Launch& launch, bool& strict) {
  const CommandLine line = global_line(context.program, Generation::v4);
  std::vector<std::string> rest;
  const auto globals = parse(line, launch.words, true, &rest);
  if (!globals) {
    // The usage line of the whole tool is not made of its arguments.
    Stop stop = globals.error();
    const std::string usage = usage_text(line);
    if (stop.text.starts_with(usage)) stop.text = global_usage(line) + stop.text.substr(usage.size());
    return tl::unexpected(stop);
  }
  strict = globals->has("strict");
  const bool asks_help = globals->has("help") || std::find(rest.begin(), rest.end(), "--help") != rest.end();
  if (!rest.empty() || asks_help) {
    // Help must not depend on a configuration that works.
    if (const auto done = configure(context, launch, *globals); !done && !asks_help) return done;
  }
  auto commands = all_commands(context.generation());
  if (globals->has("help")) {
    context.terminal.out(global_help(global_line(context.program, context.generation()), commands));
    return {};
  }
  if (rest.empty()) return global_error(line, "Missing command.");
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const Command& command) { return command.line.path == rest.front(); });
  if (found == commands.end()) {
    return global_error(line, fmt::format("No such command '{}'.{}", rest.front(), suggestion(rest.front(), commands)));
  }
  return run_command(context, *found, {rest.begin() + 1, rest.end()});
}

}  // namespace

Result<StoreUrl> parse_store_url(const std::string& text) {
  StoreUrl out;
  std::string rest = text;
  const auto scheme_end = text.find("//");
  if (scheme_end != std::string::npos) {
    out.store.kind = text.substr(0, scheme_end);
    if (out.store.kind.ends_with(':')) out.store.kind.pop_back();
    rest = text.substr(scheme_end + 2);
  }
  if (const auto slash = rest.find('/'); slash != std::string::npos) {
    const std::string path = rest.substr(slash);
    if (path != "/") out.service_namespace = path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
    rest = rest.substr(0, slash);
  }
  std::vector<std::string> hosts;
  for (std::size_t from = 0; from <= rest.size();) {
    const auto comma = std::min(rest.find(',', from), rest.size());
    hosts.push_back(rest.substr(from, comma - from));
    from = comma + 1;
  }
  const auto port_of = [](const std::string& host) {
    const auto colon = host.rfind(':');
    return colon == std::string::npos || host.ends_with(']') ? std::string() : host.substr(colon + 1);
  };
  const StoreKind* kind = nullptr;
  for (const auto& known : store_kinds) {
    const bool fits = out.store.kind.empty() ? port_of(hosts.front()) == known.port : out.store.kind == known.name;
    if (fits && kind == nullptr) kind = &known;
  }
  if (kind == nullptr && !out.store.kind.empty()) {
    return fail(ErrorKind::invalid, "Unknown dcs scheme: " + out.store.kind);
  }
  // An address alone: today's etcd has the v3 interface only.
  out.store.kind = kind != nullptr ? kind->name : "etcd3";
  const std::string port = kind != nullptr ? kind->port : "2379";
  Json list = Json::array();
  for (auto& host : hosts) {
    if (host.empty()) host = "localhost";
    list.push_back(port_of(host).empty() ? host + ":" + port : host);
  }
  const bool single = out.store.kind == "consul" || (list.size() == 1 && out.store.kind != "zookeeper");
  out.store.section[single ? "host" : "hosts"] = single ? list[0] : list;
  return out;
}

int run(Context& context, const Launch& launch) {
  bool strict = false;
  const auto done = run_line(context, launch, strict);
  if (!done) {
    context.terminal.err(done.error().text);
    return done.error().code;
  }
  if (context.unreachable || (strict && context.failures > 0)) return 1;
  return 0;
}

}  // namespace regent::ctl
