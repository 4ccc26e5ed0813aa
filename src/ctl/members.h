// Choosing members of a cluster, and talking to their REST API.
// Errors: a Stop where the choice makes no sense; a member that does not answer is no Stop, the caller decides.
#pragma once

#include <string>
#include <vector>

#include "ctl/context.h"

namespace regent::ctl {

// Members with a role as `--role` names it: leader, primary, master, standby-leader, replica, standby, any.
std::vector<const Member*> members_with_role(const ClusterView& view, const std::string& role);

// The leader, if any, and then the others.
std::vector<const Member*> leader_first(const ClusterView& view);

struct Selection {
  std::vector<std::string> names;  // as given on the command line
  std::string role;                // as given
  bool role_given = false;         // `role` is not just the default
  bool force = false;              // ask nothing
  bool confirm = true;             // ask whether it is meant
  std::string action;              // restart, reload, reinitialize, flush
};

// Shows the cluster and returns the members the command is for.
Outcome<std::vector<Member>> select_members(Context& context, const Cluster& cluster, const Selection& selection);

// Asks "Are you sure ...", unless forced.
Status confirm_action(Context& context, const std::vector<Member>& members, bool force, const std::string& action,
                      const std::string& scheduled_at);

// `endpoint` has no leading slash. The body of an object is sent as JSON.
Result<HttpAnswer> request(Context& context, const Member& member, const std::string& method,
                           const std::string& endpoint, const Json& body = nullptr, Duration timeout = 10s);

// Prints success or failure of an action; true when it was one. `quiet`: say nothing about a success.
bool report_answer(Context& context, const Result<HttpAnswer>& answer, const std::string& member,
                   const std::string& action, bool quiet = false);
// "Failed: restart for member n1, status code=503, (...)", or why the member could not be asked.
void report_failure(Context& context, const Result<HttpAnswer>& answer, const std::string& member,
                    const std::string& action);

}  // namespace regent::ctl
