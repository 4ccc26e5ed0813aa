// What goes wrong, when, and for how long. Every fault can be undone; healing undoes all of them.
#pragma once

#include <functional>
#include <map>
#include <set>

#include "sim/params.h"
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
  // The processes of this node are meant to be as they are.
  bool strikes(int node) const { return struck_.count(node) > 0; }

 private:
  using Undo = std::function<void()>;
  void next(Duration until);
  // Nullopt-like empty function: it was not possible now.
  Undo inject(FaultKind kind);
  Undo inject_process(FaultKind kind);
  Undo inject_server(FaultKind kind);
  Undo inject_store(FaultKind kind);
  Undo inject_request(FaultKind kind);
  Undo cut_links();
  Undo blind_leader();
  Undo cut_off_leader();
  Undo delete_key();
  Undo lose_data();
  Node* some_node();
  Node* some_able_node();
  // One fault of the processes of a node at a time.
  Node* some_sound_node();
  Undo nothing() const {
    return [] {};
  }

  Simulation& sim_;
  void begin_with_outage(Duration from);
  void activate(FaultKind kind, Undo undo, Duration length);

  struct Active {
    FaultKind kind;
    Undo undo;
  };
  std::map<int, Active> active_;
  std::set<int> struck_;  // nodes under a process fault
  int injected_ = 0;
  Duration quiet_until_{};
};

}  // namespace regent::sim
