// switchover, failover: ask the leader (or the candidate) by REST, else leave the request in the store (T12, T25).
#include <fmt/format.h>

#include <algorithm>

#include "ctl/commands.h"
#include "ctl/members.h"
#include "ctl/prompt.h"
#include "model/settings.h"

namespace regent::ctl {
namespace {

struct Request {
  std::string action;  // switchover or failover
  std::string leader;  // who is to step down; empty: a failover
  std::string candidate;
  std::optional<Schedule> schedule;
  bool force = false;
};

// The last step is seen a moment after the request is answered; nobody waits long for it.
constexpr int step_looks = 6;
constexpr Duration step_pause = 50ms;
constexpr Duration step_patience = 500ms;

std::string python_list(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "'" : ", '") + name + "'";
  return "[" + out + "]";
}

Status choose_leader(Context& context, const Cluster& cluster, const Settings& settings,
                     std::optional<std::string> given, Request& request) {
  const auto& leader = cluster.view.leader;
  if (!leader.exists()) return refuse("This cluster has no leader");
  if (!given) {
    if (request.force) {
      given = leader.name.str();
    } else {
      const auto* word = settings.standby_cluster                   ? "Standby Leader"
                         : context.generation() == Generation::v2_1 ? "Master"
                                                                    : "Primary";
      const auto answer = prompt(context, word, leader.name.str());
      if (!answer) return tl::unexpected(answer.error());
      given = *answer;
    }
  }
  if (*given != leader.name.str()) {
    return refuse(fmt::format("Member {} is not the leader of cluster {}", *given, cluster.name));
  }
  request.leader = *given;
  return {};
}

Status choose_candidate(Context& context, const Cluster& cluster, std::optional<std::string> given, Request& request) {
  const std::string leader = cluster.view.leader.exists() ? cluster.view.leader.name.str() : "";
  std::vector<std::string> names;
  for (const auto& member : cluster.view.members) {
    if (member.name.str() != leader && !member.tags.nofailover) names.push_back(member.name.str());
  }
  if (names.empty()) return refuse(fmt::format("No candidates found to {} to", request.action));
  if (!given && !request.force) {
    const auto answer = prompt(context, "Candidate " + python_list(names), "");
    if (!answer) return tl::unexpected(answer.error());
    given = *answer;
  }
  request.candidate = given.value_or("");
  if (request.candidate.empty()) {
    if (request.action == "failover") return refuse("Failover could be performed only to a specific candidate");
    return {};
  }
  if (request.candidate == leader) {
    return refuse(fmt::format("Member {} is already the leader of cluster {}", leader, cluster.name));
  }
  if (std::find(names.begin(), names.end(), request.candidate) == names.end()) {
    return refuse(fmt::format("Member {} does not exist in cluster {} or is tagged as nofailover", request.candidate,
                              cluster.name));
  }
  return {};
}

// I7: with synchronous replication an asynchronous node may lack acknowledged transactions; a person may want it.
Status confirm_asynchronous(Context& context, const Cluster& cluster, const Settings& settings,
                            const Request& request) {
  const SyncState& sync = cluster.view.sync.value;
  if (request.force || request.action != "failover" || !settings.synchronous() || sync.empty()) return {};
  const MemberName candidate(request.candidate);
  if (sync.names(candidate)) return {};
  const auto sure = confirm(
      context, fmt::format("Are you sure you want to failover to the asynchronous node {}?", request.candidate));
  if (!sure) return tl::unexpected(sure.error());
  return *sure ? Status() : refuse("Aborting failover");
}

Status choose_time(Context& context, const Settings& settings, std::optional<std::string> given, Request& request) {
  if (request.action != "switchover") return {};
  if (!given && !request.force) {
    const auto answer =
        prompt(context, fmt::format("When should the switchover take place (e.g. {} ) ", next_hour(context)), "now");
    if (!answer) return tl::unexpected(answer.error());
    given = *answer;
  }
  const auto schedule = parse_schedule(context, given.value_or(""));
  if (!schedule) return tl::unexpected(schedule.error());
  request.schedule = *schedule;
  if (request.schedule && settings.pause) return refuse("Can't schedule switchover in the paused state");
  return {};
}

Status confirm_request(Context& context, const Cluster& cluster, const Request& request) {
  if (request.force) return {};
  const auto& leader = cluster.view.leader;
  const std::string demoting = leader.exists() ? ", demoting current leader " + leader.name.str() : "";
  const std::string what = request.schedule ? fmt::format("schedule {} of cluster {} at {}", request.action,
                                                          cluster.name, request.schedule->iso)
                                            : fmt::format("{} cluster {}", request.action, cluster.name);
  const auto sure = confirm(context, fmt::format("Are you sure you want to {}{}?", what, demoting));
  if (!sure) return tl::unexpected(sure.error());
  if (*sure) return {};
  return refuse(fmt::format("Aborting {}{}", request.schedule ? "scheduled " : "", request.action));
}

Json request_body(const Request& request) {
  Json body = Json::object();
  if (!request.leader.empty()) body["leader"] = request.leader;
  body["candidate"] = request.candidate.empty() ? Json(nullptr) : Json(request.candidate);
  if (request.schedule) body["scheduled_at"] = request.schedule->iso;
  return body;
}

// The members look at the key on their own; the version read guards against a request in between (I11).
Status leave_in_store(Context& context, Cluster& cluster, const Request& request) {
  context.line(
      fmt::format("{} Could not {} using Patroni api, falling back to DCS", timestamp(context, 5), request.action));
  Failover failover{MemberName(request.leader), MemberName(request.candidate), std::nullopt};
  if (request.schedule) failover.scheduled_at = request.schedule->at;
  const auto written =
      cluster.store->write({action::Key::failover, print_failover(failover), cluster.view.failover.version, false});
  if (written) return {};
  if (written.error().kind == ErrorKind::conflict) {
    return refuse("Another failover or switchover was requested meanwhile");
  }
  return refuse(fmt::format("The request could not be left in the store: {}", written.error().message));
}

// The old leader tells how long the steps took, once it has seen the last of them.
void print_steps(Context& context, const Member& old_leader) {
  for (int i = 0; i < step_looks; ++i) {
    const auto answer = ctl::request(context, old_leader, "GET", "patroni", Json(), step_patience);
    const auto document = answer && answer->status == 200 ? parse_json(answer->body, "the answer") : Result<Json>();
    const Json* regent = document && document->is_object() ? find(*document, "regent") : nullptr;
    const Json* handover = regent == nullptr ? nullptr : find(*regent, "handover");
    if (handover == nullptr) return;
    const auto seconds = [&](const char* key) {
      const Json* value = find(*handover, key);
      return value != nullptr && value->is_number() ? value->get<double>() : 0.0;
    };
    if (const Json* paused = find(*handover, "writes_paused"); paused != nullptr && paused->is_number()) {
      return context.line(
          fmt::format("Writes were paused for {:.2f} s (candidate ready after {:.2f}, checkpoint {:.2f}, stopped in "
                      "{:.2f}, taken over in {:.2f}, promoted in {:.2f})",
                      paused->get<double>(), seconds("ready"), seconds("checkpoint"), seconds("stopped"),
                      seconds("taken_over"), seconds("promoted")));
    }
    context.terminal.sleep(step_pause);
  }
}

Status send(Context& context, Cluster& cluster, const Settings& settings, const Request& request) {
  const Member* member = cluster.view.leader_member();
  if (member == nullptr && !request.candidate.empty()) member = cluster.view.member(MemberName(request.candidate));
  // A member answers when the new leader is there or it gave up waiting, twice max(10, loop_wait) later.
  const Duration patience = 2 * std::max<Duration>(10s, settings.loop_wait) + 10s;
  Result<HttpAnswer> answer = fail(ErrorKind::unreachable, "the leader is no member of the cluster");
  if (member != nullptr) {
    answer = ctl::request(context, *member, "POST", request.action, request_body(request), patience);
    const bool too_old = answer && answer->status == 501 && request.action == "switchover";
    if (too_old) answer = ctl::request(context, *member, "POST", "failover", request_body(request), patience);
  }
  if (answer && answer->status != 200 && answer->status != 202) {
    const auto* word = request.action == "switchover" ? "Switchover" : "Failover";
    context.failed(fmt::format("{} failed, details: {}, {}", word, answer->status, answer->body));
    return {};
  }
  if (answer) {
    context.line(fmt::format("{} {}", timestamp(context, 5), answer->body));
  } else if (const auto kind = answer.error().kind; kind == ErrorKind::timeout || kind == ErrorKind::failed) {
    // The member may be at it: a second request by another way could be carried out twice (F32).
    return refuse(fmt::format("The status of the {} is unknown: {}", request.action, answer.error().message));
  } else {
    context.warn("WARNING: " + answer.error().message);
    if (const auto left = leave_in_store(context, cluster, request); !left) return left;
  }
  // A candidate that was asked because nobody leads would tell of the last time that it led itself.
  const bool led = member != nullptr && member == cluster.view.leader_member();
  const auto old_leader = led && !request.schedule && answer ? std::optional(*member) : std::nullopt;
  if (const auto fresh = cluster.refresh(); !fresh) return fresh;
  print_members(context, cluster, {});
  if (old_leader && !old_leader->regent.empty()) print_steps(context, *old_leader);
  return {};
}

Status run(Context& context, const CommandLine& line, const Arguments& arguments, const std::string& action,
           const std::optional<std::string>& leader) {
  auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  const Settings settings = parse_settings(cluster->view.config.value);
  context.line("Current cluster topology");
  print_members(context, *cluster, {});
  Request request;
  request.action = action;
  request.force = arguments.has("force");
  if (action == "switchover") {
    if (const auto done = choose_leader(context, *cluster, settings, leader, request); !done) return done;
  }
  if (const auto done = choose_candidate(context, *cluster, arguments.text("candidate"), request); !done) return done;
  if (const auto done = confirm_asynchronous(context, *cluster, settings, request); !done) return done;
  if (const auto done = choose_time(context, settings, arguments.text("scheduled"), request); !done) return done;
  if (const auto done = confirm_request(context, *cluster, request); !done) return done;
  return send(context, *cluster, settings, request);
}

}  // namespace

Status run_switchover(Context& context, const CommandLine& line, const Arguments& arguments) {
  return run(context, line, arguments, "switchover", arguments.text("leader"));
}

Status run_failover(Context& context, const CommandLine& line, const Arguments& arguments) {
  // Before 4.0 `failover --leader` was a switchover (T12).
  const auto leader = arguments.text("leader");
  return run(context, line, arguments, leader ? "switchover" : "failover", leader);
}

}  // namespace regent::ctl
