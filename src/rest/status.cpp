#include "rest/status.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/peer_status.h"
#include "core/portrait.h"
#include "core/situation.h"

namespace regent::rest {
namespace {

Json position(std::optional<Lsn> lsn) {
  return Json(lsn ? lsn->value : 0);
}

Json xlog_document(const ServerFacts& facts) {
  Json xlog = Json::object();
  if (!facts.in_recovery) {
    xlog["location"] = facts.wal.value;
    return xlog;
  }
  // A replica that never received anything stands where it replayed to.
  xlog["received_location"] = position(facts.received && facts.received->value != 0 ? facts.received : facts.replayed);
  xlog["replayed_location"] = position(facts.replayed);
  xlog["replayed_timestamp"] = facts.replayed_at ? Json(to_rest_time(*facts.replayed_at)) : Json();
  xlog["paused"] = facts.replay_paused;
  return xlog;
}

Json replication_document(const std::vector<ReplicationRow>& rows) {
  Json out = Json::array();
  for (const auto& row : rows) {
    Json item = Json::object();
    item["usename"] = row.usename;
    item["application_name"] = row.application_name;
    item["client_addr"] = row.client_addr.empty() ? Json() : Json(row.client_addr);
    item["state"] = row.state;
    item["sync_state"] = row.sync_state;
    item["sync_priority"] = row.sync_priority;
    out.push_back(std::move(item));
  }
  return out;
}

void add_facts(const Snapshot& snapshot, const Identity& self, const ServerFacts& facts, Json& out) {
  if (const auto sync = sync_role(snapshot, self); sync != SyncRole::none) {
    out[sync == SyncRole::quorum ? "quorum_standby" : "sync_standby"] = true;
  }
  if (facts.timeline.value > 0) out["timeline"] = facts.timeline.value;
  if (facts.in_recovery && !facts.replication_state.empty()) {
    out["replication_state"] = facts.replication_state;
  }
  if (!facts.replication.empty()) out["replication"] = replication_document(facts.replication);
}

// The leader serves by the members' word, or this member gave its word and sees no leader hold the lock.
bool failsafe_is_active(const Snapshot& snapshot, Instant now) {
  const auto& o = snapshot.observation;
  if (vouched_for(o.lease, now)) return true;
  const bool locked = o.cluster.is_known() && o.cluster->leader.exists();
  return !locked && promised(o.failsafe, now);
}

void add_fences(const FenceFacts& fences, Instant now, Json& out) {
  if (const auto& guard = fences.guard; guard.mode != FenceMode::off) {
    Json item = Json::object();
    item["state"] = to_string(guard.state);
    if (guard.armed()) item["seconds_left"] = std::round(to_seconds(guard.deadline - now) * 1000) / 1000;
    if (!guard.why.empty()) item["why"] = guard.why;
    if (guard.armed() && !guard.memory_locked) item["memory_locked"] = false;
    if (guard.fenced_at) item["fenced_seconds_ago"] = std::round(to_seconds(now - *guard.fenced_at));
    out["guard"] = std::move(item);
  }
  if (const auto& watchdog = fences.watchdog; watchdog.mode != FenceMode::off) {
    Json item = Json::object();
    // A device that need not be there and is not has not failed.
    const bool absent = watchdog.mode == FenceMode::automatic && !watchdog.usable;
    item["state"] = absent ? "off" : to_string(watchdog.state);
    if (watchdog.active()) item["timeout"] = std::round(to_seconds(watchdog.timeout));
    if (!watchdog.why.empty()) item["why"] = watchdog.why;
    out["watchdog"] = std::move(item);
  }
}

// Seconds; null: not there yet.
Json handover_document(const Handover& handover) {
  const auto seconds = [](std::optional<Instant> from, std::optional<Instant> to) {
    return from && to ? Json(std::round(to_seconds(*to - *from) * 1000) / 1000) : Json();
  };
  Json out = Json::object();
  out["kind"] = handover.kind;
  out["to"] = handover.successor.empty() ? Json() : Json(handover.successor.str());
  out["writes_paused"] = seconds(handover.refusing, handover.writable);
  out["ready"] = seconds(handover.asked, handover.ready);
  out["checkpoint"] = seconds(handover.ready, handover.refusing);
  out["stopped"] = seconds(handover.refusing, handover.stopped);
  out["taken_over"] = seconds(handover.stopped, handover.taken);
  out["promoted"] = seconds(handover.taken, handover.writable);
  return out;
}

Json regent_document(const Snapshot& snapshot, const Identity& self, const Moment& moment, const PeerAnswer& own) {
  Json out = Json::object();
  out["version"] = self.version;
  print_peer_status(own, out);
  out["rule"] = snapshot.decision.rule;
  out["rule_name"] = snapshot.decision.rule_name;
  out["sentence"] = snapshot.decision.sentence;
  Json conditions = Json::array();
  for (const auto& condition : snapshot.decision.conditions) {
    Json item = Json::object();
    item["name"] = condition.name;
    item["detail"] = condition.detail;
    conditions.push_back(std::move(item));
  }
  out["conditions"] = std::move(conditions);
  if (const auto& job = snapshot.observation.job; job.running) {
    Json running = Json::object();
    running["name"] = job_name(*job.running);
    running["seconds"] = std::round(to_seconds(moment.now - job.started));
    if (!job.progress.empty()) running["progress"] = job.progress;
    out["job"] = std::move(running);
  }
  if (const auto& handover = snapshot.decision.memory.handover) out["handover"] = handover_document(*handover);
  const auto& lease = snapshot.observation.lease;
  add_fences(snapshot.observation.fences, moment.now, out);
  if (!snapshot.decision.refuses.empty()) out["refuses"] = snapshot.decision.refuses;
  // Milliseconds are enough for a person. Negative: the deadline passed.
  out["lease_seconds_left"] =
      lease.held ? Json(std::round(to_seconds(dead_by(lease) - moment.now) * 1000) / 1000) : Json();
  return out;
}

}  // namespace

LocalServer local_server(const Snapshot& snapshot) {
  LocalServer local;
  const Portrait self = portrait(survey(snapshot.observation, snapshot.decision.memory));
  local.state = self.state;
  local.accepting = snapshot.observation.postgres.process == Process::running;
  if (local.accepting) local.facts = snapshot.observation.postgres.server.get();
  // The server itself says what it is, and is a replica until it was promoted.
  local.role = self.role == Role::promoted ? Role::replica : self.role.value_or(Role::uninitialized);
  return local;
}

SyncRole sync_role(const Snapshot& snapshot, const Identity& self) {
  const auto* cluster = snapshot.observation.cluster.get();
  if (cluster == nullptr || !snapshot.observation.settings.synchronous()) return SyncRole::none;
  const auto local = local_server(snapshot);
  if (local.facts == nullptr || local.role != Role::replica) return SyncRole::none;
  if (!cluster->sync.value.lists(self.name)) return SyncRole::none;
  if (snapshot.observation.settings.synchronous_mode != SyncMode::quorum) return SyncRole::sync;
  // The generations before 4 have no word for it.
  return self.generation == Generation::v4 ? SyncRole::quorum : SyncRole::none;
}

Json server_document(const Snapshot& snapshot, const Identity& self, Instant now) {
  const auto& o = snapshot.observation;
  const auto local = local_server(snapshot);
  Json out = Json::object();
  out["state"] = local.state ? to_string(*local.state) : std::string_view("unknown");
  if (local.facts != nullptr) out["postmaster_start_time"] = to_rest_time(local.facts->postmaster_start_time);
  out["role"] = to_string(local.role, self.generation);
  if (local.facts != nullptr) {
    out["server_version"] = local.facts->version;
    out["xlog"] = xlog_document(*local.facts);
    add_facts(snapshot, self, *local.facts, out);
  }
  if (o.settings.pause && self.generation == Generation::v4) out["pause"] = true;
  if (!o.cluster.is_known() || !o.cluster->leader.exists()) out["cluster_unlocked"] = true;
  if (failsafe_is_active(snapshot, now)) out["failsafe_mode_is_active"] = true;
  out["dcs_last_seen"] = std::chrono::floor<std::chrono::seconds>(snapshot.dcs_last_seen).time_since_epoch().count();
  return out;
}

Json status_document(const Snapshot& snapshot, const Identity& self, const Moment& moment) {
  const auto& o = snapshot.observation;
  const PeerAnswer own = own_status(snapshot, self.instance, moment.now);
  Json out = server_document(snapshot, self, moment.now);
  if (!o.self.tags.all.empty()) out["tags"] = o.self.tags.all;
  if (!o.postgres.data.system_id.empty()) out["database_system_identifier"] = o.postgres.data.system_id.str();
  if (!o.postgres.pending_restart.empty()) {
    out["pending_restart"] = true;
    if (self.generation == Generation::v4) out["pending_restart_reason"] = o.postgres.pending_restart;
  }
  if (const auto& plan = snapshot.decision.memory.scheduled_restart) {
    out["scheduled_restart"] = plan->published;
    out["scheduled_restart"].erase("postmaster_start_time");
  }
  if (own.watchdog_failed) out["watchdog_failed"] = true;
  Json patroni = Json::object();
  patroni["version"] = patroni_version(self.generation);
  patroni["scope"] = self.scope;
  if (self.generation == Generation::v4) patroni["name"] = self.name.str();
  out["patroni"] = std::move(patroni);
  if (o.settings.pause && self.generation != Generation::v4) out["pause"] = true;
  // A line or two waiting is the normal life of the queue.
  if (moment.log_queued > 2) out["logger_queue_size"] = moment.log_queued;
  if (moment.log_lost > 0) out["logger_records_lost"] = moment.log_lost;
  out["regent"] = regent_document(snapshot, self, moment, own);
  return out;
}

}  // namespace regent::rest
