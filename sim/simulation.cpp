#include "sim/simulation.h"

#include <algorithm>

#include "core/rule.h"

namespace regent::sim {

using namespace std::chrono_literals;

namespace {

constexpr int store_members = 3;

// How long after everything was healed. L1: sessions of the dead must expire, late (F31), a crashed server must
// recover.
Duration leader_bound(const Params& params) {
  return params.ttl + params.loop_wait + params.lease_lateness + params.primary_race_backoff + 60s;
}
// L2: back-off, clones one after another; rewinds that fail are tried again once a minute.
Duration streaming_bound(const Params& params) {
  return params.rewind_fails > 0 ? 900s : 300s;
}

}  // namespace

Simulation::Simulation(Params params, const Sabotage* sabotage, bool tracing)
    : params_(std::move(params)),
      sabotage_(sabotage),
      world_(params_.seed, tracing),
      network_(world_, params_.nodes, store_members),
      store_(world_, network_),
      postgres_{.world = world_,
                .network = network_,
                .wal = {},
                .servers = {},
                .listener = this,
                .rewind_fails = params_.rewind_fails,
                .history_fails = params_.history_fails,
                .archived = {},
                .archived_wal = {},
                .backup = {}},
      faults_(*this) {
  Rng& rng = world_.rng();
  for (int i = 0; i < params_.nodes; ++i) {
    const auto drift = params_.drift_ppm == 0
                           ? 0
                           : static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(2 * params_.drift_ppm))) -
                                 params_.drift_ppm;
    nodes_.push_back(std::make_unique<Node>(*this, i, rng.between(1s, 100h), drift));
    nodes_.back()->link.lose_reply = params_.lose_reply;
    postgres_.servers.push_back(&nodes_.back()->server);
  }
  remote_ = std::make_unique<PgServer>(postgres_, network_.outside_endpoint(), HostPort{remote_host, "5432"}, true);
  postgres_.servers.push_back(remote_.get());
  const auto& kinds = params_.faults;
  // Or a promotion by hand and a real one could make the same timeline at the same place, which nobody can tell (F62).
  postgres_.archive = params_.opening == FaultKind::promoted_by_hand ||
                      std::find(kinds.begin(), kinds.end(), FaultKind::promoted_by_hand) != kinds.end();
  postgres_.archive_feeds = params_.archive_feeds;
  postgres_.archive_hidden = params_.archive_hidden;
  conditions_.resize(nodes_.size());
  store_.set_expiry_lateness(params_.lease_lateness);
  store_.add_listener([this](const std::string& path, const StoreKey* before, const StoreKey* after, int by) {
    key_changed(path, before, after, by);
  });
  checkers_ = make_checkers(*this);
  world_.set_settle([this] {
    for (auto& node : nodes_) node->settle();
  });
}

Simulation::~Simulation() {
  world_.set_settle({});
  postgres_.listener = nullptr;
  nodes_.clear();
}

// --------------------------------------------------------------------------------------------------- the run

Outcome Simulation::run() {
  for (const auto& line : params_.lines()) world_.trace("{}", line);
  Rng& rng = world_.rng();
  for (auto& node : nodes_) {
    Node* one = node.get();
    world_.after(rng.between(0s, 3s), [one] {
      if (!one->has_agent()) one->start_agent();
    });
    world_.after(rng.between(0s, 300ms), [this, one] { pump(*one); });
    world_.after(rng.between(0s, 300ms), [this, one] { commit(*one); });
  }
  world_.after(1s, [this] { tick(); });
  if (params_.standby_from_the_start) remote_->found();
  commit_outside();
  const bool calm_start = rng.chance(0.6) && !params_.bootstrap_fails;
  if (calm_start) {
    world_.run_until(120s, [this] { return settled(); });
    if (world_.violations().empty() && !settled()) {
      violated("L1", "no cluster came up although nothing was wrong: " + why_not_settled());
    }
  }
  if (world_.violations().empty()) {
    const Duration begin = world_.now();
    faults_.begin(begin + rng.between(10ms, 5s), begin + params_.fault_phase);
    world_.run_until(begin + params_.fault_phase);
  }
  if (world_.violations().empty()) recover();
  outcome_.violations = world_.violations();
  outcome_.virtual_time = world_.now();
  outcome_.events = world_.events();
  outcome_.faults = faults_.injected();
  return outcome_;
}

