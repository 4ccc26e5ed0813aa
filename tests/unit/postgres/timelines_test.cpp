// F62: history files that stand for numbers left out.
#include "adapters/postgres/timelines.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "server_support.h"

namespace regent {
namespace {

namespace fs = std::filesystem;

class Histories : public ::testing::Test {
 protected:
  Histories() {
    layout.data_dir = place.path() + "/data";
    fs::create_directories(layout.data("pg_wal"));
  }
  void put(const std::string& name, const std::string& text) { std::ofstream(layout.data("pg_wal/" + name)) << text; }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(layout.data("pg_wal"))) found.insert(entry.path().filename());
    return found;
  }

  test::Place place;
  Layout layout;
};

TEST_F(Histories, AreFilledBelowANumberOnly) {
  put("00000003.history", "1\t0/3000000\tx\n");
  ASSERT_TRUE(fill_histories(layout, Timeline{5}));
  EXPECT_EQ(names(), (std::set<std::string>{"00000002.history", "00000003.history", "00000004.history"}));
  EXPECT_EQ(fs::file_size(layout.data("pg_wal/00000002.history")), 0U);
  EXPECT_GT(fs::file_size(layout.data("pg_wal/00000003.history")), 0U);
  ASSERT_TRUE(fill_histories(layout, Timeline{5}));
  ASSERT_TRUE(fill_histories(layout, Timeline{}));
  EXPECT_EQ(names().size(), 3U);
}

TEST_F(Histories, AreCleanedAboveTheLastRealOne) {
  put("00000002.history", "");
  put("00000003.history", "");
  put("00000004.history", "1\t0/3000000\tx\n");
  put("00000005.history", "");
  put("0000000A.history", "");
  put("0000000A.history.tmp", "");
  put("000000010000000000000003", "");
  ASSERT_TRUE(clean_histories(layout, Timeline{1}));
  EXPECT_EQ(names(), (std::set<std::string>{"00000002.history", "00000003.history", "00000004.history",
                                            "0000000A.history.tmp", "000000010000000000000003"}));
}

TEST_F(Histories, BelowTheOwnTimelineStay) {
  put("00000002.history", "");
  put("00000004.history", "");
  ASSERT_TRUE(clean_histories(layout, Timeline{3}));
  EXPECT_EQ(names(), (std::set<std::string>{"00000002.history"}));
}

TEST_F(Histories, WithoutADirectoryAreAnError) {
  fs::remove_all(layout.data("pg_wal"));
  EXPECT_FALSE(clean_histories(layout, Timeline{1}));
  EXPECT_FALSE(fill_histories(layout, Timeline{3}));
}

}  // namespace
}  // namespace regent
