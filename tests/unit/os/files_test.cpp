#include "adapters/os/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace regent {
namespace {

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/regent-files-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::string directory;
};

TEST_F(FilesTest, WritesOnlyWhatDiffers) {
  const auto path = directory + "/file";
  EXPECT_TRUE(write_file(path, "one", 0600).value());
  struct stat first {};
  ASSERT_EQ(stat(path.c_str(), &first), 0);
  EXPECT_EQ(first.st_mode & 07777U, 0600U);
  EXPECT_FALSE(write_file(path, "one", 0600).value());
  EXPECT_TRUE(write_file(path, "one", 0640).value());
  EXPECT_TRUE(write_file(path, "two", 0640).value());
  EXPECT_EQ(read_file(path).value(), "two");
  EXPECT_EQ(list_directory(directory).value(), std::vector<std::string>{"file"});
}

// F56: a write that fails leaves the old file whole.
TEST_F(FilesTest, AFailedWriteChangesNothing) {
  const auto failed = write_file(directory + "/missing/file", "x", 0600);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().message,
            "cannot create " + directory + "/missing/file.regent-new: No such file or directory");
}

TEST_F(FilesTest, AbsentIsTold) {
  EXPECT_EQ(read_file(directory + "/no").error().kind, ErrorKind::not_found);
  EXPECT_FALSE(exists(directory + "/no").value());
  EXPECT_TRUE(exists(directory).value());
  EXPECT_TRUE(remove_file(directory + "/no").has_value());
}

}  // namespace
}  // namespace regent
