// What happens to data: I6, I8, I9, I10, I12, F73.
#include <map>
#include <set>

#include "core/timeline.h"
#include "sim/checkers/all.h"
#include "sim/simulation.h"

namespace regent::sim {

namespace {

// I6: a promoted node lacks at most maximum_lag_on_failover of what the leader had published; on the same branch (I8).
class BoundedLoss final : public Checker {
 public:
  using Checker::Checker;

  void key_changed(const std::string& path, const StoreKey*, const StoreKey* after, int by) override {
    if (path == "initialize") {
      published_ = 0;  // another cluster, or the first
      return;
    }
    // What counts there is the other cluster's history, which may be replaced by another one.
    if (sim_.copies_remote()) published_ = 0;
    if (path != "status" || after == nullptr || by < 0 || sim_.copies_remote()) return;
    const auto status = parse_status(after->value);
    if (!status) return;
    const auto& chain = sim_.node(by).server.disk().chain;
    for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
      if (sim_.postgres().wal.at(*it).end <= status->optime) {
        published_ = *it;
        return;
      }
    }
  }

  void decided(Node& node, const Observation& o, const Decision&) override {
    if (!o.cluster.is_known()) return;
    const auto& failover = o.cluster->failover;
    if (failover.exists() && !failover.value.empty()) asked_at_[node.index] = sim_.world().now();
  }

  void promoted(Node& node, std::uint32_t fork) override {
    // In synchronous mode the confirmed set decides, whatever was published (I5, F60).
    const StoreKey* config = sim_.store().find("config");
    if (config != nullptr && parse_settings(parse_json(config->value, "config").value_or(Json())).synchronous()) return;
    if (published_ == 0 || node.primary_by_hand() || sim_.comes_too_late(node)) return;
    // A person named this node, for better or worse.
    const auto asked = asked_at_.find(node.index);
    if (asked != asked_at_.end() && sim_.world().now() - asked->second < sim_.params().ttl) return;
    const Wal& wal = sim_.postgres().wal;
    const RecordId start = wal.fork(fork).parent;
    const RecordId shared = wal.common(start, published_);
    const Lsn reached = shared == 0 ? Lsn{} : wal.at(shared).end;
    const auto lost = bytes_between(reached, wal.at(published_).end);
    if (lost <= sim_.params().maximum_lag) return;
    sim_.violated("I6", fmt::format("{} is promoted at {} on timeline {} and lacks {} bytes before {}, which {} had "
                                    "published on timeline {}",
                                    node.name.str(), to_string(wal.at(start).end), wal.fork_of(start).timeline.value,
                                    lost, to_string(wal.at(published_).end), wal.at(published_).node + 1,
                                    wal.fork_of(published_).timeline.value));
  }

 private:
  RecordId published_ = 0;
  std::map<int, Duration> asked_at_;
};

// I8: a new timeline is above every recorded one; no number is given twice; no timeline goes on from one record in two
// ways.
class TimelineMonotone final : public Checker {
 public:
  using Checker::Checker;

  void decided(Node& node, const Observation& o, const Decision& d) override {
    if (!o.cluster.is_known()) return;
    for (const auto& action : d.actions) {
      const auto* start = std::get_if<action::StartJob>(&action);
      const auto* promote = start == nullptr ? nullptr : std::get_if<job::Promote>(&start->spec);
      if (promote == nullptr) continue;
      recorded_[node.index] = recorded_timeline(o.cluster->history.value);
      tickets_[node.index] = promote->timeline;
    }
  }

  void promoted(Node& node, std::uint32_t fork) override {
    const Fork& made = sim_.postgres().wal.fork(fork);
    const Timeline recorded = recorded_[node.index];
    if (made.timeline <= recorded) {
      sim_.violated("I8", fmt::format("{} makes timeline {} although {} is recorded", node.name.str(),
                                      made.timeline.value, recorded.value));
    }
    // What a person does nobody can number, nor what an archive that the agents do not know of makes PostgreSQL take
    // instead of its ticket; that it is found out later is another matter (L2).
    if (node.primary_by_hand() || made.timeline != tickets_[node.index]) return;
    const auto [twin, first] = numbered_.try_emplace({sim_.postgres().wal.root_of(fork), made.timeline}, node.name);
    if (first) return;
    sim_.violated("I8",
                  fmt::format("{} makes timeline {} at {}, as {} did before", node.name.str(), made.timeline.value,
                              to_string(sim_.postgres().wal.at(made.parent).end), twin->second.str()));
  }

  void record_written(Node& node, RecordId record) override {
    const Wal& wal = sim_.postgres().wal;
    const Record& made = wal.at(record);
    const auto [it, first] = next_.try_emplace({made.parent, made.fork}, record);
    if (first) return;
    sim_.violated("I8",
                  fmt::format("{} continues timeline {} at {}, which n{} had continued otherwise", node.name.str(),
                              wal.fork(made.fork).timeline.value, to_string(made.start), wal.at(it->second).node + 1));
  }

