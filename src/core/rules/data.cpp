// 400: the data directory is missing, empty or half made: bootstrap or clone (F52, F53, F58, F72, F73).
#include <algorithm>

#include "core/rules/steps.h"

namespace regent::rules {
namespace {

// No trace of a cluster, and none was ever seen: keys that were deleted do not make a cluster new (F33).
bool nobody_initialized(const Situation& s) {
  return !s.view->initialize.exists() && s.m.seen_system_id.empty();
}

bool could_bootstrap(const Situation& s) {
  return s.o.postgres.data.state == DataState::empty && nobody_initialized(s) && s.unlocked && s.stopped &&
         s.o.self.tags.may_lead() && !s.m.bootstrapped;
}

// The empty initialize key hangs on our session. Having asked for it proves nothing: another node may have been faster.
bool claim_is_ours(const Situation& s) {
  return s.view->initialize.exists() && s.view->initialize.value.empty() && !s.o.lease.session.empty() &&
         s.view->initialize_session == s.o.lease.session;
}

// A member that wants to be cloned from, else the leader (compat §1.7).
job::Clone choose_source(const Situation& s) {
  if (s.m.clone_failures % 2 == 0 && !s.m.reinit_from_leader) {
    std::vector<Upstream> offers;
    for (const auto& member : s.view->members) {
      const bool offered = member.tags.clonefrom && member.state == PgState::running && member.name != s.o.self.name &&
                           member.role == Role::replica;
      const auto address = offered ? parse_conn_url(member.conn_url) : std::nullopt;
      if (address) offers.push_back({.name = member.name, .address = *address, .slot = {}});
    }
    // Not all of us the same one, and another one the next time.
    std::size_t at = static_cast<std::size_t>(s.m.clone_failures / 2);
    for (const char c : s.me()) at = at * 31 + static_cast<unsigned char>(c);
    if (!offers.empty()) return {.source = offers[at % offers.size()], .from_leader = false};
  }
  auto source = leader_upstream(s);
  source.slot.clear();
  return {.source = source, .from_leader = true};
}

// As far as the members tell.
bool nobody_has_data(const Situation& s) {
  return std::all_of(s.view->members.begin(), s.view->members.end(), [&](const Member& member) {
    return member.name == s.o.self.name || member.role == Role::uninitialized;
  });
}

// This cluster exists, as a copy of one whose server can be reached.
bool can_recopy_remote(const Situation& s) {
  return s.standby && s.no_data() && s.stopped && !remote_upstream(s).none() && s.view->initialize.exists() &&
         !s.view->initialize.value.empty();
}

constexpr Rule table[] = {
    {405, "data_unreadable_leader", "the data directory cannot be read, the server is down and the lock is ours",
     "released leader key voluntarily as data dir cannot be read and currently leader", "F53, F58",
     [](const Situation& s) { return s.o.postgres.data.state == DataState::unknown && s.stopped && s.has_lock(); },
     [](const Situation& s, Decision& d) {
       say(d, "released leader key voluntarily as data dir cannot be read and currently leader");
       condition(d, "DataDirectoryUnreadable", s.o.postgres.data.why);
       give_back(s, d);
       d.memory.ran_as_primary = false;
     }},
    {407, "data_unreadable", "the data directory cannot be read and the server is down",
     "waiting: the data directory cannot be read", "F53, F58",
     [](const Situation& s) { return s.o.postgres.data.state == DataState::unknown && s.stopped; },
     [](const Situation& s, Decision& d) {
       say(d, "waiting: {}", s.o.postgres.data.why);
       condition(d, "DataDirectoryUnreadable", s.o.postgres.data.why);
     }},
    {408, "standby_recopy",
     "the standby leader has no data, because it left the remote server's history or nobody has any",
     "copying {} again", "I10, L1, F61",
     [](const Situation& s) { return s.m.recopies_remote && s.holding && can_recopy_remote(s); },
     [](const Situation& s, Decision& d) {
       renew_when_due(s, d);
       if (s.o.postgres.data.state == DataState::incomplete) {
         say(d, "removing the data directory of an unfinished attempt");
         start(d, job::RemoveData{});
       } else if (s.backing_off()) {
         say(d, "waiting before the next attempt to copy {}", remote_upstream(s).name.str());
         condition(d, "CloneFailed", s.o.job.ended && s.o.job.ended->error ? s.o.job.ended->error->message : "");
         d.wake_at = std::min(d.wake_at, *s.m.retry_at);
       } else {
         say(d, "copying {} again", remote_upstream(s).name.str());
         start(d, job::Clone{.source = remote_upstream(s), .from_leader = true, .remote = true});
       }
     }},
    {410, "data_gone_leader", "the data directory is gone although the lock is ours",
     "released leader key voluntarily as data dir empty and currently leader", "F53, I10",
     [](const Situation& s) { return s.no_data() && s.has_lock() && !s.m.bootstrapped; },
     [](const Situation& s, Decision& d) {
       say(d, "released leader key voluntarily as data dir empty and currently leader");
       condition(d, "DataDirectoryGone", "the data directory of the leader is empty");
       if (s.stopped) {
         give_back(s, d);
         d.memory.ran_as_primary = false;
       } else {
         if (s.holding) act(d, action::RenewLease{});
         start(d, job::Stop{.immediate = true});
       }
     }},
    {412, "data_gone_server_up", "the data directory is gone while the server still runs",
     "stopping PostgreSQL: its data directory is gone", "F53",
     [](const Situation& s) {
       return s.no_data() && !s.stopped && !s.single_user && s.o.postgres.process != Process::unknown;
     },
     [](const Situation&, Decision& d) {
       say(d, "stopping PostgreSQL: its data directory is gone");
       start(d, job::Stop{.immediate = true});
     }},
    {415, "bootstrap_failed", "the bootstrap of this node failed",
     "removing initialize key after failed attempt to bootstrap the cluster", "F73",
     [](const Situation& s) { return !s.m.bootstrap_failed.empty(); },
     [](const Situation& s, Decision& d) {
       const bool in_the_way = s.o.postgres.data.state != DataState::empty || !s.m.bootstrap_put_aside;
       if (!s.stopped) {
         say(d, "stopping PostgreSQL after a failed bootstrap");
         start(d, job::Stop{.immediate = true});
         return;
       }
       if (in_the_way && !s.backing_off()) {
         say(d, "renaming the data directory after a failed bootstrap");
         start(d, job::RemoveData{.failure = s.m.bootstrap_failed, .counts = s.m.bootstrap_at_fault});
         return;
       }
       // Whatever becomes of the directory, others may try.
       if (claim_is_ours(s)) act(d, action::DeleteKey{action::Key::initialize, s.view->initialize.version});
       if (in_the_way) {
         say(d, "waiting before what a failed bootstrap left is put aside again");
         condition(d, "BootstrapFailed", fmt::format("{}; what it left cannot be put aside yet", s.m.bootstrap_failed));
         d.wake_at = std::min(d.wake_at, *s.m.retry_at);
       } else {
         say(d, "removing initialize key after failed attempt to bootstrap the cluster");
         act(d, action::Exit{1});
       }
     }},
    {417, "bootstrap_backoff",
     "no data here, no cluster in the store, and the last bootstraps with this configuration failed for the same "
     "reason",
     "waiting before the next attempt to bootstrap: {}", "F73, L3",
     [](const Situation& s) {
       return could_bootstrap(s) && s.o.postgres.data.bootstrap_retry_at &&
              s.o.wall < *s.o.postgres.data.bootstrap_retry_at;
     },
     [](const Situation& s, Decision& d) {
       const auto& data = s.o.postgres.data;
       say(d, "waiting before the next attempt to bootstrap: {}", data.bootstrap_failed);
       condition(d, "BootstrapFailed",
                 fmt::format("{}; it is tried again in {:.0f} s, or by another configuration at once",
                             data.bootstrap_failed, to_seconds(*data.bootstrap_retry_at - s.o.wall)));
       d.wake_at =
           std::min(d.wake_at, s.o.now + std::chrono::duration_cast<Duration>(*data.bootstrap_retry_at - s.o.wall));
     }},
    {418, "bootstrap_unfenced",
     "no data here, no cluster in the store, and this node may not be a primary because a fence is missing",
     "waiting for somebody else to bootstrap the cluster: {}", "I3, F73",
     [](const Situation& s) { return could_bootstrap(s) && !s.standby && !missing_fence(s.o.fences).empty(); },
     [](const Situation& s, Decision& d) {
       say(d, "waiting for somebody else to bootstrap the cluster: {}", missing_fence(s.o.fences));
     }},
    {420, "bootstrap_claim", "no data here, no cluster in the store: whoever writes the initialize key makes it",
     "trying to bootstrap a new cluster", "F73, I10", could_bootstrap,
     [](const Situation&, Decision& d) {
       say(d, "trying to bootstrap a new cluster");
       // The claim goes with our session: a node that dies here does not block the others for ever.
       act(d, action::WriteKey{action::Key::initialize, "", Version{}, true});
     }},
    {428, "bootstrap_claim_returned", "the empty initialize key is ours, and this member may not lead any more",
     "giving the bootstrap back to the others: I am not allowed to lead", "I15, F73",
     [](const Situation& s) {
       return !s.m.bootstrapped && s.no_data() && s.stopped && s.unlocked && claim_is_ours(s) &&
              !s.o.self.tags.may_lead();
     },
     [](const Situation& s, Decision& d) {
       say(d, "giving the bootstrap back to the others: I am not allowed to lead");
       act(d, action::DeleteKey{action::Key::initialize, s.view->initialize.version});
     }},
    {430, "bootstrap_run", "the empty initialize key is ours", "bootstrap in progress", "F73",
     [](const Situation& s) {
       return !s.m.bootstrapped && s.no_data() && s.stopped && s.unlocked && claim_is_ours(s) && !s.standby;
     },
     [](const Situation&, Decision& d) {
       say(d, "bootstrap in progress");
       start(d, job::Bootstrap{});
     }},
    {432, "bootstrap_remote_clear", "the first copy of a standby cluster did not finish",
     "removing the data directory of an unfinished attempt", "F72, I10",
     [](const Situation& s) {
       return s.standby && s.o.postgres.data.state == DataState::incomplete && s.stopped && s.unlocked &&
              claim_is_ours(s);
     },
     [](const Situation&, Decision& d) {
       say(d, "removing the data directory of an unfinished attempt");
       start(d, job::RemoveData{});
     }},
    {435, "bootstrap_remote", "the empty initialize key is ours, and this is a standby cluster: copy the remote server",
     "trying to bootstrap a new standby leader", "F73",
     [](const Situation& s) {
       return s.standby && s.o.postgres.data.state == DataState::empty && s.stopped && s.unlocked && claim_is_ours(s) &&
              !s.backing_off();
     },
     [](const Situation& s, Decision& d) {
       say(d, "trying to bootstrap a new standby leader");
       start(d, job::Clone{.source = remote_upstream(s), .from_leader = true, .remote = true});
     }},
    {437, "bootstrap_remote_publish", "the copy of the remote server is here: the cluster's keys are to be written",
     "initialized a new cluster", "F73, I11",
     [](const Situation& s) {
       return s.m.bootstrapped && s.standby && s.stopped && s.has_data() && s.unlocked && claim_is_ours(s) &&
              !s.o.postgres.data.system_id.empty();
     },
     [](const Situation& s, Decision& d) {
       say(d, "initialized a new cluster");
       if (!s.view->config.exists()) {
         act(d, action::WriteKey{action::Key::config, to_compact(s.o.self.bootstrap_dcs), Version{}});
       }
       act(d, action::AcquireLeader{});
       act(d, action::WriteKey{action::Key::initialize, s.o.postgres.data.system_id.str(), s.view->initialize.version});
       d.memory.bootstrapped = false;
       d.memory.recognized_id = s.o.postgres.data.system_id;
     }},
    {438, "bootstrap_remote_overtaken", "the copy of the remote server is here, and somebody else was faster",
     "another node bootstrapped the cluster", "F73",
     [](const Situation& s) { return s.m.bootstrapped && s.stopped && s.has_data(); },
     [](const Situation& s, Decision& d) {
       say(d, "another node bootstrapped the cluster");
       d.memory.bootstrapped = false;
       d.wake_at = s.o.now;
     }},
    {440, "bootstrap_publish", "the new cluster runs here: its keys are to be written", "initialized a new cluster",
     "F73, I11",
     [](const Situation& s) {
       return s.m.bootstrapped && s.primary && s.unlocked && claim_is_ours(s) && !s.o.postgres.data.system_id.empty();
     },
     [](const Situation& s, Decision& d) {
       say(d, "initialized a new cluster");
       if (!s.view->config.exists()) {
         act(d, action::WriteKey{action::Key::config, to_compact(s.o.self.bootstrap_dcs), Version{}});
       }
       act(d, action::AcquireLeader{});
       act(d, action::WriteKey{action::Key::initialize, s.o.postgres.data.system_id.str(), s.view->initialize.version});
       d.memory.bootstrapped = false;
       d.memory.recognized_id = s.o.postgres.data.system_id;
     }},
    {445, "bootstrap_overtaken", "the new cluster runs here, but the claim is not ours any more",
     "stopping PostgreSQL: another node bootstrapped the cluster", "F73",
     [](const Situation& s) { return s.m.bootstrapped && !s.stopped && !s.named; },
     [](const Situation&, Decision& d) {
       say(d, "stopping PostgreSQL: another node bootstrapped the cluster");
       start(d, job::Stop{.immediate = true});
       d.memory.bootstrap_failed = "another node bootstrapped the cluster";
       d.memory.bootstrap_at_fault = d.memory.bootstrap_put_aside = false;
       d.memory.bootstrapped = false;
     }},
    {450, "clone_backoff", "no data here, the last base backup failed a moment ago",
     "waiting before the next attempt to make a replica", "F52",
     [](const Situation& s) { return s.no_data() && s.stopped && s.backing_off(); },
     [](const Situation& s, Decision& d) {
       say(d, "waiting before the next attempt to make a replica");
       condition(d, "CloneFailed", s.o.job.ended && s.o.job.ended->error ? s.o.job.ended->error->message : "");
       d.wake_at = std::min(d.wake_at, *s.m.retry_at);
     }},
    {455, "clone_clear", "an unfinished copy lies in the data directory and there is somebody to copy from",
     "removing the data directory of an unfinished attempt", "F72, I10",
     [](const Situation& s) {
       return s.o.postgres.data.state == DataState::incomplete && s.stopped &&
              (s.leader_usable || s.o.postgres.clones_without_leader);
     },
     [](const Situation&, Decision& d) {
       say(d, "removing the data directory of an unfinished attempt");
       start(d, job::RemoveData{});
     }},
    {460, "clone", "no data here and there is a leader to copy from", "trying to bootstrap from {} '{}'", "I10, F72",
     [](const Situation& s) {
       return s.o.postgres.data.state == DataState::empty && s.stopped && s.leader_usable &&
              s.view->initialize.exists() && !s.view->initialize.value.empty();
     },
     [](const Situation& s, Decision& d) {
       auto clone = choose_source(s);
       say(d, "trying to bootstrap from {} '{}'", clone.from_leader ? "leader" : "replica", clone.source.name.str());
       start(d, std::move(clone));
     }},
    {465, "clone_without_leader", "no data here and nobody to copy from, and a method to create a replica needs nobody",
     "trying to bootstrap (without leader)", "I10, F72",
     [](const Situation& s) {
       return s.o.postgres.data.state == DataState::empty && s.stopped && s.o.postgres.clones_without_leader &&
              s.view->initialize.exists() && !s.view->initialize.value.empty() && !s.named;
     },
     [](const Situation&, Decision& d) {
       say(d, "trying to bootstrap (without leader)");
       start(d, job::Clone{.source = {}, .from_leader = false});
     }},
    {468, "standby_without_data",
     "nobody of this standby cluster leads or has data, and there is a remote server to copy",
     "taking the leader lock to copy {} again", "I10, L1",
     [](const Situation& s) {
       return can_recopy_remote(s) && s.unlocked && s.o.self.tags.may_lead() && nobody_has_data(s);
     },
     [](const Situation& s, Decision& d) {
       say(d, "taking the leader lock to copy {} again", remote_upstream(s).name.str());
       act(d, action::AcquireLeader{});
       d.memory.recopies_remote = true;
     }},
    {470, "wait_for_leader", "no data here and nobody to copy from yet", "waiting for leader to bootstrap", "F73, I10",
     [](const Situation& s) { return s.no_data() && s.stopped; },
     [](const Situation& s, Decision& d) {
       say(d, "waiting for leader to bootstrap");
       if (s.view->initialize.exists() && !s.view->initialize.value.empty() && s.unlocked) {
         condition(d, "NoLeaderToCloneFrom", "the cluster is initialized, but no leader is there to copy from");
       }
       if (s.namesake) {
         report_namesake(s, d);
       } else if (s.named && !s.holding) {
         act(d, action::AcquireLeader{s.view->leader.version});
       }
     }},
};

}  // namespace

std::span<const Rule> data() {
  return table;
}

}  // namespace regent::rules