bool Simulation::somebody_has_data() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
    const Disk& disk = node->server.disk();
    return disk.state == DataState::valid && !disk.rewind_marker;
  });
}

bool Simulation::leader_has_data() {
  const Node* leader = leader_node();
  return leader != nullptr && leader->server.disk().state == DataState::valid && !leader->server.disk().rewind_marker;
}

bool Simulation::comes_too_late(const Node& node) {
  const Node* leader = leader_node();
  return leader != nullptr && leader != &node;
}

void Simulation::recover() {
  world_.trace("HEAL everything");
  faults_.heal_all();
  // Whoever paused the cluster resumes it, and whoever made it a copy of another one promotes it.
  const auto undo_requests = [this] {
    if (!paused() && !follows_remote()) return;
    Json config = store_.view()->config.value;
    config.erase("pause");
    config.erase("standby_cluster");
    store_.put("config", to_compact(config), std::nullopt, "", -1);
  };
  // Nobody makes a primary cluster of one that has lost its only copy: it has to be copied again before, from where the
  // remote server really is.
  if (follows_remote() && !leader_has_data()) {
    Json config = store_.view()->config.value;
    config.erase("pause");
    if (remote_->process() == Process::running) config["standby_cluster"]["host"] = remote_->address().host;
    store_.put("config", to_compact(config), std::nullopt, "", -1);
    world_.run_until(world_.now() + leader_bound(params_), [this] { return leader_has_data(); });
  }
  undo_requests();
  // What was asked for just before may still be on its way.
  world_.run_until(world_.now() + 2 * params_.retry_timeout);
  undo_requests();
  // What a store was put back with is found out, and leases of another time end (F34).
  world_.run_until(world_.now() + 4 * params_.ttl, [this] { return !store_.put_back_over("leader"); });
  const Duration healed = world_.now();
  world_.run_until(healed + leader_bound(params_), [this, undo_requests] {
    // A cluster that is only now made may be meant to be a copy.
    if (leader_has_data()) undo_requests();
    return has_writable_leader();
  });
  if (!world_.violations().empty()) return;
  if (!has_writable_leader() && name_somebody()) {
    world_.run_until(world_.now() + leader_bound(params_), [this] { return has_writable_leader(); });
  }
  if (!has_writable_leader()) return violated("L1", "no writable primary after healing: " + why_not_settled());
  world_.run_until(healed + streaming_bound(params_), [this] { return settled(); });
  if (!world_.violations().empty()) return;
  if (!settled()) return violated("L2", "not everybody streams after healing: " + why_not_settled());
  // Rest: no more leader changes without a fault (L4). A request that was on its way may still be served.
  world_.run_until(world_.now() + 5s);
  const int changes = outcome_.leader_changes;
  const bool asked = store_.find("failover") != nullptr;
  world_.run_until(world_.now() + 2 * params_.loop_wait);
  if (!world_.violations().empty() || asked) return;
  if (outcome_.leader_changes != changes) return violated("L4", "the leader changed although nothing was wrong");
  // A rebuild that was asked for late may still be going on.
  if (!settled()) world_.run_until(world_.now() + streaming_bound(params_), [this] { return settled(); });
  if (world_.violations().empty() && !settled()) {
    violated("L2", "the cluster fell apart although nothing was wrong: " + why_not_settled());
  }
}

void Simulation::violated(std::string invariant, std::string text) {
  // Under a deliberate defect only the one that it must break counts: another checker that is faster would hide that.
  if (sabotage_ != nullptr && invariant != sabotage_->invariant()) return;
  world_.violated(std::move(invariant), std::move(text));
}

void Simulation::tick() {
  for (const auto& checker : checkers_) checker->tick();
  // An agent that ended by itself is started again, as a service manager does.
  for (auto& node : nodes_) {
    if (!node->has_agent() && world_.now() > 5s && !faults_.strikes(node->index)) node->start_agent();
  }
  // The nightly backup, so to say.
  if (params_.backup_store && world_.now() % 20s < 1s) {
    Node* leader = leader_node();
    if (leader != nullptr && leader->server.can_acknowledge())
      postgres_.backup = std::make_shared<const Disk>(leader->server.disk());
  }
  if (params_.archive_feeds && world_.now() % 5s < 1s) {
    for (auto& node : nodes_) node->server.archive_wal();
  }
  world_.after(1s, [this] { tick(); });
}

