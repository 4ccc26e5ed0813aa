// Ports for tests of the agent: virtual time on an io_context, every call recorded, every call suspended at least once.
#pragma once

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.h"

namespace regent::test {

// Time, and everybody who waits for it.
class World {
 public:
  ~World() { context_.reset(); }

  Instant now = Instant{} + std::chrono::hours(1000);
  WallTime wall = WallTime{} + std::chrono::hours(24 * 365 * 50);

  boost::asio::io_context& context() { return *context_; }
  // Returns at `until`, or when signal(kind) is called, or when cancelled.
  Task<void> wait(std::string kind, Instant until);
  // Takes `delay` of virtual time, and one suspension even when that is zero.
  Task<void> spend(Duration delay);
  void signal(const std::string& kind);
  bool waiting(const std::string& kind) const;

  // Runs whatever can run without time passing.
  void settle();
  // Lets time pass, stopping at every wait that ends on the way.
  void advance(Duration duration);
  // Time jumps: nothing runs in between, like a frozen process.
  void freeze(Duration duration) {
    now += duration;
    wall += std::chrono::duration_cast<WallTime::duration>(duration);
  }
  // Runs one handler. False when there is none.
  bool step() { return context_->poll_one() > 0 || (context_->restart(), false); }
  std::optional<Instant> next_deadline() const;
  void release_due();

  void destroy_context() { context_.reset(); }

 private:
  using Channel = boost::asio::experimental::channel<void(boost::system::error_code)>;
  struct Waiter {
    std::string kind;
    Instant until;
    Channel* channel;
  };
  struct Registration;

  std::unique_ptr<boost::asio::io_context> context_ = std::make_unique<boost::asio::io_context>(1);
  std::list<Waiter> waiters_;
};

class FakeClock : public Clock {
 public:
  explicit FakeClock(World& world) : world_(world) {}
  Instant now() const override { return world_.now; }
  WallTime wall() const override { return world_.wall; }
  Task<void> sleep_until(Instant until) override { return world_.wait("clock", until); }

 private:
  World& world_;
};

class FakeDcs : public Dcs {
 public:
  explicit FakeDcs(World& world) : world_(world) {}

  std::vector<std::string> calls;
  Duration delay{};                                 // of every call
  std::map<std::string, std::deque<Error>> errors;  // by call; consumed
  ClusterView view;
  std::string lease = "session-1";
  Duration ttl = std::chrono::seconds(30);
  std::function<void()> before_write;  // e.g. somebody else writes first
  std::vector<action::WriteKey> writes;

  Task<Result<ClusterView>> read(Instant deadline) override;
  Task<void> changed(Instant until) override { return world_.wait("dcs", until); }
  void set_ttl(Duration value) override { ttl = value; }
  Task<Result<void>> keep_session(Instant deadline) override { return simple("keep_session", deadline); }
  std::string session() const override { return lease; }
  Task<Result<LeaseGrant>> acquire_leader(action::AcquireLeader, Instant deadline) override {
    return grant("acquire", deadline);
  }
  bool takes_over() const override { return true; }
  Task<Result<LeaseGrant>> take_over(action::TakeOver, Instant deadline) override {
    return grant("take over", deadline);
  }
  Task<Result<LeaseGrant>> renew_leader(Version, Instant deadline) override { return grant("renew", deadline); }
  Task<Result<void>> release_leader(Version, Instant deadline) override { return simple("release", deadline); }
  Task<Result<Version>> write(action::WriteKey key, Instant deadline) override;
  Task<Result<void>> erase(action::DeleteKey, Instant deadline) override { return simple("erase", deadline); }
  Task<Result<void>> write_member(std::string, Instant deadline) override { return simple("write_member", deadline); }
  Task<Result<void>> erase_member(Instant deadline) override { return simple("erase_member", deadline); }
  Task<void> close(Instant deadline) override;

  int count(const std::string& call) const;

 private:
  Task<Result<void>> simple(std::string call, Instant deadline);
  Task<Result<LeaseGrant>> grant(std::string call, Instant deadline);

