#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "adapters/os/watchdog_device.h"

namespace regent {
namespace {

namespace fs = std::filesystem;

class WatchdogTest : public ::testing::Test {
 protected:
  WatchdogTest() {
    std::string pattern = (fs::temp_directory_path() / "watchdog_test.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    pipe_ = (directory_ / "watchdog").string();
    EXPECT_EQ(mkfifo(pipe_.c_str(), 0600), 0);
    options_.driver = "testing";
    options_.device = pipe_;
  }
  ~WatchdogTest() override {
    if (reader_ >= 0) close(reader_);
    fs::remove_all(directory_);
  }
  void listen() { reader_ = open(pipe_.c_str(), O_RDONLY | O_NONBLOCK); }
  std::string heard() {
    std::string text(1000, '\0');
    const ssize_t count = read(reader_, text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  static FenceOrder order(int ttl, int loop_wait, const WatchdogFacts& facts) {
    Settings settings;
    settings.ttl = std::chrono::seconds(ttl);
    settings.loop_wait = std::chrono::seconds(loop_wait);
    return fence_order({}, settings, facts);
  }

  fs::path directory_;
  std::string pipe_;
  WatchdogOptions options_ = parse_watchdog(Json::object());
  int reader_ = -1;
};

TEST_F(WatchdogTest, TellsTheDeviceWhatTheManualsSay) {
  listen();
  WatchdogDevice watchdog(options_);
  watchdog.activate(order(20, 5, watchdog.facts()));
  EXPECT_EQ(heard(), "Ctimeout=15\n1");
  watchdog.keep_alive();
  EXPECT_EQ(heard(), "1");
  watchdog.activate(order(30, 5, watchdog.facts()));
  EXPECT_EQ(heard(), "Ctimeout=25\n1");
  watchdog.activate(order(30, 5, watchdog.facts()));
  EXPECT_EQ(heard(), "1");
  EXPECT_TRUE(watchdog.facts().active());
  watchdog.close();
  EXPECT_EQ(heard(), "V");
  EXPECT_FALSE(watchdog.facts().active());
}

TEST_F(WatchdogTest, LeftAsItIsWhenNobodyClosesIt) {
  listen();
  {
    WatchdogDevice watchdog(options_);
    watchdog.activate(order(20, 5, watchdog.facts()));
  }
  EXPECT_EQ(heard(), "Ctimeout=15\n1");
}

TEST_F(WatchdogTest, HalfTheLeaseWhenTheMarginSaysSo) {
  listen();
  options_ = parse_watchdog(Json::parse(R"({"mode":"automatic","driver":"testing","safety_margin":-1})"));
  options_.device = pipe_;
  WatchdogDevice watchdog(options_);
  watchdog.activate(order(30, 10, watchdog.facts()));
  EXPECT_EQ(heard(), "Ctimeout=15\n1");
}

TEST_F(WatchdogTest, SwitchedOffItIsClosed) {
  listen();
  WatchdogDevice watchdog(options_);
  watchdog.activate(order(20, 5, watchdog.facts()));
  heard();
  auto changed = options_;
  changed.mode = FenceMode::required;
  watchdog.reconfigure(changed);
  EXPECT_TRUE(watchdog.facts().active());
  EXPECT_EQ(heard(), "");
  changed.mode = FenceMode::off;
  watchdog.reconfigure(changed);
  EXPECT_EQ(heard(), "V");
  EXPECT_EQ(watchdog.facts().mode, FenceMode::off);
}

TEST_F(WatchdogTest, NobodyListensSoItFails) {
  options_.mode = FenceMode::required;
  WatchdogDevice watchdog(options_);
  EXPECT_TRUE(watchdog.facts().usable);
  watchdog.activate(order(30, 10, watchdog.facts()));
  EXPECT_EQ(watchdog.facts().state, WatchdogFacts::State::failed);
  EXPECT_NE(watchdog.facts().why.find(pipe_), std::string::npos);
  EXPECT_FALSE(missing_fence({{}, watchdog.facts()}).empty());
}

TEST_F(WatchdogTest, ALeaseShorterThanACycleHasNoWatchdog) {
  listen();
  WatchdogDevice watchdog(options_);
  watchdog.activate(order(12, 10, watchdog.facts()));
  EXPECT_EQ(watchdog.facts().state, WatchdogFacts::State::failed);
  EXPECT_EQ(heard(), "");
}

TEST_F(WatchdogTest, AMissingDeviceIsKnownBeforeItIsNeeded) {
  options_.device += ".gone";
  options_.mode = FenceMode::required;
  const WatchdogDevice watchdog(options_);
  EXPECT_FALSE(watchdog.facts().usable);
  EXPECT_FALSE(missing_fence({{}, watchdog.facts()}).empty());
}

TEST(ParseWatchdog, KnowsTheWordsOfTheManuals) {
  const auto mode = [](const char* text) { return parse_watchdog(Json::parse(text)).mode; };
  EXPECT_EQ(mode(R"({})"), FenceMode::automatic);
  EXPECT_EQ(mode(R"({"mode":false})"), FenceMode::off);  // YAML 1.1 reads `off` like this
  EXPECT_EQ(mode(R"({"mode":"off"})"), FenceMode::off);
  EXPECT_EQ(mode(R"({"mode":"Automatic"})"), FenceMode::automatic);
  EXPECT_EQ(mode(R"({"mode":"required"})"), FenceMode::required);
  EXPECT_EQ(mode(R"({"mode":"sometimes"})"), FenceMode::off);
}

}  // namespace
}  // namespace regent
