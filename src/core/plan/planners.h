// Planners add to a decision what the chosen rule allows: keys to keep up to date, slots. One protocol step per cycle
// each.
#pragma once

#include "core/decision.h"
#include "core/situation.h"

namespace regent::plan {

// Our own member key: at once when something that matters changed, positions once per loop_wait.
void member_key(const Situation& s, Decision& d);

// What our member key should say now.
Member own_member(const Situation& s, const Decision& d);

// --- while leading ---
void status_key(const Situation& s, Decision& d);
void history_key(const Situation& s, Decision& d);
// The counter of timelines is never behind the own one, which PostgreSQL, a person or Patroni may have numbered.
void timeline_counter(const Situation& s, Decision& d);
// initialize and config, should they have been lost (F33).
void lost_keys(const Situation& s, Decision& d);
// Who may take over, and who is therefore asked in failsafe mode (I13).
void failsafe_key(const Situation& s, Decision& d);
void slots_of_leader(const Situation& s, Decision& d);

// --- while following ---
void slots_of_replica(const Situation& s, Decision& d);
// The store is away, and the leader goes on by the members' word, who say how far they are: a member that streams from
// another one is not waited for with WAL.
void slots_of_leader_in_failsafe(const Situation& s, Decision& d);
// And it told them where its slots are.
void slots_in_failsafe(const Situation& s, Decision& d);

// --- in any role ---
// Since when which slots are idle, and what is wrong with them.
void slot_ages(const Situation& s, Decision& d);
// Ahead of a promotion: copies of logical slots that are not known to be whole must not be offered (I16, F76).
void slots_before_promotion(const Situation& s, Decision& d);

// A primary that answers slowly or not at all is named, and looked at again when it may have to be ended (F13, F54).
void hang_watch(const Situation& s, Decision& d);

// What keeps a server from starting, which may be for ever, or a replica's position from being known: others wait (L3).
void position_watch(const Situation& s, Decision& d);
// The store was put back from a backup, and what it says of who may lead is not believed (F34).
void store_watch(const Situation& s, Decision& d);
// A copy is no proof of what this member confirmed before, until it has caught up with a leader.
void copy_watch(const Situation& s, Decision& d);
// Text is sorted otherwise here than where the indexes were built.
void collations(const Situation& s, Decision& d);
// Parameters that PostgreSQL is not given, because it would refuse them (F20).
void refused_parameters(const Situation& s, Decision& d);

// What ends the server when this process cannot. Last of all: it looks at what the decision does.
void fences(const Situation& s, Decision& d);

// A restart for later: taken up, forgotten, and remembered when its time has come.
void scheduled_restart(const Situation& s, Decision& d);
// --- synchronous replication ---
// One step towards the configured synchronous standbys, or away from all of them. Leader only.
void sync_replication(const Situation& s, Decision& d);
// Before a promotion /sync is claimed for those who could have been elected instead, and commits wait for them from the
// first one on (I5, F63).
bool sync_prepared(const Situation& s);
void prepare_sync(const Situation& s, Decision& d);
// A replica has the setting that it would begin with as a leader; no commit waits for it there.
void replica_sync_names(const Situation& s, Decision& d);

// Before a voter that had let go of the leader connects to anybody again.
void withdraw_vote(const Situation& s, Decision& d);

// Configuration files follow /config and a reload request.
void configuration(const Situation& s, Decision& d);

}  // namespace regent::plan
