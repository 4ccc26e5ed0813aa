#include "sim/params.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sim/rng.h"

namespace regent::sim {

using namespace std::chrono_literals;

namespace {

struct FaultName {
  FaultKind kind;
  const char* name;
};
constexpr FaultName fault_names[] = {
    {FaultKind::node_kill, "node_kill"},
    {FaultKind::agent_kill, "agent_kill"},
    {FaultKind::agent_freeze, "agent_freeze"},
    {FaultKind::node_freeze, "node_freeze"},
    {FaultKind::guard_kill, "guard_kill"},
    {FaultKind::agent_restart, "agent_restart"},
    {FaultKind::crash_point, "crash_point"},
    {FaultKind::freeze_point, "freeze_point"},
    {FaultKind::server_kill, "server_kill"},
    {FaultKind::server_freeze, "server_freeze"},
    {FaultKind::receiver_stuck, "receiver_stuck"},
    {FaultKind::stop_hangs, "stop_hangs"},
    {FaultKind::partition, "partition"},
    {FaultKind::store_outage, "store_outage"},
    {FaultKind::leader_blind, "leader_blind"},
    {FaultKind::leader_cut_off, "leader_cut_off"},
    {FaultKind::standby_cluster, "standby_cluster"},
    {FaultKind::store_member, "store_member"},
    {FaultKind::slow_store, "slow_store"},
    {FaultKind::lost_replies, "lost_replies"},
    {FaultKind::silent_watch, "silent_watch"},
    {FaultKind::wall_jump, "wall_jump"},
    {FaultKind::data_lost, "data_lost"},
    {FaultKind::key_deleted, "key_deleted"},
    {FaultKind::switchover, "switchover"},
    {FaultKind::failover, "failover"},
    {FaultKind::pause, "pause"},
    {FaultKind::restart, "restart"},
    {FaultKind::reinit, "reinit"},
    {FaultKind::config, "config"},
    {FaultKind::sync_config, "sync_config"},
    {FaultKind::key_edited, "key_edited"},
    {FaultKind::laggard_alone, "laggard_alone"},
    {FaultKind::power_cut, "power_cut"},
    {FaultKind::recovery_slow, "recovery_slow"},
    {FaultKind::server_stuck, "server_stuck"},
    {FaultKind::data_damaged, "data_damaged"},
    {FaultKind::data_unreadable, "data_unreadable"},
    {FaultKind::data_gone, "data_gone"},
    {FaultKind::promotion_fails, "promotion_fails"},
    {FaultKind::nofailover, "nofailover"},
    {FaultKind::promoted_by_hand, "promoted_by_hand"},
    {FaultKind::guard_broken, "guard_broken"},
    {FaultKind::switchover_later, "switchover_later"},
    {FaultKind::restart_later, "restart_later"},
    {FaultKind::setting_raised, "setting_raised"},
    {FaultKind::old_leader_wakes, "old_leader_wakes"},
    {FaultKind::promoted_in_vain, "promoted_in_vain"},
    {FaultKind::twin, "twin"},
    {FaultKind::remote_away, "remote_away"},
    {FaultKind::remote_fails_over, "remote_fails_over"},
    {FaultKind::remote_moves, "remote_moves"},
    {FaultKind::wal_removed, "wal_removed"},
    {FaultKind::voter_restored, "voter_restored"},
    {FaultKind::store_restored, "store_restored"},
    {FaultKind::dead_branch_kept, "dead_branch_kept"},
};

// Those that are drawn on their own: from here to the end.
constexpr FaultKind first_of_its_own = FaultKind::key_edited;

}  // namespace

const char* fault_name(FaultKind kind) {
  for (const auto& entry : fault_names) {
    if (entry.kind == kind) return entry.name;
  }
  return "?";
}

std::optional<FaultKind> find_fault(std::string_view name) {
  for (const auto& entry : fault_names) {
    if (entry.name == name) return entry.kind;
  }
  return std::nullopt;
}

const std::vector<FaultKind>& all_faults() {
  static const std::vector<FaultKind> all = [] {
    std::vector<FaultKind> kinds;
    // Those are drawn on their own.
    for (const auto& entry : fault_names) {
      if (entry.kind != FaultKind::leader_blind && entry.kind != FaultKind::standby_cluster &&
          entry.kind != FaultKind::sync_config && entry.kind != FaultKind::leader_cut_off &&
          entry.kind < first_of_its_own) {
        kinds.push_back(entry.kind);
      }
    }
    return kinds;
  }();
  return all;
}

namespace {

// From numbers of their own: the rest of the seed stays as it is.
void draw_takeover(Params& params) {
  Rng rng(params.seed ^ 0x7a6e0fe45eed5ULL);
  if (rng.chance(0.15)) params.synchronous["synchronous_takeover_after"] = false;
  if (rng.chance(0.2)) params.synchronous["synchronous_takeover_after"] = rng.range(2, 6);
  if (params.faults.empty()) return;
  if (rng.chance(0.7)) params.faults.insert(params.faults.end(), 2, FaultKind::leader_cut_off);
  // Where votes count, one may be taken back.
  const bool quorum = params.synchronous["synchronous_mode"].is_string();
  if (quorum && rng.chance(0.7)) params.faults.insert(params.faults.end(), 6, FaultKind::leader_cut_off);
  for (const FaultKind kind : {FaultKind::node_kill, FaultKind::node_freeze, FaultKind::partition}) {
    if (rng.chance(0.3)) params.faults.push_back(kind);
  }
}

// What standbys confirmed is on their disks after a power cut, and they have to find out first (F10).
void draw_power_cuts(Params& params) {
  Rng rng(params.seed ^ 0xda4c4e55ULL);
  if (!params.faults.empty() && rng.chance(0.3)) params.faults.insert(params.faults.end(), 2, FaultKind::power_cut);
}

// A person promotes a server by hand, and nothing keeps clients from writing to it: what is acknowledged there is lost
// by intent. Only where no acknowledgement is a promise.
bool wanted_here(FaultKind kind, const Params& params) {
  switch (kind) {
    case FaultKind::promoted_by_hand:
    case FaultKind::old_leader_wakes:
      return !params.synchronous.is_object() && !params.standby_from_the_start;
    case FaultKind::remote_away:
    case FaultKind::remote_fails_over:
    case FaultKind::remote_moves:
      return params.standby_from_the_start ||
             std::find(params.faults.begin(), params.faults.end(), FaultKind::standby_cluster) != params.faults.end();
    case FaultKind::wal_removed:
    case FaultKind::dead_branch_kept:
    case FaultKind::voter_restored:
    case FaultKind::store_restored:
      return false;  // see draw_histories(), draw_store_restored()
    default:
      return true;
  }
}

// From numbers of their own as well.
void draw_histories(Params& params) {
  Rng rng(params.seed ^ 0x4157041e5ULL);
  if (params.faults.empty()) return;
  params.archive_feeds = rng.chance(0.25);
  params.archive_hidden = params.archive_feeds && rng.chance(0.3);
  if (rng.chance(0.3)) params.faults.insert(params.faults.end(), 2, FaultKind::wal_removed);
  if (params.archive_feeds && rng.chance(0.5)) {
    params.faults.insert(params.faults.end(), 3, FaultKind::dead_branch_kept);
  }
}

void draw_operations(Params& params) {
  Rng rng(params.seed ^ 0x0bea7ed5ca1eULL);
  if (params.faults.empty()) return;
  // Elections by votes are rare enough as it is: they need their own faults to come to the point, and many of them.
  const bool quorum = params.synchronous.is_object() && params.synchronous["synchronous_mode"].is_string();
  if (quorum) {
    params.fault_phase = 300s;
    params.fault_gap = std::min<Duration>(params.fault_gap, 15s);
  }
  if (quorum && rng.chance(0.75)) return;
  params.standby_from_the_start = rng.chance(0.1);
  std::vector<FaultKind> possible;
  for (const auto& entry : fault_names) {
    if (entry.kind >= first_of_its_own && wanted_here(entry.kind, params)) possible.push_back(entry.kind);
  }
  const double share = rng.chance(0.3) ? 0 : 0.35 * rng.unit();
  const bool remote_first = params.standby_from_the_start;
  for (const FaultKind kind : possible) {
    const bool remote = kind >= FaultKind::remote_away;
    if (rng.chance(remote && remote_first ? 0.8 : share)) params.faults.push_back(kind);
  }
  if (rng.chance(0.35)) params.opening = rng.pick(possible);
  if (rng.chance(0.15)) params.primary_start_timeout = rng.between(2s, 20s);
  if (rng.chance(0.1)) params.primary_race_backoff = rng.between(2s, 15s);
  if (rng.chance(0.1)) params.history_fails = 0.9 * rng.unit();
  params.guard_required = rng.chance(0.15);
  params.backup_store = rng.chance(0.15);
  if (params.synchronous.is_object() && !params.standby_from_the_start && rng.chance(0.3)) {
    params.backup_store = true;
    params.faults.insert(params.faults.end(), 3, FaultKind::voter_restored);
  }
  params.bootstrap_fails = rng.chance(params.standby_from_the_start ? 0.5 : 0.2);
}

void draw_store_restored(Params& params) {
  Rng rng(params.seed ^ 0xbac4b0a7ULL);
  if (!params.faults.empty() && rng.chance(0.15))
    params.faults.insert(params.faults.end(), 4, FaultKind::store_restored);
}

void draw_cascade(Params& params) {
  Rng rng(params.seed ^ 0xca5cade5ULL);
  params.cascade = rng.chance(0.12);
}

// Two promotions from one position (F62) take a calm beginning and a minute or two without anything else.
void draw_twins(Params& params) {
  Rng rng(params.seed ^ 0x2717b12a7c4e5ULL);
  if (!params.faults.empty() && !params.standby_from_the_start && rng.chance(0.06)) {
    params.opening = FaultKind::promoted_in_vain;
  }
}

}  // namespace

Params draw_params(std::uint64_t seed) {
  Rng rng(seed ^ 0x5eed0fa11babe5ULL);
  Params params;
  params.seed = seed;
  params.nodes = static_cast<int>(rng.range(3, 5));
  params.fault_phase = rng.between(120s, 300s);
  params.fault_gap = rng.between(6s, 45s);
  const double share = 0.1 + 0.6 * rng.unit();
  for (const FaultKind kind : all_faults()) {
    if (rng.chance(share)) params.faults.push_back(kind);
  }
  if (rng.chance(0.04)) params.faults.clear();
  if (rng.chance(0.3)) {
    params.ttl = 20s;
    params.loop_wait = 5s;
    params.retry_timeout = 5s;
  }
  params.maximum_lag = rng.chance(0.5) ? rng.range(512, 4096) : 1048576;
  params.primary_start_timeout = rng.chance(0.3) ? 0s : 300s;
  params.use_pg_rewind = rng.chance(0.75);
  params.remove_on_rewind_failure = rng.chance(0.7);
  params.remove_on_diverged = rng.chance(0.7);
  params.check_timeline = rng.chance(0.2);
  params.commit_gap = rng.between(100ms, 600ms);
  params.rewind_fails = rng.chance(0.3) ? 0.5 * rng.unit() : 0;
  params.lease_lateness = rng.chance(0.3) ? rng.between(0s, 8s) : Duration{500ms};
  params.lose_reply = rng.chance(0.3) ? 0.03 * rng.unit() : 0;
  params.drift_ppm = rng.chance(0.5) ? static_cast<std::int64_t>(rng.below(20'000)) : 0;
  params.failsafe_mode = rng.chance(0.4);
  if (params.failsafe_mode && !params.faults.empty()) {
    for (const FaultKind kind : {FaultKind::store_outage, FaultKind::leader_blind, FaultKind::partition}) {
      const bool there = std::find(params.faults.begin(), params.faults.end(), kind) != params.faults.end();
      if (!there && rng.chance(0.7)) params.faults.push_back(kind);
    }
  }
  if (!params.faults.empty() && rng.chance(0.25)) params.faults.push_back(FaultKind::standby_cluster);
  if (rng.chance(0.45)) {
    params.synchronous = draw_sync_config(rng, false);
    if (!params.faults.empty() && rng.chance(0.4)) params.faults.push_back(FaultKind::sync_config);
    // An old primary that still confirms commits is what the confirmed set must hold against (F02).
    const bool quorum = params.synchronous["synchronous_mode"].is_string();
    if (!params.faults.empty() && rng.chance(0.6))
      params.faults.insert(params.faults.end(), 3, FaultKind::agent_freeze);
    if (quorum) params.commit_gap = std::min<Duration>(params.commit_gap, 150ms);
  }
  params.logical_slot = rng.chance(0.75);
  if (params.synchronous.is_object()) draw_takeover(params);
  if (params.synchronous.is_object()) draw_power_cuts(params);
  draw_operations(params);
  draw_twins(params);
  draw_histories(params);
  draw_cascade(params);
  draw_store_restored(params);
  return params;
}

Json draw_sync_config(Rng& rng, bool or_off) {
  Json config = Json::object();
  config["synchronous_mode"] = rng.chance(0.4) ? Json("quorum") : Json(true);
  if (or_off && rng.chance(0.25)) config["synchronous_mode"] = false;
  config["synchronous_mode_strict"] = rng.chance(0.3);
  config["synchronous_node_count"] = rng.range(1, 2);
  return config;
}

Json Params::bootstrap_dcs() const {
  Json config = Json::object();
  config["ttl"] = std::chrono::duration_cast<std::chrono::seconds>(ttl).count();
  config["loop_wait"] = std::chrono::duration_cast<std::chrono::seconds>(loop_wait).count();
  config["retry_timeout"] = std::chrono::duration_cast<std::chrono::seconds>(retry_timeout).count();
  config["maximum_lag_on_failover"] = maximum_lag;
  config["primary_start_timeout"] = std::chrono::duration_cast<std::chrono::seconds>(primary_start_timeout).count();
  config["check_timeline"] = check_timeline;
  if (failsafe_mode) config["failsafe_mode"] = true;
  if (primary_race_backoff > Duration::zero()) config["primary_race_backoff"] = to_seconds(primary_race_backoff);
  if (standby_from_the_start) config["standby_cluster"] = Json{{"host", remote_host}};
  config["postgresql"]["use_pg_rewind"] = use_pg_rewind;
  config["postgresql"]["use_slots"] = true;
  config["postgresql"]["remove_data_directory_on_rewind_failure"] = remove_on_rewind_failure;
  config["postgresql"]["remove_data_directory_on_diverged_timelines"] = remove_on_diverged;
  if (synchronous.is_object()) config.update(synchronous);
  if (logical_slot)
    config["slots"]["cdc"] = Json{{"type", "logical"}, {"database", "postgres"}, {"plugin", "test_decoding"}};
  return config;
}

std::vector<std::string> Params::lines() const {
  std::vector<std::string> names;
  for (const FaultKind kind : faults) names.emplace_back(fault_name(kind));
  return {
      fmt::format("seed {}: {} nodes, faults for {:.0f} s, one every {:.0f} s on average", seed, nodes,
                  to_seconds(fault_phase), to_seconds(fault_gap)),
      fmt::format("faults: {}", fmt::join(names, " ")),
      fmt::format("ttl {:.0f} loop_wait {:.0f} retry_timeout {:.0f} maximum_lag {} primary_start_timeout {:.0f}",
                  to_seconds(ttl), to_seconds(loop_wait), to_seconds(retry_timeout), maximum_lag,
                  to_seconds(primary_start_timeout)),
      fmt::format("use_pg_rewind {} remove_on_rewind_failure {} remove_on_diverged {} check_timeline {}", use_pg_rewind,
                  remove_on_rewind_failure, remove_on_diverged, check_timeline),
      fmt::format("failsafe_mode {}, logical slot {}, cascade {}, archive {}, synchronous: {}", failsafe_mode,
                  logical_slot, cascade,
                  archive_hidden  ? "hidden"
                  : archive_feeds ? "yes"
                                  : "no",
                  to_compact(synchronous)),
      fmt::format(
          "commit every {:.0f} ms, rewind fails {:.2f}, lease late by {:.1f} s, reply lost {:.3f}, drift {} ppm",
          to_seconds(commit_gap) * 1000, rewind_fails, to_seconds(lease_lateness), lose_reply, drift_ppm),
  };
}

}  // namespace regent::sim
