#include "rest/health.h"

#include <gtest/gtest.h>

#include "rest/snapshots_support.h"

namespace regent::rest {
namespace {

using namespace testing;

int check(const std::string& target, const Snapshot& snapshot, const Identity& who, Duration later = {}) {
  return health_status(snapshot, who, parse_target(target), start() + later);
}

struct Expected {
  const char* target;
  int leader;
  int replica;
};

// The codes Patroni 4.1.4 gave on both sides of a healthy asynchronous cluster.
constexpr Expected expectations[] = {{"/", 200, 503},
                                     {"/primary", 200, 503},
                                     {"/master", 200, 503},
                                     {"/leader", 200, 503},
                                     {"/replica", 503, 200},
                                     {"/replica?lag=1MB", 503, 200},
                                     {"/replica?lag=0", 503, 200},
                                     {"/read-only", 200, 200},
                                     {"/read-write", 200, 503},
                                     {"/standby-leader", 503, 503},
                                     {"/standby_leader", 503, 503},
                                     {"/sync", 503, 503},
                                     {"/synchronous", 503, 503},
                                     {"/async", 503, 200},
                                     {"/asynchronous", 503, 200},
                                     {"/quorum", 503, 503},
                                     {"/read-only-sync", 200, 503},
                                     {"/read-only-quorum", 200, 503},
                                     {"/health", 200, 200},
                                     {"/liveness", 503, 503},
                                     {"/readiness", 503, 503},
                                     {"/patroni", 503, 503},
                                     {"/unknown", 503, 503},
                                     {"/primary?tag_zone=a", 200, 503},
                                     {"/primary?tag_zone=b", 200, 503},
                                     {"/replica?tag_zone=a", 503, 200},
                                     {"/replica?tag_zone=b&lag=1MB", 503, 503},
                                     {"/replica?tag_nosuch=1", 503, 503},
                                     {"//primary", 200, 503},
                                     {"/PRIMARY", 503, 503},
                                     {"/primary/", 200, 503},
                                     {"*", 503, 503}};

TEST(Health, EveryPathOfAHealthyCluster) {
  for (const auto& expected : expectations) {
    EXPECT_EQ(check(expected.target, leader(), self("n1")), expected.leader) << expected.target;
    EXPECT_EQ(check(expected.target, replica(), self("n2")), expected.replica) << expected.target;
  }
}

TEST(Health, Version3DoesNotKnowQuorumChecks) {
  EXPECT_EQ(check("/read-only-quorum", leader(), self("n1", Generation::v3)), 200);
  EXPECT_EQ(check("/read-only-quorum", replica(), self("n2", Generation::v3)), 200);
  auto snapshot = replica();
  make_synchronous(snapshot, "quorum", {"n2"});
  EXPECT_EQ(check("/quorum", snapshot, self("n2", Generation::v3)), 503);
  EXPECT_EQ(check("/async", snapshot, self("n2", Generation::v3)), 200);
}

TEST(Health, SynchronousStandby) {
  auto snapshot = replica();
  make_synchronous(snapshot, "on", {"n2"});
  const auto who = self("n2");
  EXPECT_EQ(check("/sync", snapshot, who), 200);
  EXPECT_EQ(check("/async", snapshot, who), 503);
  EXPECT_EQ(check("/quorum", snapshot, who), 503);
  EXPECT_EQ(check("/read-only-sync", snapshot, who), 200);
  EXPECT_EQ(check("/read-only-quorum", snapshot, who), 503);
  EXPECT_EQ(check("/replica", snapshot, who), 200);
  make_synchronous(snapshot, "quorum", {"n2"});
  EXPECT_EQ(check("/sync", snapshot, who), 503);
  EXPECT_EQ(check("/async", snapshot, who), 503);
  EXPECT_EQ(check("/quorum", snapshot, who), 200);
  EXPECT_EQ(check("/read-only-sync", snapshot, who), 503);
  EXPECT_EQ(check("/read-only-quorum", snapshot, who), 200);
}

// F49, L5: the loop froze after publishing this snapshot; nobody renewed the lease since.
TEST(Health, PrimaryEndsWithTheLeaseWhateverTheSnapshotSays) {
  const auto snapshot = leader();
  const auto deadline = dead_by(snapshot.observation.lease) - start();
  EXPECT_EQ(check("/primary", snapshot, self("n1"), deadline - Duration(1)), 200);
  for (const char* path : {"/primary", "/", "/master", "/read-write", "/leader", "/read-only"}) {
    EXPECT_EQ(check(path, snapshot, self("n1"), deadline), 503) << path;
  }
}

TEST(Health, PrimaryNeedsTheLeaseTheRoleAndAServer) {
  auto without_lease = leader();
  without_lease.observation.lease.held = false;
  EXPECT_EQ(check("/primary", without_lease, self("n1")), 503);

  auto promoting = replica("n1");
  promoting.observation.lease = leader().observation.lease;
  EXPECT_EQ(check("/primary", promoting, self("n1")), 503);
  EXPECT_EQ(check("/leader", promoting, self("n1")), 200);

  auto stopped = leader();
  stopped.observation.postgres.process = Process::stopped;
  EXPECT_EQ(check("/primary", stopped, self("n1")), 503);
}

// F17: a monitoring query that timed out is no reason to take the clients away.
TEST(Health, PrimarySurvivesAQueryTimeout) {
  auto snapshot = leader();
  snapshot.observation.postgres.server = Fact<ServerFacts>::unknown("statement timeout");
  EXPECT_EQ(check("/primary", snapshot, self("n1")), 200);
  // An agent that was restarted beside it remembers nothing: the data directory tells.
  snapshot.decision.memory.ran_as_primary = false;
  EXPECT_EQ(check("/primary", snapshot, self("n1")), 200);
  snapshot.observation.postgres.data.standby_signal = true;
  EXPECT_EQ(check("/primary", snapshot, self("n1")), 503);
}

TEST(Health, StoreOutage) {
  auto snapshot = leader();
  lose_store(snapshot);
  EXPECT_EQ(check("/primary", snapshot, self("n1")), 200);
  EXPECT_EQ(check("/primary", snapshot, self("n1"), 18s), 503);
  // In pause nothing moves, so the role stands.
  snapshot.observation.settings.pause = true;
  EXPECT_EQ(check("/primary", snapshot, self("n1"), Duration(std::chrono::hours(1))), 200);
  auto follower = replica();
  lose_store(follower);
  follower.observation.settings.pause = true;
  EXPECT_EQ(check("/primary", follower, self("n2")), 503);
  EXPECT_EQ(check("/replica", follower, self("n2")), 200);
  EXPECT_EQ(check("/async", follower, self("n2")), 503);
}

TEST(Health, LagIsMeasuredAgainstThePublishedPosition) {
  auto snapshot = replica();
  cluster_of(snapshot).status.value.optime = Lsn{0x3000060 + 2048};
  EXPECT_EQ(check("/replica", snapshot, self("n2")), 200);
  EXPECT_EQ(check("/replica?lag=2kB", snapshot, self("n2")), 200);
  EXPECT_EQ(check("/replica?lag=2047", snapshot, self("n2")), 503);
  EXPECT_EQ(check("/async?lag=1kB", snapshot, self("n2")), 503);
  EXPECT_EQ(check("/replica?lag=rubbish", snapshot, self("n2")), 200);
}

TEST(Health, OnAnOlderTimelineThanTheLeadersThereIsNoSmallLag) {
  auto snapshot = replica();
  for (auto& member : cluster_of(snapshot).members) member.timeline = Timeline{99};
  EXPECT_EQ(check("/replica", snapshot, self("n2")), 200);
  EXPECT_EQ(check("/replica?lag=1TB", snapshot, self("n2")), 503);
}

TEST(Health, TagsAndReplicationState) {
  auto snapshot = replica();
  snapshot.observation.self.tags = parse_tags(Json{{"zone", "a"}, {"noloadbalance", true}});
  for (const char* path : {"/replica", "/async", "/read-only"}) {
    EXPECT_EQ(check(path, snapshot, self("n2")), 503) << path;
  }
  EXPECT_EQ(check("/health?tag_noloadbalance=true", snapshot, self("n2")), 200);
  EXPECT_EQ(check("/health?tag_noloadbalance=True", snapshot, self("n2")), 503);
  EXPECT_EQ(check("/replica?replication_state=streaming", replica(), self("n2")), 200);
  EXPECT_EQ(check("/replica?replication_state=in%20archive%20recovery", replica(), self("n2")), 503);
}

TEST(Health, StandbyCluster) {
  auto snapshot = replica("n1");
  snapshot.observation.lease = leader().observation.lease;
  snapshot.observation.settings.standby_cluster = StandbyCluster{};
  EXPECT_EQ(check("/standby-leader", snapshot, self("n1")), 200);
  EXPECT_EQ(check("/leader", snapshot, self("n1")), 200);
  EXPECT_EQ(check("/primary", snapshot, self("n1")), 503);
  EXPECT_EQ(check("/replica", snapshot, self("n1")), 503);
  EXPECT_EQ(check("/read-only", snapshot, self("n1")), 200);
  EXPECT_EQ(local_server(snapshot).role, Role::standby_leader);
}

TEST(Health, LivenessFollowsTheAgeOfTheLastCycle) {
  // loop_wait 2 s; ttl 20 s.
  EXPECT_EQ(liveness_status(leader(), start() + 21s), 200);
  EXPECT_EQ(liveness_status(leader(), start() + 22s), 503);
  EXPECT_EQ(liveness_status(replica(), start() + 41s), 200);
  EXPECT_EQ(liveness_status(replica(), start() + 42s), 503);
  auto paused = leader();
  paused.observation.settings.pause = true;
  EXPECT_EQ(liveness_status(paused, start() + Duration(std::chrono::hours(1))), 200);
}

TEST(Health, Readiness) {
  const auto ready = [](const Snapshot& snapshot, const std::string& target, Generation generation = Generation::v4) {
    return readiness_status(snapshot, self("n2", generation), parse_target(target), start());
  };
  EXPECT_EQ(ready(leader(), "/readiness"), 200);
  EXPECT_EQ(ready(replica(), "/readiness"), 200);
  auto behind = replica();
  cluster_of(behind).status.value.optime = Lsn{0x3000060 + 2 * 1048576};
  EXPECT_EQ(ready(behind, "/readiness"), 503);
  EXPECT_EQ(ready(behind, "/readiness?lag=2MB"), 200);
  EXPECT_EQ(ready(behind, "/readiness", Generation::v3), 200);
  auto facts = server_of(behind);
  facts.received = Lsn{0x3000060 + 2 * 1048576};
  set_server(behind, facts);
  EXPECT_EQ(ready(behind, "/readiness?mode=write"), 200);
  EXPECT_EQ(ready(behind, "/readiness?mode=apply"), 503);
  facts.replication_state.clear();
  set_server(behind, facts);
  EXPECT_EQ(ready(behind, "/readiness?mode=write"), 503);
}

}  // namespace
}  // namespace regent::rest
