#include "ctl/members.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "ctl/commands.h"
#include "ctl/prompt.h"

namespace regent::ctl {
namespace {

std::vector<std::string> names_of(const std::vector<const Member*>& members) {
  std::vector<std::string> names;
  for (const auto* member : members) names.push_back(member->name.str());
  return names;
}

std::string endpoint_url(const Member& member, const std::string& endpoint) {
  const std::string& url = member.api_url;
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return {};
  return url.substr(0, url.find('/', scheme + 3)) + "/" + endpoint;
}

}  // namespace

std::vector<const Member*> members_with_role(const ClusterView& view, const std::string& role) {
  std::vector<const Member*> out;
  if (role == "leader" || role == "primary" || role == "master" || role == "standby-leader") {
    const Member* leader = view.leader_member();
    if (leader == nullptr) return out;
    const bool standby = leader->role == Role::standby_leader;
    if (role == "leader" || standby == (role == "standby-leader")) out.push_back(leader);
    return out;
  }
  for (const auto& member : view.members) {
    const bool leads = view.leader.exists() && member.name == view.leader.name;
    if (role == "any" || !leads) out.push_back(&member);
  }
  return out;
}

std::vector<const Member*> leader_first(const ClusterView& view) {
  auto out = members_with_role(view, "leader");
  const auto others = members_with_role(view, "replica");
  out.insert(out.end(), others.begin(), others.end());
  return out;
}

Outcome<std::vector<Member>> select_members(Context& context, const Cluster& cluster, const Selection& selection) {
  const ClusterView& view = cluster.view;
  const auto fitting = names_of(members_with_role(view, selection.role));
  if (fitting.empty()) return refuse(cluster.name + " cluster doesn't have any members");
  print_members(context, cluster, ListStyle{});

  std::vector<std::string> names;
  for (const auto& name : selection.names) {
    if (std::find(fitting.begin(), fitting.end(), name) != fitting.end()) names.push_back(name);
  }
  if (!selection.names.empty() && names.empty()) {
    // Patroni 4 quotes the role when it is its own default.
    const bool quote = !selection.role_given && selection.role == "any" && context.generation() == Generation::v4;
    return refuse(fmt::format("No {} among provided members", quote ? "'" + selection.role + "'" : selection.role));
  }
  // Throwing data away is never meant for everybody by default.
  if (selection.names.empty() && selection.action != "reinitialize") names = fitting;
  if (names.empty() && !selection.force) {
    const auto answer = prompt(
        context, fmt::format("Which member do you want to {} [{}]?", selection.action, fmt::join(fitting, ", ")), "");
    if (!answer) return tl::unexpected(answer.error());
    if (view.member(MemberName(*answer)) == nullptr) return refuse(*answer + " is not a member of cluster");
    names.push_back(*answer);
  }
  std::vector<Member> members;
  for (const auto& name : names) members.push_back(*view.member(MemberName(name)));
  if (selection.confirm) {
    const auto sure = confirm_action(context, members, selection.force, selection.action, "");
    if (!sure) return tl::unexpected(sure.error());
  }
  return members;
}

Status confirm_action(Context& context, const std::vector<Member>& members, bool force, const std::string& action,
                      const std::string& scheduled_at) {
  if (force) return {};
  std::string names;
  for (const auto& member : members) names += (names.empty() ? "" : ", ") + member.name.str();
  const std::string what = scheduled_at.empty()
                               ? fmt::format("{} members {}", action, names)
                               : fmt::format("schedule {} of members {} at {}", action, names, scheduled_at);
  const auto sure = confirm(context, fmt::format("Are you sure you want to {}?", what));
  if (!sure) return tl::unexpected(sure.error());
  if (!*sure) return refuse(fmt::format("Aborted {}{}", scheduled_at.empty() ? "" : "scheduled ", action));
  return {};
}

Result<HttpAnswer> request(Context& context, const Member& member, const std::string& method,
                           const std::string& endpoint, const Json& body, Duration timeout) {
  const std::string url = endpoint_url(member, endpoint);
  if (url.empty()) {
    return fail(ErrorKind::invalid,
                fmt::format("member {} does not publish the address of its REST API", member.name.str()));
  }
  return context.http.request(method, url, body.is_null() ? std::nullopt : std::optional(to_spaced(body)), timeout);
}

void report_failure(Context& context, const Result<HttpAnswer>& answer, const std::string& member,
                    const std::string& action) {
  if (answer) {
    context.failed(
        fmt::format("Failed: {} for member {}, status code={}, ({})", action, member, answer->status, answer->body));
    return;
  }
  context.unreachable = true;
  context.failed(fmt::format("Failed: {} for member {}: {}", action, member, answer.error().message));
}

bool report_answer(Context& context, const Result<HttpAnswer>& answer, const std::string& member,
                   const std::string& action, bool quiet) {
  if (!answer || answer->status >= 400) {
    report_failure(context, answer, member, action);
    return false;
  }
  if (!quiet) context.line(fmt::format("Success: {} for member {}", action, member));
  return true;
}

}  // namespace regent::ctl
