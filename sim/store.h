// The model of the store: linearizable keys with versions and leases, as etcd has them. It has several members; one
// that does not reach a majority answers nothing. What a client on a node sees of it is sim/dcs_port.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/cluster_view.h"
#include "sim/network.h"
#include "sim/world.h"

namespace regent::sim {

struct StoreKey {
  std::string value;
  Version version;
  std::string session;  // empty: a key of its own
};

// `by` is the index of the node whose request it was; -1: a lease ended or a person did it.
using KeyListener = std::function<void(const std::string& path, const StoreKey* before, const StoreKey* after, int by)>;

class Store {
 public:
  Store(World& world, Network& network);

  // --- availability ---
  bool serves(int member) const;  // up and in touch with a majority
  bool any_serves() const;
  void set_up(int member, bool up);
  void set_delay(Duration low, Duration high) { delay_low_ = low, delay_high_ = high; }  // F27
  Duration processing_delay() { return world_.rng().between(delay_low_, delay_high_); }
  // How late leases end beyond their time (F31).
  void set_expiry_lateness(Duration most) { lateness_ = most; }
  // Connectivity may have changed: leases do not end while nobody leads the store, and live their full length again
  // under a new leader, as etcd's do.
  void connectivity_changed();

  // --- requests, applied at once ---
  std::string grant(Duration ttl);
  bool keep_alive(const std::string& session);
  void revoke(const std::string& session, int by);
  bool session_lives(const std::string& session) const { return leases_.count(session) > 0; }
  // nullopt `expect`: unconditional. nullopt result: the condition did not hold, or the session is gone.
  std::optional<Version> put(const std::string& path, std::string value, std::optional<Version> expect,
                             const std::string& session, int by);
  // All of these keys, each at its own version, or none; the first is the leader key and goes with the session. nullopt
  // `expect`: not compared. Returns the version of the first.
  struct Replacement {
    std::string path;
    std::string value;
    std::optional<Version> expect;
  };
  std::optional<Version> put_all(const std::vector<Replacement>& keys, const std::string& session, int by);
  // Such a step is being told to the listeners.
  bool taking_over() const { return taking_over_; }
  bool erase(const std::string& path, std::optional<Version> expect, int by);

  // --- backups (F34): keys and leases as they were; whatever was written since is unknown to a store that goes back.
  struct Backup;
  std::shared_ptr<const Backup> save() const;
  // `renumbered`: under an older term, as a restored snapshot has it; else only its revision tells.
  void restore(const Backup& backup, bool renumbered);
  // How often that happened.
  int restored() const { return restored_; }
  // What a key said before, as long as nobody has written it since; empty: it was not there. nullopt: it is as somebody
  // wrote it.
  std::optional<std::string> put_back_over(const std::string& path) const;

  const StoreKey* find(const std::string& path) const;
  const std::map<std::string, StoreKey>& keys() const { return keys_; }
  std::shared_ptr<const ClusterView> view();
  std::uint64_t revision() const { return revision_; }

  void add_listener(KeyListener listener) { listeners_.push_back(std::move(listener)); }

 private:
  struct Lease {
    Duration ttl{};
    Duration refreshed{};
  };
  static constexpr std::uint64_t first_term = 100;
  void watch_expiry(const std::string& session, Duration at);
  void tell(const std::string& path, const StoreKey* before, const StoreKey* after, int by);

  World& world_;
  Network& network_;
  std::vector<bool> up_;
  Duration delay_low_{}, delay_high_{};
  Duration lateness_{};
  bool led_ = true;
  std::map<std::string, StoreKey> keys_;
  std::map<std::string, Lease> leases_;
  std::uint64_t revision_ = 1;
  std::uint64_t term_ = first_term;
  int restored_ = 0;
  std::map<std::string, std::string> put_back_;  // see put_back_over()
  std::uint64_t last_session_ = 0;
  std::shared_ptr<const ClusterView> view_;
  std::uint64_t view_revision_ = 0;
  bool taking_over_ = false;
  std::vector<KeyListener> listeners_;
};

}  // namespace regent::sim
