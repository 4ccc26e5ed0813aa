#include "adapters/os/waiting.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "adapters/os/clock.h"
#include "adapters/os/unique_fd.h"

namespace regent {
namespace {

namespace asio = boost::asio;

class WatchedFdTest : public ::testing::Test {
 protected:
  WatchedFdTest() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0) {
      reading = UniqueFd(ends[0]);
      writing = UniqueFd(ends[1]);
    }
  }
  void say() { ASSERT_EQ(write(writing.get(), "x", 1), 1); }
  void swallow() {
    char byte = 0;
    ASSERT_EQ(read(reading.get(), &byte, 1), 1);
  }
  // Waits for as long as it takes; `ready` is set then.
  void wait_for_speech(WatchedFd& watched) {
    ready = false;
    asio::co_spawn(*io, watched.wait(Ready::to_read), [this](std::exception_ptr) { ready = true; });
    io->restart();
    io->poll();
  }

  UniqueFd reading, writing;
  std::optional<asio::io_context> io{std::in_place};
  bool ready = false;
};

TEST_F(WatchedFdTest, ServesOneWaitAfterTheOther) {
  WatchedFd watched(io->get_executor(), reading.get());
  for (int i = 0; i < 3; ++i) {
    wait_for_speech(watched);
    EXPECT_FALSE(ready);
    say();
    io->run();
    EXPECT_TRUE(ready);
    swallow();
  }
}

TEST_F(WatchedFdTest, TellsOfWhatWasThereBefore) {
  say();
  WatchedFd watched(io->get_executor(), reading.get());
  for (int i = 0; i < 2; ++i) {
    wait_for_speech(watched);
    io->run();
    EXPECT_TRUE(ready);
  }
}

TEST_F(WatchedFdTest, WhoWaitsWaitsOnWhenItIsReplaced) {
  WatchedFd watched(io->get_executor(), reading.get());
  wait_for_speech(watched);
  watched = WatchedFd();
  reading = UniqueFd();
  io->poll();
  EXPECT_FALSE(ready);
  writing = UniqueFd();
  io->run();
  EXPECT_TRUE(ready);
}

// A process that ends destroys the loop, and what waits on it, before the objects that it served.
TEST_F(WatchedFdTest, OutlivesTheLoop) {
  WatchedFd watched(io->get_executor(), reading.get());
  WatchedFd idle(io->get_executor(), reading.get());
  wait_for_speech(watched);
  io.reset();
  EXPECT_FALSE(watched.valid());
  EXPECT_FALSE(idle.valid());
}

TEST_F(WatchedFdTest, WithoutADescriptorTheLoopGoesOn) {
  WatchedFd nothing;
  wait_for_speech(nothing);
  EXPECT_FALSE(ready);
  io->run();
  EXPECT_TRUE(ready);
}

}  // namespace
}  // namespace regent
