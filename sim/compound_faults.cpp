// Faults that are more than a switch: disks, promotions and leaders, the first bootstrap, the cluster that a standby
// cluster follows.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "sim/faults.h"
#include "sim/simulation.h"

namespace regent::sim {

using namespace std::chrono_literals;

// ---------------------------------------------------------------------------------------------------- disks

Faults::Undo Faults::inject_disk(FaultKind kind) {
  Node* node = some_node();
  World& world = sim_.world();
  const int index = node->index;
  world.trace("FAULT {} on {}", fault_name(kind), node->name.str());
  const bool damaged = kind == FaultKind::data_damaged;
  if (damaged) {
    node->server.set_damaged(true);
  } else {
    node->server.set_unreadable(true);
  }
  // A server that runs notices sooner or later, and dies of it.
  if (world.rng().chance(0.7)) {
    in(world.rng().between(100ms, 20s), [this, index, damaged] {
      Node& same = sim_.node(index);
      if (damaged ? same.server.damaged() : same.server.unreadable()) same.server.kill();
    });
  }
  return [this, index, damaged] {
    if (damaged) {
      sim_.node(index).server.set_damaged(false);
    } else {
      sim_.node(index).server.set_unreadable(false);
    }
  };
}

// The directory of a running server is removed, also the leader's: the others have everything.
Faults::Undo Faults::lose_data_of_running() {
  if (!alone()) return {};
  Node* node = some_able_node();
  if (node == nullptr) return {};
  for (auto& other : sim_.nodes()) {
    const bool heir = other->able() && other->server.streaming() && !other->forbidden_since();
    if (other.get() != node && other.get() != sim_.leader_node() && !heir) return {};
  }
  // In synchronous mode nobody else may be elected while nobody is confirmed: then the data are not to be lost (F67).
  const auto view = sim_.store().view();
  const bool nobody_confirmed = view->sync.exists() && view->sync.value.standbys.empty();
  if (node == sim_.leader_node() && sim_.params().synchronous.is_object() && nobody_confirmed) return {};
  sim_.world().trace("FAULT data_gone on {}", node->name.str());
  node->server.remove_under_server();
  quiet_until_ = sim_.world().now() + 3 * sim_.params().ttl;
  return nothing();
}

// ---------------------------------------------------------------------------------------- leaders and heirs

Faults::Undo Faults::cut_power(Node& node) {
  const int index = node.index;
  struck_.insert(index);
  node.power_off();
  return [this, index] {
    struck_.erase(index);
    if (!sim_.node(index).has_agent()) sim_.node(index).start_agent();
  };
}

// One standby is a little behind when it happens. Whoever led comes back last, if at all before the others are long
// there.
Faults::Undo Faults::cut_all_power() {
  if (!alone()) return {};
  World& world = sim_.world();
  Node* leader = sim_.leader_node();
  if (leader == nullptr) return {};
  const int led = leader->index;
  const int behind = static_cast<int>(world.rng().below(sim_.nodes().size()));
  world.trace("FAULT power_cut, {} behind", sim_.node(behind).name.str());
  sim_.node(behind).server.set_receiver_stuck(true);
  const Duration at = world.rng().between(300ms, 4s);
  // Often long enough for the lock to be free when the first one looks.
  const Duration after = world.rng().chance(0.7) ? sim_.params().ttl : Duration{};
  quiet_until_ = world.now() + at + after + 60s;
  auto revivals = std::make_shared<std::vector<Undo>>();
  in(at, [this, led, behind, after, revivals] {
    World& later = sim_.world();
    for (auto& node : sim_.nodes()) {
      if (struck_.count(node->index) > 0) continue;
      revivals->push_back(cut_power(*node));
      const bool last = node->index == led && later.rng().chance(0.8);
      in(after + (last ? later.rng().between(20s, 60s) : later.rng().between(100ms, 6s)), revivals->back());
    }
    sim_.node(behind).server.set_receiver_stuck(false);
  });
  return [this, behind, revivals] {
    sim_.node(behind).server.set_receiver_stuck(false);
    for (const Undo& revive : *revivals) revive();
  };
}

// A replica stops receiving, and a while later it is the only one left (F59).
Faults::Undo Faults::leave_laggard_alone() {
  Node* leader = sim_.leader_node();
  if (!alone() || leader == nullptr) return {};
  World& world = sim_.world();
  const int one = static_cast<int>(world.rng().below(sim_.nodes().size()));
  if (one == leader->index || !sim_.node(one).server.streaming()) return {};
  world.trace("FAULT laggard_alone: {}", sim_.node(one).name.str());
  sim_.node(one).server.set_receiver_stuck(true);
  const Duration at = world.rng().between(15s, 60s);
  quiet_until_ = world.now() + at + 2 * sim_.params().ttl + 60s;
  auto revivals = std::make_shared<std::vector<Undo>>();
  in(at, [this, one, revivals] {
    for (auto& node : sim_.nodes()) {
      if (node->index == one || struck_.count(node->index) > 0) continue;
      revivals->push_back(cut_power(*node));
      const Duration ttl = sim_.params().ttl;
      in(sim_.world().rng().between(ttl + 10s, 2 * ttl + 20s), revivals->back());
    }
    sim_.node(one).server.set_receiver_stuck(false);
  });
  return [this, one, revivals] {
    sim_.node(one).server.set_receiver_stuck(false);
    for (const Undo& revive : *revivals) revive();
  };
}

// One replica is down. The others receive nothing any more, and what the leader writes goes into the archive all the
// same, where it is found later; then the leader dies, too. The replica comes back when another one leads (F61).
Faults::Undo Faults::keep_dead_branch() {
  Node* leader = sim_.leader_node();
  if (!alone() || leader == nullptr || !leader->able() || !leader->server.can_acknowledge()) return {};
  World& world = sim_.world();
  const int one = static_cast<int>(world.rng().below(sim_.nodes().size()));
  const int led = leader->index;
  if (one == led || !sim_.node(one).server.streaming()) return {};
  world.trace("FAULT dead_branch_kept, of {}, {} is down", leader->name.str(), sim_.node(one).name.str());
  const Undo revive_one = cut_power(sim_.node(one));
  struck_.insert(led);
  const auto stuck = [this, led](bool value) {
    for (auto& node : sim_.nodes()) {
      if (node->index != led) node->server.set_receiver_stuck(value);
    }
  };
  const Duration at = world.rng().between(1s, 4s);
  const Duration election = sim_.params().ttl + sim_.params().lease_lateness + sim_.params().loop_wait;
  in(at / 2, [stuck] { stuck(true); });
  auto revive_leader = std::make_shared<Undo>(nothing());
  in(at, [this, led, stuck, revive_leader, election] {
    sim_.node(led).server.archive_wal();
    sim_.postgres().archive_away = true;
    *revive_leader = cut_power(sim_.node(led));
    stuck(false);
    in(4 * election, *revive_leader);
  });
  in(at + 2 * election, [this, revive_one] {
    sim_.postgres().archive_away = false;
    revive_one();
  });
  quiet_until_ = world.now() + at + 3 * election;
  return [this, led, stuck, revive_one, revive_leader] {
    stuck(false);
    sim_.postgres().archive_away = false;
    revive_one();
    struck_.erase(led);
    (*revive_leader)();
  };
}

// The disk of a confirmed standby is replaced by an empty one, and the leader is gone at the same time: what makes
// replicas puts an old backup there, and what was confirmed in this member's name is missing from it.
Faults::Undo Faults::restore_voter() {
  Node* leader = sim_.leader_node();
  if (!alone() || leader == nullptr || !leader->able() || sim_.postgres().backup == nullptr) return {};
  const auto view = sim_.store().view();
  const auto found = std::find_if(sim_.nodes().begin(), sim_.nodes().end(), [&](const auto& node) {
    return node.get() != leader && node->able() && view->sync.value.lists(node->name);
  });
  if (found == sim_.nodes().end()) return {};
  Node& voter = **found;
  sim_.world().trace("FAULT voter_restored: {}, and {} is gone", voter.name.str(), leader->name.str());
  voter.kill_agent();
  voter.server.lose_data();
  const Undo revive = cut_power(*leader);
  in(sim_.world().rng().between(100ms, 2s), [&voter] {
    if (!voter.has_agent()) voter.start_agent();
  });
  in(4 * sim_.params().ttl, revive);
  quiet_until_ = sim_.world().now() + 5 * sim_.params().ttl;
  return nothing();
}

// It is saved now, and put back after somebody else may have led and others have confirmed commits. The agents live
// through it, and have read what was true before; whoever leads then may be gone at the same time.
Faults::Undo Faults::restore_store() {
  if (!alone()) return {};
  World& world = sim_.world();
  const Duration election = sim_.params().ttl + sim_.params().lease_lateness + sim_.params().loop_wait;
  world.trace("FAULT store_restored: it is saved");
  const auto backup = sim_.store().save();
  if (Node* leader = sim_.leader_node(); leader != nullptr && leader->able() && world.rng().chance(0.6)) {
    in(election, cut_power(*leader));
  }
  in(world.rng().between(election, 3 * election), [this, backup] {
    const bool calm = active_.size() <= 1 && struck_.empty() && sim_.settled() && !sim_.paused();
    if (!calm || sim_.world().now() < quiet_until_) return;
    const Duration all_read = 2 * sim_.params().loop_wait;
    quiet_until_ = sim_.world().now() + all_read + 1s;
    in(all_read, [this, backup] { put_back(backup); });
  });
  return nothing();
}

void Faults::put_back(std::shared_ptr<const Store::Backup> backup) {
  if (active_.size() > 1) return;
  Rng& rng = sim_.world().rng();
  const Duration election = sim_.params().ttl + sim_.params().lease_lateness + sim_.params().loop_wait;
  const Duration away = rng.between(200ms, 2 * sim_.params().ttl);
  ++injected_;
  quiet_until_ = sim_.world().now() + away + 5 * election;
  sim_.world().trace("FAULT store_restored: it stops");
  const auto run = [this](bool up) {
    for (int m = 0; m < sim_.network().store_members(); ++m) sim_.store().set_up(m, up);
  };
  run(false);
  Node* leader = sim_.leader_node();
  if (leader != nullptr && rng.chance(0.3)) in(away + 4 * election, cut_power(*leader));
  in(away, [this, backup, run, renumbered = rng.chance(0.7)] {
    sim_.world().trace("FAULT store_restored: it is put back");
    sim_.store().restore(*backup, renumbered);
    run(true);
  });
}

Faults::Undo Faults::slow_down_recovery() {
  Node* node = some_node();
  const int index = node->index;
  sim_.world().trace("FAULT recovery_slow on {}", node->name.str());
  node->server.set_recovery_slow(true);
  node->server.kill();
  return [this, index] { sim_.node(index).server.set_recovery_slow(false); };
}

// Promotions go wrong for a while, in one way or another, and the leader may just have died.
Faults::Undo Faults::spoil_promotions() {
  Rng& rng = sim_.world().rng();
  static const std::vector<Promotion> ways = {Promotion::slow,  Promotion::stalls,  Promotion::fails,
                                              Promotion::fails, Promotion::unclear, Promotion::dies};
  sim_.world().trace("FAULT promotion_fails");
  for (auto& node : sim_.nodes()) node->server.set_promotion(rng.pick(ways));
  goes_ = rng.pick(std::vector<Goes>{Goes::nothing, Goes::lock, Goes::lock, Goes::store, Goes::agent, Goes::pause});
  Undo revive = nothing();
  Node* leader = sim_.leader_node();
  if (leader != nullptr && leader->able() && struck_.count(leader->index) == 0 && rng.chance(0.7)) {
    revive = cut_power(*leader);
  }
  return [this, revive] {
    goes_ = Goes::nothing;
    for (auto& node : sim_.nodes()) node->server.set_promotion(Promotion::works);
    revive();
  };
}

// In the middle of it somebody deletes the leader key (F33), or the store cannot be reached from there any more (F26),
// or neither: the agent dies, and the one that comes after it finds no store (F02). Or there is a pause meanwhile, in
// which no fence is left (I14), and the agent dies some time after it.
void Faults::promotion_begins(Node& node) {
  const Goes goes = std::exchange(goes_, Goes::nothing);
  if (goes == Goes::nothing) return;
  const int index = node.index;
  in(sim_.world().rng().between(20ms, 4s), [this, index, goes] {
    const Node& same = sim_.node(index);
    if (active_.size() > 1 || !same.able() || !same.server.in_recovery() || sim_.leader_node() != &same) return;
    ++injected_;
    quiet_until_ = std::max(quiet_until_, sim_.world().now() + 10s);
    if (goes == Goes::lock) {
      sim_.world().trace("FAULT key_deleted: leader, of {}, which is being promoted", same.name.str());
      sim_.store().erase("leader", std::nullopt, -1);
    } else if (goes == Goes::pause) {
      pause_promotion(index);
    } else {
      lose_store_in_promotion(index, goes == Goes::agent);
    }
  });
}

void Faults::lose_store_in_promotion(int index, bool with_agent) {
  sim_.world().trace("FAULT store_outage for {}, which is being promoted", sim_.node(index).name.str());
  if (with_agent) {
    sim_.node(index).kill_agent();
    in(sim_.world().rng().between(100ms, 20s), [this, index] {
      if (!sim_.node(index).has_agent()) sim_.node(index).start_agent();
    });
  }
  cut_off_from_store(index);
  in(2 * sim_.params().ttl, [this, index] { reach_store_again(index); });
}

void Faults::pause_promotion(int index) {
  if (sim_.paused()) return;
  Rng& rng = sim_.world().rng();
  sim_.world().trace("FAULT pause while {} is being promoted", sim_.node(index).name.str());
  quiet_until_ = std::max(quiet_until_, sim_.world().now() + 40s);
  const auto ask = [](Node& node, const Json& value) {
    node.run()->agent->submit(intent::PatchConfig{Json{{"pause", value}}}, [](const auto&) {});
    node.run()->process.wake();
  };
  ask(sim_.node(index), true);
  const Duration over = rng.between(500ms, 5s);
  activate(
      FaultKind::pause,
      [this, ask] {
        if (Node* node = some_able_node()) ask(*node, nullptr);
      },
      over);
  in(over + rng.between(1s, 10s), [this, index] {
    const Node& same = sim_.node(index);
    if (same.able() && same.server.in_recovery() && sim_.leader_node() == &same) lose_store_in_promotion(index, true);
  });
}

Faults::Undo Faults::forbid_leading() {
  Node* node = some_able_node();
  if (node == nullptr) return {};
  const auto free = std::count_if(sim_.nodes().begin(), sim_.nodes().end(),
                                  [&](const auto& other) { return other.get() != node && !other->forbidden_since(); });
  if (free < 2) return {};
  const int index = node->index;
  World& world = sim_.world();
  world.trace("FAULT nofailover on {}", node->name.str());
  node->forbid_leading(true);
  // Back before its lease is over, it finds its own name in the leader key, and the machine, which was not booted,
  // remembers that it took it.
  if (node == sim_.leader_node() && node->able() && struck_.count(index) == 0 && world.rng().chance(0.5)) {
    struck_.insert(index);
    node->kill_agent();
    node->server.kill();
    in(world.rng().between(200ms, 6s), [this, index] {
      struck_.erase(index);
      if (!sim_.node(index).has_agent()) sim_.node(index).start_agent();
    });
  }
  // Or it is the first one that could take the place of a leader that died.
  Node* leader = sim_.leader_node();
  if (leader != nullptr && leader != node && leader->able() && struck_.count(leader->index) == 0 && alone() &&
      world.rng().chance(0.5)) {
    const Duration heard = sim_.params().loop_wait + 2 * sim_.params().retry_timeout + 1s;
    const int led = leader->index;
    in(heard, [this, led] {
      if (sim_.leader_node() != &sim_.node(led) || struck_.count(led) > 0) return;
      const Undo revive = cut_power(sim_.node(led));
      in(sim_.params().ttl + 20s, revive);
    });
  }
  return [this, index] { sim_.node(index).forbid_leading(false); };
}

Faults::Undo Faults::promote_by_hand() {
  Node* leader = sim_.leader_node();
  if (leader == nullptr || sim_.hands_off() || sim_.follows_remote()) return {};
  World& world = sim_.world();
  Node* node = sim_.nodes()[world.rng().below(sim_.nodes().size())].get();
  if (node == leader || !node->able() || !node->server.streaming() || node->is_twin()) return {};
  world.trace("FAULT promoted_by_hand on {}", node->name.str());
  if (!leader->able() || struck_.count(leader->index) > 0 || world.rng().chance(0.5)) {
    node->promote_by_hand();
    return nothing();
  }
  // With the leader gone at the same time the lock is free, and there is a primary; what it lacks, and whether it can
  // tell where it comes from, is another question.
  const int by = node->index;
  const int old = leader->index;
  node->server.set_receiver_stuck(true);
  if (world.rng().chance(0.4)) sim_.postgres().history_fails = 1;
  if (world.rng().chance(0.4)) node->forbid_leading(true);
  struck_.insert(old);
  const Duration later = world.rng().between(100ms, 15s);
  in(later, [this, by] { sim_.node(by).promote_by_hand(); });
  in(later + 5s, [this] { sim_.postgres().history_fails = sim_.params().history_fails; });
  in(later + 600ms, [this, old] {
    if (struck_.count(old) == 0 || !sim_.node(old).able()) return;
    ++injected_;
    sim_.node(old).power_off();
    sim_.store().erase("leader", std::nullopt, -1);
  });
  quiet_until_ = std::max(quiet_until_, world.now() + later + 10s);
  return [this, by, old] {
    struck_.erase(old);
    sim_.node(by).server.set_receiver_stuck(false);
    sim_.node(by).forbid_leading(false);
    sim_.postgres().history_fails = sim_.params().history_fails;
    if (!sim_.node(old).has_agent()) sim_.node(old).start_agent();
  };
}

// The leader key is deleted, and the leader falls asleep over taking it again. It wakes up when another one has led and
// gone: what it decided is not old enough to be dropped, and its timeline is the old one.
Faults::Undo Faults::wake_old_leader() {
  Node* leader = sim_.leader_node();
  // Everything else takes its time, too.
  if (!alone() || leader == nullptr || !leader->able() || sim_.params().retry_timeout < 10s) return {};
  sim_.world().trace("FAULT old_leader_wakes on {}", leader->name.str());
  const int index = leader->index;
  Node::Ambush ambush;
  ambush.boundaries = 1;
  ambush.at = Node::Ambush::At::acquisition;
  ambush.freeze_for = sim_.params().retry_timeout - 300ms;
  leader->lay(ambush);
  struck_.insert(index);
  sleeper_ = Sleeper{index};
  sim_.store().erase("leader", std::nullopt, -1);
  quiet_until_ = sim_.world().now() + 3 * sim_.params().ttl;
  return [this, index] {
    sleeper_.reset();
    struck_.erase(index);
    sim_.node(index).clear_ambush();
    sim_.node(index).thaw_agent();
  };
}

// The leader dies, and so does the next one, right after its promotion: its timeline is known to nobody, and nobody has
// a record of it. Somebody with the same position, or the old leader, is promoted before it comes back.
Faults::Undo Faults::promote_in_vain() {
  Node* leader = sim_.leader_node();
  if (!alone() || leader == nullptr || !leader->able() || struck_.count(leader->index) > 0) return {};
  sim_.world().trace("FAULT promoted_in_vain");
  in_vain_ = true;
  const Duration election = sim_.params().ttl + sim_.params().lease_lateness + sim_.params().loop_wait;
  const Undo revive = cut_power(*leader);
  in(election * (sim_.world().rng().chance(0.5) ? 1 : 3), revive);
  in(3 * election, [this] { in_vain_ = false; });
  quiet_until_ = sim_.world().now() + 3 * election;
  return nothing();
}

void Faults::promoted(Node& node) {
  if (node.primary_by_hand() || !std::exchange(in_vain_, false)) return;
  ++injected_;
  World& world = sim_.world();
  const Duration later = world.rng().chance(0.7) ? Duration{} : world.rng().between(0s, 100ms);
  const Duration away = world.rng().between(sim_.params().ttl, 4 * sim_.params().ttl);
  in(later, [this, &node, away] {
    sim_.world().trace("FAULT promoted_in_vain on {}", node.name.str());
    in(away, cut_power(node));
  });
}

// A copy of the leader's machine is started in the place of another one. It has the leader's name, addresses and data,
// and reaches the store; nobody reaches it, because all that is known of it is the original's. It goes when the
// original does not lead any more: from then on it is a member like any other, with old data.
Faults::Undo Faults::start_twin() {
  Node* leader = sim_.leader_node();
  if (twin_ || leader == nullptr || !leader->able() || !leader->server.can_acknowledge() || sim_.hands_off()) return {};
  Node* node = sim_.nodes()[sim_.world().rng().below(sim_.nodes().size())].get();
  if (node == leader || !node->able() || struck_.count(node->index) > 0) return {};
  sim_.world().trace("FAULT twin of {} instead of {}", leader->name.str(), node->name.str());
  struck_.insert(node->index);
  node->power_off();
  Disk copy = leader->server.disk();
  copy.lock_session.clear();
  copy.control_state = "in production";
  twin_ = Twin{node->index, leader->index, node->server.replace_disk(std::move(copy))};
  node->stand_in_for(leader);
  node->start_agent();
  return [this] { end_twin(); };
}

void Faults::end_twin() {
  if (!twin_) return;
  Twin twin = std::move(*twin_);
  twin_.reset();
  Node& node = sim_.node(twin.node);
  sim_.world().trace("HEAL twin");
  node.power_off();
  node.server.replace_disk(std::move(twin.kept));
  node.stand_in_for(nullptr);
  struck_.erase(twin.node);
  node.start_agent();
}

void Faults::key_changed(const std::string& path, const StoreKey* after, int by) {
  if (twin_ && path == "leader" && by != twin_->node) {
    const bool leads = after != nullptr && after->value == sim_.node(twin_->original).name.str();
    if (!leads) in(Duration{}, [this] { end_twin(); });
  }
  if (path == "initialize" && after != nullptr && after->value.empty() && by >= 0) spoil_bootstrap(sim_.node(by));
  World& world = sim_.world();
  const bool published = path == "initialize" && after != nullptr && !after->value.empty() && by >= 0;
  // The only copy of the other cluster is lost again at once.
  const bool spoils = sim_.params().standby_from_the_start && sim_.params().bootstrap_fails && !healed_;
  if (published && spoils && !copy_lost_ && world.rng().chance(0.5)) {
    copy_lost_ = true;
    in(world.rng().between(1ms, 600ms), [this, by] {
      sim_.world().trace("FAULT data_lost on {}", sim_.node(by).name.str());
      sim_.node(by).kill_agent();
      sim_.node(by).server.lose_data();
    });
  }
  if (!sleeper_) return;
  if (path == "history" && by >= 0 && by != sleeper_->node && !sleeper_->replaced) {
    sleeper_->replaced = true;
    ++injected_;
    in(1ms, [this, by] {
      if (!sim_.node(by).able()) return;
      sim_.node(by).run()->agent->request_shutdown();
      sim_.node(by).run()->process.wake();
    });
  } else if (path == "leader" && after == nullptr && sleeper_->replaced) {
    const int index = sleeper_->node;
    sleeper_.reset();
    in(Duration{}, [this, index] { sim_.node(index).thaw_agent(); });
  }
}

// ------------------------------------------------------------------------------------------------ bootstrap

void Faults::cut_off_from_store(int node) {
  Network& links = sim_.network();
  for (int m = 0; m < links.store_members(); ++m) {
    links.cut(node, links.store_endpoint(m));
    links.cut(links.store_endpoint(m), node);
  }
}

void Faults::reach_store_again(int node) {
  Network& links = sim_.network();
  for (int m = 0; m < links.store_members(); ++m) {
    links.mend(node, links.store_endpoint(m));
    links.mend(links.store_endpoint(m), node);
  }
}

// Whoever is to make the cluster comes to grief on the way: the copy breaks off, its claim runs out, or it dies.
void Faults::spoil_bootstrap(Node& node) {
  if (!sim_.params().bootstrap_fails || std::exchange(bootstrap_spoilt_, true)) return;
  World& world = sim_.world();
  Rng& rng = world.rng();
  const int index = node.index;
  const bool remote = sim_.params().standby_from_the_start;
  const Duration long_enough = sim_.params().ttl + sim_.params().lease_lateness + rng.between(1s, 15s);
  const auto way = rng.below(remote ? 4 : 3);
  static const char* const names[] = {"is cut off from the store", "freezes", "dies", "does not reach the source"};
  world.trace("FAULT bootstrap_fails: {} {}", node.name.str(), names[way]);
  ++injected_;
  if (way == 0) {
    // When it has begun.
    in(rng.between(50ms, 400ms), [this, index, long_enough] {
      cut_off_from_store(index);
      in(long_enough, [this, index] { reach_store_again(index); });
    });
  } else if (way == 1) {
    in(rng.between(50ms, 2s), [this, index, long_enough] {
      sim_.node(index).freeze_agent();
      in(long_enough, [this, index] { sim_.node(index).thaw_agent(); });
    });
  } else if (way == 2) {
    in(rng.between(50ms, 2s), [this, index] { sim_.node(index).kill_agent(); });
  } else {
    Network& links = sim_.network();
    const int outside = links.outside_endpoint();
    in(rng.between(50ms, 900ms), [&links, index, outside] { links.cut(outside, index); });
    in(rng.between(10s, 20s), [&links, index, outside] { links.mend(outside, index); });
  }
}

// ---------------------------------------------------------------------------------------- the other cluster

Faults::Undo Faults::inject_remote(FaultKind kind) {
  if (!sim_.copies_remote()) return {};
  World& world = sim_.world();
  world.trace("FAULT {}", fault_name(kind));
  if (kind == FaultKind::remote_fails_over) {
    sim_.remote().fail_over(world.rng().below(8));
    return nothing();
  }
  if (kind == FaultKind::remote_away) {
    Network& network = sim_.network();
    const int outside = network.outside_endpoint();
    for (int node = 0; node < network.nodes(); ++node) network.cut(node, outside);
    return [&network, outside] {
      for (int node = 0; node < network.nodes(); ++node) network.mend(node, outside);
    };
  }
  Node* node = some_able_node();
  if (node == nullptr) return {};
  const std::string host = sim_.remote().address().host == remote_host ? remote_host_later : remote_host;
  sim_.remote().move_to(HostPort{host, "5432"});
  if (world.rng().chance(0.5)) sim_.remote().fail_over(world.rng().below(4));
  node->run()->agent->submit(intent::PatchConfig{Json{{"standby_cluster", {{"host", host}}}}}, [](const auto&) {});
  node->run()->process.wake();
  return nothing();
}

}  // namespace regent::sim
