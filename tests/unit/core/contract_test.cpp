// Each clause of what every decision must satisfy can be broken, and is then named.
#include "core/contract.h"

#include <gtest/gtest.h>

namespace regent {
namespace {

using std::chrono::seconds;

// The leader n1 looks at a cluster whose keys all have versions of their own.
struct Contract : testing::Test {
  Contract() {
    o.now = Instant(seconds(1000));
    o.self.name = MemberName("n1");
    o.lease.held = true;
    o.lease.session = "s1";
    o.lease.version = Version{5};
    o.lease.confirmed_at = o.now;
    o.lease.ttl = seconds(30);
    o.postgres.process = Process::running;
    o.postgres.data.state = DataState::valid;
    view.leader = {MemberName("n1"), Version{5}, "s1"};
    view.initialize.version = Version{11};
    view.initialize.value = "7000";
    view.config.version = Version{12};
    view.failover.version = Version{13};
    view.sync.version = Version{14};
    view.status.version = Version{15};
    sees();
  }
  void sees() { o.cluster = Fact<ClusterView>::known(view, o.now); }
  void blind() { o.cluster = Fact<ClusterView>::unknown("no answer", o.now); }
  void led_by(const std::string& name) {
    view.leader = name.empty() ? Leader{} : Leader{MemberName(name), Version{9}, "s9"};
    o.lease.held = false;
    sees();
  }

  // The sentences, joined.
  std::string judged(std::vector<Action> actions) const {
    Decision decision;
    decision.actions = std::move(actions);
    std::string text;
    for (const auto& sentence : violations(o, decision)) text += (text.empty() ? "" : "; ") + sentence;
    return text;
  }

