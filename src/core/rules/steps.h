// The vocabulary that rules are written in: short names for what a decision does.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "core/decision.h"
#include "core/election.h"
#include "core/rule.h"
#include "core/situation.h"
#include "core/timeline.h"

namespace regent::rules {

inline void say(Decision& d, std::string sentence) {
  d.sentence = std::move(sentence);
}

template <class... Args>
void say(Decision& d, fmt::format_string<Args...> format, Args&&... args) {
  d.sentence = fmt::format(format, std::forward<Args>(args)...);
}

inline void act(Decision& d, Action action) {
  d.actions.push_back(std::move(action));
}
inline void start(Decision& d, job::Spec spec) {
  act(d, action::StartJob{std::move(spec)});
}

// Takes the lock, with a number for the promotion when one is to come of it.
void take_lock(const Situation& s, Decision& d, Version expect = {}, Timeline left = {});

// Gives the lock back, when no server of ours can write. One that this agent is not known to hold any more, e.g.
// because the store did not answer for longer than a ttl, is taken first: its session may live for as long as the agent
// does.
void give_back(const Situation& s, Decision& d);

void condition(Decision& d, std::string name, std::string detail);

// Decide again at the latest after this long.
void wake_in(const Situation& s, Decision& d, Duration delay);

// Something was planned for a moment that nobody was there for, or nobody could act on: doing it now would surprise.
bool is_stale(const Situation& s, WallTime planned);

// Keeps the lease alive when its confirmation has grown old (I3).
void renew_when_due(const Situation& s, Decision& d);

// A stop that is over before somebody else may be promoted: fast while there is time, immediate when there is none.
job::Stop fence(const Situation& s);

// A stop that leaves nothing behind: clients are served until the checkpoint ahead is done.
job::Stop graceful_stop(const Situation& s);

// The primary answers nobody, or some things not at all, for longer than the settings allow (F13, F54).
bool hangs(const Situation& s);
// Why, in words; empty: nothing is wrong with it that is known.
std::string hang_symptoms(const Situation& s);
// When the settings will have been exceeded, unless it recovers.
std::optional<Instant> hangs_at(const Situation& s);

// Says what a lock that holds our name, and is not ours as far as we know, is left alone for, and until when (F74).
void report_namesake(const Situation& s, Decision& d);

// A former primary was shut down cleanly under its lock, there are members that could have received its last record,
// and none is known to have: for a few seconds that is worth waiting for (F09).
bool awaits_receiver(const Situation& s);
// A member that could take over answered just now that it has it. Asked of a server that is down.
bool somebody_received_everything(const Situation& s);
void await_receiver(const Situation& s, Decision& d);

// For longer than a moment nobody can tell whether the leader's server runs. It cannot be stopped, so the lock is not
// given back (F64); but it is not held on to either (F53).
bool out_of_sight(const Situation& s);

// Our primary crashed, and primary_start_timeout has passed since.
bool start_timed_out(const Situation& s);
// A replica that answered just now could be the primary instead.
bool somebody_could_take_over(const Situation& s, Duration limit = fresh_answers);
// This node is a synchronous standby and about to go down: the leader is asked to do without it, or commits would wait
// for a server that is not there. Only a hint, never waited for long.
bool leaves_sync(const Situation& s);
void leave_sync(const Situation& s, Decision& d);

// Runs of pg_rewind in a row that failed, after which the data directory may be removed if that is allowed. Where it is
// not, it is tried again as long as there is something to rewind from.
constexpr int most_rewinds = 3;
// Whether a history that diverged may be mended, and how (I10).
bool may_rewind(const Situation& s);
bool may_reclone(const Situation& s);
// Whether one that did not diverge, and cannot be brought up to date either, may be replaced: the same settings.
bool may_recopy(const Situation& s);

// The local server runs in recovery: does the gathered history of the leader, or of the remote server, contain it?
Position local_position(const Situation& s);
Lineage compare_running(const Situation& s);
// One of our timelines is another one than the leader's of the same number. pg_rewind cannot tell: it does nothing, or
// goes back to a place that was never common (F62).
bool is_twin(const Situation& s);

// Forgets what was known about following somebody.
void forget_rejoin(Memory& memory);

// A standby on its way to take the lock over from a silent leader.
constexpr int first_takeover_rule = 822;
constexpr int last_takeover_rule = 828;

std::span<const Rule> safety();
std::span<const Rule> pause();
std::span<const Rule> store();
std::span<const Rule> jobs();
std::span<const Rule> data();
std::span<const Rule> recovery();
std::span<const Rule> election();
std::span<const Rule> leader();
std::span<const Rule> follower();

}  // namespace regent::rules
