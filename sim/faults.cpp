#include "sim/faults.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "sim/simulation.h"

namespace regent::sim {

using namespace std::chrono_literals;

namespace {

bool takes_store_away(FaultKind kind) {
  return kind == FaultKind::store_outage || kind == FaultKind::leader_blind;
}

}  // namespace

void Faults::begin(Duration from, Duration until) {
  if (sim_.params().faults.empty()) return;
  if (sim_.params().failsafe_mode && sim_.world().rng().chance(0.5)) begin_with_outage(from);
  if (const auto opening = sim_.params().opening) {
    sim_.world().at(from, [this, opening] {
      if (sim_.world().now() < quiet_until_) return;
      opening_ = true;
      Undo undo = inject(*opening);
      opening_ = false;
      if (!undo) return;
      quiet_until_ = std::max(quiet_until_, sim_.world().now() + sim_.world().rng().between(2s, 30s));
      activate(*opening, std::move(undo), sim_.world().rng().between(20s, 120s));
    });
  }
  sim_.world().at(from, [this, until] { next(until); });
}

bool Faults::alone() const {
  return active_.empty() && sim_.settled() && !sim_.paused() && !sim_.follows_remote();
}

bool Faults::only_store_outage() const {
  if (active_.size() != 1 || sim_.world().now() < crashed_until_) return false;
  return takes_store_away(active_.begin()->second.kind);
}

void Faults::activate(FaultKind kind, Undo undo, Duration length) {
  const int id = ++injected_;
  if (!takes_store_away(kind)) ++others_;
  active_[id] = Active{kind, std::move(undo)};
  in(length, [this, id] {
    const auto it = active_.find(id);
    if (it == active_.end()) return;
    auto end = std::move(it->second.undo);
    active_.erase(it);
    end();
  });
}

// A long outage of the store and nothing else, after a time in which nothing happened at all.
void Faults::begin_with_outage(Duration from) {
  World& world = sim_.world();
  const Duration at = from + 3 * sim_.params().loop_wait;
  const Duration length = world.rng().between(20s, 150s);
  quiet_until_ = at + length + 1s;
  const FaultKind kind = world.rng().chance(0.5) ? FaultKind::store_outage : FaultKind::leader_blind;
  world.at(at, [this, kind, length] {
    if (Undo undo = inject(kind)) activate(kind, std::move(undo), length);
  });
  if (!world.rng().chance(0.3)) return;
  // The primary crashes in it, long after the members have agreed (F12).
  world.at(at + length / 2, [this, left = length / 2] {
    Node* leader = sim_.leader_node();
    if (leader == nullptr) return;
    crashed_until_ = sim_.world().now() + left + 1s;
    sim_.world().trace("FAULT server_kill on {}", leader->name.str());
    leader->server.kill();
  });
}

void Faults::next(Duration until) {
  World& world = sim_.world();
  if (world.now() >= until) return;
  Rng& rng = world.rng();
  const FaultKind kind = rng.pick(sim_.params().faults);
  if (world.now() >= quiet_until_) {
    if (Undo undo = inject(kind)) {
      // Most faults are short; some outlive a lease by far.
      activate(kind, std::move(undo), rng.chance(0.6) ? rng.between(200ms, 15s) : rng.between(10s, 90s));
    }
  }
  const Duration gap = sim_.params().fault_gap;
  in(rng.chance(0.2) ? rng.between(10ms, 2s) : rng.between(gap / 4, gap * 7 / 4), [this, until] { next(until); });
}

void Faults::in(Duration delay, std::function<void()> part) {
  sim_.world().after(delay, [this, part = std::move(part)] {
    if (!healed_) part();
  });
}

void Faults::heal_all() {
  healed_ = true;
  in_vain_ = false;
  auto active = std::move(active_);
  active_.clear();
  for (auto& [id, fault] : active) fault.undo();
  sim_.network().mend_all();
  for (int m = 0; m < sim_.network().store_members(); ++m) sim_.store().set_up(m, true);
  sim_.store().set_delay({}, {});
  sim_.store().connectivity_changed();
  for (auto& node : sim_.nodes()) {
    node->clear_ambush();
    node->link = StoreLink{};
    node->server.set_receiver_stuck(false);
    node->server.set_stop_hangs(false);
    node->server.set_stuck_in_kernel(false);
    node->server.set_frozen(false);
    node->server.set_recovery_slow(false);
    node->server.set_promotion(Promotion::works);
    node->server.set_damaged(false);
    node->server.set_unreadable(false);
    node->guard.set_broken(false);
    node->forbid_leading(false);
    if (!node->has_agent()) node->start_agent();
    if (node->frozen()) node->thaw_agent();
  }
}

Faults::Undo Faults::inject(FaultKind kind) {
  switch (kind) {
    case FaultKind::node_kill:
    case FaultKind::agent_kill:
    case FaultKind::agent_freeze:
    case FaultKind::node_freeze:
    case FaultKind::agent_restart:
    case FaultKind::crash_point:
    case FaultKind::freeze_point:
      return inject_process(kind);
    case FaultKind::guard_kill:
    case FaultKind::server_kill:
    case FaultKind::server_freeze:
    case FaultKind::receiver_stuck:
    case FaultKind::stop_hangs:
      return inject_server(kind);
    case FaultKind::data_lost:
      return lose_data();
    case FaultKind::partition:
      return cut_links();
    case FaultKind::leader_blind:
      return blind_leader();
    case FaultKind::leader_cut_off:
      return cut_off_leader();
    case FaultKind::store_outage:
    case FaultKind::store_member:
    case FaultKind::slow_store:
    case FaultKind::lost_replies:
    case FaultKind::silent_watch:
    case FaultKind::wall_jump:
      return inject_store(kind);
    case FaultKind::key_deleted:
      return delete_key();
    case FaultKind::server_stuck:
    case FaultKind::guard_broken:
      return inject_server(kind);
    case FaultKind::data_damaged:
    case FaultKind::data_unreadable:
      return inject_disk(kind);
    case FaultKind::data_gone:
      return lose_data_of_running();
    case FaultKind::key_edited:
      return edit_key();
    case FaultKind::laggard_alone:
      return leave_laggard_alone();
    case FaultKind::power_cut:
      return cut_all_power();
    case FaultKind::recovery_slow:
      return slow_down_recovery();
    case FaultKind::promotion_fails:
      return spoil_promotions();
    case FaultKind::nofailover:
      return forbid_leading();
    case FaultKind::promoted_by_hand:
      return promote_by_hand();
    case FaultKind::old_leader_wakes:
      return wake_old_leader();
    case FaultKind::promoted_in_vain:
      return promote_in_vain();
    case FaultKind::wal_removed:
      return remove_wal();
    case FaultKind::voter_restored:
      return restore_voter();
    case FaultKind::dead_branch_kept:
      return keep_dead_branch();
    case FaultKind::store_restored:
      return restore_store();
    case FaultKind::twin:
      return start_twin();
    case FaultKind::remote_away:
    case FaultKind::remote_fails_over:
    case FaultKind::remote_moves:
      return inject_remote(kind);
    default:
      return inject_request(kind);
  }
}

Node* Faults::some_node() {
  auto& nodes = sim_.nodes();
  // The leader is where faults hurt.
  if (sim_.world().rng().chance(opening_ ? 0.8 : 0.4)) {
    if (Node* leader = sim_.leader_node()) return leader;
  }
  return nodes[sim_.world().rng().below(nodes.size())].get();
}

Faults::Undo Faults::remove_wal() {
  Node* node = some_node();
  if (node->server.disk().state != DataState::valid) return {};
  sim_.world().trace("FAULT wal_removed on {}", node->name.str());
  node->server.remove_wal();
  return nothing();
}

Node* Faults::some_able_node() {
  Node* node = some_node();
  return node->able() ? node : nullptr;
}

Node* Faults::some_sound_node() {
  Node* node = some_able_node();
  return node != nullptr && struck_.count(node->index) == 0 ? node : nullptr;
}

// ---------------------------------------------------------------------------------------------- processes

Faults::Undo Faults::inject_process(FaultKind kind) {
  Node* node = some_sound_node();
  if (node == nullptr) return {};
  World& world = sim_.world();
  world.trace("FAULT {} on {}", fault_name(kind), node->name.str());
  struck_.insert(node->index);
  const int index = node->index;
  Undo revive = [this, index] {
    Node& again = sim_.node(index);
    struck_.erase(index);
    again.clear_ambush();
    if (!again.has_agent()) again.start_agent();
    if (again.frozen()) again.thaw_agent();
  };
  switch (kind) {
    case FaultKind::node_kill:
      node->power_off();
      return revive;
    case FaultKind::agent_kill:
      node->kill_agent();
      if (node != sim_.leader_node() || world.rng().chance(0.3)) return revive;
      // It comes back before the lease is over, and does not reach the store (F28): what its predecessor left behind
      // has to end the server.
      cut_off_from_store(index);
      in(world.rng().between(5s, sim_.params().ttl), [this, index] {
        if (struck_.count(index) > 0 && !sim_.node(index).has_agent()) sim_.node(index).start_agent();
      });
      return [this, index, revive] {
        reach_store_again(index);
        revive();
      };
    case FaultKind::agent_freeze:
      node->freeze_agent();
      return revive;
    case FaultKind::node_freeze:
      node->freeze_agent();
      node->server.set_frozen(true);
      node->guard.freeze();
      return [this, index, revive] {
        sim_.node(index).server.set_frozen(false);
        sim_.node(index).guard.thaw();
        revive();
      };
    case FaultKind::agent_restart:
      node->run()->agent->request_shutdown();
      node->run()->process.wake();
      return revive;
    default: {
      Node::Ambush ambush;
      ambush.boundaries = static_cast<int>(world.rng().range(1, 12));
      if (kind == FaultKind::freeze_point) ambush.freeze_for = world.rng().between(1s, 70s);
      node->lay(ambush);
      return revive;
    }
  }
}

Faults::Undo Faults::inject_server(FaultKind kind) {
  Node* node = some_node();
  World& world = sim_.world();
  world.trace("FAULT {} on {}", fault_name(kind), node->name.str());
  const int index = node->index;
  switch (kind) {
    case FaultKind::guard_kill:
      node->guard.kill();
      return nothing();
    case FaultKind::server_kill:
      node->server.kill();
      return nothing();
    case FaultKind::server_freeze:
      if (node->frozen()) return {};
      node->server.set_frozen(true);
      return [this, index] { sim_.node(index).server.set_frozen(false); };
    case FaultKind::receiver_stuck:
      node->server.set_receiver_stuck(true);
      return [this, index] { sim_.node(index).server.set_receiver_stuck(false); };
    case FaultKind::guard_broken:
      node->guard.set_broken(true);
      return [this, index] { sim_.node(index).guard.set_broken(false); };
    case FaultKind::server_stuck:
      if (node->frozen() || node->server.process() == Process::stopped) return {};
      node->server.set_frozen(true);
      node->server.set_stuck_in_kernel(true);
      return [this, index] {
        sim_.node(index).server.set_stuck_in_kernel(false);
        sim_.node(index).server.set_frozen(false);
      };
    default:
      node->server.set_stop_hangs(true);
      return [this, index] { sim_.node(index).server.set_stop_hangs(false); };
  }
}

// The disk of a node is replaced by an empty one. Never the last copies: at least two others stay.
Faults::Undo Faults::lose_data() {
  Node* node = some_sound_node();
  Node* leader = sim_.leader_node();
  if (node == nullptr || leader == nullptr || node == leader || !leader->server.can_acknowledge()) return {};
  int copies = 0;
  for (auto& other : sim_.nodes()) {
    const Disk& disk = other->server.disk();
    const bool sound = disk.state == DataState::valid && !disk.rewind_marker;
    if (other.get() != node && sound && disk.system_id == leader->server.disk().system_id) ++copies;
  }
  if (copies < 2) return {};
  sim_.world().trace("FAULT data_lost on {}", node->name.str());
  node->kill_agent();
  node->server.lose_data();
  struck_.insert(node->index);
  const int index = node->index;
  return [this, index] {
    struck_.erase(index);
    if (!sim_.node(index).has_agent()) sim_.node(index).start_agent();
  };
}

// ------------------------------------------------------------------------------------------------- network

Faults::Undo Faults::cut_links() {
  World& world = sim_.world();
  Network& network = sim_.network();
  Rng& rng = world.rng();
  const int nodes = network.nodes();
  const int all = network.endpoints();
  std::vector<std::pair<int, int>> cuts;
  const auto both = [&cuts](int a, int b) {
    cuts.emplace_back(a, b);
    cuts.emplace_back(b, a);
  };
  const int one = some_node()->index;
  const auto shape = rng.below(6);
  static const char* const names[] = {"isolated", "from the store", "from the members",
                                      "split",    "one-way",        "store member"};
  world.trace("FAULT partition, {}, around n{}", names[shape], one + 1);
  for (int other = 0; other < all; ++other) {
    const bool is_store = other >= nodes;
    if (other == one) continue;
    if (shape == 0 || (shape == 1 && is_store) || (shape == 2 && !is_store)) both(one, other);
  }
  if (shape == 3) {
    std::vector<int> side(static_cast<std::size_t>(all));
    for (auto& s : side) s = static_cast<int>(rng.below(2));
    for (int a = 0; a < all; ++a) {
      for (int b = a + 1; b < all; ++b) {
        if (side[static_cast<std::size_t>(a)] != side[static_cast<std::size_t>(b)]) both(a, b);
      }
    }
  } else if (shape == 4) {
    for (auto left = rng.range(1, 6); left > 0; --left) {
      const int a = static_cast<int>(rng.below(static_cast<std::uint64_t>(all)));
      const int b = static_cast<int>(rng.below(static_cast<std::uint64_t>(all)));
      if (a != b) cuts.emplace_back(a, b);
    }
  } else if (shape == 5) {
    const int member = nodes + static_cast<int>(rng.below(static_cast<std::uint64_t>(all - nodes)));
    for (int other = nodes; other < all; ++other) {
      if (other != member) both(member, other);
    }
  }
  for (const auto& [a, b] : cuts) network.cut(a, b);
  sim_.store().connectivity_changed();
  return [this, cuts] {
    for (const auto& [a, b] : cuts) sim_.network().mend(a, b);
    sim_.store().connectivity_changed();
    sim_.world().trace("HEAL partition");
  };
}

Faults::Undo Faults::blind_leader() {
  Node* leader = sim_.leader_node();
  if (leader == nullptr) return {};
  const int index = leader->index;
  sim_.world().trace("FAULT leader_blind on {}", leader->name.str());
  cut_off_from_store(index);
  return [this, index] {
    reach_store_again(index);
    sim_.world().trace("HEAL leader_blind");
  };
}

// The others reach the store, and whoever is about to take the lock over may be held up on the way; the links mend one
// by one.
Faults::Undo Faults::cut_off_leader() {
  Node* leader = sim_.leader_node();
  if (leader == nullptr) return {};
  World& world = sim_.world();
  const int one = leader->index;
  const bool delayed = world.rng().chance(0.7);
  // Then it does not notice itself that its standbys are gone.
  Undo sees_again = world.rng().chance(0.5) ? blind_leader() : nothing();
  world.trace("FAULT leader_cut_off on {}", leader->name.str());
  const auto cut = std::make_shared<std::set<int>>();
  const auto mend = [this, one, cut](int other) {
    if (cut->erase(other) == 0) return;
    sim_.network().mend(one, other);
    sim_.network().mend(other, one);
  };
  for (auto& node : sim_.nodes()) {
    const int other = node->index;
    if (other == one) continue;
    sim_.network().cut(one, other);
    sim_.network().cut(other, one);
    cut->insert(other);
    if (world.rng().chance(0.7)) in(world.rng().between(1s, 8s), [mend, other] { mend(other); });
    if (!delayed || !node->able() || struck_.count(other) > 0) continue;
    Node::Ambush ambush;
    ambush.boundaries = 1;
    ambush.at = Node::Ambush::At::takeover;
    ambush.freeze_for = world.rng().between(500ms, 9s);
    node->lay(ambush);
  }
  return [this, one, cut, mend, sees_again] {
    sees_again();
    for (auto& node : sim_.nodes()) {
      if (node->index != one && struck_.count(node->index) == 0) node->clear_ambush();
    }
    const auto left = *cut;
    for (const int other : left) mend(other);
    sim_.world().trace("HEAL leader_cut_off");
  };
}

// ---------------------------------------------------------------------------------------------------- store

Faults::Undo Faults::inject_store(FaultKind kind) {
  World& world = sim_.world();
  Rng& rng = world.rng();
  Store& store = sim_.store();
  const int members = sim_.network().store_members();
  Node* node = some_node();
  const int index = node->index;
  world.trace("FAULT {} (n{})", fault_name(kind), index + 1);
  switch (kind) {
    case FaultKind::store_outage: {
      for (int m = 0; m < members; ++m) store.set_up(m, m == 0);
      return [this, members] {
        for (int m = 0; m < members; ++m) sim_.store().set_up(m, true);
        sim_.world().trace("HEAL store_outage");
      };
    }
    case FaultKind::store_member: {
      const int m = static_cast<int>(rng.below(static_cast<std::uint64_t>(members)));
      store.set_up(m, false);
      return [this, m] { sim_.store().set_up(m, true); };
    }
    case FaultKind::slow_store: {
      const Duration most = sim_.params().retry_timeout * static_cast<int>(rng.range(1, 9)) / 10;
      store.set_delay(most / 4, most);
      return [this] { sim_.store().set_delay({}, {}); };
    }
    case FaultKind::lost_replies:
      node->link.lose_reply = 0.1 + 0.8 * rng.unit();
      return [this, index] { sim_.node(index).link.lose_reply = sim_.params().lose_reply; };
    case FaultKind::silent_watch:
      node->link.watch_silent = true;
      return [this, index] { sim_.node(index).link.watch_silent = false; };
    default: {
      const Duration jump = rng.chance(0.5) ? rng.between(1s, 2h) : -rng.between(1s, 1h);
      node->clock.jump_wall(jump);
      return nothing();
    }
  }
}

// Nothing else is wrong, and nothing else will be for a while: a healthy primary that answers must survive it (F33).
Faults::Undo Faults::delete_key() {
  if (!active_.empty() || !sim_.settled()) return {};
  std::vector<std::string> paths = {"leader", "config", "initialize", "history", "status", "failover"};
  if (sim_.params().synchronous.is_object()) paths.emplace_back("sync");
  const std::string path = sim_.world().rng().pick(paths);
  sim_.world().trace("FAULT key_deleted: {}", path);
  sim_.store().erase(path, std::nullopt, -1);
  quiet_until_ = sim_.world().now() + 3 * sim_.params().ttl;
  return nothing();
}

// Somebody meant another cluster, or restored what was there once.
Faults::Undo Faults::edit_key() {
  if (!alone()) return {};
  sim_.world().trace("FAULT key_edited: initialize");
  sim_.store().put("initialize", "7399999999999999999", std::nullopt, {}, -1);
  quiet_until_ = sim_.world().now() + 3 * sim_.params().ttl;
  return nothing();
}

// ------------------------------------------------------------------------------------------------ operators

namespace {

RestartFilter some_filter(Rng& rng) {
  RestartFilter filter;
  if (rng.chance(0.3)) filter.role = rng.chance(0.5) ? Role::primary : Role::replica;
  if (rng.chance(0.3)) filter.below_version = rng.chance(0.5) ? 150'000 : 150'001;
  if (rng.chance(0.2)) filter.pending = true;
  return filter;
}

// As REST publishes it.
ScheduledRestart plan_restart(const Node& node, const RestartFilter& filter, Duration delay) {
  ScheduledRestart plan;
  plan.at = node.clock.wall() + std::chrono::duration_cast<WallTime::duration>(delay);
  plan.filter = filter;
  plan.published["schedule"] = to_iso_time(plan.at);
  const auto seen = node.run()->board.load();
  if (seen && seen->observation.postgres.server.is_known()) {
    plan.postmaster_start_time = to_rest_time(seen->observation.postgres.server->postmaster_start_time);
    plan.published["postmaster_start_time"] = plan.postmaster_start_time;
  }
  if (filter.pending) plan.published["restart_pending"] = true;
  if (filter.role) plan.published["role"] = *filter.role == Role::primary ? "primary" : "replica";
  if (filter.below_version) plan.published["postgres_version"] = *filter.below_version == 150'000 ? "15.0" : "15.1";
  return plan;
}

}  // namespace

Faults::Undo Faults::inject_request(FaultKind kind) {
  Node* node = some_able_node();
  if (node == nullptr) return {};
  World& world = sim_.world();
  Rng& rng = world.rng();
  Node* leader = sim_.leader_node();
  Agent& agent = *node->run()->agent;
  const auto answer = [&world, kind](const auto& reply) {
    world.trace("operator: {}: {}", fault_name(kind), reply ? "done" : reply.error().message);
  };
  Node* candidate = sim_.nodes()[rng.below(sim_.nodes().size())].get();
  world.trace("FAULT {} asked of {}", fault_name(kind), node->name.str());
  Undo undo = nothing();
  switch (kind) {
    case FaultKind::switchover:
    case FaultKind::failover: {
      Failover failover;
      // Nobody can hand over to itself; it may be asked to.
      if (candidate == leader && !(kind == FaultKind::switchover && rng.chance(0.2))) return {};
      if (kind == FaultKind::switchover) {
        if (leader == nullptr) return {};
        failover.leader = leader->name;
      }
      if (kind == FaultKind::failover || rng.chance(0.6)) failover.candidate = candidate->name;
      agent.submit(intent::SetFailover{failover}, answer);
      break;
    }
    case FaultKind::standby_cluster: {
      // Who turns a cluster away from the only server that has its data has lost it.
      if (!sim_.somebody_has_data()) return {};
      // Nothing may depend on a server that is never reached. Or the other site was promoted, and we follow it now.
      const bool there = leader != nullptr && leader->server.can_acknowledge() && rng.chance(0.6);
      if (there && !sim_.copies_remote()) sim_.remote().take_over_from(leader->server);
      const std::string host = there ? sim_.remote().address().host : unreachable_host;
      agent.submit(intent::PatchConfig{Json{{"standby_cluster", {{"host", host}}}}}, answer);
      const int index = node->index;
      undo = [this, index] {
        Node& same = sim_.node(index);
        // Nobody makes a cluster of its own of nothing.
        if (!same.able() || !sim_.leader_has_data()) return;
        same.run()->agent->submit(intent::PatchConfig{Json{{"standby_cluster", nullptr}}}, [](const auto&) {});
        same.run()->process.wake();
      };
      break;
    }
    case FaultKind::pause: {
      if (sim_.paused()) return {};
      agent.submit(intent::PatchConfig{Json{{"pause", true}}}, answer);
      const int index = node->index;
      undo = [this, index] {
        Node& same = sim_.node(index);
        if (!same.able()) return;
        same.run()->agent->submit(intent::PatchConfig{Json{{"pause", nullptr}}}, [](const auto&) {});
        same.run()->process.wake();
      };
      break;
    }
    case FaultKind::restart:
      agent.submit(intent::Restart{RestartRequest{static_cast<std::uint64_t>(injected_ + 1), {}, {}}}, answer);
      break;
    case FaultKind::restart_later: {
      const RestartFilter filter = some_filter(rng);
      if (rng.chance(0.3)) {
        agent.submit(intent::Restart{RestartRequest{static_cast<std::uint64_t>(injected_ + 1), filter, {}}}, answer);
        break;
      }
      agent.submit(intent::ScheduleRestart{plan_restart(*node, filter, rng.between(1s, 60s))}, answer);
      break;
    }
    case FaultKind::switchover_later: {
      if (leader == nullptr || candidate == leader) return {};
      Failover failover;
      failover.leader = leader->name;
      failover.candidate = candidate->name;
      const Duration delay = rng.between(1s, 40s);
      failover.scheduled_at = leader->clock.wall() + std::chrono::duration_cast<WallTime::duration>(delay);
      agent.submit(intent::SetFailover{failover}, answer);
      // The clocks are set while it waits (F23), or nobody can do anything about it when the time comes.
      if (rng.chance(0.5)) {
        const int index = leader->index;
        in(delay / 2, [this, index] { sim_.node(index).clock.jump_wall(10min); });
      }
      break;
    }
    case FaultKind::setting_raised: {
      const int wanted = 100 + 10 * (injected_ + 1);
      agent.submit(intent::PatchConfig{Json{{"postgresql", {{"parameters", {{"max_connections", wanted}}}}}}}, answer);
      // Nobody has read it yet when the primary is restarted with it.
      if (leader == nullptr || !leader->able() || rng.chance(0.3)) break;
      const int index = leader->index;
      in(rng.between(1s, 15s), [this, index] {
        Node& same = sim_.node(index);
        if (!same.able()) return;
        same.run()->agent->submit(intent::Restart{RestartRequest{}}, [](const auto&) {});
        same.run()->process.wake();
      });
      break;
    }
    case FaultKind::reinit: {
      ReinitRequest request;
      request.id = static_cast<std::uint64_t>(injected_ + 1);
      request.from_leader = rng.chance(0.5);
      request.force = rng.chance(0.5);
      agent.submit(intent::Reinit{request}, answer);
      break;
    }
    case FaultKind::sync_config:
      agent.submit(intent::PatchConfig{draw_sync_config(rng, true)}, answer);
      break;
    default: {
      Json patch = Json::object();
      patch["loop_wait"] = rng.range(3, 10);
      if (rng.chance(0.5)) patch["ttl"] = rng.range(20, 40);
      agent.submit(intent::PatchConfig{patch}, answer);
      break;
    }
  }
  node->run()->process.wake();
  return undo;
}

}  // namespace regent::sim
