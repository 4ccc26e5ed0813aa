// Every WAL record of a run, on every branch. A node's WAL is a chain of these; because a record is made once, after
// one parent, two nodes that hold the same record hold the same WAL up to it. Whether two histories truly agree is
// therefore a comparison of numbers, whatever timelines and positions claim (F61, F62).
#pragma once

#include <cstdint>
#include <vector>

#include "base/lsn.h"
#include "base/time.h"
#include "model/keys.h"

namespace regent::sim {

using RecordId = std::uint32_t;  // 0: none

struct Record {
  RecordId parent = 0;
  std::uint32_t depth = 0;  // index in the chain of a node that holds it
  std::uint32_t fork = 0;
  Lsn start, end;
  std::int16_t node = -1;
  bool acknowledged = false;
  std::uint32_t horizon = 0;  // catalog rows older than this depth are vacuumed away where this record is replayed
  int max_connections = 0;    // of the primary that wrote it
};

// One beginning of a timeline: initdb, or a promotion.
struct Fork {
  Timeline timeline;
  RecordId parent = 0;  // 0: initdb
  int node = -1;
  Duration at{};
  History history;  // as the .history file of the timeline tells
};

class Wal {
 public:
  Wal() : records_(1), forks_(1) {}

  std::uint32_t begin_timeline(RecordId parent, Timeline timeline, int node, Duration at) {
    Fork fork{timeline, parent, node, at, {}};
    if (parent != 0) {
      const Record& last = records_[parent];
      fork.history = forks_[last.fork].history;
      fork.history.push_back(HistoryLine{forks_[last.fork].timeline, last.end, "no recovery target specified", "", ""});
    }
    forks_.push_back(std::move(fork));
    return static_cast<std::uint32_t>(forks_.size() - 1);
  }

  RecordId append(RecordId parent, std::uint32_t fork, std::uint32_t length, int node) {
    Record record;
    record.parent = parent;
    record.fork = fork;
    record.node = static_cast<std::int16_t>(node);
    record.depth = parent == 0 ? 0 : records_[parent].depth + 1;
    record.start = parent == 0 ? Lsn{0x1000000} : records_[parent].end;
    record.end = Lsn{record.start.value + length};
    records_.push_back(record);
    return static_cast<RecordId>(records_.size() - 1);
  }

  Record& at(RecordId id) { return records_[id]; }
  const Record& at(RecordId id) const { return records_[id]; }
  const Fork& fork(std::uint32_t index) const { return forks_[index]; }
  const std::vector<Fork>& forks() const { return forks_; }
  const Fork& fork_of(RecordId id) const { return forks_[records_[id].fork]; }

  // Whether the histories name a timeline, begun at the same place, that is not the same one.
  bool seem_common(RecordId a, RecordId b) const {
    for (std::uint32_t one = records_[a].fork; forks_[one].parent != 0; one = records_[forks_[one].parent].fork) {
      for (std::uint32_t two = records_[b].fork; forks_[two].parent != 0; two = records_[forks_[two].parent].fork) {
        const bool alike = forks_[one].timeline == forks_[two].timeline && forks_[one].parent == forks_[two].parent;
        if (alike && one != two) return true;
      }
    }
    return false;
  }
  // The initdb that a timeline comes from.
  std::uint32_t root_of(std::uint32_t fork) const {
    while (forks_[fork].parent != 0) fork = records_[forks_[fork].parent].fork;
    return fork;
  }
  // The newest record on both branches; 0 when they never met.
  RecordId common(RecordId a, RecordId b) const {
    while (a != b && a != 0 && b != 0) {
      if (records_[a].depth >= records_[b].depth) {
        a = records_[a].parent;
      } else {
        b = records_[b].parent;
      }
    }
    return a == b ? a : 0;
  }

 private:
  std::vector<Record> records_;
  std::vector<Fork> forks_;
};

}  // namespace regent::sim
