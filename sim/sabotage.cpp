#include "sim/sabotage.h"

#include <algorithm>

#include "core/sync.h"
#include "sim/dcs_port.h"
#include "sim/decorators.h"
#include "sim/guard_port.h"
#include "sim/peers_port.h"
#include "sim/pg_port.h"

namespace regent::sim {

namespace {

// A name and a sentence; the rest is what a sabotage overrides.
class Named : public Sabotage {
 public:
  Named(std::string_view name, std::string_view invariant, std::string_view what)
      : name_(name), invariant_(invariant), what_(what) {}
  std::string_view name() const override { return name_; }
  std::string_view what() const override { return what_; }
  std::string_view invariant() const override { return invariant_; }

 private:
  std::string_view name_, invariant_, what_;
};

bool has_stop(const Decision& d) {
  for (const auto& act : d.actions) {
    const auto* start = std::get_if<action::StartJob>(&act);
    if (start != nullptr && std::holds_alternative<job::Stop>(start->spec)) return true;
  }
  return false;
}

bool promotes(const Decision& d) {
  return std::any_of(d.actions.begin(), d.actions.end(), [](const Action& action) {
    const auto* start = std::get_if<action::StartJob>(&action);
    return start != nullptr && std::holds_alternative<job::Promote>(start->spec);
  });
}

// ------------------------------------------------------------------------------------------------ the store

class RenewWithoutConfirmation final : public Named {
  using Named::Named;
  class Port final : public DcsDecorator {
   public:
    Port(DcsPort& inner, HostClock& clock) : DcsDecorator(inner), clock_(clock) {}
    Task<Result<LeaseGrant>> renew_leader(Version version, Instant deadline) override {
      LeaseGrant hoped;
      hoped.session = inner_.session();
      hoped.version = version;
      hoped.sent = clock_.boot();
      hoped.ttl = std::chrono::seconds(30);
      auto confirmed = co_await inner_.renew_leader(version, deadline);
      if (confirmed) co_return confirmed;
      co_return hoped;
    }

   private:
    HostClock& clock_;
  };
  std::unique_ptr<Dcs> around(DcsPort& port, HostClock& clock) const override {
    return std::make_unique<Port>(port, clock);
  }
};

class ReadProvesLease final : public Named {
  using Named::Named;
  class Port final : public DcsDecorator {
   public:
    Port(DcsPort& inner, HostClock& clock) : DcsDecorator(inner), clock_(clock) {}
    Task<Result<LeaseGrant>> renew_leader(Version version, Instant deadline) override {
      auto view = co_await inner_.read(deadline);
      if (!view) co_return tl::unexpected(view.error());
      if (view->leader.version != version) co_return fail(ErrorKind::conflict, "the leader key is not ours");
      LeaseGrant grant;
      grant.session = inner_.session();
      grant.version = version;
      grant.sent = clock_.boot();
      grant.ttl = std::chrono::seconds(30);
      co_return grant;
    }

   private:
    HostClock& clock_;
  };
  std::unique_ptr<Dcs> around(DcsPort& port, HostClock& clock) const override {
    return std::make_unique<Port>(port, clock);
  }
};

class AcquireWithoutCompare final : public Named {
  using Named::Named;
  class Port final : public DcsDecorator {
   public:
    explicit Port(DcsPort& inner) : DcsDecorator(inner), port_(inner) {}
    Task<Result<LeaseGrant>> acquire_leader(action::AcquireLeader lock, Instant deadline) override {
      return port_.seize_leader(std::move(lock), deadline);
    }

