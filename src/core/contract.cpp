#include "core/contract.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/action_traits.h"

namespace regent {
namespace {

Version version_of(const ClusterView& view, action::Key key) {
  switch (key) {
    case action::Key::initialize:
      return view.initialize.version;
    case action::Key::config:
      return view.config.version;
    case action::Key::failover:
      return view.failover.version;
    case action::Key::sync:
      return view.sync.version;
    case action::Key::status:
      return view.status.version;
    case action::Key::history:
      return view.history.version;
    case action::Key::failsafe:
      return view.failsafe.version;
    case action::Key::timelines:
      return view.timelines.version;
  }
  return {};
}

// Goes through the actions in the order in which they would be performed. No default on purpose: who adds an action
// says what it must satisfy.
class Reading {
 public:
  Reading(const Observation& o, std::vector<std::string>& broken)
      : o_(o), view_(o.cluster.get()), broken_(broken), job_runs_(o.job.running.has_value()) {}

  void read(const Action& action) {
    if (ended_) complain("acts after it ended");
    if (traits(action).makes_primary) judge_primary(std::get<action::StartJob>(action).spec);
    std::visit([this](const auto& what) { (*this)(what); }, action);
  }

  void operator()(const action::AcquireLeader& lock) {
    confirmed_ = true;
    if (view_ == nullptr) return complain("takes the leader lock without knowing who holds it");
    if (promised(o_.failsafe, o_.now)) complain("takes the leader lock that another member was promised (I13)");
    const Leader& holder = view_->leader;
    if (lock.expect != holder.version) return complain("takes the leader lock at a version that was not read (I11)");
    if (holder.exists() && holder.name != o_.self.name) complain("takes the leader lock of another member (I11)");
    const auto& ours = o_.postgres.data.system_id.str();
    const auto& theirs = view_->initialize.value;
    if (!ours.empty() && !theirs.empty() && ours != theirs) complain("takes the lock with another cluster's data (I9)");
  }
  void operator()(const action::TakeOver& take) {
    confirmed_ = true;
    if (view_ == nullptr) return complain("takes over from a leader that it does not see");
    const Leader& holder = view_->leader;
    if (!holder.exists() || holder.name == o_.self.name) complain("takes over, and nobody else leads");
    if (take.leader != holder.version || take.sync != view_->sync.version) {
      complain("takes over at versions that were not read (I7, I11)");
    }
  }
  void operator()(const action::RenewLease&) {
    confirmed_ = true;
    if (!o_.lease.held) complain("renews a lease that is not held (I2)");
    if (released_) complain("renews the lease after it was given back");
  }
  void operator()(const action::ReleaseLeader& release) {
    released_ = true;
    const bool ours = view_ != nullptr && view_->leader.name == o_.self.name;
    if (!release.version.absent() && !(ours && release.version == view_->leader.version)) {
      complain("gives back a lock that is not in its name (I11)");
    }
    if (makes_primary_) complain("gives the lock back beside making a primary (F64)");
  }
  void operator()(const action::WriteKey& write) {
    judge_write(write.key, write.expect);
    const bool of_the_leader =
        write.key == action::Key::status || write.key == action::Key::history || write.key == action::Key::failsafe;
    if (of_the_leader && !o_.lease.held) {
      complain(fmt::format("writes /{} without holding the lock (I11)", to_string(write.key)));
    }
  }
  void operator()(const action::DeleteKey& erase) {
    judge_write(erase.key, erase.expect);
    if (erase.expect.absent()) complain(fmt::format("deletes /{}, which is not there", to_string(erase.key)));
  }
  void operator()(const action::StartJob& start) {
    if (starts_job_) complain("starts two jobs");
    starts_job_ = true;
    const bool stops = std::holds_alternative<job::Stop>(start.spec);
    if (job_runs_ && !stops) {
      complain(fmt::format("starts the job {} beside one that is running", job_name(start.spec)));
    }
    if (const auto* remove = std::get_if<job::RemoveData>(&start.spec)) judge_removal(*remove);
  }
  void operator()(const action::CancelJob&) { job_runs_ = false; }
  void operator()(const action::Exit&) { ended_ = true; }
  // They change nothing that others rely on, or are judged by who performs them.
  void operator()(const action::WriteMember&) {}
  void operator()(const action::GatherPeers&) {}
  void operator()(const action::ProbeLeader&) {}
  void operator()(const action::AskFailsafe&) {}
  void operator()(const action::GatherUpstreamHistory&) {}
  void operator()(const action::GatherUpstreamSlots&) {}
  void operator()(const action::FetchHistories&) {}
  void operator()(const action::ForgetCopy&) {
    const auto* server = o_.postgres.server.get();
    if (server == nullptr || !server->wal_known) complain("forgets a copy whose position is not known (I5)");
  }
  void operator()(const action::Follow&) {}
  void operator()(const action::ApplyConfig&) {}
  void operator()(const action::SyncSlots&) {}
  void operator()(const action::SetSyncNames&) {}
  void operator()(const action::ArmFences&) {}
  void operator()(const action::DisarmFences&) {}
  void operator()(const action::AnswerRestart&) {}
  void operator()(const action::AnswerSchedule&) {}
  void operator()(const action::AnswerReinit&) {}

