// show-config, edit-config, pause, resume: the dynamic configuration.
#include <fmt/format.h>

#include <algorithm>

#include "base/yaml.h"
#include "ctl/commands.h"
#include "ctl/members.h"
#include "ctl/prompt.h"
#include "ctl/sequence.h"
#include "model/config_keys.h"
#include "model/settings.h"

namespace regent::ctl {
namespace {

constexpr Duration pause_step = 1s;

struct Edited {
  std::string text;
  Json config;
};

tl::unexpected<Stop> refuse_error(const Error& error) {
  return refuse(error.message);
}

std::string with_newline(std::string text) {
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  return text;
}

std::string printed(const Json& config) {
  return with_newline(to_yaml(config));
}

// Sets one value at a path; empty mappings that remain go too.
void set_path(Json& config, const std::vector<std::string>& path, std::size_t at, const Json& value) {
  const std::string& key = path[at];
  if (at + 1 == path.size()) {
    if (value.is_null()) {
      config.erase(key);
    } else {
      config[key] = value;
    }
    return;
  }
  Json& child = config[key];
  if (!child.is_object()) child = Json::object();
  set_path(child, path, at + 1, value);
  if (child.empty()) config.erase(key);
}

// Names of PostgreSQL's parameters contain dots themselves: below postgresql.parameters the rest is one name.
std::vector<std::string> split_path(const std::string& text) {
  std::vector<std::string> path;
  std::size_t from = 0;
  while (true) {
    const bool parameter = path.size() == 2 && path[0] == "postgresql" && path[1] == "parameters";
    const auto dot = parameter ? std::string::npos : text.find('.', from);
    path.push_back(text.substr(from, dot - from));
    if (dot == std::string::npos) return path;
    from = dot + 1;
  }
}

Outcome<Edited> set_values(Json config, const std::vector<std::string>& pairs) {
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos) return refuse("Invalid parameter setting " + pair);
    const auto value = parse_yaml(pair.substr(equals + 1), "the value of " + pair.substr(0, equals));
    if (!value) return refuse_error(value.error());
    set_path(config, split_path(pair.substr(0, equals)), 0, *value);
  }
  return Edited{printed(config), config};
}

Outcome<Edited> merge_file(Context& context, Json config, const std::string& path) {
  const auto text = path == "-" ? Result<std::string>(context.terminal.read_all()) : context.terminal.read_file(path);
  if (!text) return refuse_error(text.error());
  const auto patch = parse_yaml(*text, path == "-" ? "standard input" : path);
  if (!patch) return refuse_error(patch.error());
  if (!patch->is_object()) return refuse(fmt::format("{} does not hold a mapping of settings", path));
  merge_patch(config, *patch);
  return Edited{printed(config), config};
}

Outcome<Edited> ask_editor(Context& context, const std::string& name, const std::string& before) {
  const auto text = context.terminal.edit(before, name);
  if (!text) return refuse_error(text.error());
  auto config = parse_yaml(*text, "the edited configuration");
  if (!config) return refuse_error(config.error());
  if (!config->is_object()) return refuse("The edited configuration is not a mapping of settings");
  return Edited{with_newline(*text), std::move(*config)};
}

Outcome<Edited> make_changes(Context& context, const Cluster& cluster, const Arguments& arguments) {
  const Json& current = cluster.view.config.value;
  std::optional<Edited> edited;
  if (const auto file = arguments.text("replace")) {
    auto made = merge_file(context, Json::object(), *file);
    if (!made) return made;
    edited = std::move(*made);
  }
  if (const auto file = arguments.text("apply")) {
    auto made = merge_file(context, edited ? edited->config : current, *file);
    if (!made) return made;
    edited = std::move(*made);
  }
  auto pairs = arguments.all("set");
  for (const auto& pair : arguments.all("pg")) {
    pairs.push_back("postgresql.parameters." + pair.substr(std::min(pair.find_first_not_of(' '), pair.size())));
  }
  if (!pairs.empty()) {
    auto made = set_values(edited ? edited->config : current, pairs);
    if (!made) return made;
    edited = std::move(*made);
  }
  if (edited) return std::move(*edited);
  return ask_editor(context, cluster.name, printed(current));
}

// What PostgreSQL has against the new parameters, asked through a member that can ask it without writing anything;
// empty: nothing, or nobody can be asked.
std::string refused_parameters(Context& context, const Cluster& cluster, const Json& config) {
  for (const auto* member : leader_first(cluster.view)) {
    if (member->regent.empty()) continue;
    const auto answer = request(context, *member, "PUT", "config?dry_run=true", config);
    if (answer) return answer->status == 400 ? answer->body : std::string();
  }
  return {};
}

