#include <gtest/gtest.h>

#include "fake_world.h"

namespace regent::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::optional<JobEnd>& ended(const AgentFixture& f) {
  return f.seen.back().job.ended;
}

void run_job(AgentFixture& f, job::Spec spec) {
  f.then({action::StartJob{std::move(spec)}});
  f.world.signal("dcs");
  f.world.settle();
}

TEST(Jobs, EndIsAFactOfTheNextCycleWhichComesAtOnce) {
  AgentFixture f;
  f.postgres.takes["clone"] = seconds(3);
  f.start();
  run_job(f, job::Clone{});
  ASSERT_TRUE(f.seen.back().job.running.has_value());
  const std::size_t before = f.cycles();
  f.world.advance(seconds(3));
  EXPECT_EQ(f.cycles(), before + 1);
  ASSERT_TRUE(ended(f).has_value());
  EXPECT_FALSE(ended(f)->error.has_value());
  EXPECT_TRUE(std::holds_alternative<job::Clone>(ended(f)->spec));
}

TEST(Jobs, TheLoopGoesOnRenewingMeanwhile) {
  AgentFixture f;
  f.postgres.takes["checkpoint"] = hours(1) - seconds(1);
  f.lead();
  run_job(f, job::Checkpoint{});
  for (int i = 0; i < 6; ++i) {
    f.then({action::RenewLease{}});
    f.world.advance(seconds(10));
  }
  EXPECT_EQ(f.dcs.count("renew"), 6);
  EXPECT_TRUE(f.seen.back().job.running.has_value());
}

TEST(Jobs, ACancelledJobLeaves) {
  AgentFixture f;
  f.postgres.takes["clone"] = hours(5);
  f.start();
  run_job(f, job::Clone{});
  f.then({action::CancelJob{}});
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_FALSE(f.seen.back().job.running.has_value());
  ASSERT_TRUE(ended(f).has_value());
  EXPECT_EQ(ended(f)->error->kind, ErrorKind::cancelled);
  EXPECT_EQ(f.postgres.cancelled, 1);
}

TEST(Jobs, OnlyOneAtATime) {
  AgentFixture f;
  f.postgres.takes["clone"] = hours(5);
  f.start();
  run_job(f, job::Clone{});
  run_job(f, job::Start{});
  EXPECT_TRUE(std::holds_alternative<job::Clone>(*f.seen.back().job.running));
  EXPECT_EQ(f.postgres.count("start replica"), 0);
}

