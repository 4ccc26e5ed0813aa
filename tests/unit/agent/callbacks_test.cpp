#include <gtest/gtest.h>

#include "fake_world.h"

namespace regent::test {
namespace {

using Calls = std::vector<std::string>;

void run_job(AgentFixture& f, job::Spec spec) {
  f.then({action::StartJob{std::move(spec)}});
  f.world.signal("dcs");
  f.world.settle();
}

TEST(Callbacks, AReplicaStopsAndStarts) {
  AgentFixture f;
  f.start();
  run_job(f, job::Start{});
  EXPECT_EQ(f.postgres.callbacks, (Calls{"on_start replica"}));
  run_job(f, job::Stop{});
  run_job(f, job::Start{});
  EXPECT_EQ(f.postgres.callbacks, (Calls{"on_start replica", "on_stop replica", "on_start replica"}));
}

TEST(Callbacks, APrimaryThatIsGivenUpAfterACrashIsToldDemoted) {
  AgentFixture f;
  f.postgres.run_server(false);
  f.start();
  f.postgres.facts.process = Process::stopped;
  f.world.signal("postgres");
  f.world.settle();
  EXPECT_TRUE(f.postgres.callbacks.empty());  // it may come up again in place
  f.script.push_back([](const Observation& o, const Memory& m) {
    Decision d;
    d.memory = m;
    d.memory.demotion = Demotion{};
    d.wake_at = o.now + std::chrono::seconds(10);
    return d;
  });
  f.world.signal("dcs");
  f.world.settle();
  f.world.signal("dcs");
  f.world.settle();
  EXPECT_EQ(f.postgres.callbacks, (Calls{"on_role_change demoted"}));
}

TEST(Callbacks, AServerThatRunsAlreadyIsNotAnnounced) {
  AgentFixture f;
  f.postgres.run_server(true);
  f.start();
  EXPECT_TRUE(f.postgres.callbacks.empty());
}

TEST(Callbacks, PromotionAndDemotion) {
  AgentFixture f;
  f.postgres.run_server(true);
  f.start();
  ServerFacts promoted;
  promoted.in_recovery = false;
  f.postgres.facts.server = Fact<ServerFacts>::known(promoted, f.world.now);
  f.world.signal("postgres");
  f.world.settle();
  EXPECT_EQ(f.postgres.callbacks, (Calls{"on_role_change primary"}));
  f.script.push_back([](const Observation& o, const Memory& m) {
    Decision d;
    d.actions = {action::StartJob{job::Stop{}}};
    d.memory = m;
    d.memory.demotion = Demotion{};
    d.wake_at = o.now + std::chrono::seconds(10);
    return d;
  });
  f.world.signal("dcs");
  f.world.settle();
  run_job(f, job::Start{});
  EXPECT_EQ(f.postgres.callbacks, (Calls{"on_role_change primary", "on_stop primary", "on_role_change replica"}));
}

TEST(Callbacks, ARestartIsToldOnceAndACrashIsNoStop) {
  AgentFixture f;
  f.postgres.run_server(true);
  f.start();
  run_job(f, job::Restart{});
  EXPECT_EQ(f.postgres.callbacks, (Calls{"on_restart replica"}));
  f.postgres.stop_server();
  f.world.signal("postgres");
  f.world.settle();
  EXPECT_EQ(f.postgres.callbacks.size(), 1u);
}

}  // namespace
}  // namespace regent::test
