// Links between the endpoints of a run: the nodes 0..n-1, then the members of the store, then a server of another
// cluster. Every direction can be cut on
// its own (F41-F43). A cut link is a black hole, the cruel case (F47).
#pragma once

#include <vector>

#include "sim/world.h"

namespace regent::sim {

class Network {
 public:
  Network(World& world, int nodes, int store_members)
      : world_(world),
        nodes_(nodes),
        store_members_(store_members),
        cut_(static_cast<std::size_t>((nodes + store_members + 1) * (nodes + store_members + 1)), 0) {}

  int nodes() const { return nodes_; }
  int store_members() const { return store_members_; }
  int endpoints() const { return nodes_ + store_members_; }  // of this cluster
  int outside_endpoint() const { return nodes_ + store_members_; }
  int store_endpoint(int member) const { return nodes_ + member; }

  bool passes(int from, int to) const { return cut_[index(from, to)] == 0; }
  bool connected(int a, int b) const { return passes(a, b) && passes(b, a); }
  // Cuts are counted: two faults may cut the same link, and both have to end.
  void cut(int from, int to) { ++cut_[index(from, to)]; }
  void mend(int from, int to) {
    if (cut_[index(from, to)] > 0) --cut_[index(from, to)];
  }
  void mend_all() { cut_.assign(cut_.size(), 0); }

  // One way, of one message.
  Duration latency() {
    Rng& rng = world_.rng();
    if (rng.chance(0.01)) return rng.between(std::chrono::milliseconds(5), std::chrono::milliseconds(80));
    return rng.between(std::chrono::microseconds(150), std::chrono::microseconds(1500));
  }

 private:
  std::size_t index(int from, int to) const { return static_cast<std::size_t>(from * (endpoints() + 1) + to); }

  World& world_;
  int nodes_;
  int store_members_;
  std::vector<int> cut_;
};

}  // namespace regent::sim