// What the members will say to it, and do not say to the present one.
void warn_of_new_problems(Context& context, const Cluster& cluster, const Json& after) {
  const auto company = company_of(cluster.view.members);
  const auto problems_of = [&](const Json& config) {
    auto problems = parse_settings(config, company).problems;
    auto unknown = find_unknown_dynamic_keys(config, "");
    problems.insert(problems.end(), unknown.begin(), unknown.end());
    return problems;
  };
  const auto known = problems_of(cluster.view.config.value);
  for (const auto& problem : problems_of(after)) {
    if (std::find(known.begin(), known.end(), problem) == known.end()) context.line("Warning: " + problem);
  }
}

Status wait_until_applied(Context& context, Cluster& cluster, bool paused) {
  context.line(
      fmt::format("'{}' request sent, waiting until it is recognized by all nodes", paused ? "pause" : "resume"));
  const auto before = cluster.view.members;
  const auto is_pending = [&](const Member& old) {
    const Member* now = cluster.view.member(old.name);
    // A member that went or came anew reads the configuration when it starts.
    return now != nullptr && now->session == old.session && now->pause != paused;
  };
  while (true) {
    if (const auto fresh = cluster.refresh(); !fresh) return fresh;
    if (std::none_of(before.begin(), before.end(), is_pending)) break;
    context.terminal.sleep(pause_step);
  }
  context.line(fmt::format("Success: cluster management is {}", paused ? "paused" : "resumed"));
  return {};
}

Status toggle_pause(Context& context, const CommandLine& line, const Arguments& arguments, bool paused) {
  auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  if (parse_settings(cluster->view.config.value).pause == paused) {
    return refuse(fmt::format("Cluster is {} paused", paused ? "already" : "not"));
  }
  const Json body = {{"pause", paused ? Json(true) : Json(nullptr)}};
  for (const auto* member : leader_first(cluster->view)) {
    const auto answer = request(context, *member, "PATCH", "config", body);
    if (!answer) {
      context.warn("WARNING: " + answer.error().message);
      context.warn(fmt::format("WARNING: Member {} is not accessible", member->name.str()));
      continue;
    }
    if (answer->status != 200) {
      context.failed(fmt::format("Failed: {} cluster management status code={}, ({})", paused ? "pause" : "resume",
                                 answer->status, answer->body));
      return {};
    }
    if (arguments.has("wait")) return wait_until_applied(context, *cluster, paused);
    context.line(fmt::format("Success: cluster management is {}", paused ? "paused" : "resumed"));
    return {};
  }
  return refuse("Can not find accessible cluster member");
}

}  // namespace

Status run_show_config(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  if (cluster->view.config.exists()) context.line(printed(cluster->view.config.value));
  return {};
}

Status run_edit_config(Context& context, const CommandLine& line, const Arguments& arguments) {
  auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  if (!cluster->view.config.exists()) {
    return refuse("The config key does not exist in the cluster " + cluster->name);
  }
  const Json& current = cluster->view.config.value;
  const auto edited = make_changes(context, *cluster, arguments);
  if (!edited) return tl::unexpected(edited.error());
  // Order of keys is no change.
  if (nlohmann::json(edited->config) == nlohmann::json(current)) {
    context.line("Not changed");
    return {};
  }
  if (!arguments.has("quiet")) context.terminal.page(unified_diff(printed(current), edited->text));
  warn_of_new_problems(context, *cluster, edited->config);
  const bool force = arguments.has("force");
  const bool from_input = arguments.text("apply") == "-" || arguments.text("replace") == "-";
  if (from_input && !force) {
    context.line("Use --force option to apply changes");
    return {};
  }
  if (!force) {
    const auto sure = confirm(context, "Apply these changes?");
    if (!sure) return tl::unexpected(sure.error());
    if (!*sure) return {};
  }
  if (!arguments.has("force-invalid")) {
    const auto refused = refused_parameters(context, *cluster, edited->config);
    if (!refused.empty()) {
      return refuse(fmt::format("The configuration was not changed: {}; --force-invalid insists", refused));
    }
  }
  const auto written =
      cluster->store->write({action::Key::config, to_compact(edited->config), cluster->view.config.version, false});
  if (!written && written.error().kind == ErrorKind::conflict) {
    return refuse("Config modification aborted due to concurrent changes");
  }
  if (!written) return refuse(fmt::format("The configuration was not changed: {}", written.error().message));
  context.line("Configuration changed");
  return {};
}

Status run_pause(Context& context, const CommandLine& line, const Arguments& arguments) {
  return toggle_pause(context, line, arguments, true);
}

Status run_resume(Context& context, const CommandLine& line, const Arguments& arguments) {
  return toggle_pause(context, line, arguments, false);
}

}  // namespace regent::ctl
