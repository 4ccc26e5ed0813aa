// One run: builds the world of a seed, lets faults loose, heals everything, and demands that the cluster comes back.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "sim/checker.h"
#include "sim/faults.h"
#include "sim/node.h"
#include "sim/params.h"
#include "sim/sabotage.h"

namespace regent::sim {

struct Outcome {
  std::vector<Violation> violations;
  std::map<int, std::uint64_t> rules;  // hits
  Duration virtual_time{};
  std::uint64_t events = 0;
  std::uint64_t decisions = 0;
  std::uint64_t commits = 0;
  int faults = 0;
  int leader_changes = 0;
  int promotions = 0;
  int slot_takeovers = 0;  // the consumer of the logical slot went on at another node
};

class Simulation final : public PgListener, public DcsListener, public StepListener {
 public:
  Simulation(Params params, const Sabotage* sabotage, bool tracing);
  ~Simulation() override;

  Outcome run();

  const Params& params() const { return params_; }
  World& world() { return world_; }
  Network& network() { return network_; }
  Store& store() { return store_; }
  PgWorld& postgres() { return postgres_; }
  // The primary of the cluster that this one follows while it is a standby cluster. It may not be there.
  PgServer& remote() { return *remote_; }
  const Sabotage* sabotage() const { return sabotage_; }
  std::vector<std::unique_ptr<Node>>& nodes() { return nodes_; }
  Node& node(int index) { return *nodes_[static_cast<std::size_t>(index)]; }
  Node* leader_node();          // whom the leader key names
  bool paused() const;          // as the store says
  bool follows_remote() const;  // a standby cluster, likewise
  bool copies_remote() const;   // and the server that it follows is there
  // Paused, or resumed so lately that agents need not know it yet (I14).
  bool hands_off() const;
  int leader_changes() const { return outcome_.leader_changes; }
  void note_slot_takeover() { ++outcome_.slot_takeovers; }
  bool somebody_has_data() const;
  // Who leads has something to lead with.
  bool leader_has_data();
  // A promotion that was given up long ago, while somebody else leads: it is ended, and who may write meanwhile is
  // judged elsewhere (I1, I3).
  bool comes_too_late(const Node& node);
  int faults_injected() const { return faults_.injected(); }
  const Faults& faults() const { return faults_; }

  // A leader, everybody else streaming from the same history.
  bool has_writable_leader();
  bool settled();
  // Everybody who does not stream names a condition, and a person has to act (L3).
  std::string why_not_settled();

  void decided(Node& node, const Observation& observation, const Decision& decision);
  void agent_changed(Node& node);
  // A round of failsafe requests of this node ended, and this is what was really answered.
  void round_ended(Node& node, const FailsafeRound& round, Duration counted);
  void violated(std::string invariant, std::string text);

  // --- listeners: each tells all checkers ---
  void server_changed(PgServer& server) override;
  void promoted(PgServer& server, std::uint32_t fork) override;
  void initialized(PgServer& server) override;
  void record_written(PgServer& server, RecordId record) override;
  void record_restored(PgServer& server, RecordId record) override;
  void acknowledged(PgServer& server, RecordId record) override;
  void sync_names_changed(PgServer& server) override;
  void sync_names_requested(int node, const std::optional<std::string>& names) override;
  void view_read(int node, std::shared_ptr<const ClusterView> view) override;
  void lease_confirmed(int node, const LeaseGrant& grant) override;
  void write_requested(int node, const std::string& path, Version expect) override;
  void release_requested(int node) override;
  void start_requested(int node, const job::Start& spec) override;
  void promote_requested(int node) override;
  void initdb_requested(int node) override;
  void removal_requested(int node) override;

 private:
  void key_changed(const std::string& path, const StoreKey* before, const StoreKey* after, int by);
  void tick();
  void pump(Node& node);
  void commit(Node& node);
  void commit_outside();
  // There is a leader as the store says there should be one: a primary, or one that follows the remote server.
  bool led();
  void recover();
  bool stuck_by_policy(Node& node);
  // Too few of those who may be elected still have what they confirmed: all others are copies that never caught up with
  // a leader. What is lost only a person can know.
  bool only_copies_may_be_elected();
  // Which they do: whoever has most. False: nobody is to be named, or nobody can be.
  bool name_somebody();

  Params params_;
  const Sabotage* sabotage_;
  World world_;
  Network network_;
  Store store_;
  PgWorld postgres_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::unique_ptr<PgServer> remote_;
  std::vector<std::unique_ptr<Checker>> checkers_;
  Faults faults_;
  Outcome outcome_;
  std::string last_leader_;
  Duration hands_off_until_{};
  std::vector<std::vector<Condition>> conditions_;  // of every node's last decision
};

}  // namespace regent::sim
