// Who may write when: I1, I2, I3, I15, F64, F75.
#include <map>

#include "sim/checkers/all.h"
#include "sim/simulation.h"

namespace regent::sim {

using namespace std::chrono_literals;

namespace {

// Without a guard, a node whose agent is dead or frozen past its deadline goes on writing. When the agent is back it
// has this long to end that: one observation, one stop with all its escalations.
constexpr Duration thaw_grace = 6s;
// A new agent knows of no lease: it asks the store again and again for one, each time as long as a slow store may take,
// and only then stops a server that may be in no hurry.
Duration restart_grace(Simulation& sim) {
  return 8 * sim.params().retry_timeout + 3s;
}
// Signals and SIGKILL take effect.
constexpr Duration signal_time = 100ms;

// Nothing ends the server of this node by the deadline of its lease, if its agent cannot.
bool unguarded(Simulation& sim, const Node& node) {
  return node.guard.helpless() || sim.world().now() < node.owed_by + signal_time;
}

// Nobody touched it in pause; when it hears that the pause is over, it has the time that a thawed one has.
bool paused_lately(Simulation& sim, const Node& node) {
  return node.believed_paused_at > Duration{} && sim.world().now() - node.believed_paused_at <= thaw_grace;
}

// A person promoted it. Its agent has to look, to find out that it has no lease and gets none, and to stop it.
bool promoted_by_hand_lately(Simulation& sim, const Node& node) {
  if (!node.primary_by_hand()) return false;
  if (!node.able()) return true;
  const Params& params = sim.params();
  const Duration since = std::max(*node.primary_by_hand(), node.able_since());
  return sim.world().now() - since <= params.loop_wait + 3 * params.retry_timeout + thaw_grace;
}

// Whether a primary that should be down is excused now. In pause nobody touches it, as the operator wants (I14).
bool excused(Simulation& sim, const Node& node) {
  if (sim.hands_off() || node.believes_paused || paused_lately(sim, node)) return true;
  if (promoted_by_hand_lately(sim, node)) return true;
  // Or it has just woken up, and not looked yet.
  const bool blind = !node.able() || sim.world().now() - node.able_since() < 1s;
  if (node.evicted && blind && sim.world().now() < node.lease_dead_by() + signal_time) return true;
  if (!unguarded(sim, node)) return false;
  if (!node.able()) return true;
  const bool fresh = node.able_since() == node.started_at();
  return sim.world().now() - node.able_since() <= (fresh ? restart_grace(sim) : thaw_grace);
}

// I1: the intervals in which a commit can be acknowledged never overlap, and a copy of a machine does not take the lock
// from the living original, which would make them (F74).
class SingleWriter final : public Checker {
 public:
  using Checker::Checker;

  void server_changed(Node& node) override {
    if (node.server.can_acknowledge()) look();
  }
  void agent_changed(Node&) override { look(); }
  void tick() override { look(); }
  void key_changed(const std::string& path, const StoreKey* before, const StoreKey* after, int by) override {
    if (path != "leader" || before == nullptr || after == nullptr || by < 0 || before->session == after->session)
      return;
    const Node& twin = sim_.node(by);
    if (!twin.is_twin() || twin.took(before->session)) return;
    sim_.violated("I1", fmt::format("a twin of {} takes the lock that it holds", twin.name.str()));
  }

 private:
  void look() {
    for (auto& a : sim_.nodes()) {
      if (!a->server.can_acknowledge()) continue;
      for (auto& b : sim_.nodes()) {
        if (b->index <= a->index || !b->server.can_acknowledge()) continue;
        if (a->server.disk().system_id == b->server.disk().system_id) judge(*a, *b);
      }
    }
  }

