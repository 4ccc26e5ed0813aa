#include "rest/metrics.h"

#include <fmt/format.h>

namespace regent::rest {
namespace {

std::string escape_label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

// Seconds of the wall clock as Python prints a float: the fraction is never left out.
std::string epoch(WallTime time) {
  const auto text = fmt::format("{}", static_cast<double>(time.time_since_epoch().count()) / 1e6);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

// "4.1.4" -> "040104"
std::string version_digits(std::string_view version) {
  std::string out;
  while (!version.empty()) {
    const auto dot = version.find('.');
    const auto part = version.substr(0, dot);
    out += fmt::format("{:0>2}", part);
    version.remove_prefix(dot == std::string_view::npos ? version.size() : dot + 1);
  }
  return out;
}

class Writer {
 public:
  explicit Writer(std::string labels) : labels_(std::move(labels)) {}

  // `gap` stands between name and labels.
  template <class Value>
  void add(std::string_view name, std::string_view type, std::string_view help, const Value& value,
           std::string_view gap = "") {
    head(name, type, help);
    text_ += fmt::format("{}{}{{{}}} {}\n", name, gap, labels_, value);
  }
  void head(std::string_view name, std::string_view type, std::string_view help) {
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  void sample(std::string_view name, std::string_view more_labels, int value) {
    text_ += fmt::format("{}{{{},{}}} {}\n", name, labels_, more_labels, value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string labels_;
  std::string text_;
};

void write_roles(const Snapshot& snapshot, const Identity& self, const LocalServer& local, Writer& out) {
  const bool modern = self.generation == Generation::v4;
  const int primary = local.role == Role::primary ? 1 : 0;
  constexpr std::string_view leader_help = "Value is 1 if this node is the leader, 0 otherwise.";
  if (!modern) out.add("patroni_master", "gauge", leader_help, primary);
  if (self.generation != Generation::v2_1) out.add("patroni_primary", "gauge", leader_help, primary);
  const bool writes = local.facts != nullptr && !local.facts->in_recovery;
  out.add("patroni_xlog_location", "counter",
          "Current location of the Postgres transaction log, 0 if this node is not the leader.",
          writes ? local.facts->wal.value : 0);
  out.add("patroni_standby_leader", "gauge", "Value is 1 if this node is the standby_leader, 0 otherwise.",
          local.role == Role::standby_leader ? 1 : 0);
  out.add("patroni_replica", "gauge", "Value is 1 if this node is a replica, 0 otherwise.",
          local.role == Role::replica ? 1 : 0);
  const auto sync = sync_role(snapshot, self);
  if (modern) {
    out.add("patroni_sync_standby", "gauge", "Value is 1 if this node is a sync standby, 0 otherwise.",
            sync == SyncRole::sync ? 1 : 0);
    out.add("patroni_quorum_standby", "gauge", "Value is 1 if this node is a quorum standby, 0 otherwise.",
            sync == SyncRole::quorum ? 1 : 0);
  } else if (self.generation == Generation::v3) {
    out.add("patroni_sync_standby", "gauge", "Value is 1 if this node is a sync standby replica, 0 otherwise.",
            sync == SyncRole::sync ? 1 : 0);
  }
}

void write_replay(const Identity& self, const LocalServer& local, Writer& out) {
  const ServerFacts nothing;
  const bool replays = local.facts != nullptr && local.facts->in_recovery;
  const auto& facts = replays ? *local.facts : nothing;
  const auto replayed = facts.replayed.value_or(Lsn{});
  const auto received = facts.received && facts.received->value != 0 ? *facts.received : replayed;
  out.add("patroni_xlog_received_location", "counter",
          "Current location of the received Postgres transaction log, 0 if this node is not a replica.",
          received.value);
  out.add("patroni_xlog_replayed_location", "counter",
          "Current location of the replayed Postgres transaction log, 0 if this node is not a replica.",
          replayed.value);
  out.add("patroni_xlog_replayed_timestamp", "gauge",
          "Current timestamp of the replayed Postgres transaction log, 0 if null.",
          facts.replayed_at ? epoch(*facts.replayed_at) : "0");
  out.add("patroni_xlog_paused", "gauge", "Value is 1 if the Postgres xlog is paused, 0 otherwise.",
          facts.replay_paused ? 1 : 0);
  if (self.generation != Generation::v4) return;
  out.add("patroni_postgres_streaming", "gauge", "Value is 1 if Postgres is streaming, 0 otherwise.",
          facts.replication_state == "streaming" ? 1 : 0);
  out.add("patroni_postgres_in_archive_recovery", "gauge",
          "Value is 1 if Postgres is replicating from archive, 0 otherwise.",
          facts.replication_state == "in archive recovery" ? 1 : 0);
}

void write_cluster(const Snapshot& snapshot, const Identity& self, const LocalServer& local, const Moment& moment,
                   Writer& out) {
  const auto document = server_document(snapshot, self, moment.now);
  const auto flag = [&](std::string_view key) { return find(document, key) != nullptr ? 1 : 0; };
  const bool modern = self.generation == Generation::v4;
  constexpr std::string_view unlocked_help = "Value is 1 if the cluster is unlocked, 0 if locked.";
  out.add("patroni_cluster_unlocked", "gauge", unlocked_help, flag("cluster_unlocked"));
  if (self.generation != Generation::v2_1) {
    out.add("patroni_failsafe_mode_is_active", "gauge",
            modern ? "Value is 1 if failsafe mode is active, 0 if inactive." : unlocked_help,
            flag("failsafe_mode_is_active"));
  }
  out.add("patroni_postgres_timeline", modern ? "gauge" : "counter",
          "Postgres timeline of this node (if running), 0 otherwise.",
          local.facts != nullptr ? local.facts->timeline.value : 0);
  out.add("patroni_dcs_last_seen", "gauge", "Epoch timestamp when DCS was last contacted successfully by Patroni.",
          document["dcs_last_seen"].get<std::int64_t>());
  out.add("patroni_pending_restart", "gauge", "Value is 1 if the node needs a restart, 0 otherwise.",
          snapshot.observation.postgres.pending_restart.empty() ? 0 : 1);
  out.add("patroni_is_paused", "gauge", "Value is 1 if auto failover is disabled, 0 otherwise.",
          snapshot.observation.settings.pause ? 1 : 0);
  if (!modern) return;
  out.add("patroni_postgres_state", "gauge",
          "Numeric representation of Postgres state.\n# Values: 0=initdb, 1=initdb_failed, 2=custom_bootstrap, "
          "3=custom_bootstrap_failed, 4=creating_replica, 5=running, 6=starting, 7=bootstrap_starting, 8=start_failed, "
          "9=restarting, 10=restart_failed, 11=stopping, 12=stopped, 13=stop_failed, 14=crashed",
          local.state ? static_cast<int>(*local.state) : -1);
}

void write_own(const Snapshot& snapshot, const Moment& moment, Writer& out) {
  out.add("regent_rule", "gauge", "Number of the rule that decided the last cycle.", snapshot.decision.rule);
  const auto& lease = snapshot.observation.lease;
  const auto left = lease.held ? dead_by(lease) - moment.now : Duration{};
  out.add("regent_lease_seconds_left", "gauge",
          "Seconds until the leader lease may not be relied on any more, 0 if this node does not lead.",
          fmt::format("{:.3f}", left > Duration{} ? to_seconds(left) : 0.0));
  out.add("regent_loop_lateness_seconds", "gauge",
          "The longest that the control loop ever woke up after its time, since the agent started.",
          fmt::format("{:.3f}", to_seconds(snapshot.most_late)));
  out.add("regent_refused_decisions_total", "counter",
          "Decisions that broke their contract and were not carried out, since the agent started.",
          snapshot.refused_decisions);
  const FenceFacts& fences = snapshot.observation.fences;
  out.add("regent_guard_armed", "gauge",
          "Value is 1 if the guard would end PostgreSQL at the end of the lease, 0 otherwise.",
          fences.guard.armed() ? 1 : 0);
  out.add("regent_watchdog_active", "gauge", "Value is 1 if the watchdog device is armed, 0 otherwise.",
          fences.watchdog.active() ? 1 : 0);
  out.head("regent_condition", "gauge", "Named problems of this node; absent when there is none.");
  for (const auto& condition : snapshot.decision.conditions) {
    out.sample("regent_condition", fmt::format("condition=\"{}\"", escape_label(condition.name)), 1);
  }
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot, const Identity& self, const Moment& moment) {
  const bool modern = self.generation == Generation::v4;
  auto labels = fmt::format("scope=\"{}\"", escape_label(self.scope));
  if (modern) labels += fmt::format(",name=\"{}\"", escape_label(self.name.str()));
  Writer out(labels);
  const auto local = local_server(snapshot);
  out.add("patroni_version", "gauge", "Patroni semver without periods.",
          version_digits(patroni_version(self.generation)));
  out.add("patroni_postgres_running", "gauge", "Value is 1 if Postgres is running, 0 otherwise.",
          local.running() ? 1 : 0);
  out.add("patroni_postmaster_start_time", "gauge", "Epoch seconds since Postgres started.",
          local.facts != nullptr ? epoch(local.facts->postmaster_start_time) : "0");
  write_roles(snapshot, self, local, out);
  write_replay(self, local, out);
  // The blank before the labels stood there until 3.0.x, and parsers know it (T24).
  out.add("patroni_postgres_server_version", "gauge", "Version of Postgres (if running), 0 otherwise.",
          local.facts != nullptr ? local.facts->version : 0, modern ? "" : " ");
  write_cluster(snapshot, self, local, moment, out);
  write_own(snapshot, moment, out);
  return out.take();
}

}  // namespace regent::rest
