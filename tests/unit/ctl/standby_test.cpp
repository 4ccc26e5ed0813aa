// demote-cluster and promote-cluster.
#include <gtest/gtest.h>

#include "ctl/ctl_support.h"

namespace regent::ctl::testing {
namespace {

// The leader's agent takes its new role while the tool waits.
void becomes(World& world, const std::string& before, const std::string& after) {
  auto value = world.demo().value("members/n1");
  const auto at = value.find("\"role\":\"" + before + "\"");
  ASSERT_NE(at, std::string::npos) << value;
  world.demo().put("members/n1", value.replace(at, before.size() + 9, "\"role\":\"" + after + "\""));
}

TEST(StandbyClusters, ThereAndBack) {
  World world;
  world.on_sleep = [&world] { becomes(world, "primary", "standby_leader"); };
  EXPECT_EQ(world.run({"demote-cluster", "--force", "--host", "east", "--port", "5433", "--primary-slot-name", "west"}),
            0);
  EXPECT_NE(
      world.demo().value("config").find(R"("standby_cluster":{"host":"east","port":5433,"primary_slot_name":"west"})"),
      std::string::npos)
      << world.demo().value("config");
  EXPECT_NE(world.stdout_text.find("Standby Leader"), std::string::npos);
  EXPECT_NE(world.stdout_text.find("Success: cluster demo is a standby cluster\n"), std::string::npos);
  EXPECT_EQ(world.run({"demote-cluster", "--force", "--host", "east"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: Cluster demo is already a standby cluster\n");

  world.on_sleep = [&world] { becomes(world, "standby_leader", "primary"); };
  EXPECT_EQ(world.run({"promote-cluster", "--force"}), 0);
  EXPECT_EQ(world.demo().value("config").find("standby_cluster"), std::string::npos);
  EXPECT_NE(world.stdout_text.find("Success: cluster demo is promoted\n"), std::string::npos);
  EXPECT_EQ(world.run({"promote-cluster", "--force"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: Cluster demo is not a standby cluster\n");
}

TEST(StandbyClusters, NothingHappensWithoutASourceOrAYes) {
  World world;
  const auto before = world.demo().value("config");
  EXPECT_EQ(world.run({"demote-cluster", "--force", "--primary-slot-name", "west"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: At least one of --host, --port and --restore-command must be given\n");
  world.input = {"n"};
  EXPECT_EQ(world.run({"demote-cluster", "--host", "east"}), 1);
  EXPECT_NE(world.stdout_text.find("Are you sure you want to demote demo cluster?"), std::string::npos);
  EXPECT_EQ(world.demo().value("config"), before);
}

}  // namespace
}  // namespace regent::ctl::testing
