#include "model/settings.h"

#include <gtest/gtest.h>

#include "model/config_keys.h"

namespace regent {
namespace {

using namespace std::chrono_literals;

Settings of(const char* text, Company company = Company::with_patroni) {
  return parse_settings(Json::parse(text), company);
}

TEST(Settings, HoweverMuchIsMuch) {
  EXPECT_GT(of(R"({"maximum_lag_on_failover": 1e30})").maximum_lag_on_failover, 1'000'000'000'000'000U);
  EXPECT_GT(of(R"({"max_timelines_history": 1e12})").max_timelines_history, 100'000'000);
}

TEST(Settings, DefaultsAreThoseOfTheManual) {
  const auto settings = of("{}");
  EXPECT_EQ(settings.ttl, Duration(30s));
  EXPECT_EQ(settings.loop_wait, Duration(10s));
  EXPECT_EQ(settings.retry_timeout, Duration(10s));
  EXPECT_EQ(settings.maximum_lag_on_failover, 1048576U);
  EXPECT_EQ(settings.primary_start_timeout, Duration(300s));
  EXPECT_TRUE(settings.problems.empty());
}

TEST(Settings, ABadValueCostsOnlyItsOwnKey) {
  const auto settings = of(R"({"ttl": "abc", "loop_wait": 5, "postgresql": 5, "check_timeline": "maybe"})");
  EXPECT_EQ(settings.ttl, Duration(30s));
  EXPECT_EQ(settings.loop_wait, Duration(5s));
  EXPECT_EQ(settings.problems.size(), 3U);
}

TEST(Settings, TakeoverIsSecondsOrAWord) {
  const auto after = [](const char* value) {
    const auto settings =
        of((std::string(R"({"synchronous_mode": true, "synchronous_takeover_after": )") + value + "}").c_str());
    return settings.takes_over() ? to_seconds(settings.synchronous_takeover_after) : 0;
  };
  EXPECT_TRUE(of(R"({"synchronous_mode": true})").takes_over());
  EXPECT_FALSE(of("{}").takes_over());
  EXPECT_EQ(after("2.5"), 2.5);
  EXPECT_EQ(after(R"("500ms")"), 0.5);
  EXPECT_EQ(after(R"("1")"), 1);
  EXPECT_EQ(after("true"), 1);
  for (const char* off : {"0", "false", R"("off")", R"("0")", "-3"}) EXPECT_EQ(after(off), 0) << off;
  // What cannot be understood leaves the default, and is named.
  const auto settings = of(R"({"synchronous_mode": true, "synchronous_takeover_after": "soon"})");
  EXPECT_EQ(settings.synchronous_takeover_after, Duration(1s));
  EXPECT_EQ(settings.problems.size(), 1U);
}

TEST(Settings, TooSmallTimesAreRaisedForTheSakeOfPeers) {
  const auto settings = of(R"({"ttl": 5, "loop_wait": 0, "retry_timeout": 1})");
  EXPECT_EQ(settings.ttl, Duration(20s));
  EXPECT_EQ(settings.loop_wait, Duration(1s));
  EXPECT_EQ(settings.retry_timeout, Duration(3s));
}

TEST(Settings, AmongOurselvesTheLeaseMayBeShort) {
  Member regent, patroni;
  regent.regent = "0.1.0";
  EXPECT_EQ(of(R"({"ttl": 5, "loop_wait": 1, "retry_timeout": 1})", company_of({regent, regent})).ttl, Duration(5s));
  EXPECT_EQ(of(R"({"ttl": 1, "loop_wait": 1, "retry_timeout": 1})", company_of({regent})).ttl, Duration(3s));
  EXPECT_EQ(of(R"({"ttl": 5})", company_of({regent, patroni})).ttl, Duration(20s));
}

TEST(Settings, TheLeaseOutlivesOneCycleAndTwoRetries) {
  const auto settings = of(R"({"ttl": 20, "loop_wait": 10, "retry_timeout": 10})");
  EXPECT_LE(settings.loop_wait + 2 * settings.retry_timeout, settings.ttl);
  EXPECT_EQ(settings.problems.size(), 1U);
}

// A lease that is short by mistake is no wish to look five times a second.
TEST(Settings, TheLoopIsNotMadeFasterThanOnceASecond) {
  Member regent;
  regent.regent = "0.1.0";
  const Company ours = company_of({regent, regent});
  EXPECT_EQ(of(R"({"ttl": 20, "loop_wait": 2, "retry_timeout": 10})", ours).loop_wait, Duration(1s));
  EXPECT_EQ(of(R"({"ttl": 20, "loop_wait": 2, "retry_timeout": 10})", ours).retry_timeout, Duration(9500ms));
  EXPECT_EQ(of(R"({"ttl": 5, "loop_wait": 0.5, "retry_timeout": 3})", ours).loop_wait, Duration(500ms));
}

TEST(Settings, OldNamesAreRead) {
  EXPECT_EQ(of(R"({"master_start_timeout": 0})").primary_start_timeout, Duration(0s));
  EXPECT_EQ(of(R"({"master_start_timeout": 0, "primary_start_timeout": 7})").primary_start_timeout, Duration(7s));
}

TEST(Settings, ANumberOutOfItsBoundsIsNamed) {
  const auto settings =
      of(R"({"maximum_lag_on_failover": -5, "synchronous_node_count": 0, "max_timelines_history": 3})");
  EXPECT_EQ(settings.maximum_lag_on_failover, 0U);
  EXPECT_EQ(settings.synchronous_node_count, 1);
  EXPECT_EQ(settings.problems,
            (std::vector<std::string>{"maximum_lag_on_failover=-5 is not a number from 0 to 1e+18, adjusting...",
                                      "synchronous_node_count=0 is not a number from 1 to 1000, adjusting..."}));
}

// What a node's own file says of these wins on that node (compat §1.11).
TEST(Settings, TheLocalSectionWins) {
  const Json config = Json::parse(R"({"postgresql": {"use_pg_rewind": false, "use_slots": false}})");
  const Json local =
      Json::parse(R"({"use_pg_rewind": "yes", "use_slots": true, "remove_data_directory_on_rewind_failure": true})");
  const auto settings = parse_settings(config, Company::with_patroni, local);
  EXPECT_TRUE(settings.use_pg_rewind);
  EXPECT_FALSE(settings.use_slots) << "slots are one thing of the whole cluster";
  EXPECT_TRUE(settings.remove_data_directory_on_rewind_failure);
  EXPECT_FALSE(settings.remove_data_directory_on_diverged_timelines);
  EXPECT_EQ(settings.problems, std::vector<std::string>());
}

TEST(Settings, KeysThatNobodyReadsAreNamed) {
  const Json config = Json::parse(R"({
    "loop_wiat": 30,
    "postgresql": {"listen": "a:1", "parameters": {"a": 1}, "pgbackrest": {"command": "x"}, "pg_ctl_timeout": 1},
    "standby_cluster": {"host": "a", "prot": 1}})");
  EXPECT_EQ(find_unknown_dynamic_keys(config, ""),
            (std::vector<std::string>{
                "loop_wiat is not known and has no effect; is it loop_wait?",
                "postgresql.listen has no effect here; it belongs to the configuration file of each node",
                "standby_cluster.prot is not known and has no effect; is it port?",
                "postgresql.pg_ctl_timeout has no effect: pg_ctl is not used"}));
  EXPECT_TRUE(parse_settings(config).problems.empty()) << "they do no harm";
}

}  // namespace
}  // namespace regent
