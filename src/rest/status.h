// The status document: the body of /patroni and of every health check (T33), and what peers read of each other.
// Threading: pure functions.
#pragma once

#include <array>
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

// A document that is asked for by the thousand: printed once for all who ask within the same few milliseconds and would
// be told the same, but for what the clock changes in so short a time.
class SharedText {
 public:
  static constexpr Duration lifetime = std::chrono::milliseconds(10);

  // `print` returns the text.
  template <class Print>
  const std::string& of(const Snapshot& snapshot, Instant now, Print print) {
    const Made made{snapshot.cycle, snapshot.last_cluster.is_known(), revision_of(snapshot.last_cluster.get())};
    if (made_ != made || now - made_at_ >= lifetime) {
      text_ = print();
      made_ = made;
      made_at_ = now;
    }
    return text_;
  }

 private:
  using Revision = std::array<std::uint64_t, 3>;
  static Revision revision_of(const ClusterView* view) {
    return view == nullptr ? Revision{} : Revision{view->store, view->term, view->revision};
  }
  struct Made {
    std::uint64_t cycle = 0;
    bool known = false;
    Revision revision{};
    friend bool operator==(const Made&, const Made&) = default;
  };
  std::optional<Made> made_;
  Instant made_at_{};
  std::string text_;
};

// What requests of one moment share.
struct SharedTexts {
  SharedText status;  // they decide by the code, and may be told that the lease has a few milliseconds more
  SharedText cluster;
};

}  // namespace regent::rest