  World& world_;
};

class FakePostgres : public Postgres {
 public:
  explicit FakePostgres(World& world) : world_(world) {}

  std::vector<std::string> calls;
  std::vector<std::string> callbacks;
  Duration delay{};
  std::map<std::string, Duration> takes;            // by call: longer than its deadline is a timeout
  std::map<std::string, std::deque<Error>> errors;  // by call; consumed
  PostgresFacts facts;
  bool remembers = true;  // whose leader lock it had
  std::vector<RefusedParameter> refused;
  Json cached;
  Json config;
  int cancelled = 0;

  Task<PostgresFacts> observe(Instant deadline) override;
  Task<void> changed(Instant until) override { return world_.wait("postgres", until); }
  void set_config(const Json& dynamic_config) override { config = dynamic_config; }
  Task<Result<bool>> apply_config(Instant deadline) override;
  Task<Result<std::vector<RefusedParameter>>> check_config(Json dynamic_config, Instant deadline) override;
  Json cached_dynamic_config() const override { return cached; }
  Task<Result<void>> initdb(Instant deadline) override { return step("initdb", deadline); }
  Task<Result<void>> bootstrap_roles(Instant deadline) override { return step("roles", deadline); }
  Task<Result<void>> start(job::Start spec, Instant deadline) override {
    return step(spec.as_primary ? "start primary" : "start replica", deadline);
  }
  Task<Result<void>> before_stop(Instant deadline) override { return step("before stop", deadline); }
  Task<Result<void>> stop(StopMode mode, Instant deadline) override {
    if (mode == StopMode::fast_without_decoding) return step("stop without decoding", deadline);
    if (mode == StopMode::fast_without_replication) return step("stop without replication", deadline);
    return step(mode == StopMode::fast ? "stop fast" : "stop immediate", deadline);
  }
  Task<Result<void>> archive_shutdown(Instant deadline) override { return step("archive", deadline); }
  Task<Result<void>> kill_tree(Instant deadline) override { return step("kill", deadline); }
  Task<Result<void>> before_promotion(job::Promote, Instant deadline) override { return step("hook", deadline); }
  Task<Result<void>> promote(Timeline, Instant deadline) override { return step("promote", deadline); }
  Task<Result<void>> checkpoint(Instant deadline) override { return step("checkpoint", deadline); }
  Task<Result<void>> follow(Upstream, Instant deadline) override { return step("follow", deadline); }
  Task<Result<void>> clone(Upstream, Instant deadline) override { return step("clone", deadline); }
  Task<Result<void>> crash_recovery(Instant deadline) override { return step("crash recovery", deadline); }
  Task<Result<void>> rewind(Upstream, Instant deadline) override { return step("rewind", deadline); }
  Task<Result<void>> remove_data(job::RemoveData, Instant deadline) override { return step("remove", deadline); }
  Task<Result<void>> probe(Upstream, Instant deadline) override { return step("probe", deadline); }
  Task<Result<UpstreamHistory>> upstream_history(action::GatherUpstreamHistory question, Instant deadline) override;
  Task<Result<void>> fetch_histories(action::FetchHistories, Instant deadline) override {
    return step("fetch histories", deadline);
  }
  Task<Result<History>> local_history(Timeline timeline, Instant deadline) override;
  Task<Result<std::string>> branch_time(Timeline, Lsn, Instant) override {
    co_return fail(ErrorKind::not_found, "no such WAL");
  }
  Task<Result<void>> set_sync_names(std::optional<std::string>, Instant deadline) override {
    return step("sync names", deadline);
  }
  Task<Result<void>> create_slot(std::string, Instant deadline) override { return step("create slot", deadline); }
  Task<Result<void>> drop_slot(std::string, Instant deadline) override { return step("drop slot", deadline); }
  Task<Result<void>> create_logical_slot(action::SyncSlots::Logical, Instant deadline) override {
    return step("create logical slot", deadline);
  }
  Task<Result<void>> advance_slot(action::SyncSlots::Advance, Instant deadline) override {
    return step("advance slot", deadline);
  }
  Task<Result<void>> forget_copy(Instant deadline) override { return step("forget copy", deadline); }
  Task<Result<void>> mark_slots(bool, Instant deadline) override { return step("mark slots", deadline); }
  Task<Result<void>> record_lock(std::string session, Instant) override {
    if (!remembers) co_return fail(ErrorKind::failed, "the disk is full");
    facts.data.lock_session = std::move(session);
    co_return Result<void>{};
  }
  Task<Result<UpstreamSlots>> upstream_slots(Upstream source, Instant deadline) override;
  Task<Result<std::vector<SlotCopy>>> read_slots(Upstream source, std::vector<std::string> names,
                                                 Instant deadline) override;
  Task<Result<void>> write_slots(std::vector<SlotCopy>, Instant deadline) override {
    return step("write slots", deadline);
  }
  void run_callback(std::string_view action, std::string_view role) override;
  std::string progress() const override { return ""; }

