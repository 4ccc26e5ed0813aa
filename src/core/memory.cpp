#include "core/memory.h"

#include <fmt/format.h>

#include <array>

namespace regent {
namespace {

std::string_view to_string(Rejoin rejoin) {
  constexpr std::array<std::string_view, 4> names{"unchecked", "clean", "diverged", "cut off"};
  return names.at(static_cast<std::size_t>(rejoin));
}

}  // namespace

std::string to_text(const Memory& m) {
  std::string out;
  const auto flag = [&](bool value, std::string_view name) {
    if (value) out += fmt::format("{}\n", name);
  };
  flag(m.ran_as_primary, "ran as primary");
  if (m.demotion) out += fmt::format("demotion: {}\n", m.demotion->reason);
  flag(m.crashed_at.has_value(), "recovering from a crash");
  flag(m.acquired_now, "acquired the lock now");
  if (m.ticket.value > 0) out += fmt::format("took timeline {}\n", m.ticket.value);
  flag(m.checkpoint_due, "checkpoint due");
  flag(m.unleased_since.has_value(), "writable without a lease");
  flag(m.unknown_since.has_value(), "the server is out of sight");
  flag(m.unlocked_since.has_value(), "nobody leads");
  flag(m.hand_over_since.has_value(), "asked to hand over");
  if (m.handover)
    out += fmt::format("handing over: {}\n", m.handover->writable ? print_handover(*m.handover) : m.handover->kind);
  flag(m.named_since.has_value(), "waiting for a named candidate");
  flag(m.namesake_since.has_value(), "waiting for a lock in our name");
  if (m.sync_watch) {
    out += fmt::format("waits for: '{}'{}\n", m.sync_watch->names,
                       m.sync_watch->since ? " since " + to_string(*m.sync_watch->since) : "");
  }
  flag(m.sync_fenced, "/sync is known");
  flag(m.leader_watch && m.leader_watch->silent_since, "the leader is silent");
  flag(m.vote_free, "attached");
  flag(m.no_takeover_before.has_value(), "a takeover came to nothing");
  flag(m.leaving_sync_since.has_value(), "asks to be no synchronous standby");
  if (!m.seen_system_id.empty()) out += fmt::format("cluster: {}\n", m.seen_system_id.str());
  flag(m.bootstrapped, "bootstrapped");
  flag(m.bootstrap_failed, "bootstrap failed");
  flag(m.recopies_remote, "copies the remote server again");
  if (m.rejoin != Rejoin::unchecked) {
    out += fmt::format("rejoin {} with {} on timeline {}\n", to_string(m.rejoin), m.rejoin_leader.str(),
                       m.rejoin_timeline.value);
  }
  flag(m.stream_watch.has_value(), "no WAL arrives");
  if (!m.poor_parent.empty()) out += fmt::format("{} lacks WAL\n", m.poor_parent.str());
  if (m.rewind_failures > 0) out += fmt::format("rewind failures: {}\n", m.rewind_failures);
  if (m.recovery_failures > 0) out += fmt::format("crash recovery failures: {}\n", m.recovery_failures);
  if (m.clone_failures > 0) out += fmt::format("clone failures: {}\n", m.clone_failures);
  if (m.start_failures > 0) out += fmt::format("start failures: {}\n", m.start_failures);
  if (m.promote_failures > 0) out += fmt::format("promotion failures: {}\n", m.promote_failures);
  flag(m.promotion_sent_to.has_value(), "a promotion may still come");
  flag(m.retry_at.has_value(), "backing off");
  if (m.restart_id) out += fmt::format("serving restart request {}\n", *m.restart_id);
  flag(m.reinitializing, "reinitializing");
  flag(m.reinitialized, "reinitialized");
  if (m.scheduled_restart) out += fmt::format("restart scheduled at {}\n", to_iso_time(m.scheduled_restart->at));
  if (!m.failsafe_members.empty()) {
    out += "failsafe members:";
    for (const auto& [name, url] : m.failsafe_members) out += " " + name;
    out += m.failsafe_written_for.absent() ? ", not written by us\n" : "\n";
  }
  if (m.highest_timeline.value > 0) out += fmt::format("highest timeline: {}\n", m.highest_timeline.value);
  return out;
}

}  // namespace regent