  // Whoever does not hold the lock is the one who should be down.
  void judge(Node& a, Node& b) {
    const Node* leader = sim_.leader_node();
    const bool a_old = leader != &a;
    const bool b_old = leader != &b;
    // The lock was taken from it while it ran: from then on nobody may be able to confirm its commits, whatever becomes
    // of its agent.
    for (const Node* old : {&a, &b}) {
      if (!old->overtaken) continue;
      if (!old->server.could_be_confirmed()) return;
      return sim_.violated(
          "I1", fmt::format("the lock was taken from {}, whose commits could still be confirmed", old->name.str()));
    }
    if ((a_old && excused(sim_, a)) || (b_old && excused(sim_, b))) return;
    sim_.violated("I1", fmt::format("{} and {} both acknowledge commits; the lock names {}", a.name.str(), b.name.str(),
                                    leader != nullptr ? leader->name.str() : "nobody"));
  }
};

// I3: past the deadline of the last confirmed renewal no client is served.
class DeadByDeadline final : public Checker {
 public:
  using Checker::Checker;

  void lease_confirmed(Node& node, const LeaseGrant&) override {
    const int index = node.index;
    sim_.world().at(node.lease_dead_by() + signal_time, [this, index] { judge(sim_.node(index)); });
  }
  void tick() override {
    for (auto& node : sim_.nodes()) judge(*node);
  }

 private:
  void judge(Node& node) {
    const Duration now = sim_.world().now();
    if (!node.server.is_open() || now < node.lease_dead_by() + signal_time) return;
    if (sim_.hands_off() || node.believes_paused || promoted_by_hand_lately(sim_, node)) return;
    if (node.owed_by > Duration{} && !unguarded(sim_, node) && !paused_lately(sim_, node)) {
      return sim_.violated("I3", fmt::format("{} serves writers {:.3f} s after the end of its lease, and has a guard",
                                             node.name.str(), to_seconds(now - node.owed_by)));
    }
    if (node.lease.held ? excused(sim_, node) : !node.able() || now - node.able_since() <= restart_grace(sim_)) return;
    // Its own bootstrap: the claim on /initialize stands in for the lease (F73).
    const StoreKey* initialize = sim_.store().find("initialize");
    if (initialize == nullptr || initialize->value != node.server.disk().system_id.str()) return;
    sim_.violated("I3", fmt::format("{} serves writers {:.3f} s after the end of its lease", node.name.str(),
                                    to_seconds(now - node.lease_dead_by())));
  }
};

// I2: promotion, and a start as primary, only under a lease of this incarnation that lasts.
class LeaseBeforeWrite final : public Checker {
 public:
  using Checker::Checker;

  void promote_requested(Node& node) override { judge(node, "is promoted"); }
  void start_requested(Node& node, const job::Start& spec) override {
    if (!spec.as_primary) return;
    const StoreKey* initialize = sim_.store().find("initialize");
    if (initialize == nullptr || initialize->value != node.server.disk().system_id.str()) return;  // bootstrap
    if (sim_.paused()) return;
    judge(node, "starts as primary");
  }

 private:
  void judge(Node& node, const char* what) {
    if (lease_valid(node.lease, node.clock.boot())) return;
    sim_.violated("I2", fmt::format("{} {} without a lease", node.name.str(), what));
  }
};

// A standby cluster is a copy of another one: whoever is promoted in it makes two clusters of one.
class StandbyStaysStandby final : public Checker {
 public:
  using Checker::Checker;

  void key_changed(const std::string& path, const StoreKey*, const StoreKey*, int) override {
    if (path == "config") changed_ = sim_.world().now();
  }
  void promote_requested(Node& node) override { judge(node, "is promoted"); }
  void start_requested(Node& node, const job::Start& spec) override {
    if (spec.as_primary) judge(node, "starts as primary");
  }
  void decided(Node& node, const Observation& o, const Decision& d) override {
    const auto* view = o.cluster.get();
    const auto* server = o.postgres.server.get();
    const bool told = view != nullptr && view->config.value.is_object() &&
                      view->config.value.value("standby_cluster", Json()).is_object();
    const bool stays = told && !o.settings.pause && o.lease.held && server != nullptr && !server->in_recovery &&
                       !o.job.running && !d.has_effects();
    if (!stays) {
      stays_since_.erase(node.index);
      return;
    }
    const auto since = stays_since_.try_emplace(node.index, sim_.world().now()).first->second;
    if (sim_.world().now() - since <= sim_.params().loop_wait || sim_.hands_off()) return;
    sim_.violated("standby", fmt::format("{} stays a primary in a standby cluster", node.name.str()));
  }
  void agent_changed(Node& node) override { stays_since_.erase(node.index); }

