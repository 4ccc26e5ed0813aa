// What was decided and may not be done any more when its turn comes (F02).
#include "core/permission.h"

#include <gtest/gtest.h>

#include "core/action_traits.h"

namespace regent {
namespace {

using std::chrono::seconds;

const Instant decided(seconds(1000));

struct Permission : testing::Test {
  Permission() {
    settings.ttl = seconds(30);
    settings.loop_wait = seconds(10);
    settings.retry_timeout = seconds(10);
    lease.held = true;
    lease.confirmed_at = decided;
    lease.ttl = seconds(30);
  }
  static Fact<ClusterView> seen(Instant at) { return Fact<ClusterView>::known({}, at); }

  Settings settings;
  LeaseFacts lease;
  FailsafeFacts failsafe;
};

TEST_F(Permission, TheLockIsNotTakenOnFactsOfLongAgo) {
  EXPECT_TRUE(may_acquire(failsafe, settings, decided, decided + seconds(10)));
  EXPECT_FALSE(may_acquire(failsafe, settings, decided, decided + seconds(11)));
}

TEST_F(Permission, TheLockIsNotTakenAgainstAPromise) {  // I13
  failsafe.promise = FailsafePromise{};
  failsafe.promise->leader.name = MemberName("n2");
  failsafe.promise->until = decided + seconds(2);
  const auto refused = may_acquire(failsafe, settings, decided, decided + seconds(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "n2 was promised that it may go on leading");
  EXPECT_TRUE(may_acquire(failsafe, settings, decided, decided + seconds(2)));
}

TEST_F(Permission, WhomCommitsWaitForIsNotChangedOnFactsOfLongAgo) {  // I17
  EXPECT_TRUE(may_set_sync_names(settings, decided, decided + seconds(10)));
  EXPECT_FALSE(may_set_sync_names(settings, decided, decided + seconds(11)));
}

TEST_F(Permission, WritesDieWithTheLeaseTheyWereDecidedUnder) {
  const Action write = action::WriteKey{};
  EXPECT_FALSE(overslept(write, lease, decided, dead_by(lease) - seconds(1)));
  EXPECT_TRUE(overslept(write, lease, decided, dead_by(lease)));
  // Decided without one: another question, which the comparison of the store answers.
  EXPECT_FALSE(overslept(write, LeaseFacts{}, decided, dead_by(lease)));
  EXPECT_FALSE(overslept(Action(action::ReleaseLeader{}), lease, decided, dead_by(lease)));
  EXPECT_FALSE(overslept(Action(action::StartJob{job::Stop{}}), lease, decided, dead_by(lease)));
}

TEST_F(Permission, NobodyBecomesAPrimaryWithoutALeaseThatLasts) {  // I2
  EXPECT_TRUE(may_be_primary(lease, settings, {}, demote_at(lease) - seconds(1)));
  EXPECT_FALSE(may_be_primary(lease, settings, {}, demote_at(lease)));
  lease.held = false;
  EXPECT_FALSE(may_be_primary(lease, settings, {}, decided));
}

TEST_F(Permission, APauseCountsAsFarAsItIsKnownToLast) {  // I14, F02
  lease.held = false;
  settings.pause = true;
  EXPECT_TRUE(may_be_primary(lease, settings, seen(decided), decided + seconds(20)));
  EXPECT_FALSE(may_be_primary(lease, settings, seen(decided), decided + seconds(21)));
  EXPECT_FALSE(may_be_primary(lease, settings, Fact<ClusterView>::unknown("no answer", decided), decided));
}

TEST(ActionTraits, TellHeartbeatsFromWhatTheRulesMustSee) {
  EXPECT_TRUE(traits(action::RenewLease{}).heartbeat);
  EXPECT_TRUE(traits(action::WriteKey{action::Key::status, "{}", {}}).heartbeat);
  EXPECT_FALSE(traits(action::WriteKey{action::Key::sync, "{}", {}}).heartbeat);
  action::SyncSlots slots;
  slots.advance.push_back({"a", "", Lsn{1}});
  EXPECT_TRUE(traits(slots).heartbeat);
  slots.create.emplace_back("b");
  EXPECT_FALSE(traits(slots).heartbeat);
}

TEST(ActionTraits, KnowEveryWayToBecomeAPrimary) {
  EXPECT_TRUE(traits(action::StartJob{job::Promote{}}).makes_primary);
  EXPECT_TRUE(traits(action::StartJob{job::Bootstrap{}}).makes_primary);
  EXPECT_TRUE(traits(action::StartJob{job::Start{.as_primary = true, .upstream = {}}}).makes_primary);
  EXPECT_TRUE(traits(action::StartJob{job::Restart{.as_primary = true, .upstream = {}}}).makes_primary);
  EXPECT_FALSE(traits(action::StartJob{job::Start{}}).makes_primary);
  EXPECT_FALSE(traits(action::StartJob{job::Stop{}}).makes_primary);
}

}  // namespace
}  // namespace regent
