// Replicas and the WAL they get: F61, L3.
#include <map>

#include "sim/checkers/all.h"
#include "sim/simulation.h"

namespace regent::sim {

namespace {

// F61: what an archive has of a branch that ended is not replayed below a leader that left it.
class NoDeadBranch final : public Checker {
 public:
  using Checker::Checker;

  void record_restored(Node& node, RecordId record) override {
    if (sim_.params().archive_hidden) return;
    const PgServer* leader = node.server.upstream_server();
    if (leader == nullptr || leader->process() != Process::running || leader->in_recovery()) return;
    const Wal& wal = sim_.postgres().wal;
    if (leader->timeline() <= wal.fork_of(record).timeline) return;
    const auto& theirs = leader->disk().chain;
    const auto has = [&](RecordId id) {
      const auto depth = wal.at(id).depth;
      return depth < theirs.size() && theirs[depth] == id;
    };
    // It had left before; or the promotion is so young that nobody here can know of it: both are found out (I8).
    if (has(record) || !has(wal.at(record).parent)) return;
    if (sim_.world().now() - wal.fork_of(leader->disk().last()).at < 2 * sim_.params().loop_wait) return;
    sim_.violated("F61", fmt::format("{} follows timeline {} and restores WAL of timeline {} beyond its fork, at {}",
                                     node.name.str(), leader->timeline().value, wal.fork_of(record).timeline.value,
                                     to_string(wal.at(record).start)));
  }
};

// L3: a replica that gets no WAL from a leader that runs says why, and what comes next.
class SilentReplica final : public Checker {
 public:
  using Checker::Checker;

  void decided(Node& node, const Observation& o, const Decision& d) override {
    const auto* view = o.cluster.get();
    const Member* leader = view != nullptr ? view->leader_member() : nullptr;
    const bool other_leads = leader != nullptr && leader->name != node.name && leader->state == PgState::running;
    const auto* server = o.postgres.process == Process::running ? o.postgres.server.get() : nullptr;
    const bool without = other_leads && server != nullptr && server->in_recovery && !node.server.streaming() &&
                         !o.settings.pause && !o.job.running;
    if (!without) {
      since_.erase(node.index);
      return;
    }
    const auto since = since_.try_emplace(node.index, o.now).first->second;
    if (o.now - since <= 2 * o.settings.loop_wait + std::chrono::seconds(1)) return;
    if (!d.conditions.empty() || d.has_effects() || !d.sentence.starts_with("no action")) return;
    sim_.violated("L3", fmt::format("{} runs, does not stream from {}, and says nothing about it: {} {}",
                                    node.name.str(), leader->name.str(), d.rule, d.sentence));
  }
  void agent_changed(Node& node) override { since_.erase(node.index); }
  void tick() override {
    for (const auto& node : sim_.nodes()) {
      if (node->server.streaming()) since_.erase(node->index);
    }
  }

 private:
  std::map<int, Instant> since_;
};

}  // namespace

void add_stream_checkers(Simulation& sim, Checkers& checkers) {
  checkers.push_back(std::make_unique<NoDeadBranch>(sim));
  checkers.push_back(std::make_unique<SilentReplica>(sim));
}

}  // namespace regent::sim