 private:
  void complain(std::string sentence) { broken_.push_back(std::move(sentence)); }

  // The empty initialize key hangs on our session.
  bool claim_is_ours() const {
    return view_ != nullptr && view_->initialize.exists() && view_->initialize.value.empty() &&
           !o_.lease.session.empty() && view_->initialize_session == o_.lease.session;
  }

  // I2: what was confirmed a cycle ago may be lost by now. The claim on a new cluster stands in for the lease (F73), in
  // pause a person's word (I14), and while the store is away that of all members (I13).
  void judge_primary(const job::Spec& spec) {
    makes_primary_ = true;
    if (released_) complain("makes a primary after it gave the lock back (F64)");
    if (std::holds_alternative<job::Bootstrap>(spec)) {
      if (!claim_is_ours()) complain("makes a new cluster without a claim of its own (F73, I10)");
      return;
    }
    const bool vouched = view_ == nullptr && vouched_for(o_.lease, o_.now);
    if (!confirmed_ && !o_.settings.pause && !vouched) {
      complain(fmt::format("starts the job {}, which makes a primary, without a confirmed lease (I2)", job_name(spec)));
    }
  }

  // I11: whatever changed since it was read is looked at again first.
  void judge_write(action::Key key, Version expect) {
    const auto name = to_string(key);
    if (released_) complain(fmt::format("writes /{} after it gave the lock back", name));
    if (!written_.insert(key).second) complain(fmt::format("writes /{} twice", name));
    if (view_ == nullptr) return complain(fmt::format("writes /{} without having read it (I11)", name));
    if (expect != version_of(*view_, key)) {
      complain(fmt::format("writes /{} at a version that was not read (I11)", name));
    }
  }

  // I10: the leader's data is the cluster's. What never was whole may go, and what can be copied again from the cluster
  // that this one follows.
  void judge_removal(const job::RemoveData& removal) {
    if (o_.postgres.process != Process::stopped) complain("removes the data of a server that may run (I10)");
    const bool unfinished = o_.postgres.data.state == DataState::incomplete || !removal.failure.empty();
    if (unfinished || o_.settings.standby_cluster) return;
    if (view_ == nullptr) return complain("removes its data without knowing who leads (I10)");
    const Leader& holder = view_->leader;
    // A lease that was not disproved yet counts for nothing where another one holds the key.
    const bool leads = holder.exists() ? holder.name == o_.self.name : o_.lease.held;
    if (leads) complain("removes the data of the leader (I10)");
  }

  const Observation& o_;
  const ClusterView* view_;
  std::vector<std::string>& broken_;
  bool job_runs_;
  bool confirmed_ = false;  // the lock was taken or the lease renewed earlier in this decision
  bool released_ = false;
  bool makes_primary_ = false;
  bool starts_job_ = false;
  bool ended_ = false;
  std::set<action::Key> written_;
};

}  // namespace

std::vector<std::string> violations(const Observation& observation, const Decision& decision) {
  std::vector<std::string> broken;
  Reading reading(observation, broken);
  for (const Action& action : decision.actions) reading.read(action);
  return broken;
}

}  // namespace regent
