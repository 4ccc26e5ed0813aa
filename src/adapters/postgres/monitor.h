// The one monitoring query of a cycle, over a connection that is kept.
// Threading: the loop's thread. Errors: as values; a failure says nothing about the server's role (F17).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/parameters.h"
#include "core/postgres_facts.h"

namespace regent {

// The settings that only change with a restart, or wait for one.
using RunningSettings = std::map<std::string, RunningSetting>;

// Everything one query tells.
struct ServerAnswer {
  ServerFacts facts;
  SystemId system_id;
  std::shared_ptr<const RunningSettings> settings;  // null in a parsed answer: the ones known are still true
  std::string settings_of;                          // when the session read the configuration files
  Lsn flushed;                                      // end of WAL on disk, of a primary
  bool waits_for_wal = false;                       // somebody waits for WAL to get there
  int startup = 0;                                  // process id of the one that replays; 0: it is not seen
  bool replay_waits = false;                  // it has come to the end of the WAL that is there, and waits for more
  int receiver = 0;                           // process id of the WAL receiver; 0: there is none
  std::vector<CollationMismatch> collations;  // as of the last time they were asked for
  bool timeline_is_old = false;  // a replica that does not stream: its timeline is the one of the last restart point
};

// The query for a server of PostgreSQL 12 or newer, and what its answer means. Pure. Settings that are known already,
// `settings_of` of an earlier answer of the same session, are not asked for again.
std::string monitoring_query(std::string_view settings_known_of);
Result<ServerAnswer> parse_answer(const std::string& text);

// One row of pg_replication_slots, as JSON.
SlotRow parse_slot_row(const Json& row);

class Monitor {
 public:
  Monitor(std::function<ConnectionOptions()> server, std::function<ConnectionOptions()> replication, Clock& clock)
      : server_(std::move(server)), replication_(std::move(replication)), clock_(clock) {}

  // `incarnation` tells postmasters apart: a connection to an earlier one is worthless.
  Task<Result<ServerAnswer>> ask(std::uint32_t incarnation, Instant deadline);
  // The next question has a connection of its own. A question that is under way keeps the one it has.
  void disconnect() { stale_ = true; }

 private:
  Task<Result<void>> connect(Instant deadline);
  // Once per postmaster and every few minutes. What cannot be learned is asked again then.
  Task<void> compare_collations(Instant deadline);
  Task<Timeline> replayed_timeline(const ServerFacts& facts, Instant deadline);

  std::function<ConnectionOptions()> server_, replication_;
  Clock& clock_;
  Connection connection_;
  bool stale_ = false;
  Instant connected_at_{};
  std::uint32_t incarnation_ = 0;
  std::shared_ptr<const RunningSettings> settings_;
  std::string settings_of_;
  std::vector<CollationMismatch> collations_;
  std::optional<Instant> collations_at_;
  // The last timeline this server told us for certain, and how far it had got then.
  Timeline known_timeline_;
  Lsn known_position_;
};

}  // namespace regent
