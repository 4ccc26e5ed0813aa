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

void record(FlightRecorder& recorder, const Decision& decision, int second = 0) {
  Observation observation;
  observation.wall = WallTime{} + std::chrono::seconds(second);
  recorder.record(observation, Memory{}, decision);
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
    record(recorder, d, i);
  }
  EXPECT_EQ(count(recorder.text(), "no action"), 1u);
  EXPECT_EQ(count(recorder.text(), "50 times"), 1u);
}

TEST(FlightRecorder, KeepsTheNewest) {
  FlightRecorder recorder(3);
  for (int i = 0; i < 10; ++i) record(recorder, decision(i, "sentence " + std::to_string(i)));
  EXPECT_EQ(count(recorder.text(), "sentence"), 3u);
  EXPECT_EQ(count(recorder.text(), "sentence 6"), 0u);
  EXPECT_EQ(count(recorder.text(), "sentence 9"), 1u);
}

TEST(FlightRecorder, NamesActionsAndConditions) {
  FlightRecorder recorder;
  Decision d = decision(10, "demoting self");
  d.actions.emplace_back(action::ReleaseLeader{});
  d.conditions.push_back({"LeaseRunsOut", "because"});
  record(recorder, d);
  EXPECT_EQ(count(recorder.text(), "release leader"), 1u);
  EXPECT_EQ(count(recorder.text(), "LeaseRunsOut"), 1u);
}

TEST(FlightRecorder, LeavesOutWhatGoesOnWhileAllIsWell) {
  FlightRecorder recorder;
  Decision d = decision(760, "no action");
  d.actions.emplace_back(action::RenewLease{});
  d.actions.emplace_back(action::StartJob{job::Checkpoint{}});
  record(recorder, d);
  EXPECT_EQ(count(recorder.text(), "renew lease"), 0u);
  EXPECT_EQ(count(recorder.text(), "job: checkpoint"), 1u);
}

TEST(FlightRecorder, KeepsWhatTheNewestWereMadeFrom) {
  FlightRecorder recorder(10, 2);
  for (int i = 0; i < 5; ++i) record(recorder, decision(i, "sentence " + std::to_string(i)), i);
  record(recorder, decision(4, "sentence 4"), 9);
  const std::string lines = recorder.records();
  ASSERT_EQ(count(lines, "\n"), 2u);
  const auto oldest = parse_record(lines.substr(0, lines.find('\n')));
  const auto newest = parse_record(lines.substr(lines.find('\n') + 1));
  ASSERT_TRUE(oldest && newest);
  EXPECT_EQ(oldest->rule, 3);
  EXPECT_EQ(newest->rule, 4);
  EXPECT_EQ(newest->observation.wall, WallTime{} + std::chrono::seconds(4));
}

}  // namespace
}  // namespace regent::test
