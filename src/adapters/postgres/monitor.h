// The one monitoring query of a cycle, over a connection that is kept.
// Threading: the loop's thread. Errors: as values; a failure says nothing about the server's role (F17).
#pragma once

#include <functional>
#include <map>
#include <string>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "core/postgres_facts.h"

namespace regent {

// Everything one query tells.
struct ServerAnswer {
  ServerFacts facts;
  SystemId system_id;
  std::map<std::string, RunningSetting> settings;  // the ones that only change with a restart, or wait for one
  bool timeline_is_old = false;  // a replica that does not stream: its timeline is the one of the last restart point
};

// The query for a server of PostgreSQL 12 or newer, and what its answer means. Pure.
std::string monitoring_query();
Result<ServerAnswer> parse_answer(const std::string& text);

// One row of pg_replication_slots, as JSON.
SlotRow parse_slot_row(const Json& row);

class Monitor {
 public:
  Monitor(std::function<ConnectionOptions()> server, std::function<ConnectionOptions()> replication, Clock& clock)
      : server_(std::move(server)), replication_(std::move(replication)), clock_(clock) {}

  // `incarnation` tells postmasters apart: a connection to an earlier one is worthless.
  Task<Result<ServerAnswer>> ask(std::uint32_t incarnation, Instant deadline);
  void disconnect() { connection_.close(); }

 private:
  Task<Result<void>> connect(Instant deadline);
  Task<Timeline> replayed_timeline(const ServerFacts& facts, Instant deadline);

  std::function<ConnectionOptions()> server_, replication_;
  Clock& clock_;
  Connection connection_;
  Instant connected_at_{};
  std::uint32_t incarnation_ = 0;
  // The last timeline this server told us for certain, and how far it had got then.
  Timeline known_timeline_;
  Lsn known_position_;
};

}  // namespace regent
