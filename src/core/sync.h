// The arithmetic of synchronous replication (I5, I7): whom commits wait for, who may be elected, and the steps that
// lead from one pair of these to another without a moment in which the two do not overlap.
//
// Two registers are changed one at a time. `SyncNames` is synchronous_standby_names of the leader's server: which sets
// of standbys can let a commit be acknowledged. `Electable` is the /sync key: which sets of members can make somebody
// the next leader. As long as every one of the former meets every one of the latter, whoever is elected has every
// acknowledged commit, or has been asked to look at somebody who has.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "model/keys.h"
#include "model/settings.h"

namespace regent {

// PostgreSQL compares the names of standbys without regard to case.
struct NameLess {
  bool operator()(const std::string& one, const std::string& other) const;
};
using NameSet = std::set<std::string, NameLess>;

// synchronous_standby_names.
struct SyncNames {
  enum class Kind { nobody, priority, quorum };
  Kind kind = Kind::nobody;
  std::size_t needed = 0;  // so many of `names` have to confirm
  NameSet names;           // "*" among them stands for everybody

  bool anybody() const { return names.contains("*"); }
  friend bool operator==(const SyncNames&, const SyncNames&) = default;
};
// The text forms of Patroni (T17): `a`, `2 (a,b)`, `ANY 1 (a,b)`, `*`, `ANY 1 (*)`, or nothing.
std::string print_sync_names(const SyncNames& names);
// All forms of PostgreSQL. nullopt: not one of them.
std::optional<SyncNames> parse_sync_names(std::string_view text);

// Who may be elected: a member of `voters` that has heard from `quorum` others of them and is behind none of these.
struct Electable {
  NameSet voters;
  std::size_t quorum = 0;

  // Nobody but the leader itself.
  bool nobody() const { return voters.size() <= quorum; }
  friend bool operator==(const Electable&, const Electable&) = default;
};
Electable electable(const SyncState& sync);
SyncState sync_state(const MemberName& leader, const Electable& electable);

// Who may be elected while `me`, who was elected on `sync`, has not found synchronous standbys of its own: those who
// could have been elected in its place, and the last leader among them. Whoever of them is elected has what was
// acknowledged under `sync`, because so many of them have it; and with the names below also what `me` acknowledged
// itself. Nobody, when `sync` does not name `me` (a person put it there).
Electable succeed(const SyncState& sync, const MemberName& me);
// Whom commits must wait for so that every set that lets one pass meets every set that elects.
SyncNames names_for(const Electable& electable, SyncMode mode);

// I7: every set that can let a commit be acknowledged meets every set that can elect.
bool overlap(const SyncNames& names, const Electable& electable);
// Whatever lets a commit be acknowledged under `to` would have done so under `from`.
bool tightens(const SyncNames& from, const SyncNames& to);

// What the leader wants and what it knows, for one step.
struct SyncPicture {
  MemberName me;
  SyncMode mode = SyncMode::off;
  bool strict = false;
  std::size_t count = 1;
  NameSet wanted;          // the standbys to wait for: in mode `on` at most `count`, else all fit ones
  NameSet ready;           // of these: they have all that was acknowledged before the names in effect
  bool published = false;  // /sync exists
  SyncState state;         // its content
  SyncNames effective;     // of the running server
  std::optional<std::string> effective_text;
  std::optional<std::string> file;  // what the agent's file holds; nullopt: the setting is the users' own
  bool fenced = false;              // Memory::sync_fenced
  // One of those that may be elected is about to connect: commits wait for it, rather than for nobody.
  bool expects = false;
  bool noticed = false;  // all processes of the server know the names in effect (Memory::sync_watch)
};

namespace sync_step {
struct Nothing {};
// Nothing can be done now: a standby has to catch up first.
struct Wait {};
struct Publish {
  SyncState state;
};
struct Unpublish {};
struct SetNames {
  std::optional<std::string> names;
};
}  // namespace sync_step
using SyncStep =
    std::variant<sync_step::Nothing, sync_step::Wait, sync_step::Publish, sync_step::Unpublish, sync_step::SetNames>;

// Where the two registers shall get to.
SyncNames wanted_names(const SyncPicture& picture);
Electable wanted_electable(const SyncPicture& picture);

// What a standby that `state` lists would begin with, if it were elected on that.
SyncNames first_names(const SyncPicture& picture);

// The next step on the way there. Pure; every prefix of the way is safe, also when the outcome of the last step is not
// known, the agent is another one now, or the server was restarted (F32, F65).
SyncStep next_sync_step(const SyncPicture& picture);
// The same before a promotion: nobody is confirmed by the new leader yet, and the old electorate stays valid until the
// first of its standbys is. Nothing: it may be promoted.
SyncStep next_step_to_promotion(const SyncPicture& picture);

}  // namespace regent