 private:
  void judge(Node& node, const char* what) {
    const Params& params = sim_.params();
    // What was decided before the change may still be done.
    const bool known = sim_.world().now() - changed_ > params.loop_wait + 2 * params.retry_timeout;
    if (sim_.follows_remote() && known && !sim_.hands_off()) {
      sim_.violated("standby", fmt::format("{} {} in a standby cluster", node.name.str(), what));
    }
  }

  Duration changed_{};
  std::map<int, Duration> stays_since_;
};

// F64: the lock is given back only when no client can write any more.
class StopBeforeRelease final : public Checker {
 public:
  using Checker::Checker;

  void release_requested(Node& node) override {
    if (!node.server.is_open()) return;
    sim_.violated("F64", fmt::format("{} gives the lock back while it serves writers", node.name.str()));
  }
};

// I15: who may not lead does not take the lock, and is not promoted. A lock that it had before stays.
class TagsObeyed final : public Checker {
 public:
  using Checker::Checker;

  void key_changed(const std::string& path, const StoreKey* before, const StoreKey* after, int by) override {
    if (path != "leader" || by < 0 || after == nullptr || after->value != sim_.node(by).name.str()) return;
    if (before != nullptr && before->value == after->value) return;
    const Node& node = sim_.node(by);
    const Params& params = sim_.params();
    // Read again with the next cycle; what was decided before may still be on its way.
    const Duration grace = params.loop_wait + 2 * params.retry_timeout;
    if (!node.forbidden_since() || sim_.world().now() - std::max(*node.forbidden_since(), node.able_since()) <= grace)
      return;
    if (sim_.hands_off() || node.server.is_open()) return;
    sim_.violated("I15", fmt::format("{} takes the lock although it may not lead", node.name.str()));
  }
};

// F04: a guard that was killed is replaced; else whatever it excuses above it would excuse for ever.
class GuardComesBack final : public Checker {
 public:
  using Checker::Checker;

  void tick() override {
    const Params& params = sim_.params();
    for (auto& node : sim_.nodes()) {
      auto& since = without_[node->index];
      if (!is_missed(*node)) {
        since.reset();
        continue;
      }
      since = since.value_or(sim_.world().now());
      if (sim_.world().now() - *since <= params.loop_wait + 2 * params.retry_timeout + thaw_grace) continue;
      sim_.violated("F04", fmt::format("{} leads without a guard for {:.0f} s, and one could be started",
                                       node->name.str(), to_seconds(sim_.world().now() - *since)));
    }
  }

 private:
  bool is_missed(const Node& node) const {
    return node.guard.lost_since() && !node.guard.broken() && node.able() && node.lease.held && node.server.is_open() &&
           !sim_.hands_off() && !node.believes_paused;
  }

  std::map<int, std::optional<Duration>> without_;
};

}  // namespace

void add_writer_checkers(Simulation& sim, Checkers& checkers) {
  checkers.push_back(std::make_unique<SingleWriter>(sim));
  checkers.push_back(std::make_unique<DeadByDeadline>(sim));
  checkers.push_back(std::make_unique<LeaseBeforeWrite>(sim));
  checkers.push_back(std::make_unique<StopBeforeRelease>(sim));
  checkers.push_back(std::make_unique<StandbyStaysStandby>(sim));
  checkers.push_back(std::make_unique<TagsObeyed>(sim));
  checkers.push_back(std::make_unique<GuardComesBack>(sim));
}

}  // namespace regent::sim