 private:
  std::map<int, Timeline> recorded_, tickets_;                         // of the last promotion that was decided
  std::map<std::pair<std::uint32_t, Timeline>, MemberName> numbered_;  // by the fork that began the cluster
  std::map<std::pair<RecordId, std::uint32_t>, RecordId> next_;
};

// I9, F73: one initdb per cluster, and nobody leads it with data of another one; I10: never the last copy; I12: nothing
// incomplete is started.
class DataPreserved final : public Checker {
 public:
  using Checker::Checker;

  void key_changed(const std::string& path, const StoreKey* before, const StoreKey* after, int by) override {
    if (path != "initialize" || after == nullptr || after->value.empty() || by < 0) return;
    if (!system_id_.empty() && after->value != system_id_ && has_copy(SystemId(system_id_), -1)) {
      sim_.violated("I9", fmt::format("n{} makes another cluster, {} instead of {}", by + 1, after->value, system_id_));
    }
    if (before == nullptr || before->value != after->value) named_at_ = sim_.world().now();
    system_id_ = after->value;
  }
  void promote_requested(Node& node) override { identify(node, "is promoted"); }
  void initdb_requested(Node& node) override {
    if (system_id_.empty()) {
      const StoreKey* claim = sim_.store().find("initialize");
      if (claim == nullptr || !claim->session.empty()) return bootstrap_of(node);
      return;
    }
    if (has_copy(SystemId(system_id_), node.index)) {
      sim_.violated("F73", fmt::format("{} runs initdb although the cluster {} exists", node.name.str(), system_id_));
    }
  }
  void removal_requested(Node& node) override {
    const Disk& disk = node.server.disk();
    if (disk.state != DataState::valid || system_id_.empty() || disk.system_id.str() != system_id_) return;
    if (!has_copy(disk.system_id, node.index)) {
      sim_.violated("I10", fmt::format("{} removes the only copy of the data", node.name.str()));
    }
  }
  // Nobody serves data of another cluster who has read which one this is.
  void decided(Node& node, const Observation& o, const Decision& d) override {
    const bool starts = std::any_of(d.actions.begin(), d.actions.end(), [](const Action& action) {
      const auto* job = std::get_if<action::StartJob>(&action);
      return job != nullptr && std::holds_alternative<job::Start>(job->spec);
    });
    const StoreKey* initialize = sim_.store().find("initialize");
    const bool read = o.cluster.is_known() && o.cluster.age(o.now) < std::chrono::seconds(1);
    const bool told = initialize != nullptr && !system_id_.empty() && initialize->value == system_id_ && read;
    if (!starts || !told || sim_.hands_off() || sim_.world().now() - named_at_ < sim_.params().loop_wait) return;
    const auto& theirs = node.server.disk().system_id.str();
    if (theirs.empty() || theirs == system_id_) return;
    sim_.violated("I9", fmt::format("{} starts the data of cluster {}, and the store names {}", node.name.str(), theirs,
                                    system_id_));
  }
  void start_requested(Node& node, const job::Start& spec) override {
    const Disk& disk = node.server.disk();
    if (spec.as_primary) identify(node, "starts as primary");
    if (disk.rewind_marker) sim_.violated("I12", fmt::format("{} starts a half rewound directory", node.name.str()));
    if (disk.state == DataState::incomplete) {
      sim_.violated("I12", fmt::format("{} starts an incomplete directory", node.name.str()));
    }
  }

 private:
  // Its own bootstrap, which somebody else overtook, has another name for the cluster for a moment.
  void identify(Node& node, const char* what) {
    const Disk& disk = node.server.disk();
    if (system_id_.empty() || disk.system_id.str() == system_id_ || !node.lease.held || sim_.hands_off()) return;
    sim_.violated("I9", fmt::format("{} {} with the data of cluster {}, and the store names {}", node.name.str(), what,
                                    disk.system_id.str(), system_id_));
  }
  // Two bootstraps at the same time: the earlier one's agent must be gone.
  void bootstrap_of(Node& node) {
    for (auto& other : sim_.nodes()) {
      if (other.get() != &node && other->able() && other->server.child_running() &&
          other->server.disk().state == DataState::incomplete) {
        sim_.violated("F73", fmt::format("{} and {} both run initdb", node.name.str(), other->name.str()));
      }
    }
  }
  bool has_copy(const SystemId& id, int besides) {
    for (auto& node : sim_.nodes()) {
      const Disk& disk = node->server.disk();
      if (node->index != besides && disk.state == DataState::valid && disk.system_id == id && !disk.rewind_marker) {
        return true;
      }
    }
    return besides >= 0 && sim_.copies_remote() && sim_.remote().disk().system_id == id;
  }

  std::string system_id_;
  Duration named_at_{};  // since when the store says so
};

}  // namespace

void add_data_checkers(Simulation& sim, Checkers& checkers) {
  checkers.push_back(std::make_unique<BoundedLoss>(sim));
  checkers.push_back(std::make_unique<TimelineMonotone>(sim));
  checkers.push_back(std::make_unique<DataPreserved>(sim));
}

}  // namespace regent::sim
