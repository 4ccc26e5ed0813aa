// Which WAL file comes next for a replica, and does its upstream have it (F61).
#include "core/stream.h"

#include <gtest/gtest.h>

namespace regent {
namespace {

constexpr std::uint64_t segment = 16 * 1024 * 1024;

Position at(std::uint32_t timeline, std::uint64_t lsn) {
  return {Timeline{timeline}, Lsn{lsn}};
}

HistoryLine left(std::uint32_t timeline, std::uint64_t lsn) {
  HistoryLine line;
  line.timeline = Timeline{timeline};
  line.switch_lsn = Lsn{lsn};
  return line;
}

WalStock stock(std::vector<WalStock::Range> ranges) {
  return {segment, std::move(ranges)};
}

TEST(MissingWal, OnTheSameTimeline) {
  EXPECT_EQ(missing_wal_file(at(1, 5 * segment + 7), Timeline{1}, {}, stock({{Timeline{1}, 5, 9}})), "");
  EXPECT_EQ(missing_wal_file(at(1, 4 * segment + 7), Timeline{1}, {}, stock({{Timeline{1}, 5, 9}})),
            "000000010000000000000004");
  EXPECT_EQ(missing_wal_file(at(1, 4 * segment), Timeline{1}, {}, stock({})), "000000010000000000000004");
}

TEST(MissingWal, TheSegmentOfAForkIsSentFromTheNextTimelinesFile) {
  const History history{left(1, 6 * segment + 100)};
  // 1 up to segment 5, 2 from segment 6 on.
  EXPECT_EQ(
      missing_wal_file(at(1, 4 * segment), Timeline{2}, history, stock({{Timeline{1}, 4, 5}, {Timeline{2}, 6, 6}})),
      "");
  EXPECT_EQ(missing_wal_file(at(1, 6 * segment + 10), Timeline{2}, history, stock({{Timeline{2}, 6, 8}})), "");
  EXPECT_EQ(
      missing_wal_file(at(1, 4 * segment), Timeline{2}, history, stock({{Timeline{1}, 5, 5}, {Timeline{2}, 6, 6}})),
      "000000010000000000000004");
  EXPECT_EQ(
      missing_wal_file(at(1, 4 * segment), Timeline{2}, history, stock({{Timeline{1}, 4, 4}, {Timeline{2}, 6, 6}})),
      "000000010000000000000005");
  EXPECT_EQ(missing_wal_file(at(1, 6 * segment + 10), Timeline{2}, history, stock({{Timeline{2}, 7, 8}})),
            "000000020000000000000006");
}

TEST(MissingWal, AcrossTimelinesThatTheSourceNeverHad) {
  const History history{left(1, 3 * segment + 100), left(2, 4 * segment + 100), left(3, 5 * segment + 100)};
  EXPECT_EQ(missing_wal_file(at(1, 3 * segment + 50), Timeline{4}, history, stock({{Timeline{4}, 5, 7}})),
            "000000020000000000000003");
  EXPECT_EQ(missing_wal_file(at(3, 5 * segment + 100), Timeline{4}, history, stock({{Timeline{4}, 5, 7}})), "");
}

TEST(MissingWal, UnknownIsNotMissing) {
  EXPECT_EQ(missing_wal_file(at(9, 5 * segment), Timeline{1}, {}, stock({})), "");
  EXPECT_EQ(missing_wal_file(at(1, 5 * segment), Timeline{1}, {}, WalStock{}), "");
}

}  // namespace
}  // namespace regent
