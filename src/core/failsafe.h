// Failsafe mode: while the store is away, the leader serves on for as long as EVERY member that could take its place
// has promised not to (I13, F26, F28).
//
// The arithmetic is that of the lease. A round of requests that all members accepted counts, for the leader, from the
// moment it was SENT; a promise lasts, for the member, one ttl from the moment it was RECEIVED, which is later. The
// margin of dead_by() covers clocks that drift, so the leader is down before the first member may stand (I1, I3).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/lsn.h"
#include "base/time.h"
#include "core/lease.h"
#include "model/member.h"

namespace regent {

// Members by name, with the address of their REST API: what the failsafe key holds.
using FailsafeMembers = std::map<std::string, std::string>;

// What the leader asks of every member: POST /failsafe.
struct FailsafeRequest {
  MemberName name;  // of the leader that asks
  std::string conn_url;
  std::string api_url;
  std::map<std::string, std::uint64_t> slots;  // positions of the leader's slots
  // That it is on; none: it did not say (a Patroni leader, or a server that does not answer).
  Timeline timeline;
  // How long the leader will count on the answer; a member does not promise more than the cluster's ttl. Zero: it did
  // not say (a Patroni leader).
  Duration ttl{};
};
std::string print_failsafe_request(const FailsafeRequest& request);
// The error is for bodies that name no leader.
Result<FailsafeRequest> parse_failsafe_request(const Json& body);

// One round of the leader.
struct FailsafeAnswer {
  MemberName name;
  bool accepted = false;
  std::string why;         // when not
  std::optional<Lsn> wal;  // the end of what it has, when it says so
};
struct FailsafeRound {
  Instant sent;
  std::vector<FailsafeAnswer> answers;  // one for everybody who was asked

  bool complete() const;
};

// What this member promised a leader: not to stand for election until `until`.
struct FailsafePromise {
  Member leader;  // as far as it told: name and addresses
  std::map<std::string, std::uint64_t> slots;
  Instant given_at;
  Instant until;
};

struct FailsafeFacts {
  std::optional<FailsafeRound> round;      // the last one this node made as the leader
  std::optional<FailsafePromise> promise;  // the last one it gave as a member
  // An agent remembers no promise of the incarnation before it.
  Instant agent_started;
};

bool promised(const FailsafeFacts& facts, Instant now);

struct Situation;

// How things are at the moment of the question: what the situation was derived from is older.
struct AskedNow {
  LeaseFacts lease;
  bool acquiring = false;  // an attempt to take the lock is under way
  FailsafeFacts failsafe;
  Instant now;
};
// Why a leader that asks may not count on this member; empty when it may.
std::string failsafe_refusal(const Situation& s, const FailsafeRequest& request, const AskedNow& here);

// For how much longer this member may be bound by a promise that it does not remember, because its agent was restarted
// since; nullopt: it is not.
std::optional<Duration> may_have_promised(const Situation& s, Instant now);

// It would not take the leader lock now: it promised a leader not to, or may have.
bool holds_back(const Situation& s, Instant now);

}  // namespace regent
