#include <gtest/gtest.h>

#include "fake_world.h"

namespace regent::test {
namespace {

using std::chrono::seconds;

template <class Kind>
std::size_t performed(const AgentFixture& f) {
  std::size_t count = 0;
  for (const auto& [act, done] : f.acted) count += done && std::holds_alternative<Kind>(act);
  return count;
}

TEST(Loop, DecidesAgainAtTheTimeTheDecisionAsksFor) {
  AgentFixture f;
  f.then({}, seconds(4));
  f.start();
  ASSERT_EQ(f.cycles(), 1u);
  f.world.advance(seconds(3));
  EXPECT_EQ(f.cycles(), 1u);
  f.world.advance(seconds(1));
  EXPECT_EQ(f.cycles(), 2u);
}

TEST(Loop, NeverSleepsLongerThanLoopWait) {
  AgentFixture f;
  f.then({}, std::chrono::hours(1));
  f.start();
  f.world.advance(seconds(10));
  EXPECT_EQ(f.cycles(), 2u);
}

TEST(Loop, AChangeInTheStoreWakesItAtOnce) {
  AgentFixture f;
  f.start();
  ASSERT_EQ(f.cycles(), 1u);
  const Instant before = f.world.now;
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_EQ(f.cycles(), 2u);
  EXPECT_EQ(f.seen[1].now, before);
  EXPECT_TRUE(f.world.waiting("dcs"));
}

TEST(Loop, TheEndOfThePostmasterWakesItAtOnce) {
  AgentFixture f;
  f.postgres.run_server(true);
  f.start();
  ASSERT_EQ(f.cycles(), 1u);
  f.postgres.stop_server();
  f.world.signal("postgres");
  f.world.settle();
  ASSERT_EQ(f.cycles(), 2u);
  EXPECT_EQ(f.seen[1].postgres.process, Process::stopped);
}

TEST(Loop, ARequestToShutDownWakesItAtOnce) {
  AgentFixture f;
  f.start();
  f.agent->request_shutdown();
  f.world.settle();
  ASSERT_EQ(f.cycles(), 2u);
  EXPECT_TRUE(f.seen[1].requests.shutdown);
}

TEST(Loop, AReloadBringsTheNewSelf) {
  AgentFixture f;
  f.start();
  Self changed;
  changed.name = MemberName("n1");
  changed.tags.nofailover = true;
  f.agent->request_reload(changed);
  f.world.settle();
  ASSERT_EQ(f.cycles(), 2u);
  EXPECT_TRUE(f.seen[1].requests.reload);
  EXPECT_TRUE(f.seen[1].self.tags.nofailover);
  f.postgres.run_server(true);
  f.then({action::ApplyConfig{}});
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_FALSE(f.seen.back().requests.reload);
}

TEST(Loop, TheTimeIsTakenAfterGathering) {  // F02
  AgentFixture f;
  f.start();
  f.dcs.delay = seconds(3);
  f.world.signal("dcs");
  f.world.settle();
  f.world.freeze(seconds(40));  // frozen while the store's answer is on its way
  f.world.settle();
  ASSERT_EQ(f.cycles(), 2u);
  EXPECT_EQ(f.seen[1].now, f.world.now);
  EXPECT_EQ(f.seen[1].cluster.age(f.seen[1].now), seconds(40));
}

TEST(Loop, TheLongestLatenessIsKept) {  // F05
  AgentFixture f;
  f.start();
  EXPECT_EQ(f.board.load()->most_late, seconds(0));
  f.world.freeze(seconds(17));  // the wait was to end after ten
  f.world.advance(seconds(0));
  ASSERT_EQ(f.cycles(), 2u);
  EXPECT_EQ(f.board.load()->most_late, seconds(7));
  // In time, and woken by something before its time: neither takes anything away.
  f.world.advance(seconds(10));
  f.world.signal("dcs");
  f.world.settle();
  ASSERT_EQ(f.cycles(), 4u);
  EXPECT_EQ(f.board.load()->most_late, seconds(7));
}

TEST(Loop, EffectsAreLookedAtAtOnceHeartbeatsAreNot) {
  AgentFixture f;
  f.then({action::WriteMember{"{}"}});
  f.start();
  EXPECT_EQ(f.cycles(), 1u);
  f.then({action::DeleteKey{}});
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_EQ(f.cycles(), 3u);
}

TEST(Loop, TheFirstFailureEndsTheCycleAndTheMemoryDoesNotBecomeTrue) {
  AgentFixture f;
  f.script.push_back([](const Observation& o, const Memory& m) {
    Decision d;
    d.actions = {action::WriteKey{action::Key::initialize, "", Version{}, true}, action::WriteMember{"{}"}};
    d.memory = m;
    d.memory.acquired_now = true;
    d.wake_at = o.now + seconds(10);
    return d;
  });
  f.dcs.errors["write initialize"] = {Error{ErrorKind::conflict, "somebody was faster"}};
  f.start();
  EXPECT_EQ(f.dcs.count("write_member"), 0);
  // A lost comparison: it looks again at once.
  ASSERT_EQ(f.cycles(), 2u);
  EXPECT_FALSE(f.memories[1].acquired_now);
}

TEST(Loop, AComparisonThatIsLostAgainAndAgainIsNoNews) {
  AgentFixture f;
  for (int i = 0; i < 6; ++i) {
    f.script.push_back([](const Observation& o, const Memory& m) {
      Decision d;
      d.actions = {action::WriteKey{action::Key::initialize, "", Version{}, true}};
      d.memory = m;
      d.wake_at = o.now + seconds(10);
      return d;
    });
    f.dcs.errors["write initialize"].push_back(Error{ErrorKind::conflict, "another one's"});
  }
  f.start();
  EXPECT_EQ(f.cycles(), 3u) << "at once after the first two";
  f.world.advance(seconds(1));
  EXPECT_GT(f.cycles(), 3u);
  EXPECT_LT(f.cycles(), 7u) << "and in growing steps after that";
}

TEST(Loop, WhatWasDoneBeforeAFailureIsRemembered) {
  AgentFixture f;
  f.script.push_back([](const Observation& o, const Memory& m) {
    Decision d;
    d.actions = {action::StartJob{job::Stop{}}, action::WriteMember{"{}"}};
    d.memory = m;
    d.memory.demotion = Demotion{};
    d.memory.published = "what the member key should say";
    d.memory.member_written_at = o.now;
    d.wake_at = o.now + seconds(10);
    return d;
  });
  f.dcs.errors["write_member"] = {Error{ErrorKind::timeout, "no answer"}};
  f.start();
  f.world.advance(seconds(1));
  ASSERT_GE(f.cycles(), 2u);
  EXPECT_TRUE(f.memories[1].demotion.has_value());
  EXPECT_EQ(f.memories[1].published, "");
  EXPECT_FALSE(f.memories[1].member_written_at.has_value());
}

TEST(Loop, FailuresAreRetriedSoonButNotAtOnce) {
  AgentFixture f;
  f.dcs.errors["read"] = {Error{ErrorKind::unreachable, "refused"}, Error{ErrorKind::unreachable, "refused"}};
  f.start();
  EXPECT_EQ(f.cycles(), 1u);
  EXPECT_FALSE(f.seen[0].cluster.is_known());
  f.world.advance(seconds(1));
  EXPECT_EQ(f.cycles(), 3u);
  EXPECT_TRUE(f.seen[2].cluster.is_known());
}

TEST(Loop, ALoopThatAlwaysHasSomethingToDoIsSlowedDown) {
  AgentFixture f;
  for (int i = 0; i < 1000; ++i) f.then({action::DeleteKey{}});
  f.start();
  EXPECT_LE(f.cycles(), 110u);
  f.world.advance(seconds(1));
  EXPECT_LE(f.cycles(), 125u);
  EXPECT_EQ(f.board.load()->decision.conditions.at(0).name, "LoopBusy");
}

TEST(Loop, ADecisionThatBreaksTheContractIsNotCarriedOut) {  // I2
  AgentFixture f;
  AgentHooks hooks;
  hooks.misjudge = [](const Observation&, Decision& d) { d.actions = {action::StartJob{job::Promote{}}}; };
  hooks.acting = [&f](const Action& act, bool done) { f.acted.emplace_back(act, done); };
  Self self;
  self.name = MemberName("n1");
  f.agent = std::make_unique<Agent>(f.world.context().get_executor(),
                                    AgentPorts{f.clock, f.dcs, f.postgres, f.peers, f.guard, f.watchdog}, self, f.board,
                                    hooks);
  f.start();
  f.world.advance(seconds(3));
  EXPECT_TRUE(f.acted.empty());
  const auto snapshot = f.board.load();
  EXPECT_GE(snapshot->refused_decisions, 3u);
  EXPECT_EQ(snapshot->decision.conditions.back().name, "DecisionRefused");
}

TEST(Loop, ALeaderWakesWhenTheStopMustBegin) {
  AgentFixture f;
  f.lead();
  ASSERT_EQ(f.cycles(), 2u);
  const LeaseFacts lease = f.seen[1].lease;
  ASSERT_TRUE(lease.held);
  while (f.world.now < demote_at(lease)) f.world.advance(*f.world.next_deadline() - f.world.now);
  EXPECT_EQ(f.seen.back().now, demote_at(lease));
}

TEST(Loop, MembersThatDoNotLeadKeepTheirSession) {
  AgentFixture f;
  f.start();
  f.world.advance(seconds(100));
  EXPECT_GE(f.dcs.count("keep_session"), 10);
  EXPECT_LE(f.dcs.count("keep_session"), 12);
}

TEST(Loop, KeepsTheLastGoodConfiguration) {  // F40
  AgentFixture f;
  f.dcs.view.config = {Json{{"ttl", 40}, {"loop_wait", 5}}, Version{3}};
  f.start();
  EXPECT_EQ(f.seen[0].settings.ttl, seconds(40));
  EXPECT_EQ(f.dcs.ttl, seconds(40));
  EXPECT_EQ(f.postgres.config["loop_wait"], 5);
  f.dcs.view.config = {Json("garbage"), Version{4}};
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_EQ(f.seen[1].settings.ttl, seconds(40));
  EXPECT_EQ(f.postgres.config["loop_wait"], 5);
}

TEST(Loop, ExitsWithTheCodeAndSaysGoodbye) {
  AgentFixture f;
  f.then({action::Exit{1}});
  f.start();
  ASSERT_TRUE(f.exit_code.has_value());
  EXPECT_EQ(*f.exit_code, 1);
  EXPECT_EQ(f.dcs.count("close"), 1);
}

TEST(Loop, ALeaderThatEndsInPauseLeavesItsKey) {  // I14
  AgentFixture f;
  f.lead();
  f.then({action::Exit{0}});
  f.world.signal("dcs");
  f.world.settle();
  ASSERT_TRUE(f.exit_code.has_value());
  EXPECT_EQ(f.dcs.count("close"), 0);
}

TEST(Loop, PublishesWhatWasConfirmedLast) {
  AgentFixture f;
  f.lead();
  f.world.advance(seconds(5));
  f.then({action::RenewLease{}});
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_EQ(f.board.load()->observation.lease.confirmed_at, f.world.now);
  EXPECT_EQ(performed<action::RenewLease>(f), 1u);
}

TEST(Loop, AnOldDecisionToTakeTheLockIsDropped) {  // F02
  AgentFixture f;
  f.then({action::WriteMember{"{}"}, action::AcquireLeader{}});
  f.dcs.delay = seconds(1);
  f.start();
  while (f.dcs.count("write_member") == 0) f.world.advance(seconds(1));
  f.world.freeze(seconds(60));
  f.world.settle();
  EXPECT_EQ(f.dcs.count("acquire"), 0);
}

}  // namespace
}  // namespace regent::test
