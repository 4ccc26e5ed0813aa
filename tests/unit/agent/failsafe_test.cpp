// Promises of members, and what they are worth to a leader (I13).
#include <gtest/gtest.h>

#include "fake_world.h"

namespace regent::test {
namespace {

using std::chrono::seconds;

const Json failsafe_on{{"ttl", 30}, {"failsafe_mode", true}};

void switch_on(AgentFixture& f) {
  f.dcs.view.config = {failsafe_on, Version{9}};
}

intent::PromiseFailsafe asked_by(const std::string& name) {
  FailsafeRequest request;
  request.name = MemberName(name);
  return {request};
}

// Asks, lets everything run that can, and returns the answer: "accepted" or the reason why not.
std::string promise(AgentFixture& f, const std::string& name) {
  std::string said = "nothing";
  f.agent->submit(asked_by(name), [&](const auto& reply) { said = reply ? "accepted" : reply.error().message; });
  f.world.settle();
  return said;
}

action::AskFailsafe question() {
  action::AskFailsafe ask;
  ask.members = {{"n2", "http://n2:8008/patroni"}, {"n3", "http://n3:8008/patroni"}};
  ask.request.name = MemberName("n1");
  return ask;
}

TEST(Failsafe, APromiseStopsAnAcquisitionThatWasDecidedBefore) {
  AgentFixture f;
  switch_on(f);
  f.start();
  f.world.settle();
  std::string said;
  // Between the decision and the request to the store.
  f.then({action::WriteKey{action::Key::status, "{}", Version{}}, action::AcquireLeader{}});
  f.dcs.before_write = [&] {
    f.agent->submit(asked_by("n2"), [&](const auto& reply) { said = reply ? "accepted" : reply.error().message; });
  };
  f.dcs.delay = seconds(1);
  f.world.signal("dcs");
  f.world.settle();
  f.world.advance(seconds(5));
  EXPECT_EQ(said, "accepted");
  EXPECT_EQ(f.dcs.count("acquire"), 0);
}

TEST(Failsafe, WhileTheLockIsBeingTakenNothingIsPromised) {
  AgentFixture f;
  switch_on(f);
  f.start();
  f.world.settle();
  f.dcs.delay = seconds(2);
  f.then({action::AcquireLeader{}});
  f.world.signal("dcs");
  f.world.settle();
  f.world.advance(seconds(3));
  ASSERT_EQ(f.dcs.count("acquire"), 1);
  EXPECT_EQ(promise(f, "n2"), "Running as a leader");
  f.world.advance(seconds(3));
  EXPECT_EQ(promise(f, "n2"), "Running as a leader");
}

TEST(Failsafe, AMemberThatSeesAnotherLeaderRefuses) {
  AgentFixture f;
  switch_on(f);
  f.dcs.view.leader = {MemberName("n3"), Version{5}, "s3"};
  f.start();
  f.world.settle();
  EXPECT_EQ(promise(f, "n2"), "n3 holds the leader lock");
  EXPECT_EQ(promise(f, "n3"), "accepted");
}

TEST(Failsafe, WithTheModeOffOrBeforeTheFirstLookNothingIsPromised) {
  AgentFixture f;
  f.start();
  f.world.settle();
  EXPECT_EQ(promise(f, "n2"), "failsafe mode is off");
  AgentFixture blind;
  EXPECT_EQ(promise(blind, "n2"), "this member has just started and knows nothing yet");
}

TEST(Failsafe, NobodyIsPromisedMoreThanTheClustersTtl) {
  AgentFixture f;
  switch_on(f);
  f.start();
  f.world.settle();
  std::string said;
  auto request = asked_by("n2");
  request.request.ttl = seconds(3600);
  f.agent->submit(request, [&](const auto& reply) { said = reply ? "accepted" : reply.error().message; });
  f.world.settle();
  EXPECT_EQ(said, "it asks for 3600 s, which is more than the ttl of this cluster, 30 s");
  EXPECT_EQ(promise(f, "n2"), "accepted");
  f.world.advance(seconds(1));
  ASSERT_TRUE(f.seen.back().failsafe.promise);
  EXPECT_EQ(f.seen.back().failsafe.promise->until - f.seen.back().failsafe.promise->given_at, seconds(30));
}

// A leader that lost the store asks before its key expires; from then on one promise follows another (F28).
TEST(Failsafe, WhoeverAsksFirstWhenTheKeyIsGoneIsRefused) {
  AgentFixture f;
  switch_on(f);
  f.dcs.view.leader = {MemberName("n2"), Version{5}, "s2"};
  f.start();
  f.world.advance(seconds(40));
  EXPECT_EQ(promise(f, "n2"), "accepted");
  f.dcs.view.leader = {};
  f.world.advance(seconds(20));
  EXPECT_EQ(promise(f, "n2"), "accepted");
  f.world.advance(seconds(40));
  EXPECT_EQ(promise(f, "n2"), "the store answers here, and the leader key is gone");
}

TEST(Failsafe, ARoundThatEverybodyAcceptsExtendsTheLeaseFromWhenItWasSent) {  // I4
  AgentFixture f;
  switch_on(f);
  f.lead();
  f.world.advance(seconds(3));
  f.then({question()});
  f.world.signal("dcs");
  f.world.settle();
  const Instant sent = f.world.now;
  f.world.advance(seconds(1));
  EXPECT_EQ(f.board.load()->observation.lease.extended_at, sent);
  EXPECT_TRUE(f.seen.back().failsafe.round && f.seen.back().failsafe.round->complete());
}

TEST(Failsafe, OneRefusalExtendsNothing) {
  AgentFixture f;
  switch_on(f);
  f.lead();
  f.peers.failsafe_refused = {"n3"};
  f.then({question()});
  f.world.signal("dcs");
  f.world.settle();
  f.world.advance(seconds(1));
  EXPECT_EQ(f.board.load()->observation.lease.extended_at, Instant());
  ASSERT_TRUE(f.seen.back().failsafe.round);
  EXPECT_FALSE(f.seen.back().failsafe.round->complete());
}

TEST(Failsafe, ALeaseThatIsOverIsNotBroughtBack) {  // F02
  AgentFixture f;
  switch_on(f);
  f.lead();
  f.world.freeze(seconds(40));
  f.then({question()});
  f.world.signal("dcs");
  f.world.settle();
  f.world.advance(seconds(1));
  EXPECT_EQ(f.board.load()->observation.lease.extended_at, Instant());
}

TEST(Failsafe, AnExpiredKeyIsNoLossWhileTheMembersVouch) {
  AgentFixture f;
  switch_on(f);
  f.lead();
  f.world.advance(seconds(3));
  f.then({question()});
  f.world.signal("dcs");
  f.world.settle();
  f.world.advance(seconds(1));
  f.dcs.errors["renew"] = {Error{ErrorKind::conflict, "the session has expired"}};
  f.then({action::RenewLease{}});
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_TRUE(f.board.load()->observation.lease.held);
}

}  // namespace
}  // namespace regent::test
