// A simulated agent process: frozen it hears nothing, killed it leaves nothing behind.
#include "sim/agent_process.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace regent::sim {
namespace {

struct Scene {
  std::shared_ptr<Wait<int>> wait;
  std::vector<int> heard;
  bool unwound = false;
};

struct Unwinding {
  bool& flag;
  ~Unwinding() { flag = true; }
};

Task<void> listen(AgentProcess& process, Scene& scene) {
  const Unwinding note{scene.unwound};
  for (;;) {
    auto start = [&scene](std::shared_ptr<Wait<int>> wait) { scene.wait = std::move(wait); };
    auto next = wait_for<int>(process, start, -1);
    const int value = co_await std::move(next);
    scene.heard.push_back(value);
  }
}

TEST(ProcessModel, HearsWhatIsCompleted) {
  Scene scene;
  AgentProcess process;
  boost::asio::co_spawn(process.context(), listen(process, scene), boost::asio::detached);
  process.run_ready();
  scene.wait->complete(7);
  process.run_ready();
  EXPECT_EQ(scene.heard, std::vector<int>{7});
}

TEST(ProcessModel, FrozenItHearsNothingUntilItIsThawed) {
  Scene scene;
  AgentProcess process;
  boost::asio::co_spawn(process.context(), listen(process, scene), boost::asio::detached);
  process.run_ready();
  process.freeze();
  scene.wait->complete(7);
  process.run_ready();
  EXPECT_TRUE(scene.heard.empty());
  process.thaw();
  process.run_ready();
  EXPECT_EQ(scene.heard, std::vector<int>{7});
}

TEST(ProcessModel, KilledItUnwindsAndHearsNothing) {
  Scene scene;
  AgentProcess process;
  boost::asio::co_spawn(process.context(), listen(process, scene), boost::asio::detached);
  process.run_ready();
  process.end();
  EXPECT_TRUE(scene.unwound);
  scene.wait->complete(7);
  EXPECT_TRUE(scene.heard.empty());
}

}  // namespace
}  // namespace regent::sim
