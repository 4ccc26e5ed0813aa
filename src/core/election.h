// Who may take the lock while nobody holds it (compat §1.3; I2, I6, I8, I15).
#pragma once

#include <string>

#include "base/lsn.h"
#include "core/situation.h"

namespace regent {

struct Candidacy {
  enum class Verdict {
    stand,         // take the lock
    hold_back,     // somebody else should have it; `why` says who or what
    need_peers,    // ask the others first
    need_history,  // the own history file is needed to tell whether this branch is alive
    need_remote,   // a standby cluster: whether its remote server has what is missing here
  };
  Verdict verdict = Verdict::hold_back;
  std::string why;
};

// May this node stand, by itself and compared with the others? The server runs; nobody holds the lock.
Candidacy stand_for_election(const Situation& s);

// The same for a named candidate of a manual failover: behind nobody is not required of it, being on a live branch is.
Candidacy stand_as_named_candidate(const Situation& s);

// May this node take the lock from a leader that gives no sign of life (core/takeover.h)? The key is not free: what
// must hold of the node and of the others is the same, and more.
Candidacy stand_for_takeover(const Situation& s);

// Why this node would not take the lock once it is free, whoever else there is; empty: it would.
std::string own_objection(const Situation& s);
// Why the branch that the local server is on is not the cluster's; empty: it is, or it cannot be told yet (I8).
std::string branch_objection(const Situation& s);
// Who has what was acknowledged, and may be elected: as /sync says, or as it said before the store was put back (F34).
const SyncState& electorate(const Situation& s);
// Whether the confirmed set of a leader in synchronous mode decides who may be elected (I5).
bool sync_rules(const Situation& s);
// Whether it allows this member to be elected; true where there is no such set.
bool sync_allows(const Situation& s, const MemberName& name);
// The next leader needs votes of other synchronous standbys.
bool votes_decide(const Situation& s);
// This member is one of those who may be elected, with data that may lack what it confirmed before: it is a copy that
// has not caught up with a leader yet. It neither stands nor votes, and nobody waits for it (I5).
bool lacks_votes(const Situation& s);
// Votes are needed, this member has one, and its server could still be moved by the last leader's.
bool must_let_go(const Situation& s);

// Whether a peer that answered could be promoted right now.
bool could_lead(const PeerAnswer& peer);

// A peer that answered and lets a leader go on without the store, or may do so (I13); null: there is none.
const PeerAnswer* bound_by_promise(const PeersFacts& peers);

// Ancestry first, then position (I8).
bool is_ahead(Timeline timeline, Lsn wal, Timeline other_timeline, Lsn other_wal);

// How old the peers' answers may be in an election.
constexpr Duration fresh_answers = std::chrono::seconds(2);
bool peers_are_fresh(const Situation& s, Duration limit = fresh_answers);

}  // namespace regent
