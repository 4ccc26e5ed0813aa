#include "adapters/postgres/bootstrap_failure.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace regent {
namespace {

namespace fs = std::filesystem;

const WallTime noon(std::chrono::hours(490000));

class BootstrapFailureTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "regent-failure-XXXXXX";
    layout_.data_dir = std::string(::mkdtemp(pattern.data())) + "/data";
  }
  void TearDown() override { fs::remove_all(fs::path(layout_.data_dir).parent_path()); }

  Layout layout_;
};

TEST_F(BootstrapFailureTest, IsReadAsItWasWritten) {
  EXPECT_EQ(read_bootstrap_failure(layout_).times, 0);
  ASSERT_TRUE(write_bootstrap_failure(layout_, {"initdb exited with code 1", 2, "abc", noon}));
  const auto failure = read_bootstrap_failure(layout_);
  EXPECT_EQ(failure.why, "initdb exited with code 1");
  EXPECT_EQ(failure.times, 2);
  EXPECT_EQ(failure.configuration, "abc");
  EXPECT_EQ(failure.at, noon);
}

TEST_F(BootstrapFailureTest, WhatCannotBeReadWasNone) {
  fs::create_directory(layout_.put_aside());
  for (const auto* text : {"", "{", "[]", R"({"why": 1, "times": 2, "configuration": "a"})", R"({"why": "a"})"}) {
    std::ofstream(layout_.bootstrap_failure()) << text;
    EXPECT_EQ(read_bootstrap_failure(layout_).times, 0) << text;
  }
}

TEST(NextFailure, WaitsLongerEachTime) {
  using std::chrono::minutes;
  const auto wait = [](int times) { return *retry_after({"why", times, "a", noon}, "a", noon) - noon; };
  EXPECT_EQ(retry_after({}, "a", noon), std::nullopt);
  EXPECT_EQ(retry_after({"why", 1, "a", noon}, "a", noon), std::nullopt);
  EXPECT_EQ(retry_after({"why", 5, "a", noon}, "b", noon), std::nullopt) << "another configuration";
  EXPECT_EQ(wait(2), minutes(5));
  EXPECT_EQ(wait(3), minutes(10));
  EXPECT_EQ(wait(6), minutes(60));
  EXPECT_EQ(wait(1000), minutes(60));
  EXPECT_EQ(retry_after({"why", 2, "a", noon + minutes(600)}, "a", noon), std::nullopt) << "the clock was set back";
}

TEST(NextFailure, CountsTheSameReasonWithTheSameConfiguration) {
  const BootstrapFailure first = next_failure({}, "script with pid 17 exited with code 1", "a", noon);
  EXPECT_EQ(first.times, 1);
  EXPECT_EQ(next_failure(first, "script with pid 18 exited with code 1", "a", noon).times, 2);
  EXPECT_EQ(next_failure(first, "no space left", "a", noon).times, 1);
  EXPECT_EQ(next_failure(first, first.why, "b", noon).times, 1);
}

TEST(NextFailure, AnotherConfigurationIsToldFromTheFirst) {
  LocalConfig config;
  const auto before = configuration_of(config);
  EXPECT_EQ(configuration_of(config), before);
  config.bootstrap["method"] = "copy";
  EXPECT_NE(configuration_of(config), before);
}

}  // namespace
}  // namespace regent