   private:
    DcsPort& port_;
  };
  std::unique_ptr<Dcs> around(DcsPort& port, HostClock&) const override { return std::make_unique<Port>(port); }
};

// Whatever the store says about /initialize, it is taken for ours.
class ClaimAnyway final : public Named {
  using Named::Named;
  class Port final : public DcsDecorator {
   public:
    using DcsDecorator::DcsDecorator;
    Task<Result<Version>> write(action::WriteKey write, Instant deadline) override {
      const bool claim = write.key == action::Key::initialize;
      auto written = co_await inner_.write(std::move(write), deadline);
      if (!written && claim) co_return Version{1};
      co_return written;
    }
  };
  std::unique_ptr<Dcs> around(DcsPort& port, HostClock&) const override { return std::make_unique<Port>(port); }
  void tamper(Observation& o) const override {
    if (!o.cluster.is_known() || !o.cluster->initialize.exists() || !o.cluster->initialize.value.empty()) return;
    ClusterView view = *o.cluster;
    view.initialize_session = o.lease.session.empty() ? "none" : o.lease.session;
    o.lease.session = view.initialize_session;
    o.cluster = Fact<ClusterView>::known(std::move(view), o.cluster.at());
  }
};

class IgnoreSystemId final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    const auto& own = o.postgres.data.system_id;
    if (!o.cluster.is_known() || o.cluster->initialize.value.empty() || own.empty()) return;
    ClusterView view = *o.cluster;
    view.initialize.value = own.str();
    o.cluster = Fact<ClusterView>::known(std::move(view), o.cluster.at());
  }
};

// ------------------------------------------------------------------------------------------------- decisions

class PromoteWithoutLease final : public Named {
  using Named::Named;
  // Whatever the store answers to whoever wants the lock, it is taken for a yes.
  class Port final : public DcsDecorator {
   public:
    Port(DcsPort& inner, HostClock& clock) : DcsDecorator(inner), clock_(clock) {}
    Task<Result<LeaseGrant>> acquire_leader(action::AcquireLeader lock, Instant deadline) override {
      auto granted = co_await inner_.acquire_leader(lock, deadline);
      if (granted || granted.error().kind != ErrorKind::conflict) co_return granted;
      co_return hoped(lock.expect);
    }
    Task<Result<LeaseGrant>> renew_leader(Version version, Instant deadline) override {
      auto granted = co_await inner_.renew_leader(version, deadline);
      if (granted || granted.error().kind != ErrorKind::conflict) co_return granted;
      co_return hoped(version);
    }

   private:
    LeaseGrant hoped(Version version) {
      LeaseGrant grant;
      grant.session = inner_.session();
      grant.version = version;
      grant.sent = clock_.boot();
      grant.ttl = std::chrono::seconds(30);
      return grant;
    }
    HostClock& clock_;
  };
  std::unique_ptr<Dcs> around(DcsPort& port, HostClock& clock) const override {
    return std::make_unique<Port>(port, clock);
  }
  // It sees what it believes.
  void tamper(Observation& o) const override {
    if (!o.lease.held || !o.cluster.is_known()) return;
    ClusterView view = *o.cluster;
    view.leader = {o.self.name, o.lease.version, o.lease.session};
    o.cluster = Fact<ClusterView>::known(std::move(view), o.cluster.at());
  }
};

class ReleaseBeforeStop final : public Named {
  using Named::Named;
  void tamper(const Observation& o, Decision& d) const override {
    if (o.lease.held && has_stop(d)) d.actions.insert(d.actions.begin(), action::ReleaseLeader{});
  }
};

class ForgetLagLimit final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    o.settings.maximum_lag_on_failover = ~std::uint64_t{0} / 2;
    if (!o.peers.is_known()) return;
    PeersFacts peers = *o.peers;
    for (auto& peer : peers.answers) peer.wal = Lsn{};
    o.peers = Fact<PeersFacts>::known(std::move(peers), o.peers.at());
  }
};

class IgnoreTags final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override { o.self.tags = Tags{}; }
};

