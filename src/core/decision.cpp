#include "core/decision.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/action_traits.h"

namespace regent {
namespace {

std::string describe(const Upstream& upstream) {
  std::string recovery;
  for (const auto& [name, value] : upstream.recovery) recovery += fmt::format(" {}='{}'", name, value);
  if (upstream.none()) return "nobody" + recovery;
  return fmt::format("{} at {}:{}{}", upstream.name.str(), upstream.address.host, upstream.address.port,
                     upstream.slot.empty() ? "" : " slot " + upstream.slot) +
         recovery;
}

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ",") + name;
  return out;
}

struct JobText {
  std::string operator()(const job::Bootstrap&) const { return "bootstrap"; }
  std::string operator()(const job::Clone& job) const {
    if (job.source.none() && !job.remote) return "clone without a leader";
    const auto* whom = job.remote ? "remote " : job.from_leader ? "leader " : "replica ";
    return fmt::format("clone from {}{}", whom, describe(job.source));
  }
  std::string operator()(const job::Start& job) const {
    return job.as_primary ? "start as primary" : fmt::format("start as replica of {}", describe(job.upstream));
  }
  std::string operator()(const job::Stop& job) const {
    std::string text = job.kill ? "stop by SIGKILL" : job.immediate ? "stop immediate" : "stop fast";
    if (job.checkpoint) text += " after a checkpoint";
    if (job.archive) text += ", archive the last WAL";
    if (job.escalate_after.count() > 0) text += fmt::format(", immediate after {}s", to_seconds(job.escalate_after));
    return text;
  }
  std::string operator()(const job::Restart& job) const {
    return job.as_primary ? "restart as primary" : fmt::format("restart as replica of {}", describe(job.upstream));
  }
  std::string operator()(const job::Promote& job) const {
    return fmt::format("promote to timeline {}{}", job.timeline.value, job.complete ? ", all WAL is here" : "");
  }
  std::string operator()(const job::Checkpoint&) const { return "checkpoint"; }
  std::string operator()(const job::CrashRecovery&) const { return "crash recovery"; }
  std::string operator()(const job::Rewind& job) const { return fmt::format("rewind from {}", describe(job.source)); }
  std::string operator()(const job::CopySlots& job) const {
    return fmt::format("copy slots [{}] from {} and restart", list(job.names), describe(job.source));
  }
  std::string operator()(const job::RemoveData& job) const {
    return !job.failure.empty() ? "rename the data directory to .failed" : "remove the data directory";
  }
};

std::string expect(Version version) {
  return version.absent() ? std::string("if absent") : fmt::format("if version {}", version.value);
}

std::string with(const action::Ticket& ticket) {
  return fmt::format(", with timeline {} {}", ticket.number.value, expect(ticket.expect));
}

