#include <gtest/gtest.h>

#include "fake_world.h"

namespace regent::test {
namespace {

// What came of a request of this kind.
template <class Kind>
struct Replied {
  std::optional<Result<typename Kind::Answer>> value;
  Reply<Kind> taker() {
    return [this](Result<typename Kind::Answer> result) {
      ASSERT_FALSE(value.has_value()) << "replied twice";
      value = std::move(result);
    };
  }
};

TEST(Intents, PatchesTheConfigurationAgainstTheVersionItRead) {  // I11
  AgentFixture f;
  f.dcs.view.config = {Json{{"ttl", 30}, {"pause", true}}, Version{5}};
  f.start();
  Replied<intent::PatchConfig> reply;
  f.agent->submit(intent::PatchConfig{Json{{"pause", nullptr}, {"loop_wait", 7}}}, reply.taker());
  f.world.settle();
  ASSERT_TRUE(reply.value.has_value());
  ASSERT_TRUE(reply.value->has_value());
  EXPECT_EQ(to_compact(**reply.value), R"({"ttl":30,"loop_wait":7})");
  ASSERT_EQ(f.dcs.writes.size(), 1u);
  EXPECT_EQ(f.dcs.writes[0].expect, Version{5});
  EXPECT_EQ(f.dcs.writes[0].value, R"({"ttl":30,"loop_wait":7})");
}

Json with_parameters(Json parameters) {
  return {{"postgresql", {{"parameters", std::move(parameters)}}}};
}

TEST(Intents, ANewParameterThatPostgresqlRefusesIsNotWritten) {  // F20
  AgentFixture f;
  f.dcs.view.config = {with_parameters({{"work_mem", "lots"}}), Version{5}};
  f.postgres.refused = {{"work_mem", "lots", false, "invalid value"}, {"foo", "1", false, "unrecognized"}};
  f.start();
  Replied<intent::PatchConfig> refused, unrelated, old, forced;
  f.agent->submit(intent::PatchConfig{with_parameters({{"foo", 1}, {"port", nullptr}})}, refused.taker());
  f.agent->submit(intent::PatchConfig{Json{{"ttl", 40}}}, unrelated.taker());
  f.agent->submit(intent::PatchConfig{with_parameters({{"jit", "off"}})}, old.taker());
  f.agent->submit(intent::PatchConfig{with_parameters({{"foo", 1}}), true}, forced.taker());
  f.world.settle();
  ASSERT_TRUE(refused.value && !refused.value->has_value());
  EXPECT_EQ(refused.value->error().kind, ErrorKind::invalid);
  EXPECT_EQ(refused.value->error().message, "postgresql.parameters: foo = '1': unrecognized");
  EXPECT_TRUE(unrelated.value && unrelated.value->has_value());
  EXPECT_TRUE(old.value && old.value->has_value()) << "work_mem was there before";
  EXPECT_TRUE(forced.value && forced.value->has_value());
}

TEST(Intents, ADryRunWritesNothing) {  // F20
  AgentFixture f;
  f.dcs.view.config = {Json::object(), Version{5}};
  f.postgres.refused = {{"foo", "1", false, "unrecognized"}};
  f.start();
  Replied<intent::ReplaceConfig> good;
  Replied<intent::PatchConfig> refused;
  f.agent->submit(intent::ReplaceConfig{with_parameters({{"jit", "off"}}), false, true}, good.taker());
  f.agent->submit(intent::PatchConfig{with_parameters({{"foo", 1}}), false, true}, refused.taker());
  f.world.settle();
  EXPECT_TRUE(good.value && good.value->has_value());
  ASSERT_TRUE(refused.value && !refused.value->has_value());
  EXPECT_EQ(refused.value->error().kind, ErrorKind::invalid);
  EXPECT_TRUE(f.dcs.writes.empty());
}

// For readers beside the loop: it is published, and the loop decides by what it read itself.
TEST(Intents, AReadOfTheStoreIsNoneOfTheLoopsBusiness) {
  AgentFixture f;
  f.start();
  const auto before = f.board.load();
  f.dcs.view.config = {Json{{"ttl", 77}}, Version{9}};
  Replied<intent::ReadStore> first, second;
  f.agent->submit(intent::ReadStore{}, first.taker());
  f.agent->submit(intent::ReadStore{}, second.taker());
  f.world.settle();
  EXPECT_TRUE(first.value && first.value->has_value());
  EXPECT_TRUE(second.value && second.value->has_value());
  const auto after = f.board.load();
  EXPECT_EQ(after->cycle, before->cycle);
  ASSERT_TRUE(after->last_cluster.is_known());
  EXPECT_EQ(to_compact(after->last_cluster->config.value), R"({"ttl":77})");
  EXPECT_EQ(f.seen.back().settings.ttl, before->observation.settings.ttl);
}

TEST(Intents, ParametersThatCannotBeCheckedAreWritten) {
  AgentFixture f;
  f.dcs.view.config = {Json::object(), Version{5}};
  f.postgres.errors["check"] = {Error{ErrorKind::failed, "no such program"}};
  f.start();
  Replied<intent::ReplaceConfig> reply;
  f.agent->submit(intent::ReplaceConfig{with_parameters({{"jit", "off"}})}, reply.taker());
  f.world.settle();
  EXPECT_TRUE(reply.value && reply.value->has_value());
}

TEST(Intents, AChangeThatChangesNothingWritesNothing) {
  AgentFixture f;
  f.dcs.view.config = {Json{{"ttl", 30}}, Version{5}};
  f.start();
  Replied<intent::PatchConfig> reply;
  f.agent->submit(intent::PatchConfig{Json{{"ttl", 30}}}, reply.taker());
  f.world.settle();
  ASSERT_TRUE(reply.value && reply.value->has_value());
  EXPECT_TRUE(f.dcs.writes.empty());
}

TEST(Intents, AConflictIsTriedAgainOnTopOfTheOthersChange) {
  AgentFixture f;
  f.dcs.view.config = {Json{{"ttl", 30}}, Version{5}};
  f.start();
  f.dcs.before_write = [&f] {
    f.dcs.before_write = nullptr;
    f.dcs.view.config = {Json{{"ttl", 30}, {"retry_timeout", 5}}, Version{6}};
  };
  Replied<intent::PatchConfig> reply;
  f.agent->submit(intent::PatchConfig{Json{{"loop_wait", 7}}}, reply.taker());
  f.world.settle();
  ASSERT_TRUE(reply.value && reply.value->has_value());
  EXPECT_EQ(to_compact(**reply.value), R"({"ttl":30,"retry_timeout":5,"loop_wait":7})");
}

TEST(Intents, EndlessConflictsAreReported) {
  AgentFixture f;
  f.dcs.view.config = {Json{{"ttl", 30}}, Version{5}};
  f.start();
  f.dcs.before_write = [&f] { ++f.dcs.view.config.version.value; };
  Replied<intent::ReplaceConfig> reply;
  f.agent->submit(intent::ReplaceConfig{Json{{"ttl", 40}}}, reply.taker());
  f.world.settle();
  ASSERT_TRUE(reply.value && !reply.value->has_value());
  EXPECT_EQ(reply.value->error().kind, ErrorKind::conflict);
  EXPECT_EQ(f.dcs.count("write config"), 3);
}

TEST(Intents, ARequestThatIsThereAlreadyIsNotReplaced) {
  AgentFixture f;
  f.dcs.view.failover = {Failover{MemberName("n1"), MemberName("n2"), {}}, Version{8}};
  f.start();
  Replied<intent::SetFailover> same;
  f.agent->submit(intent::SetFailover{f.dcs.view.failover.value}, same.taker());
  Replied<intent::SetFailover> other;
  f.agent->submit(intent::SetFailover{Failover{MemberName("n1"), MemberName("n3"), {}}}, other.taker());
  f.world.settle();
  ASSERT_TRUE(same.value && other.value);
  EXPECT_TRUE(same.value->has_value());
  ASSERT_FALSE(other.value->has_value());
  EXPECT_EQ(other.value->error().kind, ErrorKind::conflict);
  EXPECT_EQ(f.dcs.count("write failover"), 0);
}

TEST(Intents, AnEmptyRequestKeyIsReplacedAtItsVersion) {
  AgentFixture f;
  f.dcs.view.failover = {Failover{}, Version{8}};
  f.start();
  Replied<intent::SetFailover> reply;
  f.agent->submit(intent::SetFailover{Failover{MemberName("n1"), MemberName("n3"), {}}}, reply.taker());
  f.world.settle();
  ASSERT_TRUE(reply.value && reply.value->has_value());
  ASSERT_EQ(f.dcs.writes.size(), 1u);
  EXPECT_EQ(f.dcs.writes[0].expect, Version{8});
}

TEST(Intents, ClearingWhatIsNotThere) {
  AgentFixture f;
  f.start();
  Replied<intent::ClearFailover> reply;
  f.agent->submit(intent::ClearFailover{}, reply.taker());
  f.world.settle();
  ASSERT_TRUE(reply.value && !reply.value->has_value());
  EXPECT_EQ(reply.value->error().kind, ErrorKind::not_found);
}

TEST(Intents, ARestartIsAnsweredWhenTheRulesSaySo) {
  AgentFixture f;
  f.start();
  Replied<intent::Restart> reply;
  f.agent->submit(intent::Restart{}, reply.taker());
  f.world.settle();
  ASSERT_TRUE(f.seen.back().requests.restart.has_value());
  EXPECT_FALSE(reply.value.has_value());
  Replied<intent::Restart> second;
  f.agent->submit(intent::Restart{}, second.taker());
  f.world.settle();
  ASSERT_TRUE(second.value && !second.value->has_value());
  EXPECT_EQ(second.value->error().kind, ErrorKind::refused);

  f.then({action::AnswerRestart{f.seen.back().requests.restart->id, true, "restarted successfully"}});
  f.world.signal("dcs");
  f.world.settle();
  ASSERT_TRUE(reply.value && reply.value->has_value());
  EXPECT_EQ(**reply.value, "restarted successfully");
  EXPECT_FALSE(f.seen.back().requests.restart.has_value());
}

TEST(Intents, ARestartForLaterIsAnsweredByTheRules) {
  AgentFixture f;
  f.start();
  Replied<intent::ScheduleRestart> reply;
  f.agent->submit(intent::ScheduleRestart{ScheduledRestart{}}, reply.taker());
  f.world.settle();
  ASSERT_TRUE(f.seen.back().requests.schedule.has_value());
  EXPECT_FALSE(reply.value.has_value());
  f.then({action::AnswerSchedule{f.seen.back().requests.schedule->id, true, "Restart scheduled"}});
  f.world.signal("dcs");
  f.world.settle();
  ASSERT_TRUE(reply.value && reply.value->has_value());
  EXPECT_EQ(**reply.value, "Restart scheduled");
  EXPECT_FALSE(f.seen.back().requests.schedule.has_value());
}

TEST(Intents, EverybodyIsToldWhenTheAgentEnds) {
  AgentFixture f;
  f.start();
  Replied<intent::Restart> restart;
  f.agent->submit(intent::Restart{}, restart.taker());
  f.world.settle();
  f.then({action::Exit{0}});
  f.world.signal("dcs");
  f.world.settle();
  Replied<intent::ClearFailover> late;
  f.agent->submit(intent::ClearFailover{}, late.taker());
  f.world.settle();
  ASSERT_TRUE(restart.value && late.value);
  EXPECT_EQ(restart.value->error().kind, ErrorKind::cancelled);
  EXPECT_EQ(late.value->error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace regent::test
