#include "core/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <type_traits>

namespace regent {
namespace {

// The fields of a type, in the order in which it declares them. One that is missing here does not compile: a structured
// binding names all of them.
#define REGENT_FIELDS(Type, ...)                           \
  template <class Visitor>                                 \
  void visit_fields(Visitor& visitor, const Type& whole) { \
    const auto& [__VA_ARGS__] = whole;                     \
    visit_named(visitor, #__VA_ARGS__, __VA_ARGS__);       \
  }                                                        \
  template <class Visitor>                                 \
  void visit_fields(Visitor& visitor, Type& whole) {       \
    auto& [__VA_ARGS__] = whole;                           \
    visit_named(visitor, #__VA_ARGS__, __VA_ARGS__);       \
  }

// `names`: "one, two, three", as many as there are fields.
template <class Visitor, class... Fields>
void visit_named(Visitor& visitor, std::string_view names, Fields&... fields) {
  const auto next = [&names] {
    const auto comma = std::min(names.find(','), names.size());
    auto name = names.substr(0, comma);
    names.remove_prefix(std::min(comma + 1, names.size()));
    name.remove_prefix(std::min(name.find_first_not_of(" \n\\"), name.size()));
    return name;
  };
  (visitor.field(next(), fields), ...);
}

// base
REGENT_FIELDS(Error, kind, message, holder)
// model
REGENT_FIELDS(Tags, nofailover, noloadbalance, nosync, clonefrom, nostream, failover_priority, sync_priority,
              replicatefrom, all)
REGENT_FIELDS(HostPort, host, port)
REGENT_FIELDS(Member, name, conn_url, api_url, proxy_url, state, role, version, regent, xlog_location, receive_lsn,
              replay_lsn, replication_state, timeline, tags, pending_restart, pending_restart_reason, scheduled_restart,
              pause, guard, libc, progress, missing_wal, branches, checkpoint_after_promote, session)
REGENT_FIELDS(Failover, leader, candidate, scheduled_at)
REGENT_FIELDS(SyncState, leader, standbys, quorum)
REGENT_FIELDS(Status, optime, slots, retain_slots, timeline, shut_down)
REGENT_FIELDS(HistoryLine, timeline, switch_lsn, reason, timestamp, new_leader)
REGENT_FIELDS(TimelineCounter, ticket, reached, left)
REGENT_FIELDS(Leader, name, version, session)
REGENT_FIELDS(ClusterView, store, revision, term, initialize, initialize_session, leader, members, config, status,
              failover, sync, history, timelines, failsafe, problems)
REGENT_FIELDS(SlotSpec, physical, database, plugin, cluster_type)
REGENT_FIELDS(SlotMatcher, name, type, database, plugin)
REGENT_FIELDS(StandbyCluster, host, port, primary_slot_name, create_replica_methods, recovery)
REGENT_FIELDS(Settings, ttl, loop_wait, retry_timeout, maximum_lag_on_failover, max_timelines_history,
              primary_start_timeout, primary_race_backoff, primary_stop_timeout, primary_hang_timeout,
              primary_stall_timeout, primary_hang_policy, member_slots_ttl, check_timeline, check_collation, pause,
              synchronous_mode, synchronous_mode_strict, synchronous_node_count, maximum_lag_on_syncnode,
              synchronous_takeover_after, failsafe_mode, standby_cluster, use_pg_rewind, use_slots,
              remove_data_directory_on_rewind_failure, remove_data_directory_on_diverged_timelines, permanent_slots,
              ignore_slots, problems)
// core/job.h
REGENT_FIELDS(Upstream, name, address, slot, recovery, methods)
REGENT_FIELDS(job::Clone, source, from_leader, remote)
REGENT_FIELDS(job::Start, as_primary, upstream)
REGENT_FIELDS(job::Stop, immediate, kill, checkpoint, archive, escalate_after)
REGENT_FIELDS(job::Restart, as_primary, upstream)
REGENT_FIELDS(job::Promote, timeline, complete)
REGENT_FIELDS(job::Rewind, source)
REGENT_FIELDS(job::CopySlots, source, names, upstream)
REGENT_FIELDS(job::RemoveData, failure, counts)
REGENT_FIELDS(JobEnd, id, spec, error, at)
REGENT_FIELDS(JobFacts, running, running_id, started, progress, refusing_since, ended)
// core/lease.h, failsafe.h, fences.h
REGENT_FIELDS(LeaseFacts, held, session, version, confirmed_at, ttl, extended_at, taken_by)
REGENT_FIELDS(FailsafeAnswer, name, accepted, why, wal)
REGENT_FIELDS(FailsafeRound, sent, answers)
REGENT_FIELDS(FailsafePromise, leader, slots, given_at, until)
REGENT_FIELDS(FailsafeFacts, round, promise, agent_started)
REGENT_FIELDS(GuardFacts, mode, state, why, deadline, memory_locked, fenced_at)
REGENT_FIELDS(WatchdogFacts, mode, safety_margin, usable, state, why, timeout)
REGENT_FIELDS(FenceFacts, guard, watchdog)
// core/postgres_facts.h
REGENT_FIELDS(ReplicationRow, usename, application_name, client_addr, state, sync_state, sync_priority, write_lsn,
              flush_lsn, replay_lsn)
REGENT_FIELDS(SlotRow, name, physical, active, temporary, plugin, database, restart_lsn, confirmed_flush_lsn, has_xmin,
              catalog_xmin, wal_status, lost, failover, synced)
REGENT_FIELDS(ServerFacts, in_recovery, timeline, wal, wal_known, received, replayed, replayed_at, replay_paused,
              replication_state, receiving, upstream, upstream_slot, version, postmaster_start_time, replication, slots,
              synchronous_standby_names, synchronous_commit, checkpointer_attentive)
REGENT_FIELDS(ArchiveLimit, timeline, history)
REGENT_FIELDS(CollationMismatch, where, recorded, actual)
REGENT_FIELDS(ControlFacts, state, timeline, checkpoint, min_recovery, min_recovery_timeline)
REGENT_FIELDS(DataFacts, state, why, bootstrap_failed, bootstrap_retry_at, system_id, control, standby_signal,
              backup_label, followed, led_by, led_timeline, copied, promoting, rewind_marker, lock_session)
REGENT_FIELDS(RefusedParameter, name, value, local, why)
REGENT_FIELDS(PostgresFacts, process, why, incarnation, port, server, deaf_since, silent_since, wal_stuck_since, data,
              managed_sync_names, clones_without_leader, restores, archive_limit, collations, refused_parameters,
              pending_restart)
// core/restart.h, handover.h
REGENT_FIELDS(RestartFilter, pending, role, below_version)
REGENT_FIELDS(ScheduledRestart, at, filter, timeout, postmaster_start_time, published)
REGENT_FIELDS(Handover, kind, asked, ready, refusing, stopped, taken, writable, successor)
// core/observation.h
REGENT_FIELDS(Self, name, conn_url, api_url, proxy_url, listen_port, tags, generation, version, libc, bootstrap_dcs,
              has_rewind_credentials, local_postgresql)
REGENT_FIELDS(StoreMark, store, term, revision, leader, sync, status, failsafe, ticket, versions)
REGENT_FIELDS(RestoredStore, before, leader_key, sync_key, found, led_by, led_since)
REGENT_FIELDS(LedStore, store, revision, leader_key, sync_key)
REGENT_FIELDS(PeerAnswer, name, reachable, silent, why, running, down, in_recovery, timeline, wal, wal_known,
              nofailover, failover_priority, watchdog_failed, has_dcs, holds_back, let_go, upstream, streams_from,
              leader_version, sync_version, refuses, restored_store, led_store, own_name, instance)
REGENT_FIELDS(PeersFacts, asked_at, answers)
REGENT_FIELDS(LeaderProbe, leader, asked_at, ended_at, agent, server, why)
REGENT_FIELDS(WalStock::Range, timeline, first, last)
REGENT_FIELDS(WalStock, segment_size, ranges)
REGENT_FIELDS(StreamFacts, via, not_here, not_there, wal, slot_missing, why)
REGENT_FIELDS(UpstreamHistory, source, in_recovery, timeline, wal, history, stream)
REGENT_FIELDS(UpstreamSlots, source, timeline, slots)
REGENT_FIELDS(SlotFailure, why, at)
REGENT_FIELDS(RestartRequest, id, filter, timeout)
REGENT_FIELDS(ScheduleRequest, id, plan)
REGENT_FIELDS(ReinitRequest, id, from_leader, force)
REGENT_FIELDS(Requests, shutdown, reload, restart, reinit, schedule)
REGENT_FIELDS(Observation, now, wall, self, settings, cluster, store_takes_over, lease, failsafe, fences, postgres,
              peers, leader_probe, upstream_history, upstream_slots, slot_failures, local_history, branches,
              cached_config, job, requests)
// core/memory.h
REGENT_FIELDS(Demotion, kind, reason, since)
REGENT_FIELDS(Position, timeline, lsn)
REGENT_FIELDS(Rewinds, failures, waits, out)
REGENT_FIELDS(StreamWatch, since, wal, moved)
REGENT_FIELDS(SyncWatch, names, incarnation, primary, since)
REGENT_FIELDS(SlotProof, primary_xmin, proven)
REGENT_FIELDS(LeaderWatch, leader, sync, since, silent_since)
REGENT_FIELDS(Memory, store_mark, restored_store, led_store, ran_as_primary, demotion, crashed_at, elected_on,
              acquired_now, ticket, promoted_at, checkpoint_due, unleased_since, unknown_since, unlocked_since,
              unlocked_wal, hand_over_since, handover, named_since, namesake_since, sync_watch, sync_fenced,
              leader_watch, vote_free, no_takeover_before, leaving_sync_since, recognized_id, seen_system_id,
              bootstrapped, recopies_remote, bootstrap_failed, bootstrap_at_fault, bootstrap_put_aside, rejoin,
              rejoin_leader, rejoin_timeline, stream_watch, poor_parent, rewinds, copied_at, copy_goal,
              recovery_failures, clone_failures, start_failures, promote_failures, promotion_sent_to,
              no_promotion_before, retry_at, seen_job, restart_id, reinitializing, reinitialized, reinit_from_leader,
              scheduled_restart, failsafe_members, request_under_lock, failsafe_written_for, remote_settings,
              leader_libc, highest_timeline, member_written_at, status_written_at, published, applied_config, slot_seen,
              permanent_slots, led_slots, slot_proofs, proofs_of, cascaded, slots_asked_at, slot_idle_since,
              slot_copy_failures, slot_copy_at)
REGENT_FIELDS(Record, rule, observation, memory)

#undef REGENT_FIELDS

template <class T>
concept strong_string = std::is_same_v<T, MemberName> || std::is_same_v<T, SystemId>;
template <class T>
concept strong_number = std::is_same_v<T, Lsn> || std::is_same_v<T, Timeline> || std::is_same_v<T, Version>;
template <class T>
concept plain = std::is_arithmetic_v<T> || std::is_same_v<T, std::string>;
template <class T>
concept without_fields = std::is_empty_v<T>;

// --- writing ---

template <class T>
Json written(const T& value);

struct FieldWriter {
  Json out = Json::object();

  template <class T>
  void field(std::string_view name, const T& value) {
    out[std::string(name)] = written(value);
  }
};

template <class T>
Json written_as(const std::optional<T>& value) {
  return value ? written(*value) : Json();
}
template <class T>
Json written_as(const std::vector<T>& values) {
  Json out = Json::array();
  for (const T& value : values) out.push_back(written(value));
  return out;
}
Json written_as(const std::set<std::string>& values) {
  return written_as(std::vector<std::string>(values.begin(), values.end()));
}
template <class T>
Json written_as(const std::map<std::string, T>& values) {
  Json out = Json::object();
  for (const auto& [key, value] : values) out[key] = written(value);
  return out;
}
Json written_as(const BranchTimes& branches) {
  Json out = Json::object();
  for (const auto& [timeline, time] : branches) out[std::to_string(timeline.value)] = time;
  return out;
}
template <class T>
Json written_as(const Fact<T>& fact) {
  Json out = Json::object({{"at", written(fact.at())}});
  if (fact.is_known()) {
    out["value"] = written(*fact);
  } else {
    out["unknown"] = fact.why();
  }
  return out;
}
template <class T>
Json written_as(const Versioned<T>& key) {
  return Json::object({{"value", written(key.value)}, {"version", written(key.version)}});
}
Json written_as(const job::Spec& spec) {
  Json parts = std::visit([](const auto& part) { return written(part); }, spec);
  return Json::object({{std::string(job_name(spec)), std::move(parts)}});
}
Json written_as(Instant at) {
  return at.time_since_epoch().count();
}
Json written_as(WallTime at) {
  return at.time_since_epoch().count();
}
Json written_as(Duration duration) {
  return duration.count();
}
template <class T>
Json written_as(const T& value) {
  if constexpr (plain<T>) {
    return Json(value);
  } else if constexpr (strong_string<T>) {
    return Json(value.str());
  } else if constexpr (strong_number<T>) {
    return Json(value.value);
  } else if constexpr (std::is_enum_v<T>) {
    return Json(static_cast<int>(value));
  } else if constexpr (without_fields<T>) {
    return Json::object();
  } else {
    FieldWriter writer;
    visit_fields(writer, value);
    return std::move(writer.out);
  }
}

template <class T>
Json written(const T& value) {
  if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else {
    return written_as(value);
  }
}

// --- reading ---

struct Malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class T>
void read(const Json& in, T& out);

// A reading error tells where it happened.
template <class T>
void read_part(const Json& in, std::string_view name, T& out) {
  try {
    read(in, out);
  } catch (const Malformed& problem) {
    throw Malformed(fmt::format("{}.{}", name, problem.what()));
  } catch (const Json::exception& problem) {
    throw Malformed(fmt::format("{}: {}", name, problem.what()));
  }
}

const Json& part(const Json& in, std::string_view name) {
  const auto found = in.is_object() ? in.find(std::string(name)) : in.end();
  if (found == in.end()) throw Malformed(fmt::format("{} is missing", name));
  return *found;
}

struct FieldReader {
  const Json& in;

  template <class T>
  void field(std::string_view name, T& out) const {
    read_part(part(in, name), name, out);
  }
};

template <class T>
void read_as(const Json& in, std::optional<T>& out) {
  out.reset();
  if (!in.is_null()) read(in, out.emplace());
}
template <class T>
void read_as(const Json& in, std::vector<T>& out) {
  out.clear();
  for (const Json& item : in) read(item, out.emplace_back());
}
void read_as(const Json& in, std::set<std::string>& out) {
  std::vector<std::string> values;
  read_as(in, values);
  out = {values.begin(), values.end()};
}
template <class T>
void read_as(const Json& in, std::map<std::string, T>& out) {
  out.clear();
  for (const auto& [key, value] : in.items()) read_part(value, key, out[key]);
}
void read_as(const Json& in, BranchTimes& out) {
  out.clear();
  for (const auto& [timeline, time] : in.items()) {
    out[Timeline{static_cast<std::uint32_t>(std::stoul(timeline))}] = time.get<std::string>();
  }
}
template <class T>
void read_as(const Json& in, Fact<T>& out) {
  Instant at;
  read(part(in, "at"), at);
  if (in.contains("value")) {
    T value{};
    read(in["value"], value);
    out = Fact<T>::known(std::move(value), at);
  } else {
    out = Fact<T>::unknown(part(in, "unknown").template get<std::string>(), at);
  }
}
template <class T>
void read_as(const Json& in, Versioned<T>& out) {
  read_part(part(in, "value"), "value", out.value);
  read_part(part(in, "version"), "version", out.version);
}
// The alternative whose name is written.
template <std::size_t index = 0>
void read_as(const Json& in, job::Spec& out) {
  if constexpr (index == std::variant_size_v<job::Spec>) {
    throw Malformed("no job of that name");
  } else {
    job::Spec candidate(std::in_place_index<index>);
    const std::string name(job_name(candidate));
    if (!in.contains(name)) return read_as<index + 1>(in, out);
    read_part(in[name], name, std::get<index>(candidate));
    out = std::move(candidate);
  }
}
void read_as(const Json& in, Instant& out) {
  out = Instant(Duration(in.get<std::int64_t>()));
}
void read_as(const Json& in, WallTime& out) {
  out = WallTime(WallTime::duration(in.get<std::int64_t>()));
}
void read_as(const Json& in, Duration& out) {
  out = Duration(in.get<std::int64_t>());
}
template <class T>
void read_as(const Json& in, T& out) {
  if constexpr (plain<T>) {
    out = in.get<T>();
  } else if constexpr (strong_string<T>) {
    out = T(in.get<std::string>());
  } else if constexpr (strong_number<T>) {
    out.value = in.get<decltype(out.value)>();
  } else if constexpr (std::is_enum_v<T>) {
    out = static_cast<T>(in.get<int>());
  } else if constexpr (!without_fields<T>) {
    FieldReader reader{in};
    visit_fields(reader, out);
  }
}

template <class T>
void read(const Json& in, T& out) {
  if constexpr (std::is_same_v<T, Json>) {
    out = in;
  } else {
    read_as(in, out);
  }
}

}  // namespace

std::string print_record(const Record& record) {
  return to_compact(written(record));
}

Result<Record> parse_record(std::string_view line) {
  auto json = parse_json(line, "the record of a decision");
  if (!json) return tl::make_unexpected(json.error());
  Record record;
  try {
    read(*json, record);
  } catch (const Malformed& problem) {
    return fail(ErrorKind::invalid, fmt::format("the record of a decision cannot be read, it may be of another version "
                                                "of regent: {}",
                                                problem.what()));
  } catch (const Json::exception& problem) {
    return fail(ErrorKind::invalid, fmt::format("the record of a decision makes no sense: {}", problem.what()));
  }
  return record;
}

// Written and compared with what a memory begins with: no field can be forgotten here either.
std::string to_text(const Memory& memory) {
  const Json initial = written(Memory{});
  const Json now = written(memory);
  std::string out;
  for (const auto& [name, value] : now.items()) {
    if (value != initial[name]) out += fmt::format("{}: {}\n", name, to_compact(value));
  }
  return out;
}

}  // namespace regent
