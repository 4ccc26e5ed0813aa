// The tree of WAL records, by which checkers know what truly is part of what.
#include "sim/wal.h"

#include <gtest/gtest.h>

namespace regent::sim {
namespace {

TEST(Wal, TwoBranchesMeetWhereTheyParted) {
  Wal wal;
  const auto first = wal.begin_timeline(0, Timeline{1}, 0, {});
  const RecordId a = wal.append(0, first, 100, 0);
  const RecordId b = wal.append(a, first, 100, 0);
  const RecordId old = wal.append(b, first, 100, 0);
  const auto second = wal.begin_timeline(b, Timeline{2}, 1, {});
  const RecordId promoted = wal.append(b, second, 50, 1);
  EXPECT_EQ(wal.common(old, promoted), b);
  EXPECT_EQ(wal.common(a, promoted), a);
  EXPECT_EQ(wal.common(promoted, promoted), promoted);
}

TEST(Wal, ForeignClustersNeverMeet) {
  Wal wal;
  const RecordId one = wal.append(0, wal.begin_timeline(0, Timeline{1}, 0, {}), 100, 0);
  const RecordId two = wal.append(0, wal.begin_timeline(0, Timeline{1}, 1, {}), 100, 1);
  EXPECT_EQ(wal.common(one, two), 0U);
}

TEST(Wal, ATimelineKnowsWhereItLeftTheLast) {
  Wal wal;
  const RecordId a = wal.append(0, wal.begin_timeline(0, Timeline{1}, 0, {}), 100, 0);
  const auto second = wal.begin_timeline(a, Timeline{2}, 0, {});
  const RecordId b = wal.append(a, second, 50, 0);
  const auto third = wal.begin_timeline(b, Timeline{3}, 0, {});
  const History& history = wal.fork(third).history;
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].timeline, Timeline{1});
  EXPECT_EQ(history[0].switch_lsn, wal.at(a).end);
  EXPECT_EQ(history[1].timeline, Timeline{2});
  EXPECT_EQ(history[1].switch_lsn, wal.at(b).end);
}

}  // namespace
}  // namespace regent::sim
