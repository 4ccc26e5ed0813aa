// Who may promise a leader without the store to let it lead, and who may have (I13).
#include "core/failsafe.h"

#include <gtest/gtest.h>

#include "core/situation.h"

namespace regent {
namespace {

using std::chrono::seconds;

// A replica of n1 with failsafe mode on, whose agent started ten seconds ago.
struct Replica {
  Replica() {
    o.now = Instant(seconds(1000));
    o.self.name = MemberName("n2");
    o.settings.failsafe_mode = true;
    o.settings.ttl = seconds(30);
    o.failsafe.agent_started = o.now - seconds(10);
    view.failsafe = {{{"n1", "http://n1:8008"}, {"n2", "http://n2:8008"}}, Version{7}};
    ServerFacts replica;
    replica.in_recovery = true;
    serves(replica);
    sees(view);
    request.name = MemberName("n1");
  }
  void serves(const ServerFacts& facts) {
    o.postgres.process = Process::running;
    o.postgres.server = Fact<ServerFacts>::known(facts, o.now);
  }
  void sees(const ClusterView& cluster) { o.cluster = Fact<ClusterView>::known(cluster, o.now); }

  Situation situation() const { return survey(o, memory); }
  std::string refusal(bool acquiring = false) const {
    return failsafe_refusal(situation(), request, {o.lease, acquiring, o.failsafe, o.now});
  }
  std::optional<Duration> bound() const { return may_have_promised(situation(), o.now); }

  Observation o;
  Memory memory;
  ClusterView view;
  FailsafeRequest request;
};

TEST(FailsafeRefusal, AReplicaThatSeesNoOtherLeaderPromises) {
  Replica r;
  EXPECT_EQ(r.refusal(), "");
  r.view.leader = {MemberName("n1"), Version{5}, "s1"};
  r.sees(r.view);
  EXPECT_EQ(r.refusal(), "");
  r.o.cluster = Fact<ClusterView>::unknown("no answer", r.o.now);
  EXPECT_EQ(r.refusal(), "");
}

TEST(FailsafeRefusal, SaysWhy) {
  Replica off;
  off.o.settings.failsafe_mode = false;
  EXPECT_EQ(off.refusal(), "failsafe mode is off");
  Replica self;
  self.request.name = MemberName("n2");
  EXPECT_EQ(self.refusal(), "a member does not ask itself");
  Replica led;
  led.view.leader = {MemberName("n3"), Version{5}, "s3"};
  led.sees(led.view);
  EXPECT_EQ(led.refusal(), "n3 holds the leader lock");
}

TEST(FailsafeRefusal, WhoLeadsOrIsAboutToDoesNotPromise) {
  const std::string leads = "Running as a leader";
  Replica holder;
  holder.o.lease.held = true;
  EXPECT_EQ(holder.refusal(), leads);
  EXPECT_EQ(Replica().refusal(true), leads);
  Replica primary;
  ServerFacts facts;
  facts.in_recovery = false;
  primary.serves(facts);
  EXPECT_EQ(primary.refusal(), leads);
  Replica unknown;  // I3: it was one when it was last seen
  unknown.o.postgres.server = Fact<ServerFacts>::unknown("no answer", unknown.o.now);
  unknown.memory.ran_as_primary = true;
  EXPECT_EQ(unknown.refusal(), leads);
}

TEST(ForgottenPromise, BindsAMemberForOneTtlAfterItsAgentStarted) {
  Replica r;
  EXPECT_EQ(r.bound(), seconds(20));
  EXPECT_TRUE(holds_back(r.situation(), r.o.now));
  EXPECT_TRUE(may_have_promised(r.situation(), r.o.now + seconds(19)));
  EXPECT_FALSE(may_have_promised(r.situation(), r.o.now + seconds(20)));
}

TEST(ForgottenPromise, NobodyAskedForOne) {
  Replica off;
  off.o.settings.failsafe_mode = false;
  EXPECT_FALSE(off.bound());
  Replica alone;
  alone.view.failsafe.value = {{"n2", "http://n2:8008"}};
  alone.sees(alone.view);
  EXPECT_FALSE(alone.bound());
}

TEST(ForgottenPromise, NeitherAPrimaryNorTheHolderOfTheLeaseGaveOne) {
  Replica primary;
  ServerFacts facts;
  facts.in_recovery = false;
  primary.serves(facts);
  EXPECT_FALSE(primary.bound());
  Replica holder;
  holder.o.lease.held = true;
  EXPECT_FALSE(holder.bound());
}

}  // namespace
}  // namespace regent
