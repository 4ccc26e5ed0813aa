#include "base/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace regent {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> read_lines(const fs::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// A directory of its own, and standard error redirected for the time of the test.
class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "regent-log-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    saved_stderr_ = ::dup(STDERR_FILENO);
  }
  void TearDown() override {
    log::stop();
    ::dup2(saved_stderr_, STDERR_FILENO);
    ::close(saved_stderr_);
    fs::remove_all(directory_);
  }
  void redirect_stderr(int file) const { ASSERT_EQ(::dup2(file, STDERR_FILENO), STDERR_FILENO); }

  fs::path directory_;
  int saved_stderr_ = -1;
};

TEST_F(LogTest, WritesPatronisLineFormat) {
  log::start({.directory = directory_});
  log::info("no action. I am ({}), the leader with the lock", "n1");
  log::warning("careful");
  log::debug("not shown");
  log::stop();
  const auto lines = read_lines(directory_ / "patroni.log");
  ASSERT_EQ(lines.size(), 2U);
  const std::regex format(
      R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO: no action\. I am \(n1\), the leader with the lock)");
  EXPECT_TRUE(std::regex_match(lines[0], format)) << lines[0];
  EXPECT_EQ(lines[1].substr(23), " WARNING: careful");
}

TEST_F(LogTest, WritesJson) {
  log::start({.directory = directory_, .line = {.json = true}});
  log::error("a \"quoted\" word");
  log::stop();
  const auto lines = read_lines(directory_ / "patroni.log");
  ASSERT_EQ(lines.size(), 1U);
  const std::regex format(
      R"re(\{"asctime": "[-0-9]{10} [:0-9]{8},\d{3}", "levelname": "ERROR", "message": "a \\"quoted\\" word"\})re");
  EXPECT_TRUE(std::regex_match(lines[0], format)) << lines[0];
}

TEST_F(LogTest, LevelCanChangeWhileRunning) {
  log::start({.level = log::Level::warning, .directory = directory_});
  EXPECT_FALSE(log::enabled(log::Level::info));
  log::info("hidden");
  log::set_level(log::Level::debug);
  log::debug("shown");
  log::stop();
  const auto lines = read_lines(directory_ / "patroni.log");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].substr(23), " DEBUG: shown");
}

TEST_F(LogTest, RotatesAndKeepsSoManyOldFiles) {
  log::start({.directory = directory_, .file_size = 200, .file_count = 2});
  for (int i = 0; i < 40; ++i) log::info("line {:03}", i);  // 39 bytes each
  log::stop();
  EXPECT_TRUE(fs::exists(directory_ / "patroni.log"));
  EXPECT_TRUE(fs::exists(directory_ / "patroni.log.1"));
  EXPECT_TRUE(fs::exists(directory_ / "patroni.log.2"));
  EXPECT_FALSE(fs::exists(directory_ / "patroni.log.3"));
  EXPECT_LT(fs::file_size(directory_ / "patroni.log.1"), 200U);
  const auto lines = read_lines(directory_ / "patroni.log");
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back().substr(23), " INFO: line 039");
}

TEST_F(LogTest, GivesTheFileTheModeAskedFor) {
  log::start({.directory = directory_, .file_mode = 0640});
  log::info("x");
  log::stop();
  struct stat info {};
  ASSERT_EQ(::stat((directory_ / "patroni.log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0640U);
}

// F07: a reader that stopped reading costs lines, never time.
TEST_F(LogTest, NeverWaitsForAReaderThatDoesNotRead) {
  const fs::path fifo = directory_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const int both_ends = ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(both_ends, 0);
  redirect_stderr(both_ends);
  const auto lost_before = log::lost();
  log::start({.directory = "", .queue_size = 10});
  const std::string line(1000, 'x');
  const auto started = std::chrono::steady_clock::now();
  constexpr std::uint64_t count = 2000;  // far more than pipe and queue hold together
  for (std::uint64_t i = 0; i < count; ++i) log::info("{}", line);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5));
  EXPECT_GT(log::lost(), lost_before + 1000);
  EXPECT_LE(log::queued(), 10U);
  EXPECT_GT(log::queued(), 0U);
  log::stop();  // bounded although nobody reads
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(10));
  log::info("after the end");  // nor does a line without the writer thread wait
  ::close(both_ends);
}

TEST_F(LogTest, CountsLinesADiskDoesNotTake) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  redirect_stderr(full);
  ::close(full);
  const auto lost_before = log::lost();
  log::start({});
  for (int i = 0; i < 5; ++i) log::info("x");
  log::stop();
  EXPECT_EQ(log::lost(), lost_before + 5);
}

TEST_F(LogTest, FallsBackToStandardErrorWhenTheDirectoryIsMissing) {
  const fs::path errors = directory_ / "stderr";
  const int file = ::open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  redirect_stderr(file);
  ::close(file);
  log::start({.directory = directory_ / "missing"});
  log::info("still here");
  log::stop();
  const auto text = read_file(errors);
  EXPECT_NE(text.find("missing/patroni.log: No such file or directory"), std::string::npos) << text;
  EXPECT_NE(text.find("INFO: still here"), std::string::npos) << text;
}

TEST_F(LogTest, CanStartAgainWhileOthersLog) {
  log::start({.directory = directory_, .queue_size = 100'000});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) log::info("thread {} line {}", t, i);
    });
  const auto lost_before = log::lost();
  log::start({.directory = directory_, .queue_size = 100'000});
  for (auto& thread : threads) thread.join();
  log::stop();
  EXPECT_EQ(read_lines(directory_ / "patroni.log").size() + (log::lost() - lost_before), 2000U);
}

}  // namespace
}  // namespace regent
