// What agents write and publish: I11, L4, L5.
#include <map>

#include "core/leadership.h"
#include "sim/checkers/all.h"
#include "sim/simulation.h"

namespace regent::sim {

namespace {

Version version_in(const ClusterView& view, const std::string& path) {
  if (path == "initialize") return view.initialize.version;
  if (path == "leader") return view.leader.version;
  if (path == "config") return view.config.version;
  if (path == "status") return view.status.version;
  if (path == "failover") return view.failover.version;
  if (path == "sync") return view.sync.version;
  if (path == "history") return view.history.version;
  if (path == "failsafe") return view.failsafe.version;
  if (path == "regent/timeline") return view.timelines.version;
  return {};
}

// I11: every write is conditional on the version of a snapshot this agent has just read, and the leader key of another
// member is never replaced but together with /sync.
class CompareAndSwap final : public Checker {
 public:
  using Checker::Checker;

  void view_read(Node& node, const std::shared_ptr<const ClusterView>& view) override { last_[node.index] = view; }
  void write_requested(Node& node, const std::string& path, Version expect) override {
    const auto it = last_.find(node.index);
    if (it != last_.end() && version_in(*it->second, path) == expect) return;
    // A key of its own that it has just written, e.g. the claim on /initialize.
    const StoreKey* key = sim_.store().find(path);
    if (key != nullptr && key->version == expect && writers_[path] == node.index) return;
    sim_.violated("I11", fmt::format("{} writes {} on version {}, which is not in its snapshot", node.name.str(), path,
                                     expect.value));
  }
  void key_changed(const std::string& path, const StoreKey* before, const StoreKey* after, int by) override {
    writers_[path] = by;
    if (path != "leader" || before == nullptr || after == nullptr || before->value == after->value) return;
    if (sim_.store().taking_over() || by < 0) return;
    sim_.violated("I11", fmt::format("n{} replaces the leader key of {}", by + 1, before->value));
  }

 private:
  std::map<int, std::shared_ptr<const ClusterView>> last_;
  std::map<std::string, int> writers_;
};

// L5: at most one node answers 200 on /primary; but for one that does not know yet that the lock was taken from it, and
// cannot acknowledge anything, or that somebody deleted its key by hand (F33).
class OnePrimaryAnswers final : public Checker {
 public:
  using Checker::Checker;

  void tick() override {
    const Node* found = nullptr;
    for (auto& node : sim_.nodes()) {
      if (!answers(*node) || harmless(*node)) continue;
      if (found != nullptr) {
        return sim_.violated("L5",
                             fmt::format("{} and {} both answer 200 on /primary", found->name.str(), node->name.str()));
      }
      found = node.get();
    }
  }
  void decided(Node&, const Observation&, const Decision&) override { tick(); }

 private:
  bool harmless(const Node& node) const {
    // It wakes up, and has not looked yet.
    const bool woke_up = sim_.world().now() - node.able_since() < std::chrono::seconds(1);
    return node.deposed || (node.evicted && woke_up) ||
           (node.overtaken && !(node.server.is_open() && node.server.could_be_confirmed()));
  }
  static bool answers(Node& node) {
    if (!node.able()) return false;
    const auto snapshot = node.run()->board.load();
    if (!snapshot) return false;
    const Observation& o = snapshot->observation;
    return leads_now(o, node.clock.boot()) && o.postgres.server.is_known() && !o.postgres.server->in_recovery;
  }
};

// L4: one fault, at most one leader change.
class FewLeaderChanges final : public Checker {
 public:
  using Checker::Checker;

  void key_changed(const std::string& path, const StoreKey*, const StoreKey* after, int) override {
    if (path != "leader" || after == nullptr) return;
    // A fault may cost the leader when it comes and once more when it goes; one that breaks promotions, every time.
    const int allowed = 2 * sim_.faults_injected() + sim_.postgres().broken_promotions;
    if (sim_.leader_changes() > allowed) {
      sim_.violated("L4",
                    fmt::format("{} leader changes after {} faults", sim_.leader_changes(), sim_.faults_injected()));
    }
  }
};

}  // namespace

void add_key_checkers(Simulation& sim, Checkers& checkers) {
  checkers.push_back(std::make_unique<CompareAndSwap>(sim));
  checkers.push_back(std::make_unique<OnePrimaryAnswers>(sim));
  checkers.push_back(std::make_unique<FewLeaderChanges>(sim));
}

}  // namespace regent::sim
