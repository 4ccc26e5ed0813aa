#include <gtest/gtest.h>

#include "model/settings.h"

namespace regent {
namespace {

Settings with_standby(const std::string& section) {
  return parse_settings(Json::parse(R"({"standby_cluster":)" + section + "}"));
}

TEST(StandbyClusterSettings, AllKeys) {
  const auto settings = with_standby(
      R"({"host":"a,b","port":5433,"primary_slot_name":"west","create_replica_methods":["wal_g","basebackup"],)"
      R"("restore_command":"cp /a/%f %p","archive_cleanup_command":"rm /a/%r","recovery_min_apply_delay":"5min"})");
  ASSERT_TRUE(settings.standby_cluster);
  const auto& remote = *settings.standby_cluster;
  EXPECT_EQ(remote.host, "a,b");
  EXPECT_EQ(remote.port, "5433");
  EXPECT_EQ(remote.primary_slot_name, "west");
  EXPECT_EQ(remote.create_replica_methods, (std::vector<std::string>{"wal_g", "basebackup"}));
  EXPECT_EQ(remote.recovery, (std::map<std::string, std::string>{{"restore_command", "cp /a/%f %p"},
                                                                 {"archive_cleanup_command", "rm /a/%r"},
                                                                 {"recovery_min_apply_delay", "5min"}}));
  EXPECT_TRUE(settings.problems.empty());
}

TEST(StandbyClusterSettings, OneSourceIsEnough) {
  EXPECT_EQ(with_standby(R"({"host":"a"})").standby_cluster->port, "5432");
  EXPECT_EQ(with_standby(R"({"port":"5433"})").standby_cluster->host, "localhost");
  EXPECT_TRUE(with_standby(R"({"restore_command":"x"})").standby_cluster->host.empty());
}

TEST(StandbyClusterSettings, NothingIsNoStandbyCluster) {
  for (const char* nothing : {"null", "{}", "false"}) EXPECT_FALSE(with_standby(nothing).standby_cluster) << nothing;
}

TEST(StandbyClusterSettings, WhatCannotBeUnderstoodDoesNotPromote) {  // F40
  for (const char* garbage : {R"({"primary_slot_name":"x"})", R"("yes")", "[1]"}) {
    const auto settings = with_standby(garbage);
    EXPECT_TRUE(settings.standby_cluster) << garbage;
    EXPECT_EQ(settings.problems.size(), 1U) << garbage;
  }
}

}  // namespace
}  // namespace regent
