// Child processes: programs of PostgreSQL, scripts of the user, the postmaster.
//
// Every child has its own process group, default signal handlers and an empty signal mask (F08), no descriptor of ours,
// and none of our own environment variables (T20). Tools die with the agent and with the coroutine that waits for them
// (F72); the postmaster outlives both. Threading: the loop's thread. Errors: as values.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "adapters/os/unique_fd.h"
#include "base/result.h"
#include "ports/clock.h"
#include "ports/task.h"

namespace regent {

struct Command {
  std::vector<std::string> arguments;  // [0] is the program, looked up in PATH when it has no slash
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string input;                                             // on standard input
  // Texts in files of which these variables are the names: in memory, readable for this user, gone with the Child.
  std::vector<std::pair<std::string, std::string>> secret_files{};
  bool capture = true;    // else standard output and error are the agent's own
  bool outlives = false;  // neither the end of the agent nor that of the Child object ends it
};

// What a child left behind.
struct Outcome {
  int status = 0;  // as wait() tells it
  std::string output;
  std::string errors;

  bool ok() const { return status == 0; }
  // "exited with code 1" or "was killed by signal 9".
  std::string ending() const;
  // The last words of the child, for an error sentence; empty when it said nothing.
  std::string last_words() const;
};

// A running child that is killed with its process group when this object goes, unless it is to outlive it.
class Child {
 public:
  static Result<Child> start(const Command& command);

  Child() = default;
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  // Not reaped yet and no exit seen. Does not block.
  bool running();
  // Returns when the child has ended or `timer` has, without collecting it.
  Task<void> wait_until(Task<void> timer);
  // Returns when the child has ended.
  Task<Outcome> wait();
  // What it has written to standard error so far, the last `bytes` of it.
  std::string error_tail(std::size_t bytes) const;

  // SIGKILL to the whole group.
  void kill();

 private:
  pid_t pid_ = 0;
  bool outlives_ = false;
  UniqueFd handle_;
  UniqueFd output_, errors_;  // memory files: nobody has to read along, and a grandchild cannot hold us up
  std::vector<UniqueFd> secrets_;
};

// Runs a command to its end. Past the deadline, or cancelled: kills it with its group.
Task<Result<Outcome>> run(Command command, Clock& clock, Instant deadline);
// The same; anything but success is an error that carries the child's last words.
Task<Result<Outcome>> run_ok(Command command, Clock& clock, Instant deadline);

// Starts a program that lives on by itself, in a session of its own. Standard input is empty, standard output and error
// are the agent's.
Result<pid_t> start_daemon(const Command& command);

// Collects children that ended after nobody waited for them any more. Call now and then.
void reap_children();
// Adds one to them.
void reap_later(pid_t pid);

// Splits a command as a shell would: blanks, quotes, backslashes; no variables, no globs.
Result<std::vector<std::string>> split_command(std::string_view text);

}  // namespace regent