// A leader that nothing is wrong with goes down now and then.
class HandOverForNothing final : public Named {
  using Named::Named;
  void tamper(const Observation& o, Decision& d) const override {
    const bool leads = o.lease.held && o.postgres.server.is_known() && !o.postgres.server->in_recovery;
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(o.now.time_since_epoch()).count();
    if (!leads || o.job.running || has_stop(d) || second % 15 != 0) return;
    d.memory.demotion = Demotion{Demotion::Kind::graceful, "nothing", o.now};
    d.actions.emplace_back(action::StartJob{job::Stop{}});
  }
};

class IgnoreDeadline final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    if (o.lease.held) o.lease.confirmed_at = o.now;
  }
};

// ----------------------------------------------------------------------------------- synchronous replication

class PublishBeforeSync final : public Named {
  using Named::Named;
  // Whom commits are about to wait for may be elected at once.
  void tamper(const Observation& o, Decision& d) const override {
    if (!o.cluster.is_known() || !o.lease.held) return;
    for (std::size_t i = 0; i < d.actions.size(); ++i) {
      const auto* set = std::get_if<action::SetSyncNames>(&d.actions[i]);
      const auto names = set != nullptr && set->names ? parse_sync_names(*set->names) : std::nullopt;
      if (!names || names->names.empty() || names->anybody()) continue;
      const Electable early{names->names, names->names.size() - std::min(names->needed, names->names.size())};
      const action::WriteKey write{action::Key::sync, print_sync(sync_state(o.self.name, early)),
                                   o.cluster->sync.version};
      d.actions.insert(d.actions.begin() + static_cast<std::ptrdiff_t>(i), write);
      return;
    }
  }
};

class LoosenOnTheWayDown final : public Named {
  using Named::Named;
  // So that the stop has nothing to wait for.
  void tamper(const Observation& o, Decision& d) const override {
    if (!o.postgres.server.is_known() || o.postgres.server->in_recovery || !has_stop(d)) return;
    if (!o.postgres.server->synchronous_standby_names.empty()) {
      d.actions.insert(d.actions.begin(), action::SetSyncNames{""});
    }
  }
};

class ElectOutsideSync final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    if (!o.cluster.is_known() || o.cluster->leader.exists()) return;
    ClusterView view = *o.cluster;
    view.sync = {};
    o.cluster = Fact<ClusterView>::known(std::move(view), o.cluster.at());
  }
};

class WinWithoutVotes final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    if (!o.cluster.is_known() || o.cluster->leader.exists()) return;
    ClusterView view = *o.cluster;
    view.sync.value.quorum = 0;
    o.cluster = Fact<ClusterView>::known(std::move(view), o.cluster.at());
  }
};

class CountMovingVotes final : public Named {
  using Named::Named;
  // A voter that still receives WAL from the last leader is taken for one that does not.
  void tamper(Observation& o) const override {
    if (!o.peers.is_known()) return;
    PeersFacts peers = *o.peers;
    for (auto& peer : peers.answers) peer.let_go = true;
    o.peers = Fact<PeersFacts>::known(std::move(peers), o.peers.at());
    if (!o.cluster.is_known() || o.cluster->leader.exists() || !o.postgres.server.is_known()) return;
    ServerFacts server = *o.postgres.server;
    server.upstream = {};
    o.postgres.server = Fact<ServerFacts>::known(std::move(server), o.postgres.server.at());
  }
};

class PositionFromReplay final : public Named {
  using Named::Named;
  // What was replayed is taken for what is there, of oneself and of the others.
  void tamper(Observation& o) const override {
    if (o.peers.is_known()) {
      PeersFacts peers = *o.peers;
      for (auto& peer : peers.answers) peer.wal_known = true;
      o.peers = Fact<PeersFacts>::known(std::move(peers), o.peers.at());
    }
    if (!o.postgres.server.is_known()) return;
    ServerFacts server = *o.postgres.server;
    server.wal_known = true;
    o.postgres.server = Fact<ServerFacts>::known(std::move(server), o.postgres.server.at());
  }
};

class CountCopies final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override { o.postgres.data.copied = false; }
};

