// History files in pg_wal, and what an archive may feed (F61).
#include "adapters/postgres/replication.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "adapters/os/files.h"
#include "adapters/postgres/timelines.h"
#include "server_support.h"

namespace regent::test {
namespace {

class RestoreTest : public testing::Test {
 protected:
  void SetUp() override {
    layout.data_dir = place.path() + "/it's 100%";
    mkdir(layout.data_dir.c_str(), 0700);
    mkdir(layout.data("pg_wal").c_str(), 0700);
  }
  void write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(write_file(path, text, 0600).has_value()) << path;
  }
  // As PostgreSQL runs it.
  bool restores(const std::string& file) {
    std::string line;
    const auto command = limited_command(layout, "true # %f");
    for (std::size_t i = 0; i < command.size(); ++i) {
      const char next = command[i] == '%' && i + 1 < command.size() ? command[i + 1] : '\0';
      if (next == 'f') line += file;
      if (next == '%') line += '%';
      if (next == 'f' || next == '%')
        ++i;
      else
        line += command[i];
    }
    return WEXITSTATUS(std::system(line.c_str())) == 0;
  }

  Place place;
  Layout layout;
};

TEST_F(RestoreTest, TakesWhatBelongsToTheHistory) {
  EXPECT_TRUE(restores("00000007.history")) << "nothing is known: everything is taken";
  HistoryLine first, second;
  first.timeline = Timeline{1};
  first.switch_lsn = Lsn{0x5002638};
  second.timeline = Timeline{3};
  second.switch_lsn = Lsn{0x200000000};
  const ArchiveLimit limit{Timeline{10}, {first, second}};
  write(layout.restore_script(), restore_script(limit, 16 * 1024 * 1024));
  EXPECT_TRUE(restores("000000010000000000000004"));
  EXPECT_FALSE(restores("000000010000000000000005")) << "it goes on beyond the fork";
  EXPECT_FALSE(restores("000000010000000000000006"));
  EXPECT_FALSE(restores("000000020000000000000001")) << "a branch that ended";
  EXPECT_TRUE(restores("0000000300000001000000FF"));
  EXPECT_FALSE(restores("000000030000000200000000"));
  EXPECT_TRUE(restores("0000000A0000000200000000"));
  EXPECT_FALSE(restores("0000000B0000000200000000")) << "nobody leads there yet";
  EXPECT_FALSE(restores("0000000A.history"));
  EXPECT_FALSE(restores("00000002.history"));
}

TEST_F(RestoreTest, RemovesEmptyHistoriesAboveTheNewestRealOne) {
  for (const char* name : {"00000002", "00000003", "00000005", "00000006"}) {
    write(layout.data("pg_wal/" + std::string(name) + ".history"), "");
  }
  write(layout.data("pg_wal/00000004.history"), "1\t0/5002638\tno recovery target specified\n");
  write(layout.data("pg_wal/000000040000000000000005"), "");
  ASSERT_TRUE(clean_histories(layout, Timeline{1}).has_value());
  auto names = list_directory(layout.data("pg_wal")).value();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"00000002.history", "00000003.history", "00000004.history",
                                             "000000040000000000000005"}));
}

}  // namespace
}  // namespace regent::test
