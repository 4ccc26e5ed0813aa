#include "model/cluster_report.h"

#include <gtest/gtest.h>

namespace regent {
namespace {

ClusterView view_of(const std::vector<std::pair<std::string, std::string>>& keys) {
  std::vector<RawKey> raw;
  for (const auto& [path, value] : keys) raw.push_back({path, value, Version{1}, ""});
  return parse_cluster_view(raw, 1, 1);
}

const char* const leader = R"({"conn_url":"postgres://127.0.0.1:5431/postgres",)"
                           R"("api_url":"http://127.0.0.1:8001/patroni","state":"running","role":"primary",)"
                           R"("tags":{"zone":"a"},"xlog_location":50331648,"timeline":1})";
const char* const replica = R"({"conn_url":"postgres://127.0.0.1:5432/postgres",)"
                            R"("api_url":"http://127.0.0.1:8002/patroni","state":"running","role":"replica",)"
                            R"("tags":{"zone":"a"},"xlog_location":50331648,"replay_lsn":50331640,)"
                            R"("receive_lsn":50331648,"replication_state":"streaming","timeline":1})";

TEST(ClusterReport, PrintsTheDocumentOfTheClusterEndpoint) {
  const auto view =
      view_of({{"leader", "n1"},
               {"members/n1", leader},
               {"members/n2", replica},
               {"config", R"({"pause":true,"synchronous_mode":true})"},
               {"sync", R"({"leader":"n1","sync_standby":"n2"})"},
               {"failover", R"({"leader":"n1","member":"n2","scheduled_at":"2100-01-01T00:00:00+00:00"})"},
               {"status", R"({"optime":50331650})"}});
  EXPECT_EQ(to_spaced(cluster_json(report_cluster(view), "demo", Generation::v4)),
            R"({"members": [{"name": "n1", "role": "leader", "state": "running", )"
            R"("api_url": "http://127.0.0.1:8001/patroni", "host": "127.0.0.1", "port": 5431, "timeline": 1, )"
            R"("tags": {"zone": "a"}}, {"name": "n2", "role": "sync_standby", "state": "streaming", )"
            R"("api_url": "http://127.0.0.1:8002/patroni", "host": "127.0.0.1", "port": 5432, "timeline": 1, )"
            R"("tags": {"zone": "a"}, "receive_lag": 2, "receive_lsn": "0/3000000", "replay_lag": 10, )"
            R"("replay_lsn": "0/2FFFFF8", "lag": 2, "lsn": "0/3000000"}], "pause": true, )"
            R"("scheduled_switchover": {"at": "2100-01-01T00:00:00+00:00", "from": "n1", "to": "n2"}, )"
            R"("scope": "demo"})");
}

TEST(ClusterReport, OlderGenerationsHaveOneLag) {
  const auto view = view_of({{"members/n2", replica}, {"status", R"({"optime":50331650})"}});
  EXPECT_EQ(to_spaced(cluster_json(report_cluster(view), "demo", Generation::v3)),
            R"({"members": [{"name": "n2", "role": "replica", "state": "streaming", )"
            R"("api_url": "http://127.0.0.1:8002/patroni", "host": "127.0.0.1", "port": 5432, "timeline": 1, )"
            R"("tags": {"zone": "a"}, "lag": 2}]})");
}

TEST(ClusterReport, WhatIsNotKnownIsNotZero) {
  const auto no_status = report_cluster(view_of({{"members/n2", replica}}));
  EXPECT_EQ(no_status.members.at(0).any.lsn, Lsn{50331648});
  EXPECT_FALSE(no_status.members.at(0).any.lag);
  const auto stopped = view_of({{"members/n2", R"({"state":"stopped"})"}, {"status", R"({"optime":5})"}});
  const auto document = cluster_json(report_cluster(stopped), "demo", Generation::v4);
  EXPECT_EQ(document["members"][0]["lag"], "unknown");
  EXPECT_EQ(document["members"][0]["receive_lsn"], "unknown");
}

TEST(ClusterReport, OnAnOlderTimelineTheLagIsNotKnown) {
  const std::string newer = R"({"state":"running","role":"primary","timeline":9})";
  const auto report = report_cluster(view_of(
      {{"leader", "n1"}, {"members/n1", newer}, {"members/n2", replica}, {"status", R"({"optime":50331648})"}}));
  EXPECT_EQ(report.members.at(1).any.lsn, Lsn{50331648});
  EXPECT_FALSE(report.members.at(1).any.lag);
  EXPECT_FALSE(report.members.at(1).replay.lag);
}

TEST(ClusterReport, AReplicaAheadOfTheLeadersLastWordHasNoLag) {
  const auto report = report_cluster(view_of({{"members/n2", replica}, {"status", R"({"optime":5})"}}));
  EXPECT_EQ(report.members.at(0).any.lag, 0u);
}

TEST(ClusterReport, RolesFollowTheMode) {
  const std::vector<std::pair<std::string, std::string>> keys{{"leader", "n1"},
                                                              {"members/n1", leader},
                                                              {"members/n2", replica},
                                                              {"sync", R"({"leader":"n1","sync_standby":"n2"})"}};
  const auto role = [&](const std::string& config) {
    auto all = keys;
    all.emplace_back("config", config);
    const auto report = report_cluster(view_of(all));
    return report.members.at(0).role + " " + report.members.at(1).role;
  };
  EXPECT_EQ(role(R"({})"), "leader replica");
  EXPECT_EQ(role(R"({"synchronous_mode":true})"), "leader sync_standby");
  EXPECT_EQ(role(R"({"synchronous_mode":"quorum"})"), "leader quorum_standby");
  EXPECT_EQ(role(R"({"standby_cluster":{"host":"h"}})"), "standby_leader replica");
}

}  // namespace
}  // namespace regent