class BelieveBackup final : public Named {
  using Named::Named;
  // Nobody remembers what the store said before.
  void tamper(const Observation&, Decision& d) const override {
    d.memory.store_mark.reset();
    d.memory.restored_store.reset();
  }
};

class ForgetPromotions final : public Named {
  using Named::Named;
  // An agent knows of those that it asked for itself, and of no others.
  void tamper(Observation& o) const override { o.postgres.data.promoting = false; }
};

class TakeOverBlindly final : public Named {
  using Named::Named;
  class Port final : public DcsDecorator {
   public:
    explicit Port(DcsPort& inner) : DcsDecorator(inner), port_(inner) {}
    Task<Result<LeaseGrant>> take_over(action::TakeOver take, Instant deadline) override {
      return port_.take_over_blindly(std::move(take), deadline);
    }

   private:
    DcsPort& port_;
  };
  std::unique_ptr<Dcs> around(DcsPort& port, HostClock&) const override { return std::make_unique<Port>(port); }
};

class TakeOverAttached final : public Named {
  using Named::Named;
  // Everybody is taken to have let go of a leader that gives no sign of life, and nobody does.
  void tamper(Observation& o) const override {
    if (!o.cluster.is_known() || !o.cluster->leader.exists()) return;
    if (o.peers.is_known()) {
      PeersFacts peers = *o.peers;
      for (auto& peer : peers.answers) {
        peer.let_go = true;
        peer.streams_from.clear();
        peer.leader_version = o.cluster->leader.version;
        peer.sync_version = o.cluster->sync.version;
      }
      o.peers = Fact<PeersFacts>::known(std::move(peers), o.peers.at());
    }
    const bool silent = o.leader_probe.is_known() && o.leader_probe->silent();
    if (!silent || !o.postgres.server.is_known() || o.postgres.server->replication_state == "streaming") return;
    ServerFacts server = *o.postgres.server;
    server.upstream = {};
    o.postgres.server = Fact<ServerFacts>::known(std::move(server), o.postgres.server.at());
  }
};

class KeepTheVote final : public Named {
  using Named::Named;
  // A voter that had let go connects again, and whoever counts on it does not notice.
  void tamper(const Observation& o, Decision& d) const override {
    if (!o.cluster.is_known() || o.cluster->leader.name == o.self.name || o.lease.held) return;
    std::erase_if(d.actions, [](const Action& action) {
      const auto* write = std::get_if<action::WriteKey>(&action);
      return write != nullptr && write->key == action::Key::sync;
    });
  }
};

class BelieveTheSetting final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    if (!o.postgres.server.is_known()) return;
    ServerFacts server = *o.postgres.server;
    server.checkpointer_attentive = true;
    o.postgres.server = Fact<ServerFacts>::known(std::move(server), o.postgres.server.at());
  }
};

// The leader seems to have confirmed everything: the copies of its slots are advanced to the end of what is replayed.
class SkipSlot final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    if (!o.upstream_slots.is_known() || !o.postgres.server.is_known()) return;
    UpstreamSlots slots = *o.upstream_slots;
    const auto& copies = o.postgres.server->slots;
    for (auto& slot : slots.slots) {
      const bool copied =
          std::any_of(copies.begin(), copies.end(), [&](const auto& row) { return row.name == slot.name; });
      if (!slot.physical && copied) slot.confirmed_flush_lsn = Lsn{~std::uint64_t{0} / 2};
    }
    o.upstream_slots = Fact<UpstreamSlots>::known(std::move(slots), o.upstream_slots.at());
  }
};

// Copies of logical slots are offered after a promotion, whole or not.
class OfferUnprovenSlot final : public Named {
  using Named::Named;
  void tamper(const Observation&, Decision& d) const override {
    if (!promotes(d)) return;
    std::erase_if(d.actions, [](const Action& action) { return std::holds_alternative<action::SyncSlots>(action); });
  }
};

// ------------------------------------------------------------------------------------------------ PostgreSQL

