// The status document: the body of /patroni and of every health check (T33), and what peers read of each other.
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "core/snapshot.h"

namespace regent::rest {

// Who answers; from the local configuration, because the first snapshot may be yet to come.
struct Identity {
  std::string scope;
  MemberName name;
  Generation generation = Generation::v4;
  std::string version;     // of Regent
  std::string instance{};  // drawn anew by every process: tells it from a twin of the same name (F74)
};

// What is true at the moment of the request, not of the snapshot.
struct Moment {
  Instant now;  // CLOCK_BOOTTIME: a snapshot that a frozen loop left behind must not outlive its lease (L5, F49)
  WallTime wall;
  std::uint64_t log_queued = 0;
  std::uint64_t log_lost = 0;
};

// The local server in the words of the REST API.
struct LocalServer {
  std::optional<PgState> state;  // nullopt: "unknown", it runs and does not answer, or nobody could look
  Role role = Role::uninitialized;
  const ServerFacts* facts = nullptr;  // of a server that answered
  bool accepting = false;              // the postmaster accepts connections, whether or not our query came back (F17)

  bool running() const { return state == PgState::running; }
};
LocalServer local_server(const Snapshot& snapshot);

enum class SyncRole { none, sync, quorum };
// Whether the local replica is one of the synchronous ones.
SyncRole sync_role(const Snapshot& snapshot, const Identity& self);

// State of the local server and of the cluster: the first half of the document, without tags and identity.
Json server_document(const Snapshot& snapshot, const Identity& self, Instant now);
// All of it.
Json status_document(const Snapshot& snapshot, const Identity& self, const Moment& moment);

// The document as the body of health checks. They come by the thousand, and decide by the code: a text that says how
// many milliseconds the lease has left is good enough for all that ask within the same few.
class StatusText {
 public:
  static constexpr Duration lifetime = std::chrono::milliseconds(10);

  const std::string& of(const Snapshot& snapshot, const Identity& self, const Moment& moment);

 private:
  const Snapshot* of_ = nullptr;  // to compare with, no more
  Instant made_at_{};
  std::string text_;
};

}  // namespace regent::rest