TEST(Jobs, AStopPushesAsideWhatRuns) {  // I3
  AgentFixture f;
  f.postgres.takes["checkpoint"] = milliseconds(3500'000);
  f.postgres.run_server(false);
  f.lead();
  run_job(f, job::Checkpoint{});
  run_job(f, job::Stop{.immediate = true});
  EXPECT_EQ(f.postgres.count("stop immediate"), 1);
  EXPECT_EQ(f.postgres.facts.process, Process::stopped);
}

// The claim on /initialize, with our session or another one.
void claim(AgentFixture& f, const std::string& session) {
  f.dcs.view.initialize = {"", Version{3}};
  f.dcs.view.initialize_session = session;
}

TEST(Jobs, BootstrapStopsAtTheFirstFailure) {
  AgentFixture f;
  claim(f, f.dcs.lease);
  f.postgres.errors["start primary"] = {Error{ErrorKind::failed, "no"}};
  f.start();
  run_job(f, job::Bootstrap{});
  EXPECT_EQ(f.postgres.calls, (std::vector<std::string>{"initdb", "start primary"}));
  EXPECT_TRUE(ended(f)->error.has_value());
}

TEST(Jobs, ABootstrapWhoseClaimIsLostMakesNothing) {  // F73
  AgentFixture f;
  claim(f, "session-of-another");
  f.start();
  run_job(f, job::Bootstrap{});
  f.world.advance(seconds(1));
  EXPECT_EQ(f.postgres.count("initdb"), 0);
  ASSERT_TRUE(ended(f) && ended(f)->error);
  EXPECT_EQ(ended(f)->error->kind, ErrorKind::refused);
}

TEST(Jobs, AFrozenBootstrapAsksAgainAfterTheThaw) {  // F02, F73
  AgentFixture f;
  claim(f, f.dcs.lease);
  f.postgres.takes["initdb"] = seconds(5);
  f.start();
  run_job(f, job::Bootstrap{});
  f.world.advance(seconds(1));
  ASSERT_EQ(f.postgres.count("initdb"), 1);
  f.world.freeze(seconds(60));
  claim(f, "session-of-another");
  f.world.advance(seconds(2));
  EXPECT_EQ(f.postgres.count("start primary"), 0);
  ASSERT_TRUE(ended(f) && ended(f)->error);
}

TEST(Jobs, NobodyIsPromotedOnALeaseThatWasLostInTheHook) {  // I2, F02
  AgentFixture f;
  f.postgres.run_server(true);
  f.postgres.takes["hook"] = seconds(5);
  f.lead();
  run_job(f, job::Promote{});
  ASSERT_EQ(f.postgres.count("hook"), 1);
  f.dcs.errors["renew"] = {Error{ErrorKind::conflict, "the leader key belongs to n2", "n2"}};
  f.then({action::RenewLease{}});
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_EQ(f.seen.back().lease.taken_by, MemberName("n2"));
  f.world.advance(seconds(10));
  EXPECT_EQ(f.postgres.count("promote"), 0);
  ASSERT_TRUE(ended(f) && ended(f)->error);
  EXPECT_EQ(ended(f)->error->kind, ErrorKind::refused);
}

TEST(Jobs, APromotionIsNotGivenUpByAClock) {  // F18
  AgentFixture f;
  f.postgres.run_server(true);
  f.postgres.takes["promote"] = hours(2);
  f.lead();
  run_job(f, job::Promote{});
  for (int i = 0; i < 30; ++i) {
    f.then({action::RenewLease{}});
    f.world.advance(seconds(10));
  }
  EXPECT_TRUE(f.seen.back().job.running.has_value());
}

TEST(Jobs, NobodyBecomesPrimaryWithoutALease) {  // I2
  AgentFixture f;
  f.start();
  for (const job::Spec& spec : {job::Spec{job::Promote{}}, job::Spec{job::Start{.as_primary = true, .upstream = {}}},
                                job::Spec{job::Restart{.as_primary = true, .upstream = {}}}}) {
    run_job(f, spec);
    ASSERT_TRUE(ended(f) && ended(f)->error);
    EXPECT_EQ(ended(f)->error->kind, ErrorKind::refused);
  }
  EXPECT_TRUE(f.postgres.calls.empty());
}

TEST(Jobs, NobodyIsPromotedOnALeaseThatRunsOut) {  // I2
  AgentFixture f;
  f.postgres.run_server(true);
  f.lead();
  f.world.freeze(seconds(25));
  run_job(f, job::Promote{});
  EXPECT_EQ(f.postgres.count("promote"), 0);
}

TEST(Stop, EscalatesByTime) {
  AgentFixture f;
  f.postgres.run_server(true);
  f.postgres.takes["stop fast"] = f.postgres.takes["stop without decoding"] = hours(1);
  f.start();
  const Instant began = f.world.now;
  run_job(f, job::Stop{.escalate_after = seconds(7)});
  f.world.advance(seconds(30));
  ASSERT_EQ(f.postgres.count("stop immediate"), 1);
  EXPECT_EQ(ended(f)->at - began, seconds(7));
}

TEST(Stop, RunsBeforeStopOnceAndForAsLongAsThereIsTime) {  // F80
  AgentFixture f;
  f.postgres.run_server(true);
  f.postgres.takes["before stop"] = hours(1);
  f.postgres.takes["stop fast"] = seconds(3);
  f.start();
  const Instant began = f.world.now;
  run_job(f, job::Stop{});
  f.world.advance(seconds(59));
  EXPECT_EQ(f.postgres.count("stop fast"), 0);
  f.world.advance(seconds(10));
  EXPECT_EQ(f.postgres.count("before stop"), 1);
  EXPECT_EQ(f.postgres.facts.process, Process::stopped);
  EXPECT_GE(ended(f)->at - began, seconds(60));
}

// A primary without a lease goes on writing while the hook runs.
TEST(Stop, BeforeStopIsPartOfABoundedStop) {  // I3, F80
  AgentFixture f;
  f.postgres.run_server(true);
  f.postgres.takes["before stop"] = hours(1);
  f.postgres.takes["stop fast"] = f.postgres.takes["stop without decoding"] = hours(1);
  f.start();
  const Instant began = f.world.now;
  run_job(f, job::Stop{.escalate_after = seconds(8)});
  f.world.advance(seconds(5));
  EXPECT_GE(f.postgres.count("stop fast"), 1);
  f.world.advance(seconds(30));
  ASSERT_EQ(f.postgres.count("stop immediate"), 1);
  EXPECT_EQ(ended(f)->at - began, seconds(8));
}

TEST(Stop, CutsBeforeStopOffWhenTheLeaseRunsOut) {  // I3, F80
  AgentFixture f;
  f.postgres.run_server(false);
  f.postgres.takes["before stop"] = hours(1);
  f.lead();
  const LeaseFacts lease = f.seen.back().lease;
  run_job(f, job::Stop{});
  f.world.advance(dead_by(lease) - f.world.now);
  EXPECT_EQ(f.postgres.facts.process, Process::stopped);
  EXPECT_LE(ended(f)->at, dead_by(lease));
}

TEST(Stop, KillsWhatDoesNotStopImmediately) {  // F14
  AgentFixture f;
  f.postgres.run_server(true);
  f.postgres.takes["stop immediate"] = hours(1);
  f.start();
  run_job(f, job::Stop{.immediate = true});
  f.world.advance(seconds(30));
  EXPECT_EQ(f.postgres.count("kill"), 1);
  EXPECT_EQ(f.postgres.facts.process, Process::stopped);
}

TEST(Stop, NeverOutlastsTheLease) {  // I3, F15
  AgentFixture f;
  f.postgres.run_server(false);
  f.postgres.takes["stop fast"] = hours(1);
  f.postgres.takes["stop immediate"] = hours(1);
  f.lead();
  const LeaseFacts lease = f.seen.back().lease;
  run_job(f, job::Stop{});
  f.world.advance(demote_at(lease) - f.world.now);
  EXPECT_EQ(f.postgres.count("stop immediate"), 0);
  f.world.advance(dead_by(lease) - f.world.now);
  EXPECT_EQ(f.postgres.facts.process, Process::stopped);
  EXPECT_LE(ended(f)->at, dead_by(lease));
}

TEST(Stop, TakesItsTimeWhileTheLeaseIsRenewed) {
  AgentFixture f;
  f.postgres.run_server(false);
  f.postgres.takes["stop fast"] = hours(1);
  f.postgres.takes["stop without decoding"] = f.postgres.takes["stop without replication"] = hours(1);
  f.lead();
  run_job(f, job::Stop{});
  for (int i = 0; i < 10; ++i) {
    f.then({action::RenewLease{}});
    f.world.advance(seconds(10));
  }
  EXPECT_EQ(f.postgres.count("stop without decoding"), 1);  // F15: what does not answer is ended, once
  EXPECT_EQ(f.postgres.count("stop without replication"), 1);
  EXPECT_EQ(f.postgres.count("stop immediate"), 0);
  EXPECT_TRUE(f.seen.back().job.running.has_value());
}

TEST(Stop, ThatIsToKillSendsNothingElseFirst) {  // F13
  AgentFixture f;
  f.postgres.run_server(false);
  f.lead();
  run_job(f, job::Stop{.kill = true});
  EXPECT_EQ(f.postgres.count("kill"), 1);
  EXPECT_EQ(f.postgres.count("stop fast") + f.postgres.count("stop immediate"), 0);
}

TEST(Stop, IsImmediateOnceTheLeaseIsLost) {
  AgentFixture f;
  f.postgres.run_server(false);
  f.postgres.takes["stop fast"] = hours(1);
  f.lead();
  run_job(f, job::Stop{});
  f.dcs.errors["renew"] = {Error{ErrorKind::conflict, "the key is another's"}};
  f.then({action::RenewLease{}});
  f.world.signal("dcs");
  f.world.settle();
  f.world.advance(seconds(2));
  EXPECT_EQ(f.postgres.count("stop immediate"), 1);
}

TEST(Stop, GivesUpTheCheckpointForTheLease) {
  AgentFixture f;
  f.postgres.run_server(false);
  f.postgres.takes["checkpoint"] = hours(1) - seconds(1);
  f.lead();
  const LeaseFacts lease = f.seen.back().lease;
  run_job(f, job::Stop{.checkpoint = true});
  EXPECT_EQ(f.postgres.count("stop fast"), 0);
  f.world.advance(dead_by(lease) - f.world.now);
  EXPECT_EQ(f.postgres.facts.process, Process::stopped);
}

}  // namespace
}  // namespace regent::test
