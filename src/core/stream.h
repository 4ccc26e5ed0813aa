// What lies between a node whose position is part of the leader's history and the stream of that WAL: history files,
// the WAL itself, and an archive that may feed it a branch that ended (F61).
#pragma once

#include <optional>
#include <string>

#include "core/decision.h"
#include "core/situation.h"
#include "core/timeline.h"

namespace regent {

// The name of the first WAL file that a server with `stock` lacks of the way from `position` to the end of `timeline`;
// empty: it has all of them, or the way is not known. `history` is that of `timeline`.
std::string missing_wal_file(Position position, Timeline timeline, const History& history, const WalStock& stock);

// What was last heard from the one whose history counts here, however long ago: of a timeline that was left it says the
// same for ever. Null: nothing, or it was promoted since.
const UpstreamHistory* last_history(const Situation& s);

// The question for that history, and for what the stream needs.
action::GatherUpstreamHistory ask_history(const Situation& s);
// The same, of the remote server of a standby cluster that nobody leads.
action::GatherUpstreamHistory ask_remote(const Situation& s);

// History files to fetch before this node can follow, and what it may restore; nullopt: nothing is to be done.
std::optional<action::FetchHistories> fetch_histories(const Situation& s);

// Fetches them, and looks again. Names those that are missing (L3).
void fetch_and_look_again(const Situation& s, Decision& d);

// The last leader shut down cleanly, and all that it wrote is here: an archive could only delay a promotion.
bool has_everything(const Situation& s);

// A running replica gets no WAL from its upstream, although there is one.
bool awaits_stream(const Situation& s);
// For so long that more than a moment's patience is called for.
bool awaits_stream_long(const Situation& s);
// The WAL file that comes next for it, which its upstream does not have any more; empty: none is known to be missing.
std::string missing_wal(const Situation& s);
// The running replica replayed what the leader's history does not contain.
bool left_history(const Situation& s);

}  // namespace regent