void Simulation::commit_outside() {
  remote_->commit();
  world_.after(world_.rng().between(200ms, 1s), [this] { commit_outside(); });
}

void Simulation::pump(Node& node) {
  node.server.pump();
  world_.after(world_.rng().between(50ms, 350ms), [this, &node] { pump(node); });
}

// Clients write to every node that lets them, also to one that should have stepped down: the worst case.
void Simulation::commit(Node& node) {
  node.server.commit();
  world_.after(world_.rng().between(params_.commit_gap / 4, params_.commit_gap * 7 / 4),
               [this, &node] { commit(node); });
}

// --------------------------------------------------------------------------------------------------- queries

Node* Simulation::leader_node() {
  const StoreKey* key = store_.find("leader");
  if (key == nullptr) return nullptr;
  Node* found = nullptr;
  for (auto& node : nodes_) {
    if (node->name.str() != key->value) continue;
    // Of two nodes of one name it is the original, unless the other one took it.
    if (node->is_twin() ? node->took(key->session) : found == nullptr) found = node.get();
  }
  return found;
}

bool Simulation::paused() const {
  const StoreKey* key = store_.find("config");
  return key != nullptr && key->value.find("\"pause\":true") != std::string::npos;
}

bool Simulation::follows_remote() const {
  const StoreKey* key = store_.find("config");
  return key != nullptr && key->value.find("\"standby_cluster\":{") != std::string::npos;
}

bool Simulation::copies_remote() const {
  const StoreKey* key = store_.find("config");
  if (key == nullptr || remote_->process() != Process::running) return false;
  return follows_remote() && key->value.find("\"" + remote_->address().host + "\"") != std::string::npos;
}

bool Simulation::hands_off() const {
  return paused() || world_.now() < hands_off_until_;
}

bool Simulation::has_writable_leader() {
  Node* leader = leader_node();
  return leader != nullptr && leader->server.can_acknowledge();
}

// A node that cannot come back without a person, because rewinding is impossible and removing data is not allowed, must
// say so (L3).
bool Simulation::stuck_by_policy(Node& node) {
  // A bootstrap that was overtaken leaves the data of another cluster: nobody but a person may remove it (I9, F73).
  const StoreKey* initialize = store_.find("initialize");
  const Disk& disk = node.server.disk();
  if (initialize != nullptr && disk.state == DataState::valid && disk.system_id.str() != initialize->value) return true;
  const bool allowed = params_.remove_on_diverged && params_.remove_on_rewind_failure;
  return !allowed && node.able() && !conditions_[static_cast<std::size_t>(node.index)].empty();
}

bool Simulation::only_copies_may_be_elected() {
  const auto view = store_.view();
  const SyncState& sync = view->sync.value;
  if (view->leader.exists() || sync.empty()) return false;
  const auto sound = [&](const MemberName& name) {
    return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
      const Disk& disk = node->server.disk();
      return same_name(node->name, name) && disk.state == DataState::valid && !disk.copied && !disk.rewind_marker;
    });
  };
  const auto voters = std::count_if(sync.standbys.begin(), sync.standbys.end(), sound);
  return !sound(sync.leader) && voters <= sync.quorum.value_or(0);
}

bool Simulation::name_somebody() {
  if (!only_copies_may_be_elected()) return false;
  Node* best = nullptr;
  const auto position = [](const Node& node) { return std::pair(node.server.timeline(), node.server.wal_end()); };
  for (auto& node : nodes_) {
    if (!node->able() || node->server.process() != Process::running) continue;
    if (best == nullptr || position(*best) < position(*node)) best = node.get();
  }
  if (best == nullptr) return false;
  world_.trace("operator: {} is named, because only copies may be elected", best->name.str());
  best->run()->agent->submit(intent::SetFailover{Failover{{}, best->name, {}}}, [](const auto&) {});
  best->run()->process.wake();
  return true;
}

bool Simulation::led() {
  if (!follows_remote()) return has_writable_leader();
  Node* leader = leader_node();
  return leader != nullptr && leader->server.streaming() && leader->server.upstream_server() == remote_.get();
}

