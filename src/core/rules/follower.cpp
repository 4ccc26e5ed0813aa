// 800: somebody else holds the lock and the local server runs.
#include <fmt/ranges.h>

#include <algorithm>

#include "core/rules/steps.h"
#include "core/slots.h"
#include "core/stream.h"
#include "core/sync.h"
#include "core/takeover.h"
#include "core/ticket.h"
#include "core/timeline.h"
#include "model/standby_settings.h"

namespace regent::rules {
namespace {

// Settled: following the leader or the member that the tag names. An upstream that works is never dropped for a leader
// that cannot be reached at the moment.
bool upstream_differs(const Situation& s) {
  const auto wanted = wanted_upstream(s);
  // Commits may wait for it until the leader has read the tag.
  if (s.o.self.tags.nostream) {
    return !s.server->upstream.host.empty() && !s.view->sync.value.lists(s.o.self.name);
  }
  return !wanted.none() && (wanted.address != s.server->upstream || wanted.slot != s.server->upstream_slot);
}

bool standby_setting_pending(const Situation& s) {
  return std::any_of(standby_settings.begin(), standby_settings.end(), [&](const StandbySetting& setting) {
    return s.o.postgres.pending_restart.contains(setting.name);
  });
}

// Logical slots of the leader that are missing here and could be copied now: not beyond what was replayed here (I16).
std::vector<std::string> slots_to_copy(const Situation& s) {
  std::vector<std::string> names;
  const auto* theirs = leader_slots(s);
  if (theirs == nullptr || s.paused || !carries_logical_slots(s) || s.server->replication_state != "streaming") {
    return names;
  }
  if (s.m.slot_copy_at && s.o.now < *s.m.slot_copy_at) return names;
  const auto wanted = wanted_slots(s, false);
  for (const auto& [name, slot] : wanted) {
    if (slot.spec.physical || find_slot(*s.server, name) != nullptr) continue;
    const auto* original = theirs->find(name);
    const bool whole = original != nullptr && same_kind(*original, slot.spec) && !original->lost &&
                       !original->failover && original->confirmed_flush_lsn;
    if (whole && *original->confirmed_flush_lsn <= s.server->replayed.value_or(Lsn{})) names.push_back(name);
  }
  return names;
}

// The leader is what it is going to be: one that was not promoted yet may still not be.
bool has_arrived(const Situation& s) {
  return s.standby || !last_history(s)->in_recovery;
}

// What follows from it.
std::string remedy(const Situation& s) {
  if (s.o.postgres.restores) return "it must come from the archive, or this member must be reinitialized";
  if (may_recopy(s)) return "this member is copied anew unless it comes after all";
  return "reinitialize this member, or allow remove_data_directory_on_rewind_failure";
}

// No replica is without a stream and without a sentence about what comes next (L3).
void report_no_stream(const Situation& s, Decision& d) {
  const auto* theirs = last_history(s);
  const auto upstream = wanted_upstream(s).name.str();
  const auto file = missing_wal(s);
  if (s.o.self.tags.nostream) {
    if (s.o.postgres.restores) return;
    condition(d, "NoArchive", "the tag nostream is set, and there is no restore_command to get WAL by");
  } else if (!file.empty()) {
    condition(d, "WalMissing",
              fmt::format("{} does not have WAL file {} any more: {}", theirs->stream.via.str(), file, remedy(s)));
  } else if (!awaits_stream_long(s)) {
    condition(d, "FollowingButNotStreaming", "the upstream is set, but no WAL is received from it");
  } else {
    const auto seconds = [&](Instant since) { return fmt::format("{:.0f} s", to_seconds(s.o.now - since)); };
    auto text = fmt::format("no WAL is received from {} for {}", upstream, seconds(s.m.stream_watch->since));
    if (!s.o.upstream_history.is_known()) {
      text += fmt::format(": {}", s.o.upstream_history.why());
    } else if (theirs != nullptr && !theirs->stream.why.empty()) {
      text += fmt::format(": {}", theirs->stream.why);
    } else if (theirs != nullptr && theirs->stream.slot_missing) {
      text += fmt::format(": it has no replication slot {}, which the leader makes for its members",
                          wanted_upstream(s).slot);
    } else if (s.o.postgres.restores) {
      text +=
          fmt::format("; the archive is replayed, and nothing came from it for {}", seconds(s.m.stream_watch->moved));
    } else if (!s.server->received) {
      text += "; the WAL that is here is still being replayed";
    } else {
      text += "; it has all that is needed: see the log of the local server";
    }
    condition(d, "FollowingButNotStreaming", text + "; histories are compared again every 10 s");
  }
  const auto objection = takeover_objection(s);
  if (s.view->sync.value.lists(s.o.self.name) && !objection.empty()) {
    condition(d, "NoTakeover", "this synchronous standby would not take the lock over: " + objection);
  }
  wake_in(s, d, std::chrono::milliseconds(awaits_stream_long(s) ? 1000 : 500));
}

template <TakeoverStep::Kind kind>
bool next_is(const Situation& s) {
  return s.other_leads && next_takeover_step(s).kind == kind;
}

void report_silent_leader(const Situation& s, Decision& d, const std::string& why) {
  condition(d, "LeaderUnreachable", fmt::format("the leader {} gives no sign of life: {}", s.leader_name.str(), why));
}

using Takeover = TakeoverStep::Kind;

// One replica after the other, or clients had none to read from: so many come before this one.
int replicas_before(const Situation& s) {
  return static_cast<int>(std::count_if(s.view->members.begin(), s.view->members.end(), [&](const Member& member) {
    return member.role == Role::replica && member.state == PgState::running && member.name < s.o.self.name;
  }));
}
constexpr Duration copy_interval = std::chrono::seconds(5);

bool must_copy_slots(const Situation& s) {
  return s.other_leads && s.replica && s.leader_usable && s.m.rejoin == Rejoin::clean && !slots_to_copy(s).empty();
}

constexpr Rule table[] = {
    {810, "primary_without_lock", "the local server may accept writes, and somebody else holds the lock",
     "demoting self because I do not have the lock and I was a leader", "I1, I3, F75",
     [](const Situation& s) { return s.other_leads && s.may_write; },
     [](const Situation& s, Decision& d) {
       say(d, "demoting self because I do not have the lock and I was a leader");
       start(d, job::Stop{.immediate = true});
       d.memory.demotion = Demotion{Demotion::Kind::immediate, "another node leads", s.o.now};
       forget_rejoin(d.memory);
     }},
    {820, "replica_starting", "the local server is coming up or does not answer",
     "waiting for PostgreSQL to finish starting", "F18, F17",
     [](const Situation& s) { return s.other_leads && s.server == nullptr; },
     [](const Situation& s, Decision& d) {
       if (s.o.postgres.process == Process::running) {
         say(d, "Error communicating with PostgreSQL. Will try again later");
         condition(d, "PostgresDoesNotAnswer", s.o.postgres.server.why());
       } else {
         say(d, "waiting for PostgreSQL to finish starting");
       }
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {822, "takeover_probe", "the stream that commits wait for ended: does the leader give any sign of life?",
     "asking the leader {} for a sign of life", "I5, F41, F44", next_is<Takeover::probe>,
     [](const Situation& s, Decision& d) {
       say(d, "asking the leader {} for a sign of life", s.leader_name.str());
       act(d, action::ProbeLeader{leader_upstream(s)});
     }},
    {823, "takeover_wait", "a confirmed synchronous standby cannot take the lock over from a silent leader yet",
     "the leader {} gives no sign of life: waiting", "I5, F41, F44, F45", next_is<Takeover::wait>,
     [](const Situation& s, Decision& d) {
       const auto step = next_takeover_step(s);
       say(d, "the leader {} gives no sign of life: waiting", s.leader_name.str());
       report_silent_leader(s, d, step.why);
       d.wake_at = std::min(d.wake_at, step.again);
     }},
    {824, "takeover_let_go", "the leader was silent for long enough, and could still get a confirmation from here",
     "disconnecting from the leader {}, which gives no sign of life", "I5, I7, F02", next_is<Takeover::let_go>,
     [](const Situation& s, Decision& d) {
       say(d, "disconnecting from the leader {}, which gives no sign of life", s.leader_name.str());
       report_silent_leader(s, d, next_takeover_step(s).why);
       act(d, action::Follow{});
       d.memory.vote_free = false;
       // It gets a moment to take effect.
       wake_in(s, d, std::chrono::milliseconds(20));
     }},
    {826, "takeover_ask", "the leader is silent, and the other standbys' positions and votes are not known",
     "asking the other synchronous standbys", "I5, I7", next_is<Takeover::ask>,
     [](const Situation& s, Decision& d) {
       say(d, "asking the other synchronous standbys");
       report_silent_leader(s, d, s.o.leader_probe->why);
       act(d, action::GatherPeers{s.leader_name});
     }},
    {828, "take_over", "the leader is silent, cannot get a confirmation any more, and nobody else is healthier",
     "taking the leader lock over from {}, which gives no sign of life", "I2, I5, I7, I8, I11, I13, F41",
     next_is<Takeover::take>,
     [](const Situation& s, Decision& d) {
       say(d, "taking the leader lock over from {}, which gives no sign of life", s.leader_name.str());
       report_silent_leader(s, d, s.o.leader_probe->why);
       const auto mine = sync_state(s.o.self.name, succeed(s.view->sync.value, s.o.self.name));
       const auto ticket = next_ticket(s);
       act(d, action::TakeOver{s.view->leader.version, s.view->sync.version, print_sync(mine, s.o.self.generation),
                               ticket});
       d.memory.acquired_now = true;
       d.memory.ticket = ticket.number;
     }},
    {830, "replica_compare", "there is a new leader: does its history contain our position?",
     "comparing the timeline history with the leader {}", "I8, F61",
     [](const Situation& s) {
       return s.other_leads && s.replica && s.leader_usable && s.m.rejoin == Rejoin::unchecked &&
              leader_history(s) == nullptr;
     },
     [](const Situation& s, Decision& d) {
       say(d, "comparing the timeline history with the leader {}", s.leader->name.str());
       act(d, ask_history(s));
       wake_in(s, d, std::chrono::seconds(1));
     }},
    {840, "replica_diverged", "our position is not part of the leader's history: stop for a rewind",
     "stopping PostgreSQL: it diverged from the leader {}", "I8, F61",
     [](const Situation& s) {
       if (!s.other_leads || !s.replica || !s.leader_usable) return false;
       // Found out while it was down, and started again to serve reads while the store was away.
       if (s.m.rejoin == Rejoin::diverged) return true;
       return s.m.rejoin == Rejoin::unchecked && leader_history(s) != nullptr &&
              compare_running(s) == Lineage::diverged;
     },
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL: it diverged from the leader {}", s.leader->name.str());
       condition(d, "Forked", "the local history left the leader's");
       start(d, job::Stop{});
       if (s.m.rejoin == Rejoin::diverged) return;
       d.memory.rejoin = Rejoin::diverged;
       d.memory.rejoin_leader = s.leader->name;
       d.memory.rejoin_timeline = s.o.upstream_history->timeline;
       if (is_twin(s)) d.memory.rewinds.out = true;
     }},
    {841, "replica_is_twin",
     "the histories seemed to fit, and one of our timelines is another one than the leader's of that number",
     "stopping PostgreSQL: it diverged from the leader {}", "I8, F62",
     [](const Situation& s) {
       return s.other_leads && s.replica && s.leader_usable && s.m.rejoin == Rejoin::clean && is_twin(s);
     },
     [](const Situation& s, Decision& d) {
       say(d, "stopping PostgreSQL: it diverged from the leader {}", s.leader->name.str());
       condition(d, "Forked", "a timeline of the local history is another one than the leader's of the same number");
       start(d, job::Stop{});
       d.memory.rejoin = Rejoin::diverged;
       d.memory.rewinds.out = true;
     }},
    {842, "replica_histories",
     "our position is part of the leader's history, and history files between them are missing, or an archive could "
     "feed another branch",
     "fetching the timeline histories up to the one of {}", "I8, L2, F61",
     [](const Situation& s) {
       return s.other_leads && s.replica && s.leader_usable && s.m.rejoin == Rejoin::unchecked &&
              fetch_histories(s).has_value();
     },
     [](const Situation& s, Decision& d) {
       say(d, "fetching the timeline histories up to the one of {}", s.leader->name.str());
       fetch_and_look_again(s, d);
     }},
    {844, "replica_left_history", "nothing streams, and the server replayed what the leader's history does not contain",
     "stopping PostgreSQL: it replayed beyond the fork of the leader {}", "I8, F61",
     [](const Situation& s) {
       return s.other_leads && s.replica && s.leader_usable && s.m.rejoin == Rejoin::clean && left_history(s);
     },
     [](const Situation& s, Decision& d) {
       const auto here = local_position(s);
       say(d, "stopping PostgreSQL: it replayed beyond the fork of the leader {}", s.leader->name.str());
       condition(d, "Forked",
                 fmt::format("the local server replayed timeline {} to {}, and the leader's history left it before",
                             here.timeline.value, to_string(here.lsn)));
       start(d, job::Stop{});
       d.memory.rejoin = Rejoin::diverged;
     }},
    {846, "parent_lacks_wal", "the member that the tag replicatefrom names lacks WAL that the leader may have",
     "following the leader {} instead of {}, which lacks WAL", "L2",
     [](const Situation& s) {
       const auto* theirs = last_history(s);
       return s.other_leads && s.replica && s.leader_usable && awaits_stream(s) && !missing_wal(s).empty() &&
              !theirs->stream.via.empty() && theirs->stream.via != theirs->source && s.m.poor_parent.empty();
     },
     [](const Situation& s, Decision& d) {
       const auto& parent = last_history(s)->stream.via;
       say(d, "following the leader {} instead of {}, which lacks WAL", s.leader->name.str(), parent.str());
       condition(d, "WalMissing", fmt::format("{} does not have WAL file {} any more", parent.str(), missing_wal(s)));
       auto question = ask_history(s);
       question.via = question.source;
       act(d, std::move(question));
       d.memory.poor_parent = parent;
     }},
    {848, "replica_cut_off", "the WAL that comes next is nowhere any more, and the data directory may be replaced",
     "stopping PostgreSQL: {} does not have WAL file {} any more", "I10, L2",
     [](const Situation& s) {
       return s.other_leads && s.replica && s.leader_usable && awaits_stream_long(s) && !s.server->replay_paused &&
              !s.o.postgres.restores && !s.o.self.tags.nostream && may_recopy(s) && !missing_wal(s).empty() &&
              has_arrived(s);
     },
     [](const Situation& s, Decision& d) {
       const auto& upstream = last_history(s)->stream.via;
       say(d, "stopping PostgreSQL: {} does not have WAL file {} any more", upstream.str(), missing_wal(s));
       report_no_stream(s, d);
       start(d, job::Stop{});
       d.memory.rejoin = Rejoin::cut_off;
       d.memory.rejoin_leader = s.leader->name;
       d.memory.rejoin_timeline = last_history(s)->timeline;
     }},
    {850, "replica_contained", "our position is part of the leader's history", "Local timeline={} lsn={}", "I8",
     [](const Situation& s) {
       return s.other_leads && s.replica && s.leader_usable && s.m.rejoin == Rejoin::unchecked &&
              leader_history(s) != nullptr;
     },
     [](const Situation& s, Decision& d) {
       const auto here = local_position(s);
       say(d, "Local timeline={} lsn={}", here.timeline.value, to_string(here.lsn));
       if (awaits_stream_long(s)) report_no_stream(s, d);
       d.memory.rejoin = Rejoin::clean;
       d.memory.rejoin_leader = s.leader->name;
       d.memory.rejoin_timeline = s.o.upstream_history->timeline;
       d.memory.demotion.reset();
       d.wake_at = s.o.now;
     }},
    {860, "follow", "the local server streams from somebody else than it should", "following a new upstream: {}", "L2",
     [](const Situation& s) {
       return s.other_leads && s.replica && s.m.rejoin == Rejoin::clean && upstream_differs(s);
     },
     [](const Situation& s, Decision& d) {
       const auto upstream = wanted_upstream(s);
       say(d, "following a new upstream: {}",
           upstream.none() ? "nobody, as the tag nostream says" : upstream.name.str());
       act(d, action::Follow{upstream});
     }},
    {870, "replay_paused_by_parameters",
     "replay is paused because the leader's settings are higher than the local ones, which a restart would raise",
     "restarting: replay is paused until settings are raised to the leader's", "F19, L2",
     [](const Situation& s) {
       return s.other_leads && s.replica && s.server->replay_paused && standby_setting_pending(s);
     },
     [](const Situation& s, Decision& d) {
       say(d, "restarting: replay is paused until settings are raised to the leader's");
       start(d, job::Restart{.as_primary = false, .upstream = wanted_upstream(s)});
     }},
    {871, "copy_logical_slots_later", "permanent logical slots of the leader are missing here, and on others as well",
     "no action. I am ({}), a secondary, and following a leader ({})", "I16, F76",
     [](const Situation& s) { return must_copy_slots(s) && !s.m.slot_copy_at && replicas_before(s) > 0; },
     [](const Situation& s, Decision& d) {
       say(d, "no action. I am ({}), a secondary, and following a leader ({})", s.me(), s.leader_name.str());
       d.memory.slot_copy_at = s.o.now + replicas_before(s) * copy_interval;
       d.wake_at = std::min(d.wake_at, *d.memory.slot_copy_at);
     }},
    {872, "copy_logical_slots",
     "permanent logical slots of the leader are missing here: a server reads them at its start only",
     "restarting: copying logical replication slots {} from the leader", "I16, F76", must_copy_slots,
     [](const Situation& s, Decision& d) {
       const auto names = slots_to_copy(s);
       say(d, "restarting: copying logical replication slots {} from the leader", fmt::join(names, ", "));
       start(d, job::CopySlots{.source = leader_upstream(s), .names = names, .upstream = wanted_upstream(s)});
     }},
    {875, "compare_again", "the upstream is set and nothing arrives from it: was the comparison right?",
     "comparing the timeline history with the leader {} again", "L2, L3, F61",
     [](const Situation& s) {
       return s.other_leads && s.replica && s.leader_usable && s.m.rejoin == Rejoin::clean && awaits_stream(s) &&
              s.o.upstream_history.age(s.o.now) >= std::chrono::seconds(10);
     },
     [](const Situation& s, Decision& d) {
       say(d, "comparing the timeline history with the leader {} again", s.leader->name.str());
       report_no_stream(s, d);
       act(d, ask_history(s));
       d.memory.rejoin = Rejoin::unchecked;
     }},
    {876, "wal_missing", "nothing streams: the WAL that comes next is not at the upstream any more",
     "waiting: {} does not have WAL file {} any more", "L2, L3",
     [](const Situation& s) { return awaits_stream(s) && !s.o.self.tags.nostream && !missing_wal(s).empty(); },
     [](const Situation& s, Decision& d) {
       say(d, "waiting: {} does not have WAL file {} any more", last_history(s)->stream.via.str(), missing_wal(s));
       report_no_stream(s, d);
     }},
    {877, "archive_recovery", "nothing streams for longer than two cycles, and an archive may have WAL",
     "replaying WAL from the archive, at {}", "L2, L3",
     [](const Situation& s) { return awaits_stream_long(s) && s.o.postgres.restores; },
     [](const Situation& s, Decision& d) {
       say(d, "replaying WAL from the archive, at {}", to_string(local_position(s).lsn));
       report_no_stream(s, d);
     }},
    {878, "no_stream", "nothing streams for longer than two cycles", "waiting: no WAL arrives from {}", "L2, L3",
     awaits_stream_long,
     [](const Situation& s, Decision& d) {
       say(d, "waiting: no WAL arrives from {}", wanted_upstream(s).name.str());
       report_no_stream(s, d);
     }},
    {880, "follower", "somebody else leads and the local server follows",
     "no action. I am ({}), a secondary, and following a leader ({})", "L2",
     [](const Situation& s) { return s.other_leads && s.replica; },
     [](const Situation& s, Decision& d) {
       say(d, "no action. I am ({}), a secondary, and following a leader ({})", s.me(), s.leader_name.str());
       if (s.leader == nullptr) {
         condition(d, "LeaderUnknown", "the leader has no member key");
       } else if (awaits_stream(s) && s.m.rejoin == Rejoin::clean) {
         report_no_stream(s, d);
       }
     }},
    {890, "nothing_to_do", "none of the above, which is a rule that is missing", "no action. I am ({})", "L3",
     [](const Situation&) { return true; },
     [](const Situation& s, Decision& d) {
       say(d, "no action. I am ({})", s.me());
       condition(d, "NoRule", "the situation is not one that a rule describes");
       wake_in(s, d, std::chrono::seconds(1));
     }},
};

}  // namespace

std::span<const Rule> follower() {
  return table;
}

}  // namespace regent::rules