class StartHalfRewound final : public Named {
  using Named::Named;
  // The directory passes for one of a replica that has received nothing yet.
  void tamper(Observation& o) const override {
    if (!o.postgres.data.rewind_marker) return;
    o.postgres.data.rewind_marker = false;
    if (!o.postgres.data.control) return;
    o.postgres.data.control->state = "shut down in recovery";
    o.postgres.data.control->min_recovery = Lsn{0x1000000};
    o.postgres.data.control->min_recovery_timeline = Timeline{1};
  }
};

class RemoveOnlyCopy final : public Named {
  using Named::Named;
  void tamper(const Observation& o, Decision& d) const override {
    const bool down = o.postgres.process == Process::stopped && o.postgres.data.state == DataState::valid;
    if (!down || o.job.running) return;
    d.actions.clear();
    d.actions.emplace_back(action::StartJob{job::RemoveData{}});
  }
};

// As PostgreSQL does by itself: the next number that this server knows of.
class PromoteWithoutTicket final : public Named {
  using Named::Named;
  class Port final : public PostgresDecorator {
   public:
    using PostgresDecorator::PostgresDecorator;
    Task<Result<void>> promote(Timeline, Instant deadline) override { return inner_.promote({}, deadline); }
  };
  std::unique_ptr<Postgres> around(PgPort& port) const override { return std::make_unique<Port>(port); }
};

// The data directory remembers whatever session the leader key has.
class RetakeWithoutProof final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    if (o.cluster.is_known()) o.postgres.data.lock_session = o.cluster->leader.session;
  }
};

// The lease was confirmed when it was looked at last.
class PromoteWithoutRenewal final : public Named {
  using Named::Named;
  void misjudge(const Observation&, Decision& d) const override {
    if (!promotes(d)) return;
    std::erase_if(d.actions, [](const Action& action) { return std::holds_alternative<action::RenewLease>(action); });
  }
};

// ----------------------------------------------------------------------------------------------------- guard

class GuardDecorator : public Guard {
 public:
  explicit GuardDecorator(Guard& inner) : inner_(inner) {}
  GuardFacts facts() const override { return inner_.facts(); }
  Task<void> arm(Instant deadline, bool leased, Instant until) override { return inner_.arm(deadline, leased, until); }
  Task<void> disarm(Instant until) override { return inner_.disarm(until); }
  Task<void> changed(Instant until) override { return inner_.changed(until); }

 protected:
  Guard& inner_;
};

// Its deadline is never the one that it was told.
class GuardTooLate final : public Named {
  using Named::Named;
  class Port final : public GuardDecorator {
   public:
    using GuardDecorator::GuardDecorator;
    Task<void> arm(Instant deadline, bool leased, Instant until) override {
      return inner_.arm(deadline + std::chrono::seconds(10), leased, until);
    }
  };
  std::unique_ptr<Guard> around(GuardPort& port) const override { return std::make_unique<Port>(port); }
};

// A new agent without a lease sends home what the one before it left behind.
class NoGuardAgain final : public Named {
  using Named::Named;
  class Port final : public GuardDecorator {
   public:
    using GuardDecorator::GuardDecorator;
    Task<void> arm(Instant deadline, bool leased, Instant until) override {
      if (facts().state == GuardFacts::State::failed) return nothing();
      return inner_.arm(deadline, leased, until);
    }

   private:
    static Task<void> nothing() { co_return; }
  };
  std::unique_ptr<Guard> around(GuardPort& port) const override { return std::make_unique<Port>(port); }
};

class GuardPutOff final : public Named {
  using Named::Named;
  class Port final : public GuardDecorator {
   public:
    using GuardDecorator::GuardDecorator;
    Task<void> arm(Instant deadline, bool, Instant until) override { return inner_.arm(deadline, true, until); }
  };
  std::unique_ptr<Guard> around(GuardPort& port) const override { return std::make_unique<Port>(port); }
};

// -------------------------------------------------------------------------------------------------- failsafe

