// demote-cluster, promote-cluster: a cluster becomes a copy of another one, or stands on its own again.
#include <fmt/format.h>

#include "ctl/commands.h"
#include "ctl/prompt.h"
#include "model/settings.h"

namespace regent::ctl {
namespace {

constexpr Duration step = std::chrono::seconds(1);
// Beyond what a clean stop, a start and two cycles take.
constexpr int patience = 120;  // steps

// Writes the configuration as it was read, changed in one place.
Status change(Context& context, Cluster& cluster, const Json& patch, bool force, const std::string& question) {
  if (!cluster.view.config.exists()) return refuse("The config key does not exist in the cluster " + cluster.name);
  print_members(context, cluster, {});
  if (!force) {
    const auto sure = confirm(context, question);
    if (!sure) return tl::unexpected(sure.error());
    if (!*sure) return abort_command();
  }
  Json config = cluster.view.config.value;
  merge_patch(config, patch);
  const auto written =
      cluster.store->write({action::Key::config, to_compact(config), cluster.view.config.version, false});
  if (!written && written.error().kind == ErrorKind::conflict) {
    return refuse("Config modification aborted due to concurrent changes");
  }
  if (!written) return refuse(fmt::format("The configuration was not changed: {}", written.error().message));
  return {};
}

// Until the leader's member key tells of the new role.
Status wait_for(Context& context, Cluster& cluster, Role role, const std::string& done) {
  for (int i = 0; i < patience; ++i) {
    if (const auto fresh = cluster.refresh(); !fresh) return fresh;
    const Member* leader = cluster.view.leader_member();
    if (leader != nullptr && leader->role == role && leader->state == PgState::running) {
      print_members(context, cluster, {});
      context.line(done);
      return {};
    }
    context.terminal.sleep(step);
  }
  context.failed("The configuration was changed, but no leader in the new role has been seen yet");
  return {};
}

}  // namespace

Status run_demote_cluster(Context& context, const CommandLine& line, const Arguments& arguments) {
  Json section = Json::object();
  if (const auto host = arguments.text("host")) section["host"] = *host;
  if (const auto port = arguments.integer("port")) section["port"] = *port;
  if (const auto command = arguments.text("restore-command")) section["restore_command"] = *command;
  if (section.empty()) {
    return refuse("At least one of --host, --port and --restore-command must be given");
  }
  if (const auto slot = arguments.text("primary-slot-name")) section["primary_slot_name"] = *slot;
  auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  if (parse_settings(cluster->view.config.value).standby_cluster) {
    return refuse(fmt::format("Cluster {} is already a standby cluster", cluster->name));
  }
  const Json patch{{"standby_cluster", section}};
  const auto changed = change(context, *cluster, patch, arguments.has("force"),
                              fmt::format("Are you sure you want to demote {} cluster?", cluster->name));
  if (!changed) return changed;
  return wait_for(context, *cluster, Role::standby_leader,
                  fmt::format("Success: cluster {} is a standby cluster", cluster->name));
}

Status run_promote_cluster(Context& context, const CommandLine& line, const Arguments& arguments) {
  auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  if (!parse_settings(cluster->view.config.value).standby_cluster) {
    return refuse(fmt::format("Cluster {} is not a standby cluster", cluster->name));
  }
  const Json patch{{"standby_cluster", nullptr}};
  const auto changed = change(context, *cluster, patch, arguments.has("force"),
                              fmt::format("Are you sure you want to promote {} cluster?", cluster->name));
  if (!changed) return changed;
  return wait_for(context, *cluster, Role::primary, fmt::format("Success: cluster {} is promoted", cluster->name));
}

}  // namespace regent::ctl
