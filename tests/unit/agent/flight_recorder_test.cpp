#include "agent/flight_recorder.h"

#include <gtest/gtest.h>

namespace regent::test {
namespace {

Decision decision(int rule, std::string sentence) {
  Decision d;
  d.rule = rule;
  d.rule_name = "some_rule";
  d.sentence = std::move(sentence);
  return d;
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(FlightRecorder, CountsRepeats) {
  FlightRecorder recorder;
  for (int i = 0; i < 50; ++i) {
    Decision d = decision(760, "no action");
    d.actions.emplace_back(action::WriteMember{std::to_string(i)});
    recorder.record(WallTime{} + std::chrono::seconds(i), d);
  }
  EXPECT_EQ(count(recorder.text(), "no action"), 1u);
  EXPECT_EQ(count(recorder.text(), "50 times"), 1u);
}

TEST(FlightRecorder, KeepsTheNewest) {
  FlightRecorder recorder(3);
  for (int i = 0; i < 10; ++i) recorder.record(WallTime{}, decision(i, "sentence " + std::to_string(i)));
  EXPECT_EQ(count(recorder.text(), "sentence"), 3u);
  EXPECT_EQ(count(recorder.text(), "sentence 6"), 0u);
  EXPECT_EQ(count(recorder.text(), "sentence 9"), 1u);
}

TEST(FlightRecorder, NamesActionsAndConditions) {
  FlightRecorder recorder;
  Decision d = decision(10, "demoting self");
  d.actions.emplace_back(action::ReleaseLeader{});
  d.conditions.push_back({"LeaseRunsOut", "because"});
  recorder.record(WallTime{}, d);
  EXPECT_EQ(count(recorder.text(), "release leader"), 1u);
  EXPECT_EQ(count(recorder.text(), "LeaseRunsOut"), 1u);
}

}  // namespace
}  // namespace regent::test
