// Synchronous replication: I5, I7, I17. The sets are enumerated here; the arithmetic of the core is what is in
// question.
#include <algorithm>
#include <map>

#include "core/lease.h"
#include "model/settings.h"
#include "sim/checkers/all.h"
#include "sim/simulation.h"

namespace regent::sim {

namespace {

// What the store says about synchronous replication, in truth.
class SyncKeys {
 public:
  // Whether anything changed.
  bool note(const std::string& path, const StoreKey* after) {
    if (path == "sync") {
      exists_ = after != nullptr;
      state_ = exists_ ? parse_sync(after->value).value_or(SyncState{}) : SyncState{};
      return true;
    }
    if (path != "config" || after == nullptr) return false;
    const auto config = parse_json(after->value, "config");
    if (config) on_ = parse_settings(*config).synchronous();
    return true;
  }
  bool on() const { return on_; }
  bool exists() const { return exists_; }
  const SyncState& state() const { return state_; }

 private:
  bool on_ = false;
  bool exists_ = false;
  SyncState state_;
};

// Whether these standbys can let a commit be acknowledged.
bool lets_pass(const SyncNames& names, const NameSet& standbys) {
  if (names.kind == SyncNames::Kind::nobody) return true;
  const auto named = std::count_if(standbys.begin(), standbys.end(), [&](const std::string& standby) {
    return names.anybody() || names.names.contains(standby);
  });
  return static_cast<std::size_t>(named) >= names.needed;
}

// Calls `visit` with every subset of the nodes' names, by its bits.
NameSet subset(const std::vector<std::unique_ptr<Node>>& nodes, unsigned bits) {
  NameSet out;
  for (const auto& node : nodes) {
    if ((bits >> static_cast<unsigned>(node->index) & 1U) != 0) out.insert(node->name.str());
  }
  return out;
}

// I5: what was acknowledged under a leader's claim of /sync, or was waited for, is in the history of every later
// leader. Commits that nobody was told of may appear or not (F66).
class NothingAcknowledgedLost final : public Checker {
 public:
  using Checker::Checker;

  void key_changed(const std::string& path, const StoreKey*, const StoreKey* after, int) override {
    keys_.note(path, after);
    // Switched off, or the key was taken away by hand: from here on it is asynchronous replication until it is back.
    const bool void_now = !keys_.on() || (path == "sync" && after == nullptr) || path == "initialize";
    if (!void_now) return;
    promised_.clear();
    left_at_ = 0;
  }

  void acknowledged(Node& node, RecordId record) override {
    if (!keys_.on() || !keys_.exists()) return;
    const bool claimed = same_name(keys_.state().leader, node.name);
    const bool waited = node.server.waits_for().kind != SyncNames::Kind::nobody;
    if (!claimed && !waited) return;
    const Wal& wal = sim_.postgres().wal;
    // A person put another leader in its place, and in pause it goes on: so it was asked for (I14).
    if (!claimed && by_hand_ && leader_ != node.index) return;
    // A leader of the past: what its standbys confirm to it now is not in the history that its successor began with.
    if (!claimed && left_at_ != 0 && leader_ != node.index && wal.common(left_at_, record) != record) {
      return sim_.violated("I5", fmt::format("{} acknowledges a commit at {} after n{} was promoted without it",
                                             node.name.str(), to_string(wal.at(record).end), leader_ + 1));
    }
    std::erase_if(promised_, [&](RecordId old) { return wal.common(old, record) == old; });
    promised_.push_back(record);
  }

  void decided(Node& node, const Observation& o, const Decision&) override {
    if (!o.cluster.is_known() || !o.cluster->failover.exists()) return;
    const auto& request = o.cluster->failover.value;
    if (request.leader.empty() && request.candidate == node.name) asked_at_[node.index] = sim_.world().now();
  }

  void promoted(Node& node, std::uint32_t fork) override {
    const Wal& wal = sim_.postgres().wal;
    const RecordId start = wal.fork(fork).parent;
    const auto lost = [&](RecordId record) { return wal.common(start, record) != record; };
    // The whole node stood still in the middle of it, and its agent ends the server now, before anybody gets through to
    // it (F03). What it acknowledged all the same is judged above.
    const bool woke_up = !node.able() || sim_.world().now() - node.able_since() < 100ms;
    if (woke_up && sim_.leader_node() != &node) return;
    if (sim_.comes_too_late(node)) return;
    const auto asked = asked_at_.find(node.index);
    const bool by_hand = asked != asked_at_.end() && sim_.world().now() - asked->second < sim_.params().ttl;
    by_hand_ = by_hand;
    left_at_ = by_hand ? 0 : start;
    leader_ = node.index;
    const auto victim = std::find_if(promised_.begin(), promised_.end(), lost);
    if (victim == promised_.end()) return;
    if (by_hand) {
      std::erase_if(promised_, lost);
      return;
    }
    sim_.violated("I5",
                  fmt::format("{} is promoted at {} and lacks a commit at {} that n{} acknowledged", node.name.str(),
                              to_string(wal.at(start).end), to_string(wal.at(*victim).end), wal.at(*victim).node + 1));
  }