  Observation o;
  ClusterView view;
};

const action::StartJob promote{job::Promote{}};
const action::StartJob start_primary{job::Start{.as_primary = true, .upstream = {}}};
const std::string unconfirmed = "starts the job promote, which makes a primary, without a confirmed lease (I2)";

TEST_F(Contract, APromotionNeedsALeaseConfirmedInTheSameDecision) {
  EXPECT_EQ(judged({promote}), unconfirmed);
  EXPECT_EQ(judged({promote, action::RenewLease{}}), unconfirmed);
  EXPECT_EQ(judged({action::RenewLease{}, promote}), "");
  EXPECT_EQ(judged({action::RenewLease{}, start_primary}), "");
  EXPECT_EQ(judged({action::AcquireLeader{Version{5}}, promote}), "");
  o.settings.pause = true;
  EXPECT_EQ(judged({promote}), "");
}

TEST_F(Contract, WhileTheStoreIsAwayTheWordOfAllMembersWillDo) {
  o.lease.extended_at = o.now;
  o.lease.confirmed_at = o.now - seconds(20);
  EXPECT_NE(judged({start_primary}), "");
  blind();
  EXPECT_EQ(judged({start_primary}), "");
  o.lease.extended_at = o.now - seconds(30);
  EXPECT_NE(judged({start_primary}), "");
}

TEST_F(Contract, ABootstrapNeedsAClaimOfItsOwn) {
  const std::string unclaimed = "makes a new cluster without a claim of its own (F73, I10)";
  const action::StartJob bootstrap{job::Bootstrap{}};
  EXPECT_EQ(judged({action::RenewLease{}, bootstrap}), unclaimed);
  view.initialize.value.clear();
  view.initialize_session = "s2";
  sees();
  EXPECT_EQ(judged({bootstrap}), unclaimed);
  view.initialize_session = "s1";
  sees();
  EXPECT_EQ(judged({bootstrap}), "");
}

TEST_F(Contract, OnlyAFreeLockOrOurOwnIsTaken) {
  led_by("");
  EXPECT_EQ(judged({action::AcquireLeader{}}), "");
  led_by("n1");
  EXPECT_EQ(judged({action::AcquireLeader{Version{9}}}), "");
  EXPECT_EQ(judged({action::AcquireLeader{}}), "takes the leader lock at a version that was not read (I11)");
  led_by("n2");
  EXPECT_EQ(judged({action::AcquireLeader{}}), "takes the leader lock at a version that was not read (I11)");
  EXPECT_EQ(judged({action::AcquireLeader{Version{9}}}), "takes the leader lock of another member (I11)");
  blind();
  EXPECT_EQ(judged({action::AcquireLeader{}}), "takes the leader lock without knowing who holds it");
}

TEST_F(Contract, APromisedLockIsNotTaken) {
  led_by("");
  o.failsafe.promise = FailsafePromise{};
  o.failsafe.promise->until = o.now + seconds(1);
  EXPECT_EQ(judged({action::AcquireLeader{}}), "takes the leader lock that another member was promised (I13)");
}

TEST_F(Contract, ATakeoverComparesWhatWasRead) {
  const std::string unread = "takes over at versions that were not read (I7, I11)";
  led_by("n2");
  EXPECT_EQ(judged({action::TakeOver{Version{9}, Version{14}, "{}"}}), "");
  EXPECT_EQ(judged({action::TakeOver{Version{8}, Version{14}, "{}"}}), unread);
  EXPECT_EQ(judged({action::TakeOver{Version{9}, Version{3}, "{}"}}), unread);
  led_by("n1");
  EXPECT_EQ(judged({action::TakeOver{Version{9}, Version{14}, "{}"}}), "takes over, and nobody else leads");
  blind();
  EXPECT_EQ(judged({action::TakeOver{}}), "takes over from a leader that it does not see");
}

TEST_F(Contract, EveryWriteComparesWhatWasRead) {
  using action::Key;
  EXPECT_EQ(judged({action::WriteKey{Key::sync, "{}", Version{14}}}), "");
  EXPECT_EQ(judged({action::WriteKey{Key::sync, "{}", Version{}}}),
            "writes /sync at a version that was not read (I11)");
  EXPECT_EQ(judged({action::DeleteKey{Key::failover, Version{13}}}), "");
  EXPECT_EQ(judged({action::DeleteKey{Key::failover, Version{12}}}),
            "writes /failover at a version that was not read (I11)");
  EXPECT_EQ(judged({action::DeleteKey{Key::failsafe, Version{}}}), "deletes /failsafe, which is not there");
  EXPECT_EQ(judged({action::WriteKey{Key::sync, "{}", Version{14}}, action::WriteKey{Key::sync, "{}", Version{14}}}),
            "writes /sync twice");
  blind();
  EXPECT_EQ(judged({action::WriteKey{Key::sync, "{}", Version{}}}), "writes /sync without having read it (I11)");
}

TEST_F(Contract, TheLeadersKeysAreTheLeaders) {
  const action::WriteKey status{action::Key::status, "{}", Version{15}};
  EXPECT_EQ(judged({status, action::ReleaseLeader{}}), "");
  EXPECT_EQ(judged({action::ReleaseLeader{}, status}), "writes /status after it gave the lock back");
  led_by("n2");
  EXPECT_EQ(judged({status}), "writes /status without holding the lock (I11)");
  EXPECT_EQ(judged({action::RenewLease{}}), "renews a lease that is not held (I2)");
}

TEST_F(Contract, GivingTheLockBackAndMakingAPrimaryExcludeEachOther) {
  EXPECT_EQ(judged({action::RenewLease{}, promote, action::ReleaseLeader{}}),
            "gives the lock back beside making a primary (F64)");
  EXPECT_EQ(judged({action::RenewLease{}, action::ReleaseLeader{}, promote}),
            "makes a primary after it gave the lock back (F64)");
  EXPECT_EQ(judged({action::ReleaseLeader{}, action::RenewLease{}}), "renews the lease after it was given back");
}

TEST_F(Contract, OneJobAtATime) {
  const action::StartJob stop{job::Stop{}};
  const action::StartJob checkpoint{job::Checkpoint{}};
  EXPECT_EQ(judged({checkpoint, stop}), "starts two jobs");
  o.job.running = job::Checkpoint{};
  EXPECT_EQ(judged({checkpoint}), "starts the job checkpoint beside one that is running");
  EXPECT_EQ(judged({action::CancelJob{}, checkpoint}), "");
  EXPECT_EQ(judged({stop}), "");
}

TEST_F(Contract, TheDataOfTheLeaderIsNotRemoved) {
  const action::StartJob remove{job::RemoveData{}};
  o.postgres.process = Process::stopped;
  EXPECT_EQ(judged({remove}), "removes the data of the leader (I10)");
  EXPECT_EQ(judged({action::StartJob{job::RemoveData{.failure = "initdb failed", .counts = true}}}), "");
  o.postgres.data.state = DataState::incomplete;
  EXPECT_EQ(judged({remove}), "");
  o.postgres.data.state = DataState::valid;
  led_by("n2");
  EXPECT_EQ(judged({remove}), "");
  o.lease.held = true;  // not disproved yet
  EXPECT_EQ(judged({remove}), "");
  led_by("");
  o.lease.held = true;
  EXPECT_EQ(judged({remove}), "removes the data of the leader (I10)");
  led_by("n2");
  o.postgres.process = Process::unknown;
  EXPECT_EQ(judged({remove}), "removes the data of a server that may run (I10)");
  o.postgres.process = Process::stopped;
  blind();
  EXPECT_EQ(judged({remove}), "removes its data without knowing who leads (I10)");
}

TEST_F(Contract, NothingComesAfterTheEnd) {
  EXPECT_EQ(judged({action::Exit{0}, action::CancelJob{}}), "acts after it ended");
}

}  // namespace
}  // namespace regent