// Whatever the members answer, all of them are taken to agree, or to refuse.
template <bool accepted>
class FailsafeAnswers final : public Named {
  using Named::Named;
  class Port final : public Peers {
   public:
    explicit Port(Peers& inner) : inner_(inner) {}
    Task<PeersFacts> ask(std::vector<Member> members, Instant deadline) override {
      return inner_.ask(std::move(members), deadline);
    }
    Task<FailsafeRound> ask_failsafe(FailsafeMembers members, FailsafeRequest request, Instant deadline) override {
      auto round = co_await inner_.ask_failsafe(std::move(members), std::move(request), deadline);
      for (auto& answer : round.answers) answer.accepted = accepted;
      co_return round;
    }

   private:
    Peers& inner_;
  };
  std::unique_ptr<Peers> around(PeersPort& port) const override { return std::make_unique<Port>(port); }
};

class FailsafeVoteAgain final : public Named {
  using Named::Named;
  bool forgets_promises() const override { return true; }
};

// What works in the data directory in single-user mode is taken for a server that starts.
class SingleUserServes final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    if (o.postgres.process == Process::single_user) o.postgres.process = Process::starting;
  }
};

class PromoteStandbyCluster final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override { o.settings.standby_cluster.reset(); }
};

// ------------------------------------------------------------------------------------------------- histories

class RestoreAnything final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override { o.postgres.restores = false; }
};

// A replica with an upstream is taken to stream from it.
class BelieveItStreams final : public Named {
  using Named::Named;
  void tamper(Observation& o) const override {
    if (!o.postgres.server.is_known() || o.postgres.server->upstream.host.empty()) return;
    ServerFacts server = *o.postgres.server;
    server.replication_state = "streaming";
    o.postgres.server = Fact<ServerFacts>::known(std::move(server), o.postgres.server.at());
  }
};

}  // namespace

