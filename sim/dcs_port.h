// The store as one agent's adapter sees it: requests travel to one member and back, either way may be lost (F32), a
// member without a majority answers nothing (F29), the watch may be dead without a sign (F30).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ports/dcs.h"
#include "sim/agent_process.h"
#include "sim/host_clock.h"
#include "sim/store.h"

namespace regent::sim {

// Faults of the way between one node and the store. They outlive the agent's process.
struct StoreLink {
  double lose_reply = 0;      // after the request was applied
  bool watch_silent = false;  // nothing comes through the watch
};

// What checkers hear of an agent's dealings with the store.
class DcsListener {
 public:
  virtual ~DcsListener() = default;
  virtual void view_read(int node, std::shared_ptr<const ClusterView> view) = 0;
  virtual void lease_confirmed(int node, const LeaseGrant& grant) = 0;
  virtual void write_requested(int node, const std::string& path, Version expect) = 0;
  virtual void release_requested(int node) = 0;
};

class DcsPort final : public Dcs {
 public:
  struct Parts {
    World& world;
    Network& network;
    Store& store;
    HostClock& clock;
    AgentProcess& process;
    const StoreLink& link;
    DcsListener& listener;
    int node;
    MemberName name;
  };
  explicit DcsPort(Parts parts);

  // The store tells of a change of a key that decisions depend on.
  void notify();

  Task<Result<ClusterView>> read(Instant deadline) override;
  Task<void> changed(Instant until) override;
  void set_ttl(Duration ttl) override { ttl_ = ttl; }
  Task<Result<void>> keep_session(Instant deadline) override;
  std::string session() const override { return session_; }
  Task<Result<LeaseGrant>> acquire_leader(action::AcquireLeader lock, Instant deadline) override;
  bool takes_over() const override { return true; }
  Task<Result<LeaseGrant>> take_over(action::TakeOver take, Instant deadline) override;
  Task<Result<LeaseGrant>> renew_leader(Version version, Instant deadline) override;
  Task<Result<void>> release_leader(Version version, Instant deadline) override;
  Task<Result<Version>> write(action::WriteKey write, Instant deadline) override;
  Task<Result<void>> erase(action::DeleteKey erase, Instant deadline) override;
  Task<Result<void>> write_member(std::string value, Instant deadline) override;
  Task<Result<void>> erase_member(Instant deadline) override;
  Task<void> close(Instant deadline) override;

  // For sabotages: the leader key without asking who has it.
  Task<Result<LeaseGrant>> seize_leader(action::AcquireLeader lock, Instant deadline);
  // The takeover without comparing /sync.
  Task<Result<LeaseGrant>> take_over_blindly(action::TakeOver take, Instant deadline);

 private:
  struct LeaderSeen {
    bool mine = false;
    Version version;
    std::string holder;  // empty: nobody
  };
  // Sends a request; `apply` runs in the store and must not touch this port, which may be gone by then.
  template <class R>
  Task<Result<R>> call(std::function<R()> apply, Instant deadline, bool repeatable);
  template <class R>
  void attempt(std::shared_ptr<Wait<Result<R>>> wait, std::shared_ptr<const std::function<R()>> apply, Duration until,
               bool repeatable);
  Task<Result<void>> ensure_session(Instant deadline);
  Task<Result<LeaderSeen>> look_at_leader(Instant deadline);
  using Put = std::function<std::optional<Version>(Store& store, const std::string& session)>;
  Task<Result<LeaseGrant>> take_leader(Put put, Instant deadline);
  Task<Result<LeaseGrant>> put_leader(std::vector<Store::Replacement> keys, Instant deadline);
  LeaseGrant grant(Version version, Instant sent);

  // Which of the store's histories it knows, and when it last answered: another one counts once nobody has answered for
  // that one for longer than any lease lives.
  struct Witness {
    int restored = 0;
    Duration heard{};
    bool accept(int by, Duration now, Duration ttl);
  };

  Parts p_;
  std::shared_ptr<Witness> witness_;
  std::shared_ptr<int> endpoint_;  // member of the store it talks to
  Duration ttl_ = std::chrono::seconds(30);
  Duration session_ttl_{};
  std::string session_;
  bool changed_ = true;
  std::shared_ptr<Wait<bool>> watcher_;
};

}  // namespace regent::sim
