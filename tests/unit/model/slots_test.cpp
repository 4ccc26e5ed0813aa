#include "model/slots.h"

#include <gtest/gtest.h>

#include "model/settings.h"

namespace regent {
namespace {

SlotSpecs specs(const char* config, std::size_t problems = 0) {
  std::vector<std::string> found;
  const auto out = parse_permanent_slots(Json::parse(config), found);
  EXPECT_EQ(found.size(), problems);
  return out;
}

TEST(PermanentSlots, NothingSaidMeansPhysical) {
  const auto slots = specs(R"({"slots": {"a": null, "b": 0, "c": {}, "d": {"type": "physical"}}})");
  ASSERT_EQ(slots.size(), 4U);
  for (const auto& [name, spec] : slots) EXPECT_EQ(spec, SlotSpec()) << name;
}

TEST(PermanentSlots, LogicalBySayingSoOrByItsParts) {
  const SlotSpec logical{false, "shop", "pgoutput", ""};
  const auto slots = specs(R"({"slots": {"a": {"type": "logical", "database": "shop", "plugin": "pgoutput"},
                                         "b": {"database": "shop", "plugin": "pgoutput"}}})");
  EXPECT_EQ(slots.at("a"), logical);
  EXPECT_EQ(slots.at("b"), logical);
}

TEST(PermanentSlots, OlderNames) {
  EXPECT_TRUE(specs(R"({"permanent_replication_slots": {"a": null}})").contains("a"));
  EXPECT_TRUE(specs(R"({"permanent_slots": {"a": null}})").contains("a"));
  // The oldest name wins, unless there is nothing under it.
  EXPECT_TRUE(specs(R"({"permanent_slots": {"a": null}, "slots": {"b": null}})").contains("a"));
  EXPECT_TRUE(specs(R"({"permanent_slots": {}, "slots": {"b": null}})").contains("b"));
}

TEST(PermanentSlots, WhatMakesNoSenseIsNamedAndLeftOut) {
  EXPECT_TRUE(specs(R"({"slots": {"Bad-Name": null}})", 1).empty());
  EXPECT_TRUE(specs(R"({"slots": {"a": {"type": "logical"}}})", 1).empty());
  EXPECT_TRUE(specs(R"({"slots": {"a": {"type": "other"}}})", 1).empty());
  EXPECT_TRUE(specs(R"({"slots": {"a": {"type": "physical", "cluster_type": "any"}}})", 1).empty());
  EXPECT_TRUE(specs(R"({"slots": {"a": 5}})", 1).empty());
  EXPECT_TRUE(specs(R"({"slots": ["a"]})", 1).empty());
}

TEST(PermanentSlots, NamesAsPostgresqlTakesThem) {
  EXPECT_TRUE(valid_slot_name("a_1"));
  EXPECT_TRUE(valid_slot_name(std::string(63, 'a')));
  EXPECT_FALSE(valid_slot_name(std::string(64, 'a')));
  EXPECT_FALSE(valid_slot_name(""));
  EXPECT_FALSE(valid_slot_name("A"));
}

TEST(IgnoreSlots, Matchers) {
  std::vector<std::string> problems;
  const auto matchers =
      parse_ignore_slots(Json::parse(R"({"ignore_slots": [{"name": "a", "type": "physical"}, "b", {}]})"), problems);
  ASSERT_EQ(matchers.size(), 2U);
  EXPECT_EQ(matchers[0].name, "a");
  EXPECT_EQ(matchers[0].type, "physical");
  EXPECT_FALSE(matchers[0].plugin);
  EXPECT_EQ(problems.size(), 1U);
}

TEST(Settings, TimesMayHaveUnits) {
  const auto with = [](const char* text) {
    return to_seconds(parse_settings(Json{{"member_slots_ttl", text}}).member_slots_ttl);
  };
  EXPECT_EQ(with("5min"), 300);
  EXPECT_EQ(with("90"), 90);
  EXPECT_EQ(with("1 h"), 3600);
  EXPECT_EQ(with("soon"), 1800);
}

}  // namespace
}  // namespace regent
