#include "adapters/postgres/replication.h"

#include <fmt/format.h>

#include <charconv>

#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/units.h"

namespace regent {
namespace {

std::string cell(const Rows& rows, std::size_t column) {
  return rows.empty() || rows.front().size() <= column ? "" : rows.front()[column].value_or("");
}

}  // namespace

Task<Result<UpstreamHistory>> ask_upstream_history(Context& context, Upstream source, SystemId own, Instant deadline) {
  auto opening =
      Connection::open(replication_connection(source.address, context.config().replication), context.clock, deadline);
  auto connection = co_await std::move(opening);
  if (!connection) co_return tl::unexpected(connection.error());
  UpstreamHistory answer;
  answer.source = source.name;
  // A walsender runs no functions, but shows settings; transactions of a server in recovery are read-only.
  const bool has_setting = connection->server_version() >= 140000;
  auto asking_role =
      connection->query(has_setting ? "SHOW in_hot_standby" : "SHOW transaction_read_only", context.clock, deadline);
  const auto role = co_await std::move(asking_role);
  if (!role) co_return tl::unexpected(role.error());
  answer.in_recovery = parse_bool(cell(*role, 0)).value_or(true);
  auto asking = connection->query("IDENTIFY_SYSTEM", context.clock, deadline);
  const auto system = co_await std::move(asking);
  if (!system) co_return tl::unexpected(system.error());
  if (!own.empty() && cell(*system, 0) != own.str()) {
    co_return fail(ErrorKind::refused, fmt::format("{} has system identifier {}, ours is {}: it belongs to a different "
                                                   "cluster",
                                                   source.name.str(), cell(*system, 0), own.str()));
  }
  const auto timeline = cell(*system, 1);
  std::from_chars(timeline.data(), timeline.data() + timeline.size(), answer.timeline.value);
  const auto position = parse_lsn(cell(*system, 2));
  if (answer.timeline.value == 0 || !position) {
    co_return fail(ErrorKind::failed, fmt::format("{} does not tell its timeline and position", source.name.str()));
  }
  answer.wal = *position;
  if (answer.timeline.value > 1) {
    auto asking_history =
        connection->query(fmt::format("TIMELINE_HISTORY {}", answer.timeline.value), context.clock, deadline);
    const auto file = co_await std::move(asking_history);
    if (!file) co_return tl::unexpected(file.error());
    auto history = parse_history_file(cell(*file, 1));
    if (!history) co_return tl::unexpected(history.error());
    answer.history = std::move(*history);
  }
  co_return answer;
}

}  // namespace regent
