#include "rest/routes.h"

#include "rest/changes.h"
#include "rest/failover.h"
#include "rest/queries.h"

namespace regent::rest {
namespace {

using Access = Route::Access;
using Body = BodyKind;
using Look = Route::Look;

constexpr auto open = Access::open;
constexpr auto credentials = Access::credentials;

constexpr Route health(std::string_view name, std::string_view help, std::string_view since = "") {
  return {"GET", name, open, Body::none, Look::last, nullptr, get_health, since, help};
}
constexpr Route document(std::string_view name, Look look, Handling (*handle)(const Call&), std::string_view help,
                         std::string_view since = "") {
  return {"GET", name, open, Body::none, look, nullptr, handle, since, help};
}

constexpr Route table[] = {
    health("", "as /primary"),
    health("primary", "200: the leader, which is a primary with a valid lease and accepts connections"),
    health("read-write", "as /primary"),
    health("master", "as /primary"),
    health("leader", "200: the leader, also that of a standby cluster"),
    health("standby-leader", "200: the leader of a standby cluster"),
    health("standby_leader", "as /standby-leader"),
    health("replica",
           "200: a replica that runs, without the tag noloadbalance; ?lag=16MB: not further behind; "
           "?replication_state=streaming; ?tag_NAME=VALUE: with that tag"),
    health("read-only", "200: a primary or a replica that runs"),
    health("synchronous", "200: a synchronous standby"),
    health("sync", "as /synchronous"),
    health("quorum", "200: a standby of the quorum", "4"),
    health("read-only-sync", "200: a primary or a synchronous standby"),
    health("read-only-synchronous", "as /read-only-sync"),
    health("read-only-quorum", "200: a primary or a standby of the quorum", "4"),
    health("asynchronous", "200: a replica that is no synchronous one"),
    health("async", "as /asynchronous"),
    health("health", "200: PostgreSQL runs"),
    document("liveness", Look::last, get_liveness, "200: the control loop goes round"),
    document("readiness", Look::last, get_readiness,
             "200: the leader, or a replica that serves fresh data; ?lag=16MB, ?mode=apply or write"),
    document("patroni", Look::recent, get_status, "this member: state, role, positions, tags; more under regent"),
    document("cluster", Look::store, get_cluster, "the members with role, state and lag, and what is scheduled"),
    document("history", Look::store, get_history, "the changes of the leader"),
    document("config", Look::store, get_config, "the dynamic configuration"),
    document("metrics", Look::last, get_metrics, "for Prometheus"),
    document("failsafe", Look::last, get_failsafe, "the members that failsafe mode counts on", "3"),
    document("slots", Look::server, get_slots, "the ledger of the replication slots of this member", "Regent"),
    {"GET", "*", open, Body::none, Look::last, nullptr, get_health, "", "503, and the status document"},
    {"HEAD", "*", open, Body::none, Look::last, nullptr, get_health_code, "", "as the health check GET, only the code"},
    {"OPTIONS", "*", open, Body::none, Look::last, nullptr, get_health_code, "",
     "as the health check GET, only the code"},
    {"PATCH", "config", credentials, Body::object, Look::last, nullptr, patch_config, "",
     "merges the body into the dynamic configuration; null removes a key; 400: PostgreSQL would refuse a parameter, "
     "unless ?force_invalid=true; ?dry_run=true: nothing is written"},
    {"PUT", "config", credentials, Body::object, Look::last, nullptr, put_config, "",
     "replaces the dynamic configuration; otherwise as PATCH"},
    {"POST", "switchover", credentials, Body::object, Look::members, tell_members, post_switchover, "",
     "hands over: leader, candidate, scheduled_at; answers when there is a new leader"},
    {"POST", "failover", credentials, Body::object, Look::members, tell_members, post_failover, "",
     "makes candidate the leader, also where there is none; answers when it leads"},
    {"DELETE", "switchover", credentials, Body::none, Look::last, nullptr, delete_switchover, "",
     "takes a planned switchover back"},
    {"POST", "restart", credentials, Body::optional, Look::last, tell_body, post_restart, "",
     "restarts PostgreSQL: schedule, role, postgres_version, timeout, restart_pending"},
    {"DELETE", "restart", credentials, Body::none, Look::last, nullptr, delete_restart, "",
     "takes a planned restart back"},
    {"POST", "reload", credentials, Body::none, Look::last, nullptr, post_reload, "", "reads the configuration again"},
    {"POST", "reinitialize", credentials, Body::optional, Look::last, tell_body, post_reinitialize, "",
     "makes this replica anew: force, from_leader"},
    {"POST", "failsafe", Access::members, Body::own, Look::last, nullptr, post_failsafe, "3",
     "a leader without the store asks whether this member lets it go on"},
    {"POST", "sigterm", credentials, Body::none, Look::last, nullptr, post_sigterm, "3", "501: use the signal"},
};

}  // namespace

std::span<const Route> routes() {
  return table;
}

const Route* find_route(std::string_view method, const Target& target) {
  const Route* any = nullptr;
  for (const Route& route : table) {
    if (route.method != method) continue;
    if (route.endpoint == target.endpoint) return &route;
    if (route.endpoint == "*") any = &route;
  }
  return any;
}

}  // namespace regent::rest
