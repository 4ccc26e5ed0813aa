// history, remove, version; what they share with the other commands.
#include <fmt/format.h>

#include <algorithm>

#include "ctl/commands.h"
#include "ctl/members.h"
#include "ctl/prompt.h"
#include "ctl/table.h"

namespace regent::ctl {
namespace {

// 150020 is 15.20, 90624 is 9.6.24.
std::string postgres_version(std::int64_t number) {
  if (number < 100000) return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
  return fmt::format("{}.{}", number / 10000, number % 10000);
}

void print_version(Context& context, const Member& member) {
  const std::string& name = member.name.str();
  const auto answer = request(context, member, "GET", "patroni");
  const auto document =
      answer ? parse_json(answer->body, "its answer") : Result<Json>(tl::unexpected<Error>(answer.error()));
  if (!document) {
    context.unreachable = true;
    context.failed(fmt::format("{}: failed to get version: {}", name, document.error().message));
    return;
  }
  const Json* patroni = find(*document, "patroni");
  const Json* version = patroni != nullptr ? find(*patroni, "version") : nullptr;
  const Json* server = find(*document, "server_version");
  context.line(fmt::format("{}: Patroni {}{}", name, version != nullptr ? cell_text(*version) : "None",
                           server != nullptr && server->is_number_integer()
                               ? " PostgreSQL " + postgres_version(server->get<std::int64_t>())
                               : ""));
}

Status confirm_remove(Context& context, const Cluster& cluster) {
  const auto name = prompt(context, "Please confirm the cluster name to remove", std::nullopt);
  if (!name) return tl::unexpected(name.error());
  if (*name != cluster.name) return refuse("Cluster names specified do not match");
  const std::string oath = "Yes I am aware";
  const auto sworn = prompt(
      context,
      fmt::format("You are about to remove all information in DCS for {}, please type: \"{}\"", cluster.name, oath),
      std::nullopt);
  if (!sworn) return tl::unexpected(sworn.error());
  if (*sworn != oath) return refuse(fmt::format("You did not exactly type \"{}\"", oath));
  if (!cluster.view.leader.exists()) return {};
  const auto leader =
      prompt(context, "This cluster currently is healthy. Please specify the leader name to continue", std::nullopt);
  if (!leader) return tl::unexpected(leader.error());
  if (*leader != cluster.view.leader.name.str()) {
    return refuse("You did not specify the current leader of the cluster");
  }
  return {};
}

tl::unexpected<Stop> store_error(const Error& error) {
  return refuse("The store of the cluster did not answer: " + error.message);
}

}  // namespace

Status Cluster::refresh() {
  auto fresh = store->read();
  if (!fresh) return store_error(fresh.error());
  view = std::move(*fresh);
  return {};
}

Outcome<Cluster> open_cluster(Context& context, const std::string& name, std::optional<int> group) {
  LocalConfig config = context.config;
  if (config.store.kind.empty()) {
    return refuse(
        "No store is configured: name one with -d/--dcs-url, e.g. etcd3://host:2379, or in the file of "
        "-c/--config-file");
  }
  config.scope = group ? fmt::format("{}/{}", name, *group) : name;
  auto store = context.stores.open(config);
  if (!store) return refuse(store.error().message);
  Cluster cluster{name, std::move(*store), {}};
  if (const auto read = cluster.refresh(); !read) return tl::unexpected(read.error());
  return cluster;
}

Outcome<std::string> cluster_name(const Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto given = arguments.first("CLUSTER_NAME");
  if (!given.empty()) return given;
  if (!context.config.scope.empty()) return context.config.scope;
  return usage_error(line, "Missing argument 'CLUSTER_NAME'.");
}

Outcome<Cluster> open_named(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto name = cluster_name(context, line, arguments);
  if (!name) return tl::unexpected(name.error());
  return open_cluster(context, *name, arguments.integer("group"));
}

Status run_history(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  Table table;
  table.columns = {"TL", "LSN", "Reason", "Timestamp", "New Leader"};
  table.right = {0, 1};
  for (const auto& past : cluster->view.history.value) {
    table.rows.push_back({past.timeline.value, past.switch_lsn.value, past.reason, past.timestamp, past.new_leader});
  }
  context.terminal.out(render(table, arguments.text("format").value_or("pretty")));
  return {};
}

Status run_remove(Context& context, const CommandLine& line, const Arguments& arguments) {
  auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  print_members(context, *cluster, {arguments.text("format").value_or("pretty")});
  if (const auto sure = confirm_remove(context, *cluster); !sure) return sure;
  const auto removed = cluster->store->remove_cluster();
  if (!removed) return refuse("The keys of the cluster were not removed: " + removed.error().message);
  return {};
}

Status run_version(Context& context, const CommandLine&, const Arguments& arguments) {
  // Scripts written for patronictl read its version; the tool's own is what its own name asks for.
  const bool own = !context.program.starts_with("patronictl") && !context.own_version.empty();
  context.line(fmt::format("{} version {}", own ? "regentctl" : "patronictl",
                           own ? context.own_version : std::string(patroni_version(context.generation()))));
  const auto name = arguments.first("CLUSTER_NAME");
  if (name.empty()) return {};
  const auto cluster = open_cluster(context, name, arguments.integer("group"));
  if (!cluster) return tl::unexpected(cluster.error());
  context.line("");
  const auto& names = arguments.positional("MEMBER_NAMES");
  for (const auto& member : cluster->view.members) {
    const bool wanted = names.empty() || std::find(names.begin(), names.end(), member.name.str()) != names.end();
    if (wanted && !member.api_url.empty()) print_version(context, member);
  }
  return {};
}

}  // namespace regent::ctl
