// Failsafe mode (I13): nobody else is promoted while the members let a leader go on without the store; and a leader
// that everybody can hear does not stop for a store that is away.
#include <algorithm>
#include <utility>

#include "core/situation.h"
#include "sim/checkers/all.h"
#include "sim/simulation.h"

namespace regent::sim {

namespace {

class PromiseKept final : public Checker {
 public:
  using Checker::Checker;

  void key_changed(const std::string& path, const StoreKey*, const StoreKey* after, int) override {
    if (path != "failover" || after == nullptr) return;
    // A person who sees that nobody leads, and names somebody, knows better.
    const auto request = parse_json(after->value, path);
    const bool free = sim_.store().find("leader") == nullptr && request && !request->contains("leader");
    named_ = free ? request->value("member", "") : std::string();
  }
  void promote_requested(Node& node) override { judge(node, "is promoted"); }
  void start_requested(Node& node, const job::Start& spec) override {
    if (spec.as_primary) judge(node, "starts as primary");
  }

 private:
  void judge(Node& node, const char* what) {
    if (sim_.hands_off() || node.name.str() == named_) return;
    for (auto& other : sim_.nodes()) {
      const LeaseFacts& lease = other->lease;
      if (other.get() == &node || !lease.held || lease.extended_at <= lease.confirmed_at) continue;
      if (sim_.world().now() >= other->lease_dead_by() || !goes_on(*other)) continue;
      sim_.violated("I13", fmt::format("{} {} while all members let {} lead for {:.3f} s more", node.name.str(), what,
                                       other->name.str(), to_seconds(other->lease_dead_by() - sim_.world().now())));
    }
  }

  // It serves, or its agent would start it again on the members' word (rule 207). Who gave itself up does not come
  // back.
  static bool goes_on(Node& node) {
    if (node.server.is_open()) return true;
    const auto seen = node.run() != nullptr ? node.run()->board.load() : nullptr;
    return seen && crashed(survey(seen->observation, seen->decision.memory));
  }

  std::string named_;
};

// Nothing else is wrong, everybody is there: the outage of the store alone must not be noticed by clients.
class ServesThroughOutage final : public Checker {
 public:
  using Checker::Checker;

  void tick() override {
    // A power cut may come and go between two looks: its agent knows of no lease any more.
    if (std::exchange(other_faults_, sim_.faults().others()) != sim_.faults().others()) {
      ready_ = nullptr;
      calm_ticks_ = 0;
    }
    const bool outage = sim_.faults().only_store_outage();
    // Somebody wants another leader: the present one stops, store or not.
    if (sim_.store().find("failover") != nullptr) ready_ = nullptr;
    if (outage && ready_ != nullptr) {
      if (!ready_->server.can_acknowledge()) {
        sim_.violated("I13", fmt::format("{} stopped serving although only the store is away and everybody is there",
                                         ready_->name.str()));
        ready_ = nullptr;
      }
      return;
    }
    calm_ticks_ = !outage && sim_.faults().none_active() && everybody_there() ? calm_ticks_ + 1 : 0;
    const auto needed = 2 * std::chrono::ceil<std::chrono::seconds>(sim_.params().loop_wait).count();
    ready_ = calm_ticks_ >= needed ? sim_.leader_node() : nullptr;
  }

 private:
  bool everybody_there() {
    if (sim_.hands_off() || !sim_.has_writable_leader() || !sim_.settled() || sim_.store().find("failover") != nullptr)
      return false;
    const auto view = sim_.store().view();
    const Json* mode = find(view->config.value, "failsafe_mode");
    if (mode == nullptr || *mode != true) return false;
    return std::all_of(sim_.nodes().begin(), sim_.nodes().end(), [&](const auto& node) {
      return node->able() && view->failsafe.value.contains(node->name.str());
    });
  }

  Node* ready_ = nullptr;
  std::int64_t calm_ticks_ = 0;
  int other_faults_ = 0;
};

}  // namespace

void add_failsafe_checkers(Simulation& sim, Checkers& checkers) {
  checkers.push_back(std::make_unique<PromiseKept>(sim));
  checkers.push_back(std::make_unique<ServesThroughOutage>(sim));
}

}  // namespace regent::sim
