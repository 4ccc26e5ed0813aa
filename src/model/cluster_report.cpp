#include "model/cluster_report.h"

#include <algorithm>
#include <charconv>

#include "model/settings.h"

namespace regent {
namespace {

LagReport lag_of(std::optional<Lsn> position, std::optional<Lsn> leader) {
  LagReport report;
  report.lsn = position;
  if (position && leader) report.lag = bytes_between(*position, *leader);
  return report;
}

std::string role_of(const Member& member, const ClusterView& view, const Settings& settings) {
  if (view.leader.exists() && member.name == view.leader.name) {
    return settings.standby_cluster ? "standby_leader" : "leader";
  }
  if (settings.synchronous() && view.sync.value.lists(member.name)) {
    return settings.synchronous_mode == SyncMode::quorum ? "quorum_standby" : "sync_standby";
  }
  return "replica";
}

void put_lag(Json& out, const std::string& prefix, const LagReport& report) {
  out[prefix + "lag"] = report.lag ? Json(*report.lag) : Json("unknown");
  out[prefix + "lsn"] = report.lsn ? Json(to_string(*report.lsn)) : Json("unknown");
}

Json member_json(const MemberReport& member, Generation generation) {
  Json out = Json::object();
  out["name"] = member.name.str();
  out["role"] = member.role;
  out["state"] = member.state;
  out["api_url"] = member.api_url;
  if (!member.host.empty()) {
    out["host"] = member.host;
    int port = 0;
    std::from_chars(member.port.data(), member.port.data() + member.port.size(), port);
    out["port"] = port;
  }
  if (member.timeline) out["timeline"] = member.timeline->value;
  if (member.pending_restart) out["pending_restart"] = true;
  if (member.pending_restart_reason.is_object()) out["pending_restart_reason"] = member.pending_restart_reason;
  if (!member.scheduled_restart.is_null()) out["scheduled_restart"] = member.scheduled_restart;
  if (!member.guard.empty()) out["guard"] = member.guard;
  if (!member.progress.empty()) out["progress"] = member.progress;
  if (!member.tags.empty()) out["tags"] = member.tags;
  if (member.leads()) return out;
  if (generation != Generation::v4) {
    out["lag"] = member.any.lag ? Json(*member.any.lag) : Json("unknown");
    return out;
  }
  put_lag(out, "receive_", member.receive);
  put_lag(out, "replay_", member.replay);
  put_lag(out, "", member.any);
  return out;
}

}  // namespace

ClusterReport report_cluster(const ClusterView& view) {
  const Settings settings = parse_settings(view.config.value);
  const Status& status = view.status.value;
  // The old optime key fills the status without a version.
  const bool status_known = view.status.exists() || status.optime > Lsn{};
  const auto leader_lsn = status_known ? std::optional(status.optime) : std::nullopt;

  ClusterReport report;
  report.pause = settings.pause;
  if (view.failover.value.scheduled_at) report.scheduled_switchover = view.failover.value;
  for (const auto& member : view.members) {
    MemberReport out;
    out.name = member.name;
    out.role = role_of(member, view, settings);
    const bool primary = out.role == "leader";
    out.state =
        primary || member.replication_state.empty() ? std::string(to_string(member.state)) : member.replication_state;
    out.api_url = member.api_url;
    if (const auto address = parse_conn_url(member.conn_url)) {
      out.host = address->host;
      out.port = address->port;
    }
    out.timeline = member.timeline;
    out.pending_restart = member.pending_restart;
    out.pending_restart_reason = member.pending_restart_reason;
    out.scheduled_restart = member.scheduled_restart;
    out.guard = member.guard;
    out.progress = member.progress;
    out.tags = member.tags.all;
    if (!out.leads()) {
      // Positions of different timelines say nothing about each other (F61).
      const Member* leader = view.leader_member();
      const bool older =
          leader != nullptr && leader->timeline && member.timeline && *member.timeline < *leader->timeline;
      const auto reached = older ? std::nullopt : leader_lsn;
      out.receive = lag_of(member.receive_lsn, reached);
      out.replay = lag_of(member.replay_lsn, reached);
      out.any = lag_of(member.xlog_location, reached);
    }
    report.members.push_back(std::move(out));
  }
  return report;
}

Json cluster_json(const ClusterReport& report, const std::string& scope, Generation generation) {
  Json out = Json::object();
  out["members"] = Json::array();
  for (const auto& member : report.members) out["members"].push_back(member_json(member, generation));
  if (report.pause) out["pause"] = true;
  if (const auto& scheduled = report.scheduled_switchover) {
    Json& target = out["scheduled_switchover"] = Json::object();
    target["at"] = to_iso_time(*scheduled->scheduled_at);
    if (!scheduled->leader.empty()) target["from"] = scheduled->leader.str();
    if (!scheduled->candidate.empty()) target["to"] = scheduled->candidate.str();
  }
  if (generation == Generation::v4) out["scope"] = scope;
  return out;
}

}  // namespace regent
