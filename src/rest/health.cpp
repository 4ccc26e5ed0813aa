#include "rest/health.h"

#include <algorithm>
#include <cctype>

#include "core/leadership.h"

namespace regent::rest {
namespace {

bool has(std::string_view path, std::string_view word) {
  return path.find(word) != std::string_view::npos;
}

std::uint64_t replayed_position(const LocalServer& local) {
  if (local.facts == nullptr || !local.facts->in_recovery || !local.facts->replayed) return 0;
  return local.facts->replayed->value;
}

// Against the leader's published position; without one there is nothing to compare with. How far one on an older
// timeline is behind nobody knows (F61).
bool lags(const Snapshot& snapshot, std::uint64_t position, std::optional<std::uint64_t> allowed) {
  const auto* cluster = snapshot.observation.cluster.get();
  if (cluster == nullptr || !allowed) return false;
  const auto* leader = cluster->leader_member();
  const auto local = local_server(snapshot);
  const bool other = leader != nullptr && leader->name != snapshot.observation.self.name;
  if (other && leader->timeline && local.facts != nullptr && local.facts->timeline < *leader->timeline) return true;
  return bytes_between(Lsn{position}, cluster->status.value.optime) > *allowed;
}

// What each family of checks says before the path picks one.
struct Answers {
  bool leader = false;
  bool primary = false;
  bool standby_leader = false;
  bool replica = false;
};

Answers answers(const Snapshot& snapshot, const Target& target, const LocalServer& local, Instant now) {
  const auto& o = snapshot.observation;
  Answers out;
  std::optional<std::uint64_t> allowed;
  if (const auto* lag = target.find("lag")) allowed = parse_size(*lag);
  out.replica = local.running() && local.role == Role::replica && !o.self.tags.noloadbalance &&
                !lags(snapshot, replayed_position(local), allowed);
  if (const auto* wanted = target.find("replication_state"); wanted != nullptr && out.replica) {
    out.replica = local.facts->replication_state == *wanted;
  }

  const bool primary = local.role == Role::primary && local.accepting;
  if (!o.cluster.is_known() && o.settings.pause) {
    // Nobody may act in pause, so the role stands even though the lease cannot be renewed.
    out.primary = primary;
    out.standby_leader = local.role == Role::standby_leader && local.running();
    out.leader = out.primary || out.standby_leader;
  } else if (leads_now(o, now)) {
    out.leader = true;
    if (o.settings.standby_cluster) {
      out.replica = false;
      out.standby_leader = local.running() && (local.role == Role::replica || local.role == Role::standby_leader);
    } else {
      out.primary = primary;
    }
  }
  return out;
}

std::string tag_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string text = to_spaced(value);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool tags_match(const Json& tags, const Target& target) {
  constexpr std::string_view prefix = "tag_";
  return std::all_of(target.query.begin(), target.query.end(), [&](const auto& parameter) {
    const auto& [key, wanted] = parameter;
    if (key.compare(0, prefix.size(), prefix) != 0) return true;
    const Json* value = find(tags, std::string_view(key).substr(prefix.size()));
    return value != nullptr && tag_text(*value) == wanted;
  });
}

// The checks that need the cluster and match whole paths.
bool sync_check(std::string_view path, SyncRole role, const Answers& answer) {
  const bool leads = answer.primary || answer.standby_leader;
  if (path == "/sync" || path == "/synchronous") return role == SyncRole::sync && answer.replica;
  if (path == "/quorum") return role == SyncRole::quorum && answer.replica;
  if (path == "/async" || path == "/asynchronous") return role == SyncRole::none && answer.replica;
  if (path == "/read-only-quorum") return leads || (role == SyncRole::quorum && answer.replica);
  if (path == "/read-only-sync" || path == "/read-only-synchronous") {
    return leads || (role == SyncRole::sync && answer.replica);
  }
  return false;
}

}  // namespace

int health_status(const Snapshot& snapshot, const Identity& self, const Target& target, Instant now) {
  const auto local = local_server(snapshot);
  const auto answer = answers(snapshot, target, local, now);
  const std::string path = target.path == "/" ? "/primary" : target.path;
  const auto status = [](bool good) { return good ? 200 : 503; };

  // Tags say nothing about who leads: the checks for leaders ignore them.
  if (has(path, "standby_leader") || has(path, "standby-leader")) return status(answer.standby_leader);
  if (has(path, "leader")) return status(answer.leader);
  if (has(path, "master") || has(path, "primary") || has(path, "read-write")) return status(answer.primary);

  // Before 4.0 nobody knew quorum checks: /read-only-quorum is /read-only there.
  const bool knows_quorum = self.generation == Generation::v4;
  bool good = false;
  if (has(path, "replica")) {
    good = answer.replica;
  } else if (has(path, "read-only") && !has(path, "sync") && !(knows_quorum && has(path, "quorum"))) {
    good = answer.primary || answer.standby_leader || answer.replica;
  } else if (has(path, "health")) {
    good = local.running();
  } else if (snapshot.observation.cluster.is_known()) {
    good = (knows_quorum || path != "/quorum") && sync_check(path, sync_role(snapshot, self), answer);
  }
  return status(good && tags_match(snapshot.observation.self.tags.all, target));
}

int liveness_status(const Snapshot& snapshot, Instant now) {
  const auto& o = snapshot.observation;
  if (o.settings.pause) return 200;
  const auto local = local_server(snapshot);
  const int patience = local.role == Role::primary && local.accepting ? 1 : 2;
  return now < o.now + o.settings.loop_wait + o.settings.ttl * patience ? 200 : 503;
}

int readiness_status(const Snapshot& snapshot, const Identity& self, const Target& target, Instant now) {
  const auto& o = snapshot.observation;
  if (leads_now(o, now)) return 200;
  const auto local = local_server(snapshot);
  if (!local.running()) return 503;
  if (self.generation != Generation::v4) return 200;
  if (!local.facts->in_recovery || local.facts->replication_state != "streaming") return 503;
  std::optional<std::uint64_t> allowed = o.settings.maximum_lag_on_failover;
  if (const auto* lag = target.find("lag")) allowed = parse_size(*lag);
  const auto* mode = target.find("mode");
  const bool written = mode != nullptr && *mode == "write";
  const auto at = written ? local.facts->received.value_or(Lsn{}).value : replayed_position(local);
  return lags(snapshot, at, allowed) ? 503 : 200;
}

}  // namespace regent::rest
