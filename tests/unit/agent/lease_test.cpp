#include <gtest/gtest.h>

#include "agent/lease_keeper.h"
#include "fake_world.h"

namespace regent::test {
namespace {

using std::chrono::seconds;

const LeaseFacts& held(const AgentFixture& f) {
  return f.board.load()->observation.lease;
}

TEST(Lease, CountsFromWhenTheRequestWasSent) {  // I4
  AgentFixture f;
  f.dcs.delay = seconds(2);
  f.lead();
  f.world.advance(seconds(2));
  const Instant sent = f.world.now;
  f.world.advance(seconds(2));
  f.world.advance(seconds(2));
  ASSERT_TRUE(held(f).held);
  EXPECT_EQ(held(f).confirmed_at, sent);
  EXPECT_EQ(held(f).ttl, seconds(30));
}

TEST(Lease, AnUnknownRenewalDoesNotMoveTheDeadline) {  // F32
  AgentFixture f;
  f.lead();
  const Instant confirmed = held(f).confirmed_at;
  for (const ErrorKind kind : {ErrorKind::timeout, ErrorKind::unreachable, ErrorKind::refused}) {
    f.world.advance(seconds(1));
    f.dcs.errors["renew"] = {Error{kind, "who knows"}};
    f.then({action::RenewLease{}});
    f.world.signal("dcs");
    f.world.settle();
    EXPECT_TRUE(held(f).held);
    EXPECT_EQ(held(f).confirmed_at, confirmed);
  }
  f.then({action::RenewLease{}});
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_GT(held(f).confirmed_at, confirmed);
}

TEST(Lease, AConflictLosesItAtOnce) {
  AgentFixture f;
  f.lead();
  f.dcs.errors["renew"] = {Error{ErrorKind::conflict, "the key is gone"}};
  f.then({action::RenewLease{}});
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_FALSE(f.seen.back().lease.held);
}

// F74: what lets the next agent on this machine retake the lock. A disk that does not take it costs nothing else.
TEST(Lease, ItsSessionIsRememberedInTheDataDirectory) {
  AgentFixture f;
  f.postgres.remembers = false;
  f.lead();
  ASSERT_TRUE(held(f).held);
  EXPECT_EQ(f.postgres.facts.data.lock_session, "");
  const auto renew = [&f] {
    f.then({action::RenewLease{}});
    f.world.signal("dcs");
    f.world.settle();
  };
  f.postgres.remembers = true;
  renew();
  EXPECT_EQ(f.postgres.facts.data.lock_session, held(f).session);
  f.postgres.facts.data.lock_session.clear();
  renew();
  EXPECT_EQ(f.postgres.facts.data.lock_session, "") << "once is enough";
}

TEST(Lease, IsNotCountedOnOnceItsReleaseWasAskedFor) {  // F32, F64
  AgentFixture f;
  f.lead();
  f.dcs.errors["release"] = {Error{ErrorKind::timeout, "no answer"}};
  f.then({action::ReleaseLeader{}});
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_FALSE(held(f).held);
}

TEST(Lease, IsOverWhenItRanOutAndTheServerIsDown) {  // F02
  AgentFixture f;
  f.postgres.run_server(false);
  f.lead();
  f.world.freeze(seconds(40));
  f.world.settle();
  EXPECT_TRUE(f.seen.back().lease.held);  // its deadline still measures the stop
  f.postgres.stop_server();
  f.world.signal("postgres");
  f.world.settle();
  EXPECT_FALSE(f.seen.back().lease.held);
}

// A node that once led would for ever refuse to let another leader go on in failsafe mode (I13).
TEST(Lease, IsOverWhenItRanOutAndTheServerIsAReplicaAgain) {
  AgentFixture f;
  f.postgres.run_server(false);
  f.lead();
  f.world.freeze(seconds(40));
  f.world.settle();
  EXPECT_TRUE(f.seen.back().lease.held);
  f.postgres.run_server(true);
  f.world.signal("postgres");
  f.world.settle();
  EXPECT_FALSE(f.seen.back().lease.held);
}

TEST(Lease, AFailedAcquisitionGrantsNothing) {
  LeaseKeeper keeper;
  keeper.acquired(fail(ErrorKind::timeout, "no answer"));
  EXPECT_FALSE(keeper.facts().held);
}

TEST(Lease, CallsEndBeforeTheStopMustBegin) {  // I3
  AgentFixture f;
  f.lead();
  f.world.advance(seconds(5));
  // The store becomes slow; what is left of the lease bounds every call.
  f.dcs.delay = seconds(1);
  f.world.advance(seconds(60));
  EXPECT_GT(f.cycles(), 5u);
}

}  // namespace
}  // namespace regent::test
