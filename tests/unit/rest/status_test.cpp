#include "rest/status.h"

#include <gtest/gtest.h>

#include "core/peer_status.h"
#include "rest/cluster.h"
#include "rest/routes.h"
#include "rest/snapshots_support.h"

namespace regent::rest {
namespace {

using namespace testing;

// The part of the document that Patroni's users know; ours comes after it.
std::string known_part(const std::string& body) {
  const auto ours = body.find(", \"regent\": ");
  EXPECT_NE(ours, std::string::npos) << body;
  return body.substr(0, ours) + "}";
}

HttpResponse answer(const std::string& path, const Snapshot& snapshot, const Identity& who, const Moment& moment) {
  SharedTexts shared;
  HttpRequest request;
  request.method = "GET";
  const Target target = parse_target(path);
  const Json no_body = Json::object();
  const Handling handling =
      find_route("GET", target)->handle({request, target, no_body, snapshot, who, moment, shared});
  return std::get<HttpResponse>(handling);
}

std::string get(const std::string& target, const Snapshot& snapshot, const Identity& who, Moment moment = at()) {
  return answer(target, snapshot, who, moment).body;
}

int code(const std::string& target, const Snapshot& snapshot) {
  return answer(target, snapshot, self("n1"), at()).status;
}

TEST(SharedText, IsPrintedOnceForAllOfOneMoment) {
  SharedText text;
  int printed = 0;
  const auto print = [&] { return std::to_string(++printed); };
  auto snapshot = leader();
  const Instant now = at().now;
  EXPECT_EQ(text.of(snapshot, now, print), "1");
  EXPECT_EQ(text.of(snapshot, now + SharedText::lifetime - std::chrono::nanoseconds(1), print), "1");
  EXPECT_EQ(text.of(snapshot, now + SharedText::lifetime, print), "2");
  // What the loop has just published is told at once, and what the store says.
  ++snapshot.cycle;
  EXPECT_EQ(text.of(snapshot, now + SharedText::lifetime, print), "3");
  ClusterView view;
  view.revision = 8;
  snapshot.last_cluster = Fact<ClusterView>::known(view, now);
  EXPECT_EQ(text.of(snapshot, now + SharedText::lifetime, print), "4");
  // Read again, and the same.
  snapshot.last_cluster = Fact<ClusterView>::known(view, now + std::chrono::milliseconds(1));
  EXPECT_EQ(text.of(snapshot, now + SharedText::lifetime, print), "4");
  ++view.revision;
  snapshot.last_cluster = Fact<ClusterView>::known(view, now + std::chrono::milliseconds(2));
  EXPECT_EQ(text.of(snapshot, now + SharedText::lifetime, print), "5");
}

// What a member says of itself is what the others understand.
TEST(Status, MembersUnderstandEachOther) {
  auto primary = leader();
  primary.decision.memory.led_store = LedStore{7, 99, Version{11}, Version{12}};
  auto standby = replica();
  auto restored = replica();
  RestoredStore& store = restored.decision.memory.restored_store.emplace();
  store.before.store = 7;
  store.before.term = 3;
  store.before.revision = 99;
  store.before.leader = MemberName("n3");
  store.before.sync = {MemberName("n3"), {MemberName("n1")}, 0};
  store.before.status.optime = Lsn{77};
  store.before.failsafe = {{"n3", "http://n3"}};
  store.before.ticket = Timeline{5};
  store.leader_key = Version{11};
  store.sync_key = Version{12};
  auto detached = replica();
  auto facts = server_of(detached);
  facts.upstream = {};
  facts.receiving = false;
  facts.replication_state.clear();
  facts.wal_known = false;
  set_server(detached, facts);
  detached.decision.refuses = "my data belongs to another cluster";
  auto down = replica();
  down.observation.postgres.process = Process::stopped;
  down.observation.postgres.server = Fact<ServerFacts>::unknown("it is stopped");
  for (const auto* snapshot : {&primary, &standby, &restored, &detached, &down}) {
    Identity who = self(snapshot->observation.self.name.str());
    who.instance = "f00d";
    const auto said = own_status(*snapshot, who.instance, at().now);
    const auto body = to_spaced(status_document(*snapshot, who, at()));
    EXPECT_EQ(parse_peer_status(who.name, body), said) << body;
  }
}

TEST(Status, LeaderAsVersion4) {
  EXPECT_EQ(known_part(get("/patroni", leader(), self("n1"))),
            R"({"state": "running", "postmaster_start_time": "2024-08-28 19:39:26.352526+00:00", "role": "primary", )"
            R"("server_version": 150020, "xlog": {"location": 50331744}, "timeline": 1, "replication": [)"
            R"({"usename": "replicator", "application_name": "n2", "client_addr": "127.0.0.1", "state": "streaming", )"
            R"("sync_state": "async", "sync_priority": 0}, {"usename": "replicator", "application_name": "n3", )"
            R"("client_addr": "127.0.0.1", "state": "streaming", "sync_state": "async", "sync_priority": 0}], )"
            R"("dcs_last_seen": 1724873970, "tags": {"zone": "a"}, )"
            R"("database_system_identifier": "7408281637384652123", )"
            R"("patroni": {"version": "4.1.4", "scope": "demo", "name": "n1"}})");
}

TEST(Status, LeaderAsVersion3) {
  auto snapshot = leader();
  auto facts = server_of(snapshot);
  facts.replication.clear();
  set_server(snapshot, facts);
  snapshot.observation.settings.pause = true;
  EXPECT_EQ(known_part(get("/patroni", snapshot, self("n1", Generation::v3))),
            R"({"state": "running", "postmaster_start_time": "2024-08-28 19:39:26.352526+00:00", "role": "master", )"
            R"("server_version": 150020, "xlog": {"location": 50331744}, "timeline": 1, )"
            R"("dcs_last_seen": 1724873970, "tags": {"zone": "a"}, )"
            R"("database_system_identifier": "7408281637384652123", )"
            R"("patroni": {"version": "3.0.2", "scope": "demo"}, "pause": true})");
}

TEST(Status, ReplicaAsVersion4) {
  EXPECT_EQ(known_part(get("/patroni", replica(), self("n2"))),
            R"({"state": "running", "postmaster_start_time": "2024-08-28 19:39:26.352526+00:00", "role": "replica", )"
            R"("server_version": 150020, "xlog": {"received_location": 50331744, "replayed_location": 50331744, )"
            R"("replayed_timestamp": null, "paused": false}, "timeline": 1, "replication_state": "streaming", )"
            R"("dcs_last_seen": 1724873970, "tags": {"zone": "a"}, )"
            R"("database_system_identifier": "7408281637384652123", )"
            R"("patroni": {"version": "4.1.4", "scope": "demo", "name": "n2"}})");
}

TEST(Status, PauseAndPendingRestartStandWherePatroniPutsThem) {
  auto snapshot = replica();
  snapshot.observation.settings.pause = true;
  snapshot.observation.postgres.pending_restart["max_connections"] = {{"old_value", "100"}, {"new_value", "120"}};
  const auto body = get("/patroni", snapshot, self("n2"));
  EXPECT_NE(body.find(R"("replication_state": "streaming", "pause": true, "dcs_last_seen": 1724873970, )"),
            std::string::npos);
  EXPECT_NE(body.find(R"("database_system_identifier": "7408281637384652123", "pending_restart": true, )"
                      R"("pending_restart_reason": {"max_connections": {"old_value": "100", "new_value": "120"}}, )"
                      R"("patroni": )"),
            std::string::npos);
  const auto old = get("/patroni", snapshot, self("n2", Generation::v3));
  EXPECT_NE(old.find(R"("pending_restart": true, "patroni": {"version": "3.0.2", "scope": "demo"}, "pause": true)"),
            std::string::npos);
}

TEST(Status, StoreOutageShowsAnUnlockedClusterAndTheLastView) {
  auto snapshot = leader();
  lose_store(snapshot);
  const auto body = get("/patroni", snapshot, self("n1"));
  EXPECT_NE(body.find(R"("cluster_unlocked": true, "dcs_last_seen": 1724873970)"), std::string::npos);
  snapshot.observation.lease.extended_at = snapshot.observation.lease.confirmed_at + std::chrono::seconds(1);
  EXPECT_NE(get("/patroni", snapshot, self("n1")).find(R"("cluster_unlocked": true, "failsafe_mode_is_active": true)"),
            std::string::npos);
  const auto cluster = get("/cluster", snapshot, self("n1"));
  EXPECT_NE(cluster.find(R"("scope": "demo", "dcs_last_seen": 1724873970})"), std::string::npos);
}

TEST(Status, ServerThatIsDownHasStateAndRoleOnly) {
  auto snapshot = replica();
  snapshot.observation.postgres.process = Process::stopped;
  snapshot.observation.postgres.server = Fact<ServerFacts>::unknown("not running");
  EXPECT_EQ(known_part(get("/patroni", snapshot, self("n2"))),
            R"({"state": "stopped", "role": "replica", "dcs_last_seen": 1724873970, "tags": {"zone": "a"}, )"
            R"("database_system_identifier": "7408281637384652123", )"
            R"("patroni": {"version": "4.1.4", "scope": "demo", "name": "n2"}})");
}

TEST(Status, ServerThatDoesNotAnswerKeepsItsRole) {
  auto snapshot = leader();
  snapshot.observation.postgres.server = Fact<ServerFacts>::unknown("statement timeout");
  const auto body = get("/patroni", snapshot, self("n1"));
  EXPECT_EQ(body.rfind(R"({"state": "unknown", "role": "primary", )", 0), 0U) << body;
}

TEST(Status, JobsNameTheState) {
  auto snapshot = replica();
  snapshot.observation.postgres.process = Process::stopped;
  snapshot.observation.postgres.server = Fact<ServerFacts>::unknown("not running");
  snapshot.observation.job.running = job::Clone{};
  EXPECT_EQ(local_server(snapshot).state, PgState::creating_replica);
  snapshot.observation.job.running = job::Start{};
  EXPECT_EQ(local_server(snapshot).state, PgState::starting);
  snapshot.observation.job.running.reset();
  snapshot.observation.job.ended = JobEnd{1, job::Start{}, Error{ErrorKind::failed, "it died"}, start()};
  EXPECT_EQ(local_server(snapshot).state, PgState::start_failed);
}

TEST(Status, SyncRoles) {
  auto snapshot = replica();
  make_synchronous(snapshot, "on", {"N2"});
  EXPECT_EQ(sync_role(snapshot, self("n2")), SyncRole::sync);
  EXPECT_NE(get("/patroni", snapshot, self("n2")).find(R"("sync_standby": true, "timeline": 1)"), std::string::npos);
  make_synchronous(snapshot, "quorum", {"n2"});
  EXPECT_EQ(sync_role(snapshot, self("n2")), SyncRole::quorum);
  EXPECT_EQ(sync_role(snapshot, self("n2", Generation::v3)), SyncRole::none);
  make_synchronous(snapshot, "on", {"n3"});
  EXPECT_EQ(sync_role(snapshot, self("n2")), SyncRole::none);
}

TEST(Status, OurOwnPartComesLast) {
  auto snapshot = leader();
  snapshot.decision.conditions.push_back({"SyncBlocked", "no standby"});
  const auto body = get("/patroni", snapshot, self("n1"), at(8s));
  EXPECT_NE(body.find(R"("name": "n1"}, "regent": {"version": "0.1.0", "rule": 701, "rule_name": "lead", )"
                      R"("sentence": "no action", "conditions": [{"name": "SyncBlocked", "detail": "no standby"}], )"
                      R"("lease_seconds_left": 10.0}})"),
            std::string::npos)
      << body;
}

TEST(Status, LogCountersAppearWhenTheyTellSomething) {
  auto moment = at();
  moment.log_queued = 2;
  EXPECT_EQ(get("/patroni", leader(), self("n1"), moment).find("logger"), std::string::npos);
  moment.log_queued = 3;
  moment.log_lost = 7;
  EXPECT_NE(get("/patroni", leader(), self("n1"), moment).find(R"("logger_queue_size": 3, "logger_records_lost": 7)"),
            std::string::npos);
}

TEST(Cluster, AsVersion4) {
  auto snapshot = replica();
  auto& view = cluster_of(snapshot);
  view.members.resize(2);
  EXPECT_EQ(get("/cluster", snapshot, self("n2")),
            R"({"members": [{"name": "n1", "role": "leader", "state": "running", )"
            R"("api_url": "http://127.0.0.1:6001/patroni", "host": "127.0.0.1", "port": 5001, "timeline": 1, )"
            R"("tags": {"zone": "a"}}, {"name": "n2", "role": "replica", "state": "streaming", )"
            R"("api_url": "http://127.0.0.1:6002/patroni", "host": "127.0.0.1", "port": 5002, "timeline": 1, )"
            R"("tags": {"zone": "a"}, "receive_lag": 0, "receive_lsn": "0/3000060", "replay_lag": 0, )"
            R"("replay_lsn": "0/3000060", "lag": 0, "lsn": "0/3000060"}], "scope": "demo"})");
}

TEST(Cluster, ScheduledSwitchoverAsVersion3) {
  auto snapshot = replica();
  auto& view = cluster_of(snapshot);
  view.members.erase(view.members.begin());
  view.members.resize(1);
  view.members[0].replication_state.clear();
  view.failover = {Failover{MemberName("n1"), MemberName("n2"), parse_iso_time("2101-01-01T00:00:00+00:00")},
                   Version{9}};
  EXPECT_EQ(get("/cluster", snapshot, self("n2", Generation::v3)),
            R"({"members": [{"name": "n2", "role": "replica", "state": "running", )"
            R"("api_url": "http://127.0.0.1:6002/patroni", "host": "127.0.0.1", "port": 5002, "timeline": 1, )"
            R"("tags": {"zone": "a"}, "lag": 0}], )"
            R"("scheduled_switchover": {"at": "2101-01-01T00:00:00+00:00", "from": "n1", "to": "n2"}})");
}

TEST(Cluster, NothingBeforeTheStoreWasRead) {
  EXPECT_EQ(code("/cluster", Snapshot()), 503);
  EXPECT_EQ(code("/config", Snapshot()), 502);
  EXPECT_EQ(get("/history", Snapshot(), self("n1")), "[]");
}

TEST(Queries, ConfigHistoryAndFailsafe) {
  auto snapshot = leader();
  EXPECT_EQ(get("/config", snapshot, self("n1")),
            R"({"ttl": 20, "loop_wait": 2, "retry_timeout": 5, "maximum_lag_on_failover": 1048576})");
  auto& view = cluster_of(snapshot);
  view.history.value = {
      {Timeline{1}, Lsn{50331744}, "no recovery target specified", "2024-08-28T19:39:26.352526+00:00", "n2"}};
  EXPECT_EQ(get("/history", snapshot, self("n1")),
            R"([[1, 50331744, "no recovery target specified", "2024-08-28T19:39:26.352526+00:00", "n2"]])");
  EXPECT_EQ(code("/failsafe", snapshot), 502);
  view.failsafe = {{{"n1", "http://127.0.0.1:6001/patroni"}}, Version{8}};
  snapshot.observation.settings.failsafe_mode = true;
  EXPECT_EQ(get("/failsafe", snapshot, self("n1")), R"({"n1": "http://127.0.0.1:6001/patroni"})");
}

}  // namespace
}  // namespace regent::rest
