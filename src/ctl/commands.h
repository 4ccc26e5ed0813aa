// The commands, one file per family.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ctl/context.h"
#include "ctl/options.h"

namespace regent::ctl {

struct Command {
  CommandLine line;  // `path` is the bare name until the program's name is put before it
  std::function<Status(Context&, const CommandLine&, const Arguments&)> run;
};

// In the order help lists them. Options and words follow the generation.
std::vector<Command> all_commands(Generation generation);

struct ListStyle {
  std::string format = "pretty";
  bool extended = false;
};

// The table of `list`, which many commands show first.
void print_members(Context& context, const Cluster& cluster, const ListStyle& style);

// The cluster on the command line, else the configured one.
Outcome<std::string> cluster_name(const Context& context, const CommandLine& line, const Arguments& arguments);
Outcome<Cluster> open_named(Context& context, const CommandLine& line, const Arguments& arguments);

// Calls `body` once, or again and again every `-w` seconds (`-W`: 2), clearing the screen before where `clear` says so.
Status watching(Context& context, const Arguments& arguments, bool clear, const std::function<Status()>& body);

Status run_list(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_topology(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_switchover(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_failover(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_restart(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_reload(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_reinit(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_flush(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_pause(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_resume(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_show_config(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_edit_config(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_history(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_dsn(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_query(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_remove(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_slots(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_version(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_demote_cluster(Context& context, const CommandLine& line, const Arguments& arguments);
Status run_promote_cluster(Context& context, const CommandLine& line, const Arguments& arguments);

}  // namespace regent::ctl