 private:
  SyncKeys keys_;
  std::vector<RecordId> promised_;  // the newest of every branch
  std::map<int, Duration> asked_at_;
  bool by_hand_ = false;  // the last promotion was a person's wish
  RecordId left_at_ = 0;  // where the last promotion left the history that everybody had; 0: it was a person's wish
  int leader_ = -1;       // who was promoted there
};

// I7: every set that lets a commit pass meets every set that elects.
class SyncOverlap final : public Checker {
 public:
  using Checker::Checker;

  void key_changed(const std::string& path, const StoreKey*, const StoreKey* after, int) override {
    if (keys_.note(path, after)) judge();
  }
  void sync_names_changed(Node&) override { judge(); }
  void server_changed(Node&) override { judge(); }

 private:
  void judge() {
    if (!keys_.on() || !keys_.exists() || keys_.state().standbys.empty()) return;
    // As it was put back nobody is elected by it (F34).
    const auto before = sim_.store().put_back_over("sync");
    const StoreKey* now = sim_.store().find("sync");
    if (before && now != nullptr && *before != now->value) return;
    for (auto& node : sim_.nodes()) {
      if (same_name(node->name, keys_.state().leader) && node->server.is_open()) judge(*node);
    }
  }
  void judge(Node& leader) {
    const SyncNames names = leader.server.waits_for();
    const auto& state = keys_.state();
    const auto votes = static_cast<std::size_t>(state.quorum.value_or(0)) + 1;
    const unsigned sets = 1U << sim_.nodes().size();
    for (unsigned elect = 0; elect < sets; ++elect) {
      const auto electors = subset(sim_.nodes(), elect);
      const bool all_voters = std::all_of(electors.begin(), electors.end(),
                                          [&](const auto& name) { return state.lists(MemberName(name)); });
      if (electors.size() != votes || !all_voters) continue;
      for (unsigned pass = 0; pass < sets; ++pass) {
        const auto standbys = subset(sim_.nodes(), pass);
        if ((elect & pass) != 0 || standbys.contains(leader.name.str()) || !lets_pass(names, standbys)) continue;
        return sim_.violated("I7", fmt::format("commits on {} wait for '{}', but /sync is {}", leader.name.str(),
                                               print_sync_names(names), print_sync(state)));
      }
    }
  }

  SyncKeys keys_;
};

// I17: on a node that is losing the lead, or has lost it, commits never wait for less than before while there are
// clients.
class NoEarlyRelax final : public Checker {
 public:
  using Checker::Checker;

  void decided(Node& node, const Observation& o, const Decision& d) override {
    bool stops = d.memory.demotion.has_value();
    if (o.job.running) stops = stops || std::holds_alternative<job::Stop>(*o.job.running);
    for (const auto& action : d.actions) {
      const auto* start = std::get_if<action::StartJob>(&action);
      stops = stops || (start != nullptr && std::holds_alternative<job::Stop>(start->spec));
    }
    going_down_[node.index] = stops;
  }

  void sync_names_requested(Node& node, const std::optional<std::string>& names) override {
    if (!node.server.is_open()) return;
    const bool leads = sim_.leader_node() == &node && lease_valid(node.lease, node.clock.boot());
    if (leads && !going_down_[node.index]) return;
    // The step had begun when the agent was frozen, and ends as it thaws (F02). Whoever was elected meanwhile was so
    // from a set that meets both the old and the new names (I7).
    if (node.able_since() == sim_.world().now()) return;
    const SyncNames before = node.server.waits_for();
    const SyncNames after = parse_sync_names(names.value_or("")).value_or(SyncNames{});
    for (unsigned bits = 0; bits < 1U << sim_.nodes().size(); ++bits) {
      const auto standbys = subset(sim_.nodes(), bits);
      if (lets_pass(before, standbys) || !lets_pass(after, standbys)) continue;
      return sim_.violated("I17", fmt::format("{} is losing the lead and lets commits wait for '{}' instead of '{}'",
                                              node.name.str(), print_sync_names(after), print_sync_names(before)));
    }
  }

 private:
  std::map<int, bool> going_down_;
};

}  // namespace

void add_sync_checkers(Simulation& sim, Checkers& checkers) {
  checkers.push_back(std::make_unique<NothingAcknowledgedLost>(sim));
  checkers.push_back(std::make_unique<SyncOverlap>(sim));
  checkers.push_back(std::make_unique<NoEarlyRelax>(sim));
}

}  // namespace regent::sim
