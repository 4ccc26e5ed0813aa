#include "rest/failover.h"

#include <fmt/format.h>

#include <algorithm>

namespace regent::rest {
namespace {

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string text_at(const Json& body, std::string_view key) {
  const Json* value = find(body, key);
  if (value == nullptr) return {};
  return value->is_string() ? value->get<std::string>() : to_spaced(*value);
}

struct Wanted {
  std::string action;
  std::string leader;
  std::string candidate;
  const Json* schedule = nullptr;
};

Wanted read_wanted(const std::string& action, const Json& body) {
  Wanted wanted{action, text_at(body, "leader"), text_at(body, "candidate"), find(body, "scheduled_at")};
  if (wanted.candidate.empty()) wanted.candidate = text_at(body, "member");
  if (wanted.schedule != nullptr && wanted.schedule->is_string() &&
      wanted.schedule->get_ref<const std::string&>().empty()) {
    wanted.schedule = nullptr;
  }
  return wanted;
}

// The refusals of a request that cannot be meant, in the order users see them; empty: none.
std::string refuse_form(const Wanted& wanted, bool paused, Generation generation) {
  const bool modern = generation == Generation::v4;
  if (wanted.action == "failover" && wanted.candidate.empty()) {
    return "Failover could be performed only to a specific candidate";
  }
  if (wanted.action == "switchover" && wanted.leader.empty()) {
    return "Switchover could be performed only from a specific leader";
  }
  if (wanted.schedule == nullptr) return {};
  if (modern && wanted.action == "failover") return "Failover can't be scheduled";
  if (wanted.leader.empty()) {
    return fmt::format("Scheduled {} is possible only from a specific leader", wanted.action);
  }
  if (paused) return fmt::format("Can't schedule {} in the paused state", wanted.action);
  return {};
}

bool is_sync(const ClusterView& cluster, const MemberName& name) {
  return cluster.sync.value.lists(name);
}

// What the member key tells is all we know without asking around; the race itself asks every candidate again (I8, I15).
bool good_candidate(const ClusterView& cluster, const Member& member) {
  if (cluster.leader.exists() && member.name == cluster.leader.name) return false;
  return !member.api_url.empty() && member.tags.may_lead() && member.state == PgState::running;
}

// Empty: possible.
std::string refuse_cluster(const Wanted& wanted, const Snapshot& snapshot, const ClusterView& cluster) {
  if (!wanted.leader.empty() && (!cluster.leader.exists() || cluster.leader.name.str() != wanted.leader)) {
    return "leader name does not match";
  }
  const bool sync = snapshot.observation.settings.synchronous();
  std::vector<const Member*> members;
  if (!wanted.candidate.empty()) {
    const MemberName candidate(wanted.candidate);
    if (wanted.action == "switchover" && sync && !is_sync(cluster, candidate)) {
      return "candidate name does not match with sync_standby";
    }
    if (const auto* member = cluster.member(candidate)) members.push_back(member);
    if (members.empty()) return "candidate does not exists";
  } else {
    for (const auto& member : cluster.members) {
      const bool leads = cluster.leader.exists() && member.name == cluster.leader.name;
      if (!leads && !member.api_url.empty() && (!sync || is_sync(cluster, member.name))) members.push_back(&member);
    }
    if (members.empty()) {
      return wanted.action + (sync ? " is not possible: can not find sync_standby"
                                   : " is not possible: cluster does not have members except leader");
    }
  }
  const bool any =
      std::any_of(members.begin(), members.end(), [&](const Member* m) { return good_candidate(cluster, *m); });
  return any ? std::string() : wanted.action + " is not possible: no good candidates have been found";
}

HttpResponse written(const Result<void>& reply, const std::string& action) {
  if (reply) return text_response(202, capitalized(action) + " scheduled");
  return text_response(503, "failed to write failover key into DCS");
}

}  // namespace

std::variant<HttpResponse, WallTime> parse_schedule(const Json& value, std::string_view what, WallTime now) {
  const auto text = value.is_string() ? value.get<std::string>() : std::string();
  const auto time = parse_iso_time(text);
  if (!time && parse_iso_time(text + "+00:00")) {
    return text_response(400, fmt::format("Timezone information is mandatory for the scheduled {}", what));
  }
  if (!time) {
    return text_response(422,
                         "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601");
  }
  if (*time < now) return text_response(422, fmt::format("Cannot schedule {} in the past", what));
  return *time;
}

namespace {

Handling request_failover(const std::string& action, const Call& call) {
  const Snapshot& snapshot = call.snapshot;
  auto wanted = read_wanted(action, call.body);
  const bool paused = snapshot.observation.settings.pause;
  if (const auto refusal = refuse_form(wanted, paused, call.self.generation); !refusal.empty()) {
    return text_response(400, refusal);
  }
  std::optional<WallTime> at;
  if (wanted.schedule != nullptr) {
    const auto schedule = parse_schedule(*wanted.schedule, wanted.action, call.moment.wall);
    if (const auto* wrong = std::get_if<HttpResponse>(&schedule)) return *wrong;
    at = std::get<WallTime>(schedule);
  }
  if (paused && wanted.candidate.empty()) {
    return text_response(400,
                         capitalized(wanted.action) + " is possible only to a specific candidate in a paused state");
  }
  // A failover that names the leader is a switchover since 4.0.
  const bool modern = call.self.generation == Generation::v4;
  if (modern && wanted.action == "failover" && !wanted.leader.empty()) wanted.action = "switchover";
  if (wanted.leader == wanted.candidate) return text_response(400, "Switchover target and source are the same");
  const auto* cluster = snapshot.observation.cluster.get();
  if (cluster == nullptr) {
    return text_response(503, fmt::format("{} is not possible: the store does not answer", wanted.action));
  }
  if (!at) {
    const auto refusal = refuse_cluster(wanted, snapshot, *cluster);
    if (!refusal.empty()) return text_response(412, refusal);
  }

  Failover failover{MemberName(wanted.leader), MemberName(wanted.candidate), at};
  auto request = change(intent::SetFailover{failover},
                        [action = wanted.action](const Result<void>& reply) { return written(reply, action); });
  if (!at) {
    const auto loops = std::max<Duration>(std::chrono::seconds(10), snapshot.observation.settings.loop_wait);
    request.watch = Watch{wanted.action, cluster->leader.name, MemberName(wanted.candidate), loops * 2};
  }
  return request;
}

}  // namespace

Handling post_switchover(const Call& call) {
  return request_failover("switchover", call);
}

Handling post_failover(const Call& call) {
  return request_failover("failover", call);
}

std::string tell_members(const Json& body) {
  const auto show = [&](std::string_view key) -> std::string {
    const Json* value = find(body, key);
    if (value == nullptr) return "None";
    const auto text = value->is_string() ? value->get<std::string>() : to_spaced(*value);
    // A client writes no lines of its own into the log.
    return text.find_first_of("\r\n") == std::string::npos ? text : to_spaced(*value);
  };
  return fmt::format(" with leader={} candidate={} scheduled_at={}", show("leader"),
                     show(find(body, "candidate") != nullptr ? "candidate" : "member"), show("scheduled_at"));
}

Handling delete_switchover(const Call& call) {
  const auto absent = [] { return text_response(404, "no switchover is scheduled"); };
  const auto* cluster = call.snapshot.observation.cluster.get();
  const bool waiting = cluster != nullptr && cluster->failover.exists() && !cluster->failover.value.empty();
  // One without a time is under way and is not taken back. When the snapshot shows none, the loop looks again: the key
  // may be younger than the snapshot.
  if (waiting && !cluster->failover.value.scheduled_at) return absent();
  return change(intent::ClearFailover{}, [absent](const Result<void>& reply) {
    if (reply) return text_response(200, "scheduled switchover deleted");
    if (reply.error().kind == ErrorKind::not_found) return absent();
    if (reply.error().kind == ErrorKind::conflict) return error_page(409);
    return text_response(503, reply.error().message);
  });
}

std::optional<HttpResponse> watch_result(const Watch& watch, WatchState& state, const Snapshot& snapshot) {
  const auto* cluster = snapshot.observation.cluster.get();
  if (cluster == nullptr) return std::nullopt;
  // "switched over", "failed over"
  const auto done = watch.action.substr(0, watch.action.size() - 4) + "ed over";
  if (cluster->leader.exists() && cluster->leader.name != watch.old_leader) {
    const auto& leader = cluster->leader.name;
    if (watch.candidate.empty() || watch.candidate == leader) {
      return text_response(200, fmt::format("Successfully {} to \"{}\"", done, leader.str()));
    }
    return text_response(
        200, fmt::format("{} to \"{}\" instead of \"{}\"", capitalized(done), leader.str(), watch.candidate.str()));
  }
  if (cluster->failover.exists() && !cluster->failover.value.empty()) {
    state.key_seen = true;
    return std::nullopt;
  }
  const bool vanished = state.key_seen || snapshot.cycle >= state.since_cycle + 2;
  // A cluster without a leader and without the key is in the middle of the change.
  if (!vanished || (!cluster->leader.exists() && !watch.old_leader.empty())) return std::nullopt;
  return text_response(503, capitalized(watch.action) + " failed");
}

HttpResponse watch_timeout(const Watch& watch) {
  return text_response(503, capitalized(watch.action) + " status unknown");
}

}  // namespace regent::rest
