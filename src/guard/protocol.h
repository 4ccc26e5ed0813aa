// What the agent and its guard say to each other over a SOCK_SEQPACKET pair. Both come from one build: there is no
// version to negotiate. Plain data, host byte order; times are nanoseconds of CLOCK_BOOTTIME (I4).
#pragma once

#include <cstdint>

namespace regent::guard {

enum class Command : std::uint32_t {
  arm,     // fence at `deadline`, unless a later message moves it; a time that has passed fences now
  disarm,  // there is nothing to fence
};

struct Request {
  std::uint64_t sequence = 0;
  Command command = Command::disarm;
  std::uint32_t leased = 1;  // 0: the deadline is not that of a leader lease, there is none
  std::int64_t deadline = 0;
};

enum class State : std::uint32_t { idle, armed, blind };

// Answers a request; or, with sequence 0, tells that the guard has fenced.
struct Report {
  std::uint64_t sequence = 0;
  State state = State::idle;   // blind: it was told to arm and cannot find the data directory
  std::int32_t error = 0;      // errno of that
  std::int64_t fenced_at = 0;  // when the last of the server's processes was sent SIGKILL
  std::int64_t deadline = 0;   // by which it should have been
  std::uint32_t leased = 1;    // 0: that was not the end of a lease
  std::uint32_t killed = 0;    // how many there were
  std::uint32_t unlocked = 0;  // 1: its memory is not locked
};

// The name by which a later agent finds it (/proc/PID/comm), and the signal by which a later agent, once it has a lease
// of its own or knows that nothing is to be fenced, sends it home.
constexpr const char* process_name = "regent-guard";
constexpr int stand_down_signal = 10;  // SIGUSR1

// Where it finds its socket.
constexpr int socket_descriptor = 3;

}  // namespace regent::guard