struct ActionText {
  std::string operator()(const action::AcquireLeader& a) const {
    return "acquire leader " + expect(a.expect) + (a.ticket ? with(*a.ticket) : "");
  }
  std::string operator()(const action::TakeOver& a) const {
    return fmt::format("take over leader {}, with sync {}: {}", expect(a.leader), expect(a.sync), a.value) +
           with(a.ticket);
  }
  std::string operator()(const action::RenewLease&) const { return "renew lease"; }
  std::string operator()(const action::ReleaseLeader&) const { return "release leader"; }
  std::string operator()(const action::WriteKey& a) const {
    return fmt::format("write {} {}{}: {}", to_string(a.key), expect(a.expect), a.on_session ? " on session" : "",
                       a.value.empty() ? "(empty)" : a.value);
  }
  std::string operator()(const action::DeleteKey& a) const {
    return fmt::format("delete {} {}", to_string(a.key), expect(a.expect));
  }
  std::string operator()(const action::WriteMember& a) const { return "write member: " + a.value; }
  std::string operator()(const action::GatherPeers& a) const {
    return a.except.empty() ? "gather peers" : fmt::format("gather peers but {}", a.except.str());
  }
  std::string operator()(const action::ProbeLeader& a) const { return "probe " + describe(a.leader); }
  std::string operator()(const action::AskFailsafe& a) const {
    std::vector<std::string> names;
    for (const auto& [name, url] : a.members) names.push_back(name);
    return fmt::format("ask [{}] for failsafe", list(names));
  }
  std::string operator()(const action::GatherUpstreamHistory& a) const {
    const auto history = "gather history of " + describe(a.source);
    return a.via.none() || a.via == a.source ? history : history + ", and what " + describe(a.via) + " has of it";
  }
  std::string operator()(const action::ForgetCopy&) const { return "forget that the data directory is a copy"; }
  std::string operator()(const action::FetchHistories& a) const {
    std::vector<std::string> numbers, names{a.source.name.str()};
    for (const auto timeline : a.timelines) numbers.push_back(std::to_string(timeline.value));
    for (const auto& other : a.others) names.push_back(other.name.str());
    auto text = fmt::format("fetch histories [{}] from [{}]", list(numbers), list(names));
    if (a.limit) text += fmt::format(", restore only what belongs to timeline {}", a.limit->timeline.value);
    return text;
  }
  std::string operator()(const action::StartJob& a) const { return "job: " + std::visit(JobText{}, a.spec); }
  std::string operator()(const action::CancelJob&) const { return "cancel job"; }
  std::string operator()(const action::Follow& a) const { return "follow " + describe(a.upstream); }
  std::string operator()(const action::ApplyConfig&) const { return "apply configuration"; }
  std::string operator()(const action::GatherUpstreamSlots& a) const { return "gather slots of " + describe(a.source); }
  std::string operator()(const action::SyncSlots& a) const {
    auto text = fmt::format("slots: create [{}] drop [{}]", list(a.create), list(a.drop));
    for (const auto& slot : a.create_logical) {
      text += fmt::format(" create logical {} in {} with {}", slot.name, slot.database, slot.plugin);
    }
    if (a.copies) text += *a.copies ? " as copies" : " as originals";
    for (const auto& slot : a.advance) text += fmt::format(" advance {} to {}", slot.name, to_string(slot.to));
    return text;
  }
  std::string operator()(const action::SetSyncNames& a) const {
    return a.names ? fmt::format("commits wait for '{}'", *a.names) : "commits wait for whom the configuration says";
  }
  std::string operator()(const action::ArmFences& a) const {
    return a.order.leased ? "arm fences for the lease" : "arm fences without a lease";
  }
  std::string operator()(const action::DisarmFences&) const { return "disarm fences"; }
  std::string operator()(const action::AnswerRestart& a) const {
    return fmt::format("answer restart {}: {} {}", a.id, a.done ? "done" : "not done", a.text);
  }
  std::string operator()(const action::AnswerSchedule& a) const {
    return fmt::format("answer schedule {}: {} {}", a.id, a.accepted ? "accepted" : "refused", a.text);
  }
  std::string operator()(const action::AnswerReinit& a) const {
    return fmt::format("answer reinit {}: {} {}", a.id, a.accepted ? "accepted" : "refused", a.text);
  }
  std::string operator()(const action::Exit& a) const { return fmt::format("exit {}", a.code); }
};

}  // namespace

std::string_view to_string(action::Key key) {
  constexpr std::array<std::string_view, 8> names{"initialize", "config",  "failover", "sync",
                                                  "status",     "history", "failsafe", "regent/timeline"};
  return names.at(static_cast<std::size_t>(key));
}

bool Decision::has_effects() const {
  return std::any_of(actions.begin(), actions.end(), [](const Action& action) { return !traits(action).heartbeat; });
}

std::string to_text(const Action& action) {
  return std::visit(ActionText{}, action);
}

std::string to_text(const Decision& d) {
  std::string out = fmt::format("{:03} {}: {}\n", d.rule, d.rule_name, d.sentence);
  for (const auto& note : d.notes) out += fmt::format("  {}\n", note);
  for (const auto& action : d.actions) out += fmt::format("  {}\n", to_text(action));
  for (const auto& condition : d.conditions) out += fmt::format("  ! {}: {}\n", condition.name, condition.detail);
  if (!d.refuses.empty()) out += fmt::format("  tells the others: {}\n", d.refuses);
  return out;
}

}  // namespace regent
