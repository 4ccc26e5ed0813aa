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
// initialize and config, should they have been lost (F33).
void lost_keys(const Situation& s, Decision& d);
void slots(const Situation& s, Decision& d);
// Who may take over, and who is therefore asked in failsafe mode (I13).
void failsafe_key(const Situation& s, Decision& d);

// A restart for later: taken up, forgotten, and remembered when its time has come.
void scheduled_restart(const Situation& s, Decision& d);

// Configuration files follow /config and a reload request.
void configuration(const Situation& s, Decision& d);

}  // namespace regent::plan
