#include <gtest/gtest.h>

#include "fake_world.h"

namespace regent::test {
namespace {

using std::chrono::seconds;

void decide_once(AgentFixture& f, std::vector<Action> actions) {
  f.then(std::move(actions));
  f.world.signal("dcs");
  f.world.settle();
}

FenceOrder order(const AgentFixture& f) {
  FenceOrder order;
  order.deadline = dead_by(f.board.load()->observation.lease);
  return order;
}

TEST(Fences, AreArmedBeforeThePromotion) {  // I3
  AgentFixture f;
  f.postgres.run_server(true);
  f.lead();
  f.postgres.takes["promote"] = seconds(5);
  decide_once(f, {action::StartJob{job::Promote{}}});
  ASSERT_EQ(f.guard.deadlines.size(), 1U);
  EXPECT_EQ(f.guard.deadlines.front(), order(f).deadline);
  EXPECT_EQ(f.postgres.count("promote"), 1);
}

TEST(Fences, ThatAreRequiredAndMissingForbidThePromotion) {
  AgentFixture f;
  f.guard.told().mode = FenceMode::required;
  f.guard.broken = "it cannot be started";
  f.postgres.run_server(true);
  f.lead();
  decide_once(f, {action::StartJob{job::Promote{}}});
  EXPECT_EQ(f.postgres.count("promote"), 0);
  ASSERT_TRUE(f.seen.back().job.ended.has_value());
  ASSERT_TRUE(f.seen.back().job.ended->error.has_value());
  EXPECT_EQ(f.seen.back().job.ended->error->kind, ErrorKind::refused);
}

TEST(Fences, ThatAreWantedAndMissingForbidNothing) {
  AgentFixture f;
  f.guard.broken = "it cannot be started";
  f.postgres.run_server(true);
  f.lead();
  decide_once(f, {action::StartJob{job::Promote{}}});
  EXPECT_EQ(f.postgres.count("promote"), 1);
}

TEST(Fences, FollowEveryConfirmedRenewalInTheSameTurn) {
  AgentFixture f;
  f.watchdog.told.mode = FenceMode::automatic;
  f.postgres.run_server(false);
  f.lead();
  decide_once(f, {action::ArmFences{order(f)}});
  f.world.advance(seconds(3));
  decide_once(f, {action::RenewLease{}});
  ASSERT_EQ(f.guard.deadlines.size(), 2U);
  EXPECT_EQ(f.guard.deadlines.back(), order(f).deadline);
  EXPECT_EQ(f.watchdog.calls, (std::vector<std::string>{"activate", "keep alive"}));
}

TEST(Fences, DoNotFollowARenewalThatNobodyConfirmed) {  // F32
  AgentFixture f;
  f.watchdog.told.mode = FenceMode::automatic;
  f.postgres.run_server(false);
  f.lead();
  decide_once(f, {action::ArmFences{order(f)}});
  f.dcs.errors["renew"] = {Error{ErrorKind::timeout, "no answer"}};
  f.world.advance(seconds(3));
  decide_once(f, {action::RenewLease{}});
  EXPECT_EQ(f.guard.deadlines.size(), 1U);
  EXPECT_EQ(f.watchdog.calls, (std::vector<std::string>{"activate"}));
}

TEST(Fences, ThatWereNeverArmedAreNotByARenewal) {
  AgentFixture f;
  f.lead();
  decide_once(f, {action::RenewLease{}});
  EXPECT_TRUE(f.guard.deadlines.empty());
}

TEST(Fences, AGuardThatEndedIsNews) {
  AgentFixture f;
  f.lead();
  const std::size_t before = f.cycles();
  f.world.signal("guard");
  f.world.settle();
  EXPECT_GT(f.cycles(), before);
}

TEST(Fences, NothingIsWrittenUnderALeaseThatRanOutInASleep) {  // F02
  AgentFixture f;
  f.postgres.run_server(false);
  f.lead();
  const int writes = f.dcs.count("write_member");
  // The process stands still between the decision and its first action.
  f.script.emplace_back([&](const Observation& observation, const Memory& memory) {
    f.world.freeze(seconds(40));
    Decision decision;
    decision.memory = memory;
    decision.wake_at = observation.now + seconds(10);
    decision.actions = {action::RenewLease{}, action::WriteMember{"{}"}};
    return decision;
  });
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_EQ(f.dcs.count("renew"), 0);
  EXPECT_EQ(f.dcs.count("write_member"), writes);
}

}  // namespace
}  // namespace regent::test
