#include "adapters/postgres/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/quoting.h"
#include "base/log.h"

namespace regent {
namespace {

// A server whose postmaster hangs still serves its old connections (F13); that is what the probe is for. One that goes
// as far as a query, now and then, tells of passwords and rules of access that changed.
constexpr Duration connection_age_max = std::chrono::minutes(10);

// A library changes with an upgrade of the operating system; PostgreSQL goes on with the old one until it is restarted.
constexpr Duration collations_age_max = std::chrono::minutes(10);

std::string text_of(const Json& object, std::string_view key) {
  const auto* value = find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

template <class Number>
Number number_of(const Json& object, std::string_view key) {
  const auto* value = find(object, key);
  return value != nullptr && value->is_number() ? value->get<Number>() : Number{};
}

bool flag_of(const Json& object, std::string_view key) {
  const auto* value = find(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::optional<Lsn> lsn_of(const Json& object, std::string_view key) {
  return parse_lsn(text_of(object, key));
}

ReplicationRow replication_row(const Json& row) {
  ReplicationRow out;
  out.usename = text_of(row, "usename");
  out.application_name = text_of(row, "application_name");
  out.client_addr = text_of(row, "client_addr");
  out.state = text_of(row, "state");
  out.sync_state = text_of(row, "sync_state");
  out.sync_priority = number_of<int>(row, "sync_priority");
  out.write_lsn = lsn_of(row, "write_lsn");
  out.flush_lsn = lsn_of(row, "flush_lsn");
  out.replay_lsn = lsn_of(row, "replay_lsn");
  return out;
}

}  // namespace

SlotRow parse_slot_row(const Json& row) {
  SlotRow out;
  out.name = text_of(row, "slot_name");
  out.physical = text_of(row, "slot_type") == "physical";
  out.active = flag_of(row, "active");
  out.temporary = flag_of(row, "temporary");
  out.plugin = text_of(row, "plugin");
  out.database = text_of(row, "database");
  out.restart_lsn = lsn_of(row, "restart_lsn");
  out.confirmed_flush_lsn = lsn_of(row, "confirmed_flush_lsn");
  out.has_xmin = find(row, "xmin") != nullptr || find(row, "catalog_xmin") != nullptr;
  const auto catalog_xmin = text_of(row, "catalog_xmin");
  std::uint32_t xmin = 0;
  const auto* end = catalog_xmin.data() + catalog_xmin.size();
  if (!catalog_xmin.empty() && std::from_chars(catalog_xmin.data(), end, xmin).ec == std::errc()) {
    out.catalog_xmin = xmin;
  }
  out.wal_status = text_of(row, "wal_status");
  // From 16 on a logical slot of a replica may be invalidated by recovery; 17 tells why.
  out.lost = out.wal_status == "lost" || flag_of(row, "conflicting") || !text_of(row, "invalidation_reason").empty();
  out.failover = flag_of(row, "failover");
  out.synced = flag_of(row, "synced");
  return out;
}

namespace {

WallTime wall_time(double epoch_seconds) {
  return WallTime(std::chrono::microseconds(static_cast<std::int64_t>(epoch_seconds * 1e6 + 0.5)));
}

// What the process that replays waits for when it has looked everywhere for more: on the disk, and in the archive.
// PostgreSQL 12 has another name for the second one.
constexpr std::array<std::string_view, 3> waits_for_more{"RecoveryWalStream", "RecoveryRetrieveRetryInterval",
                                                         "RecoveryWalAll"};

void read_startup(const Json& answer, ServerAnswer& out) {
  const auto* startup = find(answer, "startup");
  if (startup == nullptr || !startup->is_array() || startup->size() != 2) return;
  const auto& pid = (*startup)[0];
  const auto& event = (*startup)[1];
  if (pid.is_number_integer()) out.startup = pid.get<int>();
  out.replay_waits = event.is_string() && std::find(waits_for_more.begin(), waits_for_more.end(),
                                                    event.get<std::string>()) != waits_for_more.end();
}

void read_replica(const Json& answer, ServerFacts& facts) {
  facts.received = lsn_of(answer, "received");
  facts.replayed = lsn_of(answer, "replayed");
  facts.wal = std::max(facts.received.value_or(Lsn{}), facts.replayed.value_or(Lsn{}));
  if (find(answer, "replayed_at") != nullptr) facts.replayed_at = wall_time(number_of<double>(answer, "replayed_at"));
  facts.replay_paused = flag_of(answer, "paused");
  if (text_of(answer, "receiver") == "streaming") {
    facts.replication_state = "streaming";
  } else if (!text_of(answer, "restore_command").empty()) {
    facts.replication_state = "in archive recovery";
  }
  facts.upstream = upstream_of(text_of(answer, "conninfo"));
  facts.upstream_slot = text_of(answer, "slot");
}

}  // namespace

std::string monitoring_query(std::string_view settings_known_of) {
  // Views as whole rows of JSON: columns that one version lacks are simply missing. The settings are the longest part,
  // and stay as they are until the server reads its files again.
  return fmt::format(
      R"(WITH r AS MATERIALIZED (SELECT pg_is_in_recovery() AS replica,
 extract(epoch FROM pg_conf_load_time())::text AS loaded)
SELECT json_build_object(
 'replica', replica,
 'system_id', (SELECT system_identifier::text FROM pg_control_system()),
 'timeline', CASE WHEN replica THEN (SELECT received_tli FROM pg_stat_wal_receiver WHERE status = 'streaming')
   ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
 'control_timeline', (SELECT greatest(timeline_id, (SELECT min_recovery_end_timeline FROM pg_control_recovery()))
   FROM pg_control_checkpoint()),
 'wal', CASE WHEN NOT replica THEN pg_current_wal_lsn() END,
 'wal_waits', (SELECT count(*) FROM pg_stat_activity WHERE lower(wait_event) IN ('walsync', 'walwrite')),
 'flushed', CASE WHEN NOT replica THEN pg_current_wal_flush_lsn() END,
 'received', pg_last_wal_receive_lsn(),
 'replayed', CASE WHEN replica THEN pg_last_wal_replay_lsn() END,
 'replayed_at', extract(epoch FROM pg_last_xact_replay_timestamp()),
 'paused', CASE WHEN replica THEN pg_is_wal_replay_paused() ELSE false END,
 'receiver', (SELECT status FROM pg_stat_wal_receiver),
 'startup', (SELECT json_build_array(pid, wait_event) FROM pg_stat_activity WHERE backend_type = 'startup'),
 'receiver_pid', (SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'),
 'restore_command', current_setting('restore_command', true),
 'conninfo', current_setting('primary_conninfo', true),
 'slot', current_setting('primary_slot_name', true),
 'version', current_setting('server_version_num')::int,
 'started', extract(epoch FROM pg_postmaster_start_time()),
 'synchronous_standby_names', current_setting('synchronous_standby_names'),
 'synchronous_commit', current_setting('synchronous_commit'),
 'checkpointer', (SELECT coalesce(wait_event, 'busy') FROM pg_stat_activity WHERE backend_type = 'checkpointer'),
 'replication', (SELECT json_agg(s) FROM pg_stat_replication s),
 'slots', (SELECT json_agg(s) FROM pg_replication_slots s),
 'loaded', loaded,
 'settings', CASE WHEN loaded IS DISTINCT FROM {} THEN (SELECT json_object_agg(name, json_build_array(setting, unit, vartype, pending_restart,
   CASE WHEN pending_restart THEN coalesce((SELECT f.setting FROM pg_file_settings f WHERE f.name = s.name
     ORDER BY seqno DESC LIMIT 1), boot_val) END)) FROM pg_settings s WHERE context = 'postmaster' OR pending_restart) END)
FROM r)",
      quote_literal(settings_known_of));
}

Result<ServerAnswer> parse_answer(const std::string& text) {
  const auto parsed = parse_json(text, "the answer of the monitoring query");
  if (!parsed) return tl::unexpected(parsed.error());
  const auto& answer = *parsed;
  ServerAnswer out;
  auto& facts = out.facts;
  if (find(answer, "replica") == nullptr || find(answer, "version") == nullptr) {
    return fail(ErrorKind::failed, "the answer of the monitoring query lacks fields");
  }
  facts.in_recovery = flag_of(answer, "replica");
  facts.timeline = Timeline{number_of<std::uint32_t>(answer, "timeline")};
  if (facts.in_recovery) {
    read_replica(answer, facts);
    read_startup(answer, out);
    out.timeline_is_old = facts.timeline.value == 0;
    if (out.timeline_is_old) facts.timeline = Timeline{number_of<std::uint32_t>(answer, "control_timeline")};
  } else {
    facts.wal = lsn_of(answer, "wal").value_or(Lsn{});
    out.waits_for_wal = number_of<int>(answer, "wal_waits") > 0;
    out.flushed = lsn_of(answer, "flushed").value_or(Lsn{});
  }
  facts.version = number_of<int>(answer, "version");
  facts.postmaster_start_time = wall_time(number_of<double>(answer, "started"));
  facts.synchronous_standby_names = text_of(answer, "synchronous_standby_names");
  facts.synchronous_commit = text_of(answer, "synchronous_commit");
  // Asleep it wakes up for a reload at once; in the middle of a checkpoint's work it does not look.
  const auto checkpointer = text_of(answer, "checkpointer");
  facts.checkpointer_attentive = checkpointer == "CheckpointerMain" || checkpointer == "CheckpointWriteDelay";
  if (const auto* rows = find(answer, "replication")) {
    for (const auto& row : *rows) facts.replication.push_back(replication_row(row));
  }
  if (const auto* rows = find(answer, "slots")) {
    for (const auto& row : *rows) facts.slots.push_back(parse_slot_row(row));
  }
  out.receiver = number_of<int>(answer, "receiver_pid");
  facts.receiving = out.receiver != 0;
  out.system_id = SystemId(text_of(answer, "system_id"));
  out.settings_of = text_of(answer, "loaded");
  if (const auto* settings = find(answer, "settings")) {
    RunningSettings told;
    for (const auto& [name, row] : settings->items()) {
      const auto field = [&](std::size_t i) { return row[i].is_string() ? row[i].get<std::string>() : std::string(); };
      told[name] = RunningSetting{field(0), field(1), field(2), row[3].is_boolean() && row[3].get<bool>(), field(4)};
    }
    out.settings = std::make_shared<const RunningSettings>(std::move(told));
  }
  return out;
}

Task<Result<void>> Monitor::connect(Instant deadline) {
  auto opening = Connection::open(server_(), clock_, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  if (!connection_.is_open()) log::info("establishing a new patroni heartbeat connection to postgres");
  connection_ = std::move(*connection);
  connected_at_ = clock_.now();
  // Another session reads the files at another moment.
  settings_of_.clear();
  co_return Result<void>();
}

Task<void> Monitor::compare_collations(Instant deadline) {
  const auto now = clock_.now();
  if (collations_at_ && now - *collations_at_ < collations_age_max) co_return;
  collations_at_ = now;
  // Collations of the database we are connected to, as far as an index uses them. Databases tell from 15 on.
  std::string query =
      "SELECT 'collation ' || collname, collversion, pg_collation_actual_version(oid) FROM pg_collation c WHERE "
      "collversion <> pg_collation_actual_version(oid) AND EXISTS (SELECT FROM pg_index WHERE c.oid = ANY "
      "(indcollation))";
  if (connection_.server_version() >= 150000) {
    query +=
        " UNION ALL SELECT 'database ' || datname, datcollversion, pg_database_collation_actual_version(oid) FROM "
        "pg_database WHERE datcollversion <> pg_database_collation_actual_version(oid)";
  }
  auto asking = connection_.query("SELECT * FROM (" + query + ") v ORDER BY 1 DESC LIMIT 100", clock_, deadline);
  const auto rows = co_await std::move(asking);
  if (!rows) co_return;
  collations_.clear();
  for (const auto& row : *rows) {
    collations_.push_back({row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
  }
}

Task<Timeline> Monitor::replayed_timeline(const ServerFacts& facts, Instant deadline) {
  const auto control = facts.timeline;
  // Nothing was replayed since we knew: it is still that one.
  if (known_timeline_ >= control && facts.wal == known_position_) co_return known_timeline_;
  auto opening = Connection::open(replication_(), clock_, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return std::max(control, known_timeline_);
  auto asking = connection->query("IDENTIFY_SYSTEM", clock_, deadline);
  const auto rows = co_await std::move(asking);
  if (!rows || rows->empty() || rows->front().size() < 2) co_return std::max(control, known_timeline_);
  Timeline timeline;
  const auto text = rows->front()[1].value_or("");
  std::from_chars(text.data(), text.data() + text.size(), timeline.value);
  co_return std::max(control, timeline);
}

Task<Result<ServerAnswer>> Monitor::ask(std::uint32_t incarnation, Instant deadline) {
  if (incarnation != incarnation_) {
    stale_ = true;
    known_timeline_ = {};
    collations_.clear();
    collations_at_.reset();
    incarnation_ = incarnation;
  }
  if (std::exchange(stale_, false)) connection_.close();
  if (!connection_.is_open() || clock_.now() - connected_at_ > connection_age_max) {
    auto connecting = connect(deadline);
    if (const auto connected = co_await std::move(connecting); !connected) {
      connection_.close();
      co_return tl::unexpected(connected.error());
    }
  }
  auto asking = connection_.query(monitoring_query(settings_of_), clock_, deadline);
  const auto rows = co_await std::move(asking);
  if (!rows) co_return tl::unexpected(rows.error());
  if (rows->empty() || rows->front().empty()) co_return fail(ErrorKind::failed, "the monitoring query had no answer");
  auto answer = parse_answer(rows->front().front().value_or(""));
  if (!answer) co_return answer;
  if (answer->settings) {
    settings_ = answer->settings;
    settings_of_ = answer->settings_of;
  }
  if (!settings_) co_return fail(ErrorKind::failed, "the answer of the monitoring query lacks settings");
  answer->settings = settings_;
  auto comparing = compare_collations(deadline);
  co_await std::move(comparing);
  answer->collations = collations_;
  auto& facts = answer->facts;
  if (answer->timeline_is_old) {
    auto asking_timeline = replayed_timeline(facts, deadline);
    facts.timeline = co_await std::move(asking_timeline);
  }
  known_timeline_ = facts.timeline;
  known_position_ = facts.wal;
  co_return answer;
}

}  // namespace regent
