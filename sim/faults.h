// What goes wrong, when, and for how long. Every fault can be undone; healing undoes all of them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "sim/params.h"
#include "sim/pg_server.h"
#include "sim/store.h"
#include "sim/world.h"

namespace regent::sim {

class Node;
class Simulation;

class Faults {
 public:
  explicit Faults(Simulation& sim) : sim_(sim) {}

  // Injects from `from` to `until`.
  void begin(Duration from, Duration until);
  void heal_all();
  int injected() const { return injected_; }
  bool none_active() const { return active_.empty(); }
  // Nothing is wrong but that the leader, or everybody, does not reach the store.
  bool only_store_outage() const;
  // How many faults of another kind began so far: some are over before anybody looks.
  int others() const { return others_; }
  // The processes of this node are meant to be as they are.
  bool strikes(int node) const { return struck_.count(node) > 0; }

  // --- what some faults wait for ---
  void key_changed(const std::string& path, const StoreKey* after, int by);
  void promotion_begins(Node& node);
  void promoted(Node& node);

 private:
  using Undo = std::function<void()>;
  void next(Duration until);
  // Nullopt-like empty function: it was not possible now.
  Undo inject(FaultKind kind);
  Undo inject_process(FaultKind kind);
  Undo inject_server(FaultKind kind);
  Undo inject_store(FaultKind kind);
  Undo inject_request(FaultKind kind);
  Undo inject_disk(FaultKind kind);
  Undo inject_remote(FaultKind kind);
  Undo slow_down_recovery();
  Undo lose_data_of_running();
  Undo spoil_promotions();
  Undo forbid_leading();
  Undo promote_by_hand();
  Undo wake_old_leader();
  Undo promote_in_vain();
  Undo start_twin();
  void end_twin();
  // It goes down at once, and comes back with the undo of the fault.
  Undo cut_power(Node& node);
  Undo cut_all_power();
  Undo leave_laggard_alone();
  Undo keep_dead_branch();
  Undo restore_voter();
  Undo restore_store();
  void put_back(std::shared_ptr<const Store::Backup> backup);
  void spoil_bootstrap(Node& node);
  void cut_off_from_store(int node);
  void reach_store_again(int node);
  // Nothing is wrong, and nothing else will be for a while.
  bool alone() const;
  Undo cut_links();
  Undo blind_leader();
  Undo cut_off_leader();
  Undo delete_key();
  Undo edit_key();
  Undo lose_data();
  Undo remove_wal();
  Node* some_node();
  Node* some_able_node();
  // One fault of the processes of a node at a time.
  Node* some_sound_node();
  // Part of a fault, later; not once everything was healed.
  void in(Duration delay, std::function<void()> part);
  Undo nothing() const {
    return [] {};
  }

  Simulation& sim_;
  void begin_with_outage(Duration from);
  void lose_store_in_promotion(int index, bool with_agent);
  void pause_promotion(int index);
  void activate(FaultKind kind, Undo undo, Duration length);

  struct Active {
    FaultKind kind;
    Undo undo;
  };
  std::map<int, Active> active_;
  std::set<int> struck_;  // nodes under a process fault
  int injected_ = 0;
  int others_ = 0;
  Duration quiet_until_{};
  Duration crashed_until_{};  // a primary crashed while nothing but the store is away
  bool opening_ = false;      // it is at the leader that the first fault hurts
  bool bootstrap_spoilt_ = false;
  bool copy_lost_ = false;
  bool healed_ = false;
  enum class Goes { nothing, lock, store, agent, pause };
  Goes goes_ = Goes::nothing;  // of whoever is promoted next, while it is
  bool in_vain_ = false;       // whoever is promoted next dies of it
  // Asleep with a decision to take the lock, until somebody else led.
  struct Sleeper {
    int node = 0;
    bool replaced = false;
  };
  std::optional<Sleeper> sleeper_;
  // A machine that stands in the place of another one, which is down.
  struct Twin {
    int node = 0;
    int original = 0;
    Disk kept;  // of the one that is down
  };
  std::optional<Twin> twin_;
};

}  // namespace regent::sim
