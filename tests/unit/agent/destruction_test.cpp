// A killed process: its coroutines vanish wherever they are. Run under AddressSanitizer this proves that nobody touches
// what is gone, and that nothing is left behind.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "fake_world.h"

namespace regent::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A busy life: every port is used, jobs run, are cancelled and are pushed aside, somebody asks for something.
void prepare(AgentFixture& f) {
  f.dcs.delay = milliseconds(3);
  f.postgres.delay = milliseconds(7);
  f.postgres.takes["clone"] = seconds(50);
  f.postgres.takes["checkpoint"] = seconds(50);
  f.then({action::WriteMember{"{}"}, action::GatherPeers{}});
  f.then({action::StartJob{job::Clone{}}});
  f.then({action::CancelJob{}, action::GatherUpstreamHistory{}});
  f.then({action::AcquireLeader{}, action::StartJob{job::Start{.as_primary = true, .upstream = {}}}});
  f.then({action::RenewLease{}, action::ApplyConfig{}, action::SyncSlots{{"a"}, {"b"}, {}, {}, {}}}, milliseconds(20));
  f.then({action::StartJob{job::Stop{.checkpoint = true}}}, milliseconds(20));
  f.then({action::RenewLease{}}, milliseconds(20));
  f.then({action::CancelJob{}, action::StartJob{job::Stop{.immediate = true}}}, milliseconds(20));
  f.then({action::ReleaseLeader{}, action::WriteKey{}, action::DeleteKey{}});
  f.then({action::StartJob{job::Clone{}}});
  f.then({action::Exit{0}});
}

// Runs up to `steps` handlers. Returns whether the agent's life was longer than that.
bool live(AgentFixture& f, int steps) {
  f.agent->submit(intent::PatchConfig{Json{{"ttl", 50}}}, [](const auto&) {});
  auto run = f.agent->run();
  boost::asio::co_spawn(f.world.context(), std::move(run), [&f](std::exception_ptr, int code) { f.exit_code = code; });
  for (int i = 0; i < steps; ++i) {
    if (f.exit_code) return false;
    if (f.world.step()) continue;
    const auto next = f.world.next_deadline();
    if (!next) return false;
    if (*next > f.world.now) f.world.freeze(*next - f.world.now);
    f.world.release_due();
  }
  return true;
}

enum class First { agent, context };

void kill_at_every_step(First first) {
  int steps = 1;
  for (bool longer = true; longer; ++steps) {
    AgentFixture f;
    prepare(f);
    longer = live(f, steps);
    if (first == First::agent) f.agent.reset();
    f.world.destroy_context();
    f.agent.reset();
  }
  EXPECT_GT(steps, 80);
}

TEST(Destruction, TheContextGoesFirst) {
  kill_at_every_step(First::context);
}
TEST(Destruction, TheAgentGoesFirst) {
  kill_at_every_step(First::agent);
}

TEST(Destruction, TheLifeOfTheseTestsReachesItsEnd) {
  AgentFixture f;
  prepare(f);
  live(f, 100'000);
  ASSERT_TRUE(f.exit_code.has_value());
  EXPECT_EQ(*f.exit_code, 0);
  EXPECT_EQ(f.peers.asked, 1);
  EXPECT_EQ(f.postgres.count("upstream history"), 1);
  EXPECT_GE(f.postgres.count("stop immediate"), 1);
}

}  // namespace
}  // namespace regent::test
