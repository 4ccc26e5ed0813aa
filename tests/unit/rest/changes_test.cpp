#include <gtest/gtest.h>

#include "rest/failover.h"
#include "rest/routes.h"
#include "rest/snapshots_support.h"

namespace regent::rest {
namespace {

using namespace testing;

HttpRequest request(const std::string& method, const std::string& target, std::optional<std::string> body = {}) {
  HttpRequest out;
  out.method = method;
  out.target = target;
  out.body = std::move(body);
  return out;
}

Handling handle(const HttpRequest& request, const Snapshot& snapshot, const Identity& who = self("n1")) {
  const auto target = parse_target(request.target);
  const Route* route = find_route(request.method, target);
  if (route == nullptr) return error_page(501);
  auto body = read_body(request, route->body);
  if (auto* refusal = std::get_if<HttpResponse>(&body)) return std::move(*refusal);
  SharedTexts shared;
  const Moment moment = at();
  return route->handle({request, target, std::get<Json>(body), snapshot, who, moment, shared});
}

// The status and text of a request that is answered at once.
std::pair<int, std::string> answer(const HttpRequest& request, const Snapshot& snapshot,
                                   const Identity& who = self("n1")) {
  const auto handling = handle(request, snapshot, who);
  const auto* response = std::get_if<HttpResponse>(&handling);
  if (response == nullptr) return {0, "became an intent"};
  return {response->status, response->headers.size() == 1 ? response->body : "page"};
}

Change change(const HttpRequest& request, const Snapshot& snapshot, const Identity& who = self("n1")) {
  auto handling = handle(request, snapshot, who);
  if (auto* response = std::get_if<HttpResponse>(&handling)) {
    ADD_FAILURE() << response->status << " " << response->body;
    return {};
  }
  return std::move(std::get<Change>(handling));
}

using Reply = std::pair<int, std::string>;

template <class Kind>
Kind wanted(const Change& change) {
  return std::get<Asked<Kind>>(change.intent({})).intent;
}

// What the client is told when `end` says how the intent ended.
HttpResponse response_to(const Change& change, const std::function<void(Intent&)>& end) {
  HttpResponse response;
  auto intent = change.intent([&](const Outcome& outcome) { response = outcome.answer(); });
  end(intent);
  return response;
}
Reply shown(const HttpResponse& response) {
  return {response.status, response.headers.size() == 1 ? response.body : "page"};
}
template <class Kind>
Reply told(const Change& change, Result<typename Kind::Answer> result) {
  return shown(response_to(change, [&](Intent& intent) { std::get<Asked<Kind>>(intent).reply(std::move(result)); }));
}
Reply told(const Change& change, const tl::unexpected<Error>& error) {
  return shown(
      response_to(change, [&](Intent& intent) { std::visit([&](auto& asked) { asked.reply(error); }, intent); }));
}

TEST(Config, BodiesThatAreRefused) {
  for (const char* method : {"PATCH", "PUT"}) {
    EXPECT_EQ(answer(request(method, "/config"), leader()), Reply(411, "page")) << method;
    for (const char* body : {"", "{}", "{bad", "[1]", "\"x\""}) {
      EXPECT_EQ(answer(request(method, "/config", body), leader()), Reply(400, "page")) << method << " " << body;
    }
  }
}

TEST(Config, PatchBecomesAnIntentAndTellsTheResult) {
  const auto patch = change(request("PATCH", "/config", R"({"ttl": 25})"), leader());
  EXPECT_EQ(wanted<intent::PatchConfig>(patch).patch, Json({{"ttl", 25}}));
  EXPECT_EQ(told<intent::PatchConfig>(patch, Json{{"ttl", 25}}), Reply(200, R"({"ttl": 25})"));
  EXPECT_EQ(told(patch, fail(ErrorKind::conflict, "lost")), Reply(409, "page"));
  EXPECT_EQ(told(patch, fail(ErrorKind::not_found, "no key")), Reply(503, "page"));
  EXPECT_EQ(told(patch, fail(ErrorKind::timeout, "no answer in 5 s")), Reply(503, "result unknown: no answer in 5 s"));
  const auto put = change(request("PUT", "/config", R"({"ttl": 25})"), leader());
  EXPECT_EQ(wanted<intent::ReplaceConfig>(put).config, Json({{"ttl", 25}}));
  EXPECT_EQ(told<intent::ReplaceConfig>(put, Json{{"ttl", 25}}), Reply(200, R"({"ttl": 25})"));
  EXPECT_EQ(told(put, fail(ErrorKind::conflict, "lost")), Reply(502, "page"));
  for (const auto& each : {patch, put}) {
    EXPECT_EQ(told(each, fail(ErrorKind::invalid, "foo = '1': unrecognized")), Reply(400, "foo = '1': unrecognized"));
  }
}

TEST(Config, SomebodyInsists) {
  for (const auto& [path, force] : std::map<std::string, bool>{
           {"/config", false}, {"/config?force_invalid=false", false}, {"/config?force_invalid=true", true}}) {
    const auto patch = change(request("PATCH", path, R"({"ttl": 25})"), leader());
    const auto put = change(request("PUT", path, R"({"ttl": 25})"), leader());
    EXPECT_EQ(wanted<intent::PatchConfig>(patch).force, force) << path;
    EXPECT_EQ(wanted<intent::ReplaceConfig>(put).force, force) << path;
  }
}

struct Refused {
  const char* body;
  int status;
  const char* text;
};

TEST(Switchover, RefusalsAsVersion4) {
  constexpr Refused cases[] = {
      {R"({})", 400, "page"},
      {R"([])", 400, "page"},
      {R"({)", 400, "page"},
      {R"({"leader": "n1", "candidate": "n9"})", 412, "candidate does not exists"},
      {R"({"leader": "n2", "candidate": "n3"})", 412, "leader name does not match"},
      {R"({"leader": "n2"})", 412, "leader name does not match"},
      {R"({"candidate": "n2"})", 400, "Switchover could be performed only from a specific leader"},
      {R"({"leader": "n1", "candidate": "n1"})", 400, "Switchover target and source are the same"},
      {R"({"leader": "n1", "candidate": "n2", "scheduled_at": "rubbish"})", 422,
       "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"},
      {R"({"leader": "n1", "candidate": "n2", "scheduled_at": "2001-01-01T00:00:00+00:00"})", 422,
       "Cannot schedule switchover in the past"},
      {R"({"leader": "n1", "candidate": "n2", "scheduled_at": "2101-01-01T00:00:00"})", 400,
       "Timezone information is mandatory for the scheduled switchover"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(answer(request("POST", "/switchover", c.body), leader()), Reply(c.status, c.text)) << c.body;
  }
  EXPECT_EQ(answer(request("POST", "/switchover"), leader()), Reply(411, "page"));
  EXPECT_EQ(answer(request("POST", "/switchover", ""), leader()), Reply(400, "page"));
}

TEST(Switchover, RefusalsInPause) {
  auto snapshot = leader();
  snapshot.observation.settings.pause = true;
  EXPECT_EQ(answer(request("POST", "/switchover", R"({"leader": "n1"})"), snapshot),
            Reply(400, "Switchover is possible only to a specific candidate in a paused state"));
  EXPECT_EQ(answer(request("POST", "/switchover",
                           R"({"leader": "n1", "candidate": "n2", "scheduled_at": "2101-01-01T00:00Z"})"),
                   snapshot),
            Reply(400, "Can't schedule switchover in the paused state"));
}

TEST(Failover, RefusalsOfEachGeneration) {
  constexpr auto scheduled = R"({"candidate": "n1", "scheduled_at": "2101-01-01T00:00Z"})";
  EXPECT_EQ(answer(request("POST", "/failover", "{}"), leader()), Reply(400, "page"));
  EXPECT_EQ(answer(request("POST", "/failover", R"({"leader": "n1"})"), leader()),
            Reply(400, "Failover could be performed only to a specific candidate"));
  EXPECT_EQ(answer(request("POST", "/failover", R"({"candidate": "n9"})"), leader()),
            Reply(412, "candidate does not exists"));
  EXPECT_EQ(answer(request("POST", "/failover", R"({"leader": "n9", "candidate": "n1"})"), leader()),
            Reply(412, "leader name does not match"));
  EXPECT_EQ(answer(request("POST", "/failover", scheduled), leader()), Reply(400, "Failover can't be scheduled"));
  EXPECT_EQ(answer(request("POST", "/failover", scheduled), leader(), self("n1", Generation::v3)),
            Reply(400, "Scheduled failover is possible only from a specific leader"));
}

TEST(Switchover, NeedsACandidateThatMayLead) {
  auto snapshot = leader();
  auto& view = cluster_of(snapshot);
  view.members[1].tags = parse_tags(Json{{"nofailover", true}});
  EXPECT_EQ(answer(request("POST", "/switchover", R"({"leader": "n1", "candidate": "n2"})"), snapshot),
            Reply(412, "switchover is not possible: no good candidates have been found"));
  view.members[2].state = PgState::stopped;
  EXPECT_EQ(answer(request("POST", "/switchover", R"({"leader": "n1"})"), snapshot),
            Reply(412, "switchover is not possible: no good candidates have been found"));
  view.members.resize(1);
  EXPECT_EQ(answer(request("POST", "/switchover", R"({"leader": "n1"})"), snapshot),
            Reply(412, "switchover is not possible: cluster does not have members except leader"));
}

TEST(Switchover, SynchronousModeWantsASynchronousStandby) {
  auto snapshot = leader();
  make_synchronous(snapshot, "on", {"n2"});
  EXPECT_EQ(answer(request("POST", "/switchover", R"({"leader": "n1", "candidate": "n3"})"), snapshot),
            Reply(412, "candidate name does not match with sync_standby"));
  const auto failover = change(request("POST", "/failover", R"({"candidate": "n3"})"), snapshot);
  EXPECT_EQ(wanted<intent::SetFailover>(failover).failover.candidate, MemberName("n3"));
  make_synchronous(snapshot, "on", {});
  EXPECT_EQ(answer(request("POST", "/switchover", R"({"leader": "n1"})"), snapshot),
            Reply(412, "switchover is not possible: can not find sync_standby"));
}

TEST(Switchover, StoreOutageIsNoPermission) {
  auto snapshot = leader();
  lose_store(snapshot);
  EXPECT_EQ(answer(request("POST", "/switchover", R"({"leader": "n1", "candidate": "n2"})"), snapshot),
            Reply(503, "switchover is not possible: the store does not answer"));
}

TEST(Switchover, ScheduledIsAcceptedAtOnce) {
  const auto scheduled = change(
      request("POST", "/switchover", R"({"leader": "n1", "member": "n2", "scheduled_at": "2101-01-01T02:00+02:00"})"),
      leader());
  const auto failover = wanted<intent::SetFailover>(scheduled).failover;
  EXPECT_EQ(failover, (Failover{MemberName("n1"), MemberName("n2"), parse_iso_time("2101-01-01T00:00:00Z")}));
  EXPECT_FALSE(scheduled.watch);
  EXPECT_EQ(told<intent::SetFailover>(scheduled, {}), Reply(202, "Switchover scheduled"));
  EXPECT_EQ(told(scheduled, fail(ErrorKind::conflict, "lost")), Reply(503, "failed to write failover key into DCS"));
}

// A snapshot of a later cycle.
Snapshot later(std::uint64_t cycle, const std::string& leads, bool waiting) {
  auto snapshot = leader();
  snapshot.cycle = cycle;
  auto& view = cluster_of(snapshot);
  view.leader.name = MemberName(leads);
  if (leads.empty()) view.leader = {};
  if (waiting) view.failover = {Failover{MemberName("n1"), MemberName("n2"), {}}, Version{9}};
  return snapshot;
}

std::string seen(const Watch& watch, WatchState& state, const Snapshot& snapshot) {
  const auto response = watch_result(watch, state, snapshot);
  return response ? std::to_string(response->status) + " " + response->body : "waiting";
}

TEST(Watching, SuccessIsANewLeader) {
  const auto asked = change(request("POST", "/switchover", R"({"leader": "n1", "candidate": "n2"})"), leader());
  ASSERT_TRUE(asked.watch);
  EXPECT_EQ(asked.watch->limit, Duration(20s));
  WatchState state{false, 10};
  EXPECT_EQ(seen(*asked.watch, state, later(11, "n1", true)), "waiting");
  EXPECT_EQ(seen(*asked.watch, state, later(12, "", false)), "waiting");
  EXPECT_EQ(seen(*asked.watch, state, later(13, "n2", true)), "200 Successfully switched over to \"n2\"");
  EXPECT_EQ(seen(*asked.watch, state, later(13, "n3", false)), "200 Switched over to \"n3\" instead of \"n2\"");
  const auto failover = change(request("POST", "/failover", R"({"candidate": "n2"})"), leader());
  EXPECT_EQ(seen(*failover.watch, state, later(13, "n2", false)), "200 Successfully failed over to \"n2\"");
  EXPECT_EQ(watch_timeout(*asked.watch).body, "Switchover status unknown");
  EXPECT_EQ(watch_timeout(*asked.watch).status, 503);
}

// F78: the snapshot may be older than the key, so its absence alone proves nothing.
TEST(Watching, AVanishedRequestHasFailed) {
  const Watch watch{"switchover", MemberName("n1"), MemberName("n2"), 20s};
  WatchState unseen{false, 10};
  EXPECT_EQ(seen(watch, unseen, later(10, "n1", false)), "waiting");
  EXPECT_EQ(seen(watch, unseen, later(11, "n1", false)), "waiting");
  EXPECT_EQ(seen(watch, unseen, later(12, "n1", false)), "503 Switchover failed");
  WatchState known{false, 10};
  EXPECT_EQ(seen(watch, known, later(10, "n1", true)), "waiting");
  EXPECT_EQ(seen(watch, known, later(11, "n1", false)), "503 Switchover failed");
  auto blind = later(12, "n1", false);
  lose_store(blind);
  EXPECT_EQ(seen(watch, known, blind), "waiting");
}

TEST(Switchover, Deletion) {
  auto snapshot = leader();
  const auto looked_again = change(request("DELETE", "/switchover"), snapshot);
  EXPECT_EQ(told(looked_again, fail(ErrorKind::not_found, "none")), Reply(404, "no switchover is scheduled"));
  EXPECT_EQ(told<intent::ClearFailover>(looked_again, {}), Reply(200, "scheduled switchover deleted"));
  EXPECT_EQ(told(looked_again, fail(ErrorKind::conflict, "lost")), Reply(409, "page"));
  cluster_of(snapshot).failover = {Failover{MemberName("n1"), MemberName("n2"), {}}, Version{9}};
  EXPECT_EQ(answer(request("DELETE", "/switchover"), snapshot), Reply(404, "no switchover is scheduled"));
}

TEST(Restart, RefusalsAsVersion4) {
  constexpr Refused cases[] = {
      {R"({)", 400, "page"},
      {R"({"schedule": "rubbish"})", 422,
       "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"},
      {R"({"role": "replica"})", 503, "restart conditions are not satisfied"},
      {R"({"role": "bad"})", 400, "PostgreSQL role should be either primary, standby_leader, or replica"},
      {R"({"role": "master"})", 400, "PostgreSQL role should be either primary, standby_leader, or replica"},
      {R"({"postgres_version": "x"})", 400, "Invalid PostgreSQL version: x"},
      {R"({"postgres_version": "9.6"})", 400, "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: 9.6"},
      {R"({"postgres_version": "15.20"})", 503, "restart conditions are not satisfied"},
      {R"({"timeout": -1})", 400, "Timeout should be a positive number of seconds"},
      {R"({"nosuch": 1})", 400, "Unknown filter for the scheduled restart: nosuch"},
      {R"({"restart_pending": 5})", 503, "restart conditions are not satisfied"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(answer(request("POST", "/restart", c.body), leader()), Reply(c.status, c.text)) << c.body;
  }
  EXPECT_EQ(answer(request("POST", "/restart", R"({"role": "bad"})"), leader(), self("n1", Generation::v3)),
            Reply(400, "PostgreSQL role should be either primary or replica"));
  auto paused = leader();
  paused.observation.settings.pause = true;
  EXPECT_EQ(answer(request("POST", "/restart", R"({"schedule": "2101-01-01T00:00Z"})"), paused),
            Reply(500, "Can't schedule restart in the paused state"));
}

TEST(Restart, ForLaterItBecomesAPlanOfThisVeryServer) {
  const auto later = change(
      request("POST", "/restart", R"({"schedule": "2101-01-01T00:00Z", "role": "primary", "timeout": 60})"), leader());
  const auto plan = wanted<intent::ScheduleRestart>(later).plan;
  ASSERT_TRUE(plan);
  EXPECT_EQ(to_iso_time(plan->at), "2101-01-01T00:00:00+00:00");
  EXPECT_EQ(plan->filter.role, Role::primary);
  const auto started = to_rest_time(leader().observation.postgres.server->postmaster_start_time);
  EXPECT_EQ(plan->postmaster_start_time, started);
  EXPECT_EQ(to_compact(plan->published),
            R"({"schedule":"2101-01-01T00:00:00+00:00","role":"primary","timeout":60,"postmaster_start_time":")" +
                started + R"("})");
  // What stands in the member key says the same to the next incarnation of the agent.
  EXPECT_EQ(parse_scheduled_restart(plan->published), plan);
  EXPECT_EQ(told<intent::ScheduleRestart>(later, "Restart scheduled"), Reply(202, "Restart scheduled"));
  EXPECT_EQ(told(later, fail(ErrorKind::refused, "Another restart is already scheduled")),
            Reply(409, "Another restart is already scheduled"));

  const auto never = change(request("DELETE", "/restart"), leader());
  EXPECT_FALSE(wanted<intent::ScheduleRestart>(never).plan);
  EXPECT_EQ(told<intent::ScheduleRestart>(never, "scheduled restart deleted"), Reply(200, "scheduled restart deleted"));
  EXPECT_EQ(told(never, fail(ErrorKind::refused, "no restarts are scheduled")),
            Reply(404, "no restarts are scheduled"));
}

TEST(Restart, FiltersReachTheLoop) {
  auto snapshot = leader();
  snapshot.observation.postgres.pending_restart["max_connections"] = {{"old_value", "1"}, {"new_value", "2"}};
  const auto restart =
      change(request("POST", "/restart",
                     R"({"restart_pending": true, "role": "primary", "timeout": "2min", "postgres_version": "15.21"})"),
             snapshot);
  const auto asked = wanted<intent::Restart>(restart).request;
  EXPECT_TRUE(asked.filter.pending);
  EXPECT_EQ(asked.timeout, Duration(120s));
  EXPECT_EQ(told<intent::Restart>(restart, "restarted successfully"), Reply(200, "restarted successfully"));
  EXPECT_EQ(told(restart, fail(ErrorKind::refused, "restart already in progress")),
            Reply(503, "restart already in progress"));
  // No body at all is a plain restart.
  EXPECT_FALSE(wanted<intent::Restart>(change(request("POST", "/restart"), leader())).request.filter.pending);
  const auto old = change(request("POST", "/restart", R"({"role": "master"})"), leader(), self("n1", Generation::v3));
  EXPECT_FALSE(wanted<intent::Restart>(old).request.timeout);
}

TEST(Reinitialize, OnlyAReplicaOfALeader) {
  EXPECT_EQ(answer(request("POST", "/reinitialize", "{}"), leader()),
            Reply(503, "I am the leader, can not reinitialize"));
  auto snapshot = replica();
  const auto accepted =
      change(request("POST", "/reinitialize", R"({"force": true, "from_leader": "on"})"), snapshot, self("n2"));
  EXPECT_TRUE(wanted<intent::Reinit>(accepted).request.force);
  EXPECT_TRUE(wanted<intent::Reinit>(accepted).request.from_leader);
  EXPECT_EQ(told<intent::Reinit>(accepted, "reinitialize started"), Reply(200, "reinitialize started"));
  snapshot.decision.memory.reinitializing = true;
  EXPECT_EQ(answer(request("POST", "/reinitialize"), snapshot, self("n2")),
            Reply(503, "reinitialize already in progress"));
  cluster_of(snapshot).leader = {};
  EXPECT_EQ(answer(request("POST", "/reinitialize"), snapshot, self("n2")),
            Reply(503, "Cluster has no leader, can not reinitialize"));
}

TEST(OtherChanges, ReloadFailsafeAndSigterm) {
  EXPECT_EQ(told<intent::Reload>(change(request("POST", "/reload"), leader()), {}), Reply(202, "reload scheduled"));
  EXPECT_EQ(answer(request("POST", "/sigterm"), leader()).first, 501);
  EXPECT_EQ(answer(request("POST", "/failsafe", "{}"), replica()), Reply(502, "page"));
  auto snapshot = replica();
  snapshot.observation.settings.failsafe_mode = true;
  const auto promise = change(request("POST", "/failsafe", R"({"name": "n1", "ttl": 20})"), snapshot);
  EXPECT_EQ(wanted<intent::PromiseFailsafe>(promise).request.ttl, std::chrono::seconds(20));
  const auto accepted = response_to(
      promise, [](Intent& intent) { std::get<Asked<intent::PromiseFailsafe>>(intent).reply(Lsn{50331648}); });
  EXPECT_EQ(accepted.status, 200);
  EXPECT_EQ(accepted.body, "Accepted");
  EXPECT_EQ(accepted.headers.back(), std::make_pair(std::string("lsn"), std::string("50331648")));
  EXPECT_EQ(told(promise, fail(ErrorKind::refused, "n3 holds the leader lock")),
            Reply(500, "n3 holds the leader lock"));
  EXPECT_EQ(answer(request("POST", "/failsafe", R"({"nobody": 1})"), snapshot).first, 400);
  auto leading = leader();
  leading.observation.settings.failsafe_mode = true;
  EXPECT_EQ(answer(request("POST", "/failsafe", R"({"name": "n2"})"), leading), Reply(500, "Running as a leader"));
}

TEST(OtherChanges, MethodsThatDoNotExist) {
  EXPECT_EQ(find_route("POST", parse_target("/config")), nullptr);
  EXPECT_EQ(find_route("DELETE", parse_target("/primary")), nullptr);
  EXPECT_EQ(find_route("PUT", parse_target("/restart")), nullptr);
  EXPECT_EQ(find_route("POST", parse_target("/")), nullptr);
}

}  // namespace
}  // namespace regent::rest
