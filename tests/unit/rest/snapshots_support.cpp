#include "rest/snapshots_support.h"

namespace regent::rest::testing {
namespace {

constexpr auto started_at = "2024-08-28 19:39:26.352526+00:00";

Member member(const std::string& name, int port, Role role) {
  Member out;
  out.name = MemberName(name);
  out.conn_url = "postgres://127.0.0.1:" + std::to_string(port) + "/postgres";
  out.api_url = "http://127.0.0.1:" + std::to_string(port + 1000) + "/patroni";
  out.state = PgState::running;
  out.role = role;
  out.version = "4.1.4";
  out.timeline = Timeline{1};
  out.tags = parse_tags(Json{{"zone", "a"}});
  out.xlog_location = Lsn{0x3000060};
  if (role == Role::replica) {
    out.receive_lsn = out.replay_lsn = out.xlog_location;
    out.replication_state = "streaming";
  }
  return out;
}

ClusterView cluster() {
  ClusterView view;
  view.leader = {MemberName("n1"), Version{5}, "lease-1"};
  view.members = {member("n1", 5001, Role::primary), member("n2", 5002, Role::replica),
                  member("n3", 5003, Role::replica)};
  Json config = Json::object();
  config["ttl"] = 20;
  config["loop_wait"] = 2;
  config["retry_timeout"] = 5;
  config["maximum_lag_on_failover"] = 1048576;
  view.config = {config, Version{2}};
  view.status = {Status{Lsn{0x3000060}, {}, {}, {}}, Version{3}};
  view.history = {History{}, Version{4}};
  return view;
}

ReplicationRow row(const std::string& name) {
  ReplicationRow out;
  out.usename = "replicator";
  out.application_name = name;
  out.client_addr = "127.0.0.1";
  out.state = "streaming";
  out.sync_state = "async";
  return out;
}

Snapshot common(const std::string& name) {
  Snapshot snapshot;
  auto& o = snapshot.observation;
  o.now = start();
  o.self.name = MemberName(name);
  o.self.tags = parse_tags(Json{{"zone", "a"}});
  o.cluster = Fact<ClusterView>::known(cluster(), start());
  o.settings = parse_settings(o.cluster->config.value);
  o.postgres.process = Process::running;
  o.postgres.data.state = DataState::valid;
  o.postgres.data.system_id = SystemId("7408281637384652123");
  snapshot.last_cluster = o.cluster;
  snapshot.dcs_last_seen = WallTime(std::chrono::seconds(1724873970));
  snapshot.decision.rule = 701;
  snapshot.decision.rule_name = "lead";
  snapshot.decision.sentence = "no action";
  snapshot.cycle = 10;
  return snapshot;
}

ServerFacts facts(bool in_recovery) {
  ServerFacts out;
  out.in_recovery = in_recovery;
  out.timeline = Timeline{1};
  out.wal = Lsn{0x3000060};
  out.version = 150020;
  out.postmaster_start_time = *parse_iso_time(started_at);
  if (in_recovery) {
    out.received = out.replayed = Lsn{0x3000060};
    out.replication_state = "streaming";
  } else {
    out.replication = {row("n2"), row("n3")};
  }
  return out;
}

}  // namespace

Instant start() {
  return Instant(std::chrono::hours(1));
}

Moment at(Duration since_start) {
  return Moment{start() + since_start, *parse_iso_time("2024-08-28T19:40:00+00:00"), 0, 0};
}

Identity self(const std::string& name, Generation generation) {
  return Identity{"demo", MemberName(name), generation, "0.1.0"};
}

Snapshot leader() {
  auto snapshot = common("n1");
  auto& o = snapshot.observation;
  o.lease = LeaseFacts{true, "lease-1", Version{5}, start(), std::chrono::seconds(20)};
  snapshot.decision.memory.ran_as_primary = true;
  set_server(snapshot, facts(false));
  return snapshot;
}

Snapshot replica(const std::string& name) {
  auto snapshot = common(name);
  set_server(snapshot, facts(true));
  return snapshot;
}

ClusterView& cluster_of(Snapshot& snapshot) {
  // A published snapshot never changes; one that a test still builds may.
  return const_cast<ClusterView&>(snapshot.observation.cluster.value());
}

void lose_store(Snapshot& snapshot) {
  snapshot.observation.cluster = Fact<ClusterView>::unknown("the store does not answer", start());
}

ServerFacts server_of(const Snapshot& snapshot) {
  return snapshot.observation.postgres.server.value();
}

void set_server(Snapshot& snapshot, ServerFacts facts) {
  snapshot.observation.postgres.server = Fact<ServerFacts>::known(std::move(facts), start());
}

void make_synchronous(Snapshot& snapshot, const std::string& mode, const std::vector<std::string>& standbys) {
  auto& view = cluster_of(snapshot);
  view.config.value["synchronous_mode"] = mode == "on" ? Json(true) : Json(mode);
  view.sync.version = Version{6};
  view.sync.value.leader = MemberName("n1");
  view.sync.value.standbys.clear();
  for (const auto& name : standbys) view.sync.value.standbys.emplace_back(name);
  snapshot.observation.settings.synchronous_mode = mode == "quorum" ? SyncMode::quorum : SyncMode::on;
}

}  // namespace regent::rest::testing