  int count(const std::string& call) const;
  void run_server(bool in_recovery);
  void stop_server();

 private:
  Task<Result<void>> step(std::string call, Instant deadline);

  World& world_;
};

class FakePeers : public Peers {
 public:
  explicit FakePeers(World& world) : world_(world) {}
  int asked = 0;
  std::vector<std::string> failsafe_refused;  // names of members that do not agree
  FailsafeRequest failsafe_request;
  Task<PeersFacts> ask(std::vector<Member> members, Instant deadline) override;
  Task<FailsafeRound> ask_failsafe(FailsafeMembers members, FailsafeRequest request, Instant deadline) override;

 private:
  World& world_;
};

class FakeGuard : public Guard {
 public:
  explicit FakeGuard(World& world) : world_(world) { facts_.mode = FenceMode::automatic; }

  std::string broken;              // cannot be armed, because of this
  std::vector<Instant> deadlines;  // it was armed with, in order
  GuardFacts& told() { return facts_; }

  GuardFacts facts() const override { return facts_; }
  Task<void> arm(Instant deadline, bool, Instant) override {
    auto work = world_.spend(Duration{});
    co_await std::move(work);
    facts_.state = broken.empty() ? GuardFacts::State::armed : GuardFacts::State::failed;
    facts_.why = broken;
    facts_.deadline = deadline;
    if (broken.empty()) deadlines.push_back(deadline);
  }
  Task<void> disarm(Instant) override {
    facts_.state = GuardFacts::State::idle;
    co_return;
  }
  Task<void> changed(Instant until) override { return world_.wait("guard", until); }

 private:
  World& world_;
  GuardFacts facts_;
};

class FakeWatchdog : public Watchdog {
 public:
  std::vector<std::string> calls;
  WatchdogFacts told;

  WatchdogFacts facts() const override { return told; }
  void activate(const FenceOrder&) override {
    calls.emplace_back("activate");
    told.state = WatchdogFacts::State::active;
  }
  void keep_alive() override { calls.emplace_back("keep alive"); }
  void close() override {
    calls.emplace_back("close");
    told.state = WatchdogFacts::State::closed;
  }
};

// An agent in that world whose decisions the test writes.
class AgentFixture {
 public:
  AgentFixture();
  ~AgentFixture();

  // The next decisions, in order; after them, idle ones.
  std::deque<std::function<Decision(const Observation&, const Memory&)>> script;
  std::vector<Observation> seen;
  std::vector<Memory> memories;  // as given to each decision
  std::vector<std::pair<Action, bool>> acted;

  World world;
  FakeClock clock{world};
  FakeDcs dcs{world};
  FakePostgres postgres{world};
  FakePeers peers{world};
  FakeGuard guard{world};
  FakeWatchdog watchdog;
  SnapshotBoard board;
  std::unique_ptr<Agent> agent;
  std::optional<int> exit_code;

  void start();
  // Adds a decision with these actions.
  void then(std::vector<Action> actions, Duration wake_in = std::chrono::seconds(10));
  std::size_t cycles() const { return seen.size(); }
  // Takes the lease and settles: one scripted cycle.
  void lead();

 private:
  Decision decide(const Observation& observation, const Memory& memory);
};

}  // namespace regent::test
