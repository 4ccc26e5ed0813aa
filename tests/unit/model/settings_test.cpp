#include "model/settings.h"

#include <gtest/gtest.h>

namespace regent {
namespace {

using namespace std::chrono_literals;

Settings of(const char* text, const SettingLimits& limits = {}) {
  return parse_settings(Json::parse(text), limits);
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
  EXPECT_EQ(of(R"({"ttl": 5, "loop_wait": 1, "retry_timeout": 1})", limits_among({regent, regent})).ttl, Duration(5s));
  EXPECT_EQ(of(R"({"ttl": 1, "loop_wait": 1, "retry_timeout": 1})", limits_among({regent})).ttl, Duration(3s));
  EXPECT_EQ(of(R"({"ttl": 5})", limits_among({regent, patroni})).ttl, Duration(20s));
}

TEST(Settings, TheLeaseOutlivesOneCycleAndTwoRetries) {
  const auto settings = of(R"({"ttl": 20, "loop_wait": 10, "retry_timeout": 10})");
  EXPECT_LE(settings.loop_wait + 2 * settings.retry_timeout, settings.ttl);
  EXPECT_EQ(settings.problems.size(), 1U);
}

TEST(Settings, OldNamesAreRead) {
  EXPECT_EQ(of(R"({"master_start_timeout": 0})").primary_start_timeout, Duration(0s));
  EXPECT_EQ(of(R"({"master_start_timeout": 0, "primary_start_timeout": 7})").primary_start_timeout, Duration(7s));
}

}  // namespace
}  // namespace regent
