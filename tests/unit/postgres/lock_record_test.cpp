// Whose lock a data directory had, and that no copy of it claims to be the one that had it (F74).
#include "adapters/postgres/lock_record.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "adapters/postgres/data_directory.h"

namespace regent {
namespace {

namespace fs = std::filesystem;

class LockRecord : public ::testing::Test {
 protected:
  LockRecord() {
    place_ = (fs::temp_directory_path() / "regent-lock.XXXXXX").string();
    if (mkdtemp(place_.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  ~LockRecord() override { fs::remove_all(place_); }

  Layout directory(const std::string& name, bool with_data = true) {
    Layout layout;
    layout.data_dir = place_ + "/" + name;
    fs::create_directory(layout.data_dir);
    if (with_data) std::ofstream(layout.data("PG_VERSION")) << "15\n";
    return layout;
  }

 private:
  std::string place_;
};

TEST_F(LockRecord, RemembersTheLastSession) {
  const Layout here = directory("here");
  EXPECT_EQ(read_lock_record(here), "");
  ASSERT_TRUE(write_lock_record(here, "7587871"));
  EXPECT_EQ(read_lock_record(here), "7587871");
  ASSERT_TRUE(write_lock_record(here, "99"));
  EXPECT_EQ(read_lock_record(here), "99");
  const auto look = look_at_directory(here);
  ASSERT_TRUE(look);
  EXPECT_EQ(look->lock_session, "99");
}

TEST_F(LockRecord, ACopyProvesNothing) {
  const Layout here = directory("here");
  const Layout copy = directory("copy");
  ASSERT_TRUE(write_lock_record(here, "99"));
  fs::copy_file(here.lock_record(), copy.lock_record());
  EXPECT_EQ(read_lock_record(copy), "");
  // Nor does one of hard links, as some backups are; and the next record is of its own.
  fs::remove(copy.lock_record());
  fs::create_hard_link(here.lock_record(), copy.lock_record());
  EXPECT_EQ(read_lock_record(copy), "");
  EXPECT_EQ(read_lock_record(here), "");
  ASSERT_TRUE(write_lock_record(here, "100"));
  EXPECT_EQ(read_lock_record(here), "100");
  EXPECT_EQ(read_lock_record(copy), "");
}

TEST_F(LockRecord, IsOfOneBoot) {
  const Layout here = directory("here");
  ASSERT_TRUE(write_lock_record(here, "99"));
  std::fstream file(here.lock_record(), std::ios::in | std::ios::out);
  file.seekp(-1, std::ios::end);
  file << '~';
  file.close();
  EXPECT_EQ(read_lock_record(here), "");
}

TEST_F(LockRecord, AnEmptyDirectoryStaysEmpty) {
  const Layout here = directory("here", false);
  const auto written = write_lock_record(here, "99");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::not_found);
  EXPECT_TRUE(fs::is_empty(here.data_dir));
}

}  // namespace
}  // namespace regent
