#include "ctl/commands.h"

namespace regent::ctl {
namespace {

using Kind = Option::Kind;

Option flag(std::string names, std::string help) {
  return {std::move(names), "", std::move(help), Kind::flag};
}
Option text(std::string names, std::string help) {
  return {std::move(names), "TEXT", std::move(help), Kind::text};
}
Option help() {
  return flag("--help", "Show this message and exit.");
}
Option group() {
  return {"--group", "INTEGER", "Citus group", Kind::integer};
}
Option force() {
  return flag("--force", "Do not ask for confirmation at any point");
}
Option format() {
  return {"-f, --format", "", "Output format", Kind::choice, {"pretty", "tsv", "json", "yaml", "yml"}};
}
Option watch_two() {
  return flag("-W", "Auto update the screen every 2 seconds");
}
Option watch() {
  return {"-w, --watch", "FLOAT", "Auto update the screen every X seconds", Kind::real, {}, true};
}

Option role(Generation generation, std::string help) {
  Option option{"-r, --role",
                "",
                std::move(help),
                Kind::choice,
                {"leader", "primary", "standby-leader", "replica", "standby", "any"}};
  if (generation != Generation::v4) option.choices.emplace_back("master");
  return option;
}

// The leader's name had one word more before 4.0.
Option leader(Generation generation) {
  return text(generation == Generation::v4 ? "--leader, --primary" : "--leader, --primary, --master",
              "The name of the current leader");
}

const Argument cluster{"CLUSTER_NAME", true};
const Argument optional_cluster{"CLUSTER_NAME"};
const Argument clusters{"CLUSTER_NAMES", false, true};
const Argument members{"MEMBER_NAMES", false, true};

Command demote_cluster() {
  return {{"demote-cluster",
           "Demote cluster to a standby cluster",
           {force(),
            text("--host", "Address of the remote node"),
            {"--port", "INTEGER", "Port of the remote node", Kind::integer},
            text("--restore-command", "Command to restore WAL records from the remote primary"),
            text("--primary-slot-name", "Name of the slot on the remote node to use for replication"),
            help()},
           {optional_cluster}},
          run_demote_cluster};
}

Command edit_config() {
  return {{"edit-config",
           "Edit cluster configuration",
           {group(), flag("-q, --quiet", "Do not show changes"),
            text("-s, --set", "Set specific configuration value. Can be specified multiple times"),
            text("-p, --pg",
                 "Set specific PostgreSQL parameter value. Shorthand for -s postgresql.parameters. Can be specified "
                 "multiple times"),
            text("--apply", "Apply configuration from file. Use - for stdin."),
            text("--replace", "Apply configuration from file, replacing existing configuration. Use - for stdin."),
            flag("--force-invalid", "Change it although PostgreSQL would refuse a parameter"), force(), help()},
           {optional_cluster}},
          run_edit_config};
}

Command failover(Generation generation) {
  Command command{{"failover", "Failover to a replica", {group()}, {optional_cluster}}, run_failover};
  if (generation != Generation::v4) command.line.options.push_back(leader(generation));
  command.line.options.push_back(text("--candidate", "The name of the candidate"));
  command.line.options.push_back(force());
  command.line.options.push_back(help());
  return command;
}

Command switchover(Generation generation) {
  return {{"switchover",
           "Switchover to a replica",
           {group(), leader(generation), text("--candidate", "The name of the candidate"),
            text("--scheduled", "Timestamp of a scheduled switchover in unambiguous format (e.g. ISO 8601)"), force(),
            help()},
           {optional_cluster}},
          run_switchover};
}

Command query(Generation generation) {
  return {{"query",
           "Query a Patroni PostgreSQL member",
           {group(),
            text("--format", "Output format (pretty, tsv, json, yaml)"),
            {"-f, --file", "FILENAME", "Execute the SQL commands from this file"},
            flag("--password", "force password prompt"),
            text("-U, --username", "database user name"),
            watch_two(),
            watch(),
            role(generation, "The role of the query"),
            text("-m, --member", "Query a specific member"),
            text("--delimiter", "The column delimiter"),
            text("-c, --command", "The SQL commands to execute"),
            text("-d, --dbname", "database name to connect to"),
            help()},
           {optional_cluster}},
          run_query};
}

Command reinit(Generation generation) {
  Command command{{"reinit", "Reinitialize cluster member", {group(), force()}, {cluster, members}}, run_reinit};
  if (generation == Generation::v4) {
    command.line.options.push_back(flag("--from-leader", "Get basebackup from leader"));
  }
  command.line.options.push_back(flag("--wait", "Wait until reinitialization completes"));
  command.line.options.push_back(help());
  return command;
}

Command restart(Generation generation) {
  return {
      {"restart",
       "Restart cluster member",
       {group(), role(generation, "Restart only members with this role"), flag("--any", "Restart a single member only"),
        text("--scheduled", "Timestamp of a scheduled restart in unambiguous format (e.g. ISO 8601)"),
        text("--pg-version", "Restart if the PostgreSQL version is less than provided (e.g. 9.5.2)"),
        flag("--pending", "Restart if pending"),
        text("--timeout", "Return error and fail over if necessary when restarting takes longer than this."), force(),
        help()},
       {cluster, members}},
      run_restart};
}

Command simple(std::string name, std::string summary, std::vector<Option> options, std::vector<Argument> arguments,
               Status (*run)(Context&, const CommandLine&, const Arguments&)) {
  return {{std::move(name), std::move(summary), std::move(options), std::move(arguments)}, run};
}

}  // namespace

std::vector<Command> all_commands(Generation generation) {
  std::vector<Command> out;
  const bool standby_clusters = generation == Generation::v4;
  if (standby_clusters) out.push_back(demote_cluster());
  out.push_back(simple("dsn", "Generate a dsn for the provided member, defaults to a dsn of the leader",
                       {role(generation, "Give a dsn of any member with this role"),
                        text("-m, --member", "Generate a dsn for this member"), group(), help()},
                       {optional_cluster}, run_dsn));
  out.push_back(edit_config());
  out.push_back(failover(generation));
  out.push_back(simple("flush", "Discard scheduled events",
                       {group(), role(generation, "Flush only members with this role"), force(), help()},
                       {cluster, members, {"TARGET", true, false, {"restart", "switchover"}}}, run_flush));
  out.push_back(simple("history", "Show the history of failovers/switchovers", {group(), format(), help()},
                       {optional_cluster}, run_history));
  out.push_back(simple("list", "List the Patroni members for a given Patroni",
                       {group(), flag("-e, --extended", "Show some extra information"),
                        flag("-t, --timestamp", "Print timestamp"), format(), watch_two(), watch(), help()},
                       {clusters}, run_list));
  out.push_back(simple("pause", "Disable auto failover",
                       {group(), flag("--wait", "Wait until pause is applied on all nodes"), help()},
                       {optional_cluster}, run_pause));
  if (standby_clusters) {
    out.push_back(simple("promote-cluster", "Promote cluster, make it run standalone", {force(), help()},
                         {optional_cluster}, run_promote_cluster));
  }
  out.push_back(query(generation));
  out.push_back(reinit(generation));
  out.push_back(simple("reload", "Reload cluster member configuration",
                       {group(), role(generation, "Reload only members with this role"), force(), help()},
                       {cluster, members}, run_reload));
  out.push_back(simple("remove", "Remove cluster from DCS", {group(), format(), help()}, {cluster}, run_remove));
  out.push_back(restart(generation));
  out.push_back(simple("resume", "Resume auto failover",
                       {group(), flag("--wait", "Wait until pause is cleared on all nodes"), help()},
                       {optional_cluster}, run_resume));
  out.push_back(
      simple("show-config", "Show cluster configuration", {group(), help()}, {optional_cluster}, run_show_config));
  out.push_back(simple("slots", "Show the replication slots of all members", {group(), format(), help()},
                       {optional_cluster}, run_slots));
  out.push_back(switchover(generation));
  out.push_back(simple("topology", "Prints ASCII topology for given cluster", {group(), watch_two(), watch(), help()},
                       {clusters}, run_topology));
  out.push_back(simple("version", "Output version of patronictl command or a running Patroni instance",
                       {group(), help()}, {optional_cluster, members}, run_version));
  return out;
}

}  // namespace regent::ctl
