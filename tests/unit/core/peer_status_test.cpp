#include "core/peer_status.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace regent {
namespace {

const MemberName n2("n2");

TEST(PeerStatus, ReplicaOfGeneration4) {
  const auto answer = parse_peer_status(
      n2,
      R"({"state": "running", "role": "replica", "server_version": 150020, "xlog": {"received_location": 67108864, )"
      R"("replayed_location": 67109000, "replayed_timestamp": null, "paused": false}, "timeline": 3, )"
      R"("replication_state": "streaming", "dcs_last_seen": 1724873966, "tags": {"zone": "a", "failover_priority": 2}, )"
      R"("database_system_identifier": "7", "patroni": {"version": "4.1.4", "scope": "demo", "name": "n2"}})",
      1724873968);
  EXPECT_TRUE(answer.reachable);
  EXPECT_TRUE(answer.running);
  EXPECT_TRUE(answer.in_recovery);
  EXPECT_EQ(answer.timeline, Timeline{3});
  EXPECT_EQ(answer.wal, Lsn{67109000});
  EXPECT_FALSE(answer.nofailover);
  EXPECT_EQ(answer.failover_priority, 2);
  EXPECT_TRUE(answer.has_dcs);
  EXPECT_FALSE(answer.watchdog_failed);
}

TEST(PeerStatus, AVoteIsWorthWhatItsVersionsAre) {
  const auto answer = parse_peer_status(
      n2,
      R"({"state": "running", "role": "replica", "regent": {"upstream": null, "leader_version": 7, "sync_version": 9}})");
  EXPECT_TRUE(answer.let_go);
  EXPECT_TRUE(answer.streams_from.empty());
  EXPECT_EQ(answer.leader_version, Version{7});
  EXPECT_EQ(answer.sync_version, Version{9});
  const auto attached = parse_peer_status(
      n2, R"({"state": "running", "role": "replica", "regent": {"upstream": "h:1", "streams_from": "h:1"}})");
  EXPECT_FALSE(attached.let_go);
  EXPECT_EQ(attached.streams_from, "h:1");
  EXPECT_TRUE(attached.sync_version.absent());
}

TEST(PeerStatus, PrimaryInBothGenerationsWords) {
  for (const char* role : {"master", "primary"}) {
    const std::string body = std::string(R"({"state": "running", "role": ")") + role +
                             R"(", "xlog": {"location": 100}, "timeline": 1, "watchdog_failed": true})";
    const auto answer = parse_peer_status(n2, body);
    EXPECT_TRUE(answer.reachable);
    EXPECT_FALSE(answer.in_recovery);
    EXPECT_EQ(answer.wal, Lsn{100});
    EXPECT_TRUE(answer.watchdog_failed);
  }
}

// F74: who answers to a name.
TEST(PeerStatus, TellsWhoAnswers) {
  const auto answer = parse_peer_status(
      n2, R"({"state": "unknown", "patroni": {"name": "n7"}, "regent": {"instance": "0123456789abcdef"}})");
  EXPECT_TRUE(answer.reachable);
  EXPECT_EQ(answer.own_name, "n7");
  EXPECT_EQ(answer.instance, "0123456789abcdef");
  EXPECT_EQ(parse_peer_status(n2, R"({"state": "running"})").instance, "");
}

TEST(PeerStatus, TagsForbidLeadership) {
  EXPECT_TRUE(parse_peer_status(n2, R"({"state": "running", "tags": {"nofailover": true}})").nofailover);
  EXPECT_TRUE(parse_peer_status(n2, R"({"state": "running", "tags": {"failover_priority": 0}})").nofailover);
}

TEST(PeerStatus, StoppedServerIsReachableAndNotRunning) {
  const auto answer = parse_peer_status(n2, R"({"state": "stopped", "role": "replica"})");
  EXPECT_TRUE(answer.reachable);
  EXPECT_FALSE(answer.running);
  EXPECT_TRUE(answer.down);
  // What nobody knows, or what may come back as a primary at any moment, is not down (I13).
  for (const char* state : {"unknown", "crashed", "starting", "running"}) {
    const auto other = parse_peer_status(n2, fmt::format(R"({{"state": "{}", "role": "replica"}})", state));
    EXPECT_FALSE(other.down) << state;
  }
  EXPECT_TRUE(answer.in_recovery);
  EXPECT_EQ(answer.wal, Lsn{});
}

TEST(PeerStatus, LastSightOfTheStoreIsMeasuredOnThePeersClock) {
  const std::string body = R"({"state": "running", "role": "replica", "dcs_last_seen": 1724873966})";
  EXPECT_TRUE(parse_peer_status(n2, body, 1724873986).has_dcs);
  EXPECT_FALSE(parse_peer_status(n2, body, 1724874060).has_dcs);
  EXPECT_TRUE(parse_peer_status(n2, body).has_dcs);
}

TEST(PeerStatus, NonsenseIsNotReachableAndSaysWhy) {
  for (const char* body :
       {"", "<html>", "[]", "42", R"({"role": "primary"})", R"({"state": 7})", R"({"state": "run)"}) {
    const auto answer = parse_peer_status(n2, body);
    EXPECT_FALSE(answer.reachable) << body;
    EXPECT_FALSE(answer.why.empty()) << body;
    EXPECT_EQ(answer.name, n2);
  }
  // Fields that make no sense count as absent; the rest is still worth something (F40).
  const auto odd = parse_peer_status(n2, R"({"state": "running", "xlog": "x", "timeline": -3, "tags": 1})");
  EXPECT_TRUE(odd.reachable);
  EXPECT_EQ(odd.timeline, Timeline{0});
}

}  // namespace
}  // namespace regent
