// restart, reload, reinit, flush: requests to single members by REST.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <random>

#include "ctl/commands.h"
#include "ctl/members.h"
#include "ctl/prompt.h"
#include "model/settings.h"
#include "model/standby_settings.h"

namespace regent::ctl {
namespace {

// A restart answers when PostgreSQL is up again, which may take as long as a recovery.
constexpr Duration restart_patience = std::chrono::hours(1);
constexpr Duration reinit_patience = std::chrono::minutes(1);
constexpr Duration wait_step = 2s;

Outcome<std::vector<Member>> choose(Context& context, const Cluster& cluster, const Arguments& arguments,
                                    const std::string& action, bool confirm) {
  Selection selection;
  selection.names = arguments.positional("MEMBER_NAMES");
  selection.role_given = arguments.has("role");
  selection.role = action == "reinitialize" ? "replica" : arguments.text("role").value_or("any");
  selection.force = arguments.has("force");
  selection.action = action;
  selection.confirm = confirm;
  return select_members(context, cluster, selection);
}

// 9.5.2 and 10.1, as PostgreSQL numbers its releases: three parts before 10, two from there on.
Status check_version(const std::string& version) {
  std::vector<int> parts;
  const char* at = version.data();
  const char* end = at + version.size();
  while (true) {
    int part = 0;
    const auto [stop, error] = std::from_chars(at, end, part);
    if (error != std::errc() || (stop != end && *stop != '.')) {
      return refuse("Invalid PostgreSQL version: " + version);
    }
    parts.push_back(part);
    if (stop == end) break;
    at = stop + 1;
  }
  const std::size_t wanted = parts.front() < 10 ? 3 : 2;
  if (parts.size() == wanted) return {};
  return refuse("Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: " + version);
}

// Less than 0: such a value of the running server is to become smaller; more: larger.
int direction(const Json& reasons) {
  int way = 0;
  for (const auto& setting : standby_settings) {
    const Json* change = reasons.is_object() ? find(reasons, setting.name) : nullptr;
    const auto number = [&](std::string_view key) -> std::optional<long> {
      const Json* value = change == nullptr ? nullptr : find(*change, key);
      if (value == nullptr) return std::nullopt;
      const auto text = value->is_string() ? value->get<std::string>() : value->dump();
      long out = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
      return error == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
    };
    const auto before = number("old_value"), after = number("new_value");
    if (before && after && *before != *after) way = *after < *before ? -1 : way == 0 ? 1 : way;
  }
  return way;
}

// A hot standby must not have less of some things than its primary has, or had by the WAL that it replays: the primary
// is restarted first where they become fewer, and last where they become more.
void order_restarts(const ClusterView& view, std::vector<Member>& members) {
  if (!view.leader.exists()) return;
  int way = 0;
  for (const auto& member : members) {
    const int own = direction(member.pending_restart_reason);
    if (own < 0 || way == 0) way = own;
  }
  if (way == 0) return;
  const auto leads = [&](const Member& member) { return member.name == view.leader.name; };
  std::stable_partition(members.begin(), members.end(),
                        [&](const Member& member) { return way < 0 ? leads(member) : !leads(member); });
}

struct RestartPlan {
  std::vector<Member> members;
  Json body = Json::object();
  bool scheduled = false;
};

Outcome<RestartPlan> plan_restart(Context& context, const Cluster& cluster, const Arguments& arguments) {
  const bool force = arguments.has("force");
  auto members = choose(context, cluster, arguments, "restart", false);
  if (!members) return tl::unexpected(members.error());
  RestartPlan plan{std::move(*members)};
  if (arguments.has("pending")) {
    std::erase_if(plan.members, [](const Member& member) { return !member.pending_restart; });
    if (plan.members.empty()) return plan;
  }
  auto when = arguments.text("scheduled");
  if (!when && !force) {
    const auto answer =
        prompt(context, fmt::format("When should the restart take place (e.g. {}) ", next_hour(context)), "now");
    if (!answer) return tl::unexpected(answer.error());
    when = *answer;
  }
  const auto schedule = parse_schedule(context, when.value_or(""));
  if (!schedule) return tl::unexpected(schedule.error());
  const auto sure = confirm_action(context, plan.members, force, "restart", *schedule ? (*schedule)->spaced : "");
  if (!sure) return tl::unexpected(sure.error());
  if (arguments.has("any") && plan.members.size() > 1) {
    std::shuffle(plan.members.begin(), plan.members.end(), std::mt19937(std::random_device{}()));
    plan.members.resize(1);
  }
  auto version = arguments.text("pg-version");
  if (!version && !force) {
    const auto answer = prompt(context, "Restart if the PostgreSQL version is less than provided (e.g. 9.5.2) ", "");
    if (!answer) return tl::unexpected(answer.error());
    version = *answer;
  }
  if (arguments.has("pending")) plan.body["restart_pending"] = true;
  if (version && !version->empty()) {
    if (const auto fine = check_version(*version); !fine) return tl::unexpected(fine.error());
    plan.body["postgres_version"] = *version;
  }
  if (*schedule) {
    if (parse_settings(cluster.view.config.value).pause) return refuse("Can't schedule restart in the paused state");
    plan.body["schedule"] = (*schedule)->iso;
    plan.scheduled = true;
  }
  if (const auto timeout = arguments.text("timeout")) plan.body["timeout"] = *timeout;
  return plan;
}

void report_restart(Context& context, const Result<HttpAnswer>& answer, const std::string& name) {
  if (answer && answer->status == 200) {
    context.line("Success: restart on member " + name);
  } else if (answer && answer->status == 202) {
    context.line("Success: restart scheduled on member " + name);
  } else if (answer && answer->status == 409) {
    context.failed("Failed: another restart is already scheduled on member " + name);
  } else {
    report_failure(context, answer, name, "restart");
  }
}

bool start_reinit(Context& context, const Member& member, bool force, bool from_leader) {
  const std::string& name = member.name.str();
  Json body = {{"force", force}};
  if (from_leader) body["from_leader"] = true;
  while (true) {
    const auto answer = request(context, member, "POST", "reinitialize", body, reinit_patience);
    if (report_answer(context, answer, name, "reinitialize")) return true;
    if (force || !answer || !answer->body.ends_with(" already in progress")) return false;
    const auto again = confirm(context, "Do you want to cancel it and reinitialize anyway?");
    if (!again || !*again) return false;
    body["force"] = force = true;
  }
}

// A member that does not answer is still at it: its REST API outlives the work, so it comes back.
bool is_reinitializing(Context& context, const Member& member) {
  const auto answer = request(context, member, "GET", "patroni");
  if (!answer) return true;
  const auto document = parse_json(answer->body, "the answer of " + member.name.str());
  const Json* state = document ? find(*document, "state") : nullptr;
  return state != nullptr && *state == to_string(PgState::creating_replica);
}

void wait_for_reinit(Context& context, std::vector<Member> members) {
  std::size_t shown = 0;
  while (!members.empty()) {
    if (members.size() != shown) {
      std::vector<std::string> names;
      for (const auto& member : members) names.push_back(member.name.str());
      context.line(fmt::format("Waiting for reinitialize to complete on: {}", fmt::join(names, ", ")));
      shown = members.size();
    }
    context.terminal.sleep(wait_step);
    std::erase_if(members, [&](const Member& member) {
      if (is_reinitializing(context, member)) return false;
      context.line("Reinitialize is completed on: " + member.name.str());
      return true;
    });
  }
}

Status flush_restarts(Context& context, const Cluster& cluster, const Arguments& arguments) {
  const auto members = choose(context, cluster, arguments, "flush", true);
  if (!members) return tl::unexpected(members.error());
  for (const auto& member : *members) {
    if (member.scheduled_restart.is_null()) {
      context.line("No scheduled restart for member " + member.name.str());
      continue;
    }
    report_answer(context, request(context, member, "DELETE", "restart"), member.name.str(), "flush scheduled restart");
  }
  return {};
}

Status flush_switchover(Context& context, const Cluster& cluster) {
  if (!cluster.view.failover.value.scheduled_at) {
    context.line("No pending scheduled switchover");
    return {};
  }
  for (const auto* member : leader_first(cluster.view)) {
    const auto answer = request(context, *member, "DELETE", "switchover");
    if (!answer) {
      context.warn("WARNING: " + answer.error().message);
      context.warn(fmt::format("WARNING: Member {} is not accessible", member->name.str()));
    } else if (answer->status == 200) {
      context.line("Success: " + answer->body);
      return {};
    } else if (answer->status == 404) {
      context.failed("Failed: " + answer->body);
      return {};
    } else {
      context.failed(
          fmt::format("Failed: member={}, status_code={}, ({})", member->name.str(), answer->status, answer->body));
    }
  }
  context.line(
      fmt::format("{} Could not find any accessible member of cluster {}", timestamp(context, 5), cluster.name));
  const auto erased =
      cluster.store->write({action::Key::failover, print_failover(Failover{}), cluster.view.failover.version, false});
  if (erased) return {};
  return refuse(fmt::format("The scheduled switchover could not be deleted in the store: {}", erased.error().message));
}

}  // namespace

Status run_restart(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  auto plan = plan_restart(context, *cluster, arguments);
  if (!plan) return tl::unexpected(plan.error());
  order_restarts(cluster->view, plan->members);
  for (const auto& member : plan->members) {
    const bool replace = plan->scheduled && arguments.has("force") && !member.scheduled_restart.is_null();
    if (replace) {
      const auto flushed = request(context, member, "DELETE", "restart");
      report_answer(context, flushed, member.name.str(), "flush scheduled restart", true);
    }
    const auto answer = request(context, member, "POST", "restart", plan->body, restart_patience);
    report_restart(context, answer, member.name.str());
  }
  return {};
}

Status run_reload(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  const auto members = choose(context, *cluster, arguments, "reload", true);
  if (!members) return tl::unexpected(members.error());
  const auto loop_wait = to_seconds(parse_settings(cluster->view.config.value).loop_wait);
  for (const auto& member : *members) {
    const std::string& name = member.name.str();
    const auto answer = request(context, member, "POST", "reload");
    if (answer && answer->status == 200) {
      context.line("No changes to apply on member " + name);
    } else if (answer && answer->status == 202) {
      context.line(fmt::format("Reload request received for member {} and will be processed within {} seconds", name,
                               loop_wait));
    } else {
      report_failure(context, answer, name, "reload");
    }
  }
  return {};
}

Status run_reinit(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  const auto members = choose(context, *cluster, arguments, "reinitialize", true);
  if (!members) return tl::unexpected(members.error());
  std::vector<Member> started;
  for (const auto& member : *members) {
    if (start_reinit(context, member, arguments.has("force"), arguments.has("from-leader"))) started.push_back(member);
  }
  if (arguments.has("wait")) wait_for_reinit(context, std::move(started));
  return {};
}

Status run_flush(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  if (arguments.first("TARGET") == "switchover") return flush_switchover(context, *cluster);
  return flush_restarts(context, *cluster, arguments);
}

}  // namespace regent::ctl
