// Everything that is carried from one cycle to the next. It is explicit and printable; there are no hidden flags
// elsewhere. It dies with the agent: whatever must survive a crash is derived from the store and the data directory
// (F63, F64).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/lsn.h"
#include "base/strong.h"
#include "base/time.h"
#include "core/failsafe.h"
#include "core/handover.h"
#include "core/restart.h"
#include "core/restored_store.h"
#include "core/timeline.h"
#include "model/cluster_view.h"
#include "model/slots.h"

namespace regent {

// Why the local primary is going down, so that the cycles after the stop know what to do next.
struct Demotion {
  enum class Kind { graceful, immediate, offline, hung };
  Kind kind = Kind::graceful;
  std::string reason;  // "switchover", "manual failover", "store unreachable", ...
  Instant since;

  friend bool operator==(const Demotion&, const Demotion&) = default;
};

// What is known about following the current leader from the local data directory.
enum class Rejoin {
  unchecked,  // the histories were not compared yet
  clean,      // the leader's history contains ours: start and stream
  diverged,   // it does not: rewind or clone
  cut_off,    // it does, and the WAL that comes next is nowhere any more: clone
};

// What came of rewinding so far.
struct Rewinds {
  int failures = 0;  // runs of pg_rewind, in a row
  int waits = 0;     // attempts that did not come to a run of it, in a row
  // It would see nothing to do, or go back to the wrong place: the timelines that part have one number (F62).
  bool out = false;

  friend bool operator==(const Rewinds&, const Rewinds&) = default;
};

// A replica that gets no WAL although its leader can be reached.
struct StreamWatch {
  Instant since;
  Lsn wal;        // its position,
  Instant moved;  // and since when it is there

  friend bool operator==(const StreamWatch&, const StreamWatch&) = default;
};

// The synchronous_standby_names in effect, as long as it stays the same.
struct SyncWatch {
  std::string names;
  std::uint32_t incarnation = 0;  // of the server
  bool primary = false;
  // All commits that were acknowledged under other names lie before it. nullopt: not known yet. Of a replica: its
  // processes have noticed the names, and would wait from the first commit on.
  std::optional<Lsn> since;

  friend bool operator==(const SyncWatch&, const SyncWatch&) = default;
};

// What is known about a copy of a logical slot. It serves after a promotion when the rows of the catalogs that decoding
// needs cannot have been vacuumed away on the primary (I16, F76).
struct SlotProof {
  // Of the primary's logical slot, at a moment when our feedback was holding its vacuum back already.
  std::optional<std::uint32_t> primary_xmin;
  bool proven = false;

  friend bool operator==(const SlotProof&, const SlotProof&) = default;
};

// The leader as a synchronous standby watches it, for as long as neither the leader key nor /sync changes.
struct LeaderWatch {
  Version leader;
  Version sync;
  Instant since;
  // Since when it gives no sign of life: when it was first asked in vain.
  std::optional<Instant> silent_since;

  friend bool operator==(const LeaderWatch&, const LeaderWatch&) = default;
};

struct Memory {
  std::optional<StoreMark> store_mark;
  std::optional<RestoredStore> restored_store;
  std::optional<LedStore> led_store;  // that it was over, since this agent runs

  bool ran_as_primary = false;        // the local server was last seen running as a primary under our lease
  std::optional<Demotion> demotion;   // a demotion under way
  std::optional<Instant> crashed_at;  // the primary's crash that is being recovered in place
  // The version of /sync that this node was elected on by votes; absent: votes did not count.
  Version elected_on;
  bool acquired_now = false;           // the lock was taken in this incarnation and the promotion is still due
  Timeline ticket;                     // the number that was taken for it; 0: none
  std::optional<Instant> promoted_at;  // of this reign; by this agent
  bool checkpoint_due = false;         // promoted, the checkpoint after it is not done (F70)

  // Since when the server may be written to without a lease that we know of (I3).
  std::optional<Instant> unleased_since;
  // Since when nobody can tell whether the server runs, while the lock holds our name.
  std::optional<Instant> unknown_since;
  // Since when it is known that nobody holds the lock: positions of before do not count in an election.
  std::optional<Instant> unlocked_since;
  std::optional<Lsn> unlocked_wal;  // the local position then
  // Since when this leader is asked to hand over: positions of before do not count.
  std::optional<Instant> hand_over_since;
  // It hands over, or did when it last led.
  std::optional<Handover> handover;
  // Since when a candidate that somebody named is waited for.
  std::optional<Instant> named_since;
  // Since when the lock holds our name, and nothing proves that it is ours.
  std::optional<Instant> namesake_since;