const std::vector<const Sabotage*>& sabotages() {
  static const RenewWithoutConfirmation renew("renew-without-confirmation", "I3",
                                              "a renewal without an answer counts as one");
  static const ReadProvesLease read("read-proves-lease", "I3", "seeing the own leader key counts as a renewal");
  static const AcquireWithoutCompare acquire("acquire-without-compare", "I11",
                                             "the leader key is put, whoever holds it");
  static const ClaimAnyway claim("double-bootstrap", "F73",
                                 "a claim on /initialize that was refused counts as granted");
  static const IgnoreSystemId system("ignore-system-id", "I9", "data of another cluster pass for this one's");
  static const PromoteWithoutLease promote("promote-without-lease", "I2",
                                           "a free lock is reason enough to be promoted");
  static const ReleaseBeforeStop release("release-before-stop", "F64",
                                         "the lock is given back before the server stops");
  static const ForgetLagLimit lag("forget-lag-limit", "I6", "any replica may win an election, however far behind");
  static const IgnoreTags tags("ignore-tags", "I15", "whoever may not lead leads all the same");
  static const HandOverForNothing nothing("hand-over-for-nothing", "L4", "a healthy leader goes down now and then");
  static const IgnoreDeadline deadline("ignore-deadline-after-freeze", "I3",
                                       "a lease is believed to be fresh whenever it is held");
  static const StartHalfRewound rewound("start-half-rewound", "I12", "the marker of an unfinished rewind is not seen");
  static const RemoveOnlyCopy copy("remove-only-copy", "I10",
                                   "a stopped data directory is removed, to be cloned again");
  static const SkipSlot skip_slot("skip-slot", "I16",
                                  "a copy of a logical slot is advanced beyond what its consumer confirmed");
  static const OfferUnprovenSlot unproven("offer-unproven-slot", "I16",
                                          "copies of logical slots are offered after a promotion, whole or not");
  static const PromoteWithoutTicket ticket("promote-without-ticket", "I8",
                                           "a promotion takes the next timeline that the server itself knows of");
  static const PromoteWithoutRenewal unconfirmed(
      "promote-without-renewal", "CONTRACT",
      "a promotion does not wait for the lease to be confirmed in the same decision");
  static const RetakeWithoutProof retake("retake-without-proof", "I1",
                                         "a leader key of the own name is taken over, whoever's it is");
  static const GuardTooLate too_late("guard-too-late", "I3",
                                     "the guard ends the server ten seconds after the deadline");
  static const GuardPutOff put_off("guard-put-off", "I3",
                                   "a new agent puts off the deadline that an earlier one left behind");
  static const FailsafeAnswers<true> without_all("failsafe-without-all", "I3",
                                                 "a leader without the store goes on although a member did not answer");
  static const FailsafeAnswers<false> refused("failsafe-refused", "I13",
                                              "a leader takes every answer of the members for a refusal");
  static const FailsafeVoteAgain vote_again("failsafe-vote-again", "I13",
                                            "a member stands for election although it promised not to");
  static const PromoteStandbyCluster standby("promote-standby-cluster", "standby", "standby_cluster is not looked at");
  static const PublishBeforeSync publish("publish-before-sync", "I7",
                                         "a standby may be elected before commits wait for it");
  static const LoosenOnTheWayDown loosen("loosen-sync-on-the-way-down", "I17",
                                         "commits stop waiting for standbys when the server is stopped");
  static const ElectOutsideSync outside("elect-outside-sync", "I5", "an election does not look at /sync");
  static const WinWithoutVotes votes("win-without-votes", "I5", "any voter of a quorum is elected on its own");
  static const CountMovingVotes moving("count-moving-votes", "I5", "a voter need not let go of the last leader");
  static const PositionFromReplay replay("position-from-replay", "I5",
                                         "a server that was just started is taken to hold what it has replayed");
  static const CountCopies copies("count-copies", "I5",
                                  "a copy stands and votes before it has caught up with a leader");
  static const BelieveBackup backup("believe-backup", "I5", "a store that was put back is believed");
  static const NoGuardAgain no_guard("no-guard-again", "F04", "a guard that was killed is not replaced");
  static const ForgetPromotions forget("forget-promotions", "I3",
                                       "an agent that was restarted does not know that its server may be promoted");
  static const TakeOverBlindly blindly("take-over-without-sync", "I5", "a takeover does not compare /sync");
  static const TakeOverAttached attached("take-over-attached", "I5",
                                         "the lock is taken over although the voters could still confirm commits");
  static const KeepTheVote keep_vote("keep-the-vote", "I5",
                                     "a voter connects to the leader again without changing /sync");
  static const BelieveTheSetting believe("believe-the-setting", "I7",
                                         "commits are taken to wait as soon as the setting is in effect");
  static const RestoreAnything restore("restore-anything", "F61", "an archive may feed a replica whatever it has");
  static const BelieveItStreams streams("believe-it-streams", "L3", "nobody looks whether WAL arrives");
  static const SingleUserServes single_user("single-user-serves", "F71",
                                            "a server in single-user mode is taken for one that serves clients");
  static const std::vector<const Sabotage*> all = {
      &too_late, &put_off, &blindly, &attached,    &keep_vote,   &publish,    &loosen,    &outside,  &votes,
      &moving,   &believe, &renew,   &read,        &acquire,     &claim,      &promote,   &release,  &lag,
      &deadline, &rewound, &copy,    &without_all, &refused,     &vote_again, &skip_slot, &unproven, &replay,
      &tags,     &nothing, &ticket,  &single_user, &unconfirmed, &standby,    &system,    &restore,  &streams,
      &retake,   &copies,  &forget,  &backup,      &no_guard};
  return all;
}

const Sabotage* find_sabotage(std::string_view name) {
  for (const Sabotage* sabotage : sabotages()) {
    if (sabotage->name() == name) return sabotage;
  }
  return nullptr;
}

}  // namespace regent::sim
