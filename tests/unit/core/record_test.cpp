// Records of decisions: what the golden scenarios, which read back every one of theirs, do not say (O3).
#include "core/record.h"

#include <gtest/gtest.h>

namespace regent {
namespace {

using std::chrono::seconds;

Record record() {
  Record r;
  r.rule = 760;
  r.observation.now = Instant(seconds(1000)) + std::chrono::nanoseconds(1);
  r.observation.self.name = MemberName("n1");
  r.observation.job.running =
      job::Restart{.as_primary = true, .upstream = {.name = MemberName("n2"), .address = {}, .slot = {}}};
  r.observation.cluster = Fact<ClusterView>::unknown("no answer", Instant(seconds(999)));
  r.observation.requests.schedule = ScheduleRequest{3, std::nullopt};
  r.memory.failsafe_members = {{"n1", "http://n1"}};
  r.memory.led_slots = {"a", "b"};
  r.memory.slot_proofs["a"] = SlotProof{700, true};
  return r;
}

TEST(Record, IsReadAsItWasWritten) {
  const Record before = record();
  const auto after = parse_record(print_record(before));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(print_record(*after), print_record(before));
  EXPECT_EQ(after->memory, before.memory);
  EXPECT_EQ(after->observation.now, before.observation.now);
  EXPECT_EQ(after->observation.cluster.why(), "no answer");
  EXPECT_EQ(std::get<job::Restart>(*after->observation.job.running).upstream.name, MemberName("n2"));
}

TEST(Record, NamesWhatCannotBeRead) {
  Json json = Json::parse(print_record(record()));
  json["observation"]["lease"].erase("held");
  const auto missing = parse_record(json.dump());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("observation.lease.held is missing"), std::string::npos)
      << missing.error().message;
  json = Json::parse(print_record(record()));
  json["memory"]["clone_failures"] = "many";
  const auto wrong = parse_record(json.dump());
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("memory.clone_failures"), std::string::npos) << wrong.error().message;
  EXPECT_FALSE(parse_record("no json"));
}

TEST(Record, AMemoryIsPrintedAsFarAsItIsNotAsInTheBeginning) {
  Memory memory;
  EXPECT_EQ(to_text(memory), "");
  memory.ran_as_primary = true;
  memory.restart_id = 7;
  EXPECT_EQ(to_text(memory), "ran_as_primary: true\nrestart_id: 7\n");
}

}  // namespace
}  // namespace regent