  std::optional<SyncWatch> sync_watch;
  // No write of ours to /sync can still be on its way: it would come after a decision that did not know of it (F32). An
  // agent that was just started does not know what the one before it left behind.
  bool sync_fenced = false;
  std::optional<LeaderWatch> leader_watch;
  // Nobody can count on it that this server stays disconnected: it was attached to an upstream since it last let go of
  // one. An agent that was just started does not know.
  bool vote_free = false;
  // The last time that it let go for a takeover came to nothing: not again before.
  std::optional<Instant> no_takeover_before;
  // Since when the leader is asked to do without this synchronous standby, because it is about to stop.
  std::optional<Instant> leaving_sync_since;

  // The data directory's system id, once the store's /initialize has said the same: whatever is written there since is
  // a mistake, or a restore, and no reason to give up a healthy cluster (I9, F64).
  SystemId recognized_id;
  SystemId seen_system_id;    // of the cluster in the store; remembered when the key is deleted (F33)
  bool bootstrapped = false;  // our bootstrap job ended well; keys are still to be written
  // The data of the standby leader left the remote server's history and was removed, or nobody has any: the remote
  // server is copied again, under the lock.
  bool recopies_remote = false;
  bool bootstrap_at_fault = false;   // what failed is a program, or a wish, of this node
  bool bootstrap_put_aside = false;  // what it left is out of the way
  std::string bootstrap_failed;      // why it did not; the directory and the claim are to be cleaned up; empty: it did

  Rejoin rejoin = Rejoin::unchecked;
  MemberName rejoin_leader;  // the leader that `rejoin` speaks of
  Timeline rejoin_timeline;  // and its timeline
  std::optional<StreamWatch> stream_watch;
  // The member that the tag `replicatefrom` names, when it lacks WAL that the leader may have. For this leader.
  MemberName poor_parent;
  Rewinds rewinds;                   // from this leader
  std::optional<Instant> copied_at;  // when the data directory was copied by this agent
  // Where a leader was after that: what reaches it lacks nothing that was ever confirmed in this member's name.
  std::optional<Position> copy_goal;
  int recovery_failures = 0;  // of crash recovery, in a row
  int clone_failures = 0;     // in a row
  int start_failures = 0;     // in a row
  int promote_failures = 0;   // in a row
  // The server, by its incarnation, was asked to be promoted, and nobody knows what becomes of that: it may still come
  // for as long as it runs.
  std::optional<std::uint32_t> promotion_sent_to;
  std::optional<Instant> no_promotion_before;  // the last one failed: others may be luckier
  std::optional<Instant> retry_at;             // back-off of clone and rewind
  std::uint64_t seen_job = 0;                  // last ended job that was digested
  std::optional<std::uint64_t> restart_id;     // restart request that the running job serves
  bool reinitializing = false;
  bool reinitialized = false;       // the new copy is there and was not started yet
  bool reinit_from_leader = false;  // and not from a member with the tag clonefrom
  std::optional<ScheduledRestart> scheduled_restart;

  // Everybody the failsafe key may name: as last seen, and as we tried to write it since, because an answer that got
  // lost may have been a yes (F32). Whoever it names could take over, so all of them are asked (I13).
  FailsafeMembers failsafe_members;
  // The request of a failover that was there while somebody led: whoever asked for it knew nothing of what came after.
  Version request_under_lock;
  // The leader key of the reign in which this node wrote the failsafe key: from then on no late write of an earlier
  // leader can change it (I11).
  Version failsafe_written_for;

  // The recovery settings that the standby leader was last given with its source.
  std::map<std::string, std::string> remote_settings;

  std::string leader_libc;    // of the last leader that told
  Timeline highest_timeline;  // ever seen in history or in members: never go back behind it (I8)
  std::optional<Instant> member_written_at;
  std::optional<Instant> status_written_at;
  std::string published;   // what matters of the member key last written (all but positions)
  Version applied_config;  // of /config, last applied to the server's files
  // Physical slots of members, by name: when the member was last there (member_slots_ttl, F77).
  std::map<std::string, Instant> slot_seen;
  // Permanent slots as they were last configured: when one is taken out of the configuration it was ours to drop.
  SlotSpecs permanent_slots;
  // Logical slots that this server had while it led, but for those that we dropped. One that vanished was dropped by a
  // person; one that never was here was lost on the way (I16).
  std::set<std::string> led_slots;
  // Copies of the leader's logical slots, by name, and what they were compared with.
  std::map<std::string, SlotProof> slot_proofs;
  std::string proofs_of;  // leader key, timeline and postmaster that the proofs hold for
  // Slots of members that stream from another one than this leader, when the store was last read.
  std::set<std::string> cascaded;
  std::optional<Instant> slots_asked_at;
  std::map<std::string, Instant> slot_idle_since;  // slots that nobody uses, for people
  int slot_copy_failures = 0;                      // in a row
  std::optional<Instant> slot_copy_at;             // back-off of the next copy

  friend bool operator==(const Memory&, const Memory&) = default;
};

// One line per field that is not as in the beginning.
std::string to_text(const Memory& memory);

}  // namespace regent