bool Simulation::settled() {
  if (!led()) return false;
  Node* leader = leader_node();
  for (auto& node : nodes_) {
    if (node.get() == leader || stuck_by_policy(*node)) continue;
    const PgServer& server = node->server;
    // Some stream from the member that their tag names.
    const MemberName parent(node->tags.replicatefrom);
    const auto* upstream = server.upstream_server();
    const bool cascaded = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& other) {
      return other->name == parent && upstream == &other->server;
    });
    if (!server.streaming() || (upstream != &leader->server && !cascaded) ||
        server.timeline() != leader->server.timeline()) {
      return false;
    }
  }
  return true;
}

std::string Simulation::why_not_settled() {
  Node* leader = leader_node();
  std::string text = fmt::format("leader {}", leader != nullptr ? leader->name.str() : "none");
  for (auto& node : nodes_) {
    const PgServer& server = node->server;
    text += fmt::format("; {} {} tl {} lsn {}{}{}", node->name.str(),
                        server.process() == Process::running ? (server.in_recovery() ? "replica" : "primary") : "down",
                        server.timeline().value, to_string(server.wal_end()), server.streaming() ? " streaming" : "",
                        node->able() ? "" : " (no agent)");
    for (const auto& condition : conditions_[static_cast<std::size_t>(node->index)]) {
      text += fmt::format(" [{}: {}]", condition.name, condition.detail);
    }
  }
  return text;
}

// ------------------------------------------------------------------------------------------------- listeners

void Simulation::decided(Node& node, const Observation& observation, const Decision& decision) {
  ++outcome_.decisions;
  node.believes_paused = observation.settings.pause;
  if (node.believes_paused) node.believed_paused_at = world_.now();
  ++outcome_.rules[decision.rule];
  conditions_[static_cast<std::size_t>(node.index)] = decision.conditions;
  world_.trace("{}: {} {}: {}", node.name.str(), decision.rule, decision.rule_name, decision.sentence);
  for (const auto& checker : checkers_) checker->decided(node, observation, decision);
  // What it publishes from here on tells the others.
  const bool knows = observation.cluster.is_known() && observation.cluster->leader.name != node.name;
  if (knows && !node.server.is_open()) node.overtaken = false;
  if (observation.cluster.is_known()) node.deposed = false;
}

void Simulation::agent_changed(Node& node) {
  for (const auto& checker : checkers_) checker->agent_changed(node);
}

void Simulation::round_ended(Node& node, const FailsafeRound& round, Duration counted) {
  world_.trace("{}: failsafe round: {}", node.name.str(), round.complete() ? "all accept" : "not all accept");
  for (const auto& answer : round.answers) {
    if (!answer.accepted) world_.trace("{}:   {}: {}", node.name.str(), answer.name.str(), answer.why);
  }
  // What everybody who could take over, by the key as it really stands, has agreed to counts as a renewal (I13).
  auto named = store_.view()->failsafe.value;
  // What a store was put back with is not what anybody goes by (F34).
  if (const auto before = store_.put_back_over("failsafe")) {
    named = parse_cluster_view({{"failsafe", *before, Version{1}, {}}}, 1, 1).failsafe.value;
  }
  const bool everybody = std::all_of(named.begin(), named.end(), [&](const auto& entry) {
    const auto said = std::find_if(round.answers.begin(), round.answers.end(),
                                   [&](const FailsafeAnswer& answer) { return answer.name.str() == entry.first; });
    return entry.first == node.name.str() || (said != round.answers.end() && said->accepted);
  });
  if (!named.empty() && everybody && lease_valid(node.lease, round.sent)) {
    node.lease.extended_at = round.sent - (node.lease.ttl - std::min(node.lease.ttl, counted));
    node.owed_by = node.lease_dead_by();
  }
  for (const auto& checker : checkers_) checker->round_ended(node, round);
}

