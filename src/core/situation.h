// The facts of an observation as the rules ask for them: derived once, named once.
#pragma once

#include <optional>
#include <string>

#include "core/memory.h"
#include "core/observation.h"

namespace regent {

struct Situation {
  const Observation& o;
  const Memory& m;

  const ClusterView* view = nullptr;      // null: the store did not answer
  const ServerFacts* server = nullptr;    // null: not running, or it did not answer in time (F17)
  const ControlFacts* control = nullptr;  // null: running, or unreadable

  // The leader key.
  bool unlocked = false;  // it is known that nobody holds it
  bool named = false;     // it holds our name, of whatever incarnation
  bool holding = false;   // confirmed ours, of this incarnation, and before its deadline
  // It holds our name, and nothing proves that this agent, or one before it on this machine, wrote it: it may be that
  // of a twin, which lives (F74). Left alone until it expires.
  bool namesake = false;
  bool other_leads = false;        // it holds another name, or this member promised another one to let it lead (I13)
  const Member* leader = nullptr;  // that other member's key, when it is there
  MemberName leader_name{};        // that other member
  // The leader follows a server of another cluster, and nobody is promoted.
  bool standby = false;
  bool standby_leads = false;  // this node has the lock in a standby cluster: its source is the remote server
  bool leader_usable = false;  // that member's server runs, so that one can follow or clone it
  // The lock was put back with the store, and somebody else led after that, or may have (F34): nobody is to lead by it,
  // nor to be followed.
  bool lock_is_of_the_past = false;

  // The local server.
  bool running = false;      // accepts connections
  bool stopped = false;      // known to be down, orphans included
  bool single_user = false;  // no postmaster, but somebody works in the data directory offline (F71)
  bool primary = false;      // known to run outside recovery
  bool replica = false;      // known to run in recovery
  // A client could write here, as far as we know: known primary, or unknown after having run as one (I3).
  bool may_write = false;
  // It is in recovery, if anything is known, but a promotion that was given up may still come (I3).
  bool promotion_may_come = false;

  bool paused = false;
  bool job_running = false;

  const std::string& me() const { return o.self.name.str(); }
  // The lock is ours, whether or not this agent is known to hold it just now.
  bool has_lock() const { return holding || (named && !namesake); }
  bool has_data() const { return o.postgres.data.state == DataState::valid; }
  bool no_data() const {
    return o.postgres.data.state == DataState::empty || o.postgres.data.state == DataState::incomplete;
  }
  // Whether a running job is of this kind.
  template <class Kind>
  bool doing() const {
    return o.job.running && std::holds_alternative<Kind>(*o.job.running);
  }
  bool backing_off() const { return m.retry_at && o.now < *m.retry_at; }
};

// Where clients and members reach the local server: as configured, but on the port where it still listens while another
// one waits for a restart.
std::string conn_url(const Situation& s);

// The server is down as the primary, and its agent means to start it as that again.
bool crashed(const Situation& s);

// How long a server may be writable without a lease that we know of before it is stopped. Longer while the lock holds
// our name: then nobody else is promoted, and most likely it is the lease of the agent before this one that runs out.
Duration unleased_patience(const Situation& s);

// `observation` and `memory` must outlive the result.
Situation survey(const Observation& observation, const Memory& memory);

// The store's /initialize and the data directory name different systems (I9).
bool foreign_data(const Situation& s);
// They agreed earlier in this incarnation: it is the key that was changed.
bool key_was_changed(const Situation& s);

// Whom a member streams from by its tag `replicatefrom`; null: from the leader. The one it names may be the leader
// itself.
const Member* parent_of(const ClusterView& view, const MemberName& name, const Tags& tags);

// Where a replica of this cluster streams from: the `replicatefrom` member when it runs, else the leader.
Upstream wanted_upstream(const Situation& s);
// The leader itself, for rewinds and histories. For the one who has the lock in a standby cluster: the remote server.
Upstream leader_upstream(const Situation& s);
// The remote server of a standby cluster; without an address when there is only an archive.
Upstream remote_upstream(const Situation& s);
// There is a server to copy from, to compare with, to rewind from: the leader's, or the remote one.
bool source_usable(const Situation& s);
// Somebody else's history is the one that counts here.
bool follows(const Situation& s);

// The leader's timeline history, when it was gathered lately and after the leader's last promotion; else null.
const UpstreamHistory* leader_history(const Situation& s);

}  // namespace regent