void Simulation::key_changed(const std::string& path, const StoreKey* before, const StoreKey* after, int by) {
  if (!path.starts_with("members/") && path != "status") {
    world_.trace("store: {} {}", path, after != nullptr ? "= " + after->value : "is gone");
    for (auto& node : nodes_) {
      Node* one = node.get();
      const int member = static_cast<int>(world_.rng().below(store_members));
      world_.after(network_.latency(), [this, one, member] {
        if (one->has_agent() && network_.passes(network_.store_endpoint(member), one->index)) one->run()->dcs.notify();
      });
    }
  }
  const auto paused_in = [](const StoreKey* key) {
    return key != nullptr && key->value.find("\"pause\":true") != std::string::npos;
  };
  if (path == "config" && paused_in(before) != paused_in(after))
    hands_off_until_ = world_.now() + params_.loop_wait + 2 * params_.retry_timeout;
  if (path == "leader") {
    for (auto& node : nodes_) {
      if (after != nullptr && node->name.str() == after->value) node->overtaken = node->evicted = false;
      const bool had_it = before != nullptr && node->name.str() == before->value;
      if (had_it && after != nullptr && before->value != after->value) node->overtaken = true;
      if (had_it && after == nullptr && by < 0) node->deposed = node->evicted = true;
    }
  }
  faults_.key_changed(path, after, by);
  if (path == "leader" && after != nullptr && (before == nullptr || before->value != after->value)) {
    if (!last_leader_.empty() && last_leader_ != after->value) ++outcome_.leader_changes;
    last_leader_ = after->value;
  }
  for (const auto& checker : checkers_) checker->key_changed(path, before, after, by);
}

void Simulation::server_changed(PgServer& server) {
  if (!server.is_open()) node(server.node()).owed_by = Duration{};
  if (server.process() == Process::stopped) node(server.node()).closed();
  for (const auto& checker : checkers_) checker->server_changed(node(server.node()));
}

void Simulation::promoted(PgServer& server, std::uint32_t fork) {
  ++outcome_.promotions;
  faults_.promoted(node(server.node()));
  for (const auto& checker : checkers_) checker->promoted(node(server.node()), fork);
}

void Simulation::initialized(PgServer& server) {
  for (const auto& checker : checkers_) checker->initialized(node(server.node()));
}

void Simulation::record_written(PgServer& server, RecordId record) {
  for (const auto& checker : checkers_) checker->record_written(node(server.node()), record);
}

void Simulation::record_restored(PgServer& server, RecordId record) {
  for (const auto& checker : checkers_) checker->record_restored(node(server.node()), record);
}

void Simulation::acknowledged(PgServer& server, RecordId record) {
  ++outcome_.commits;
  for (const auto& checker : checkers_) checker->acknowledged(node(server.node()), record);
}

void Simulation::sync_names_changed(PgServer& server) {
  for (const auto& checker : checkers_) checker->sync_names_changed(node(server.node()));
}

void Simulation::sync_names_requested(int index, const std::optional<std::string>& names) {
  for (const auto& checker : checkers_) checker->sync_names_requested(node(index), names);
}

void Simulation::view_read(int index, std::shared_ptr<const ClusterView> view) {
  for (const auto& checker : checkers_) checker->view_read(node(index), view);
}

void Simulation::lease_confirmed(int index, const LeaseGrant& grant) {
  Node& one = node(index);
  one.lease.held = true;
  one.lease.session = grant.session;
  // What the members said under an earlier lock proves nothing for this one.
  if (one.lease.version != grant.version) one.lease.extended_at = Instant();
  one.lease.version = grant.version;
  one.lease.confirmed_at = grant.sent;
  one.lease.ttl = grant.ttl;
  one.owed_by = one.lease_dead_by();
  for (const auto& checker : checkers_) checker->lease_confirmed(one, grant);
}

void Simulation::write_requested(int index, const std::string& path, Version expect) {
  for (const auto& checker : checkers_) checker->write_requested(node(index), path, expect);
}

void Simulation::release_requested(int index) {
  for (const auto& checker : checkers_) checker->release_requested(node(index));
}

void Simulation::start_requested(int index, const job::Start& spec) {
  world_.trace("n{}: starts PostgreSQL as {}", index + 1,
               spec.as_primary ? "primary" : "replica of " + spec.upstream.name.str());
  for (const auto& checker : checkers_) checker->start_requested(node(index), spec);
}

void Simulation::promote_requested(int index) {
  faults_.promotion_begins(node(index));
  for (const auto& checker : checkers_) checker->promote_requested(node(index));
}

void Simulation::initdb_requested(int index) {
  world_.trace("n{}: initdb", index + 1);
  for (const auto& checker : checkers_) checker->initdb_requested(node(index));
}

void Simulation::removal_requested(int index) {
  world_.trace("n{}: removes its data directory", index + 1);
  for (const auto& checker : checkers_) checker->removal_requested(node(index));
}

}  // namespace regent::sim
