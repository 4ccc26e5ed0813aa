// Processes as /proc shows them: who is who, without being fooled by reused process ids and zombies (F11).
// Threading: any. The calls do not block on disks, except same_directory() and is_same_path(), which look through
// directories and belong on a worker. Errors: a process that is gone or hidden is nullopt or not listed.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/os/unique_fd.h"

namespace regent {

// One process, told apart from a later one with the same number by its start.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // since boot

  friend auto operator<=>(const ProcessId&, const ProcessId&) = default;
};

struct ProcessInfo {
  ProcessId id;
  pid_t parent = 0;
  char state = '?';                   // R, S, D, T (stopped), Z (zombie), X
  std::uint64_t processor_ticks = 0;  // that it had

  bool dead() const { return state == 'Z' || state == 'X'; }
  bool frozen() const { return state == 'T' || state == 't'; }
};

std::optional<ProcessInfo> process_info(pid_t pid);
// The text of /proc/PID/stat.
std::optional<ProcessInfo> parse_process_stat(const std::string& text);
bool is_alive(const ProcessId& id);

// All processes visible to us.
std::vector<ProcessInfo> list_processes();
// `root` and everything that descends from it, out of one listing.
std::vector<ProcessInfo> with_descendants(const std::vector<ProcessInfo>& all, pid_t root);

// File name of the executable, also of one that was replaced on disk. Empty when it cannot be read.
std::string executable_name(pid_t pid);
// Arguments, or the title PostgreSQL put in their place, joined by spaces.
std::string command_line(pid_t pid);
// The same one by one; what PostgreSQL put in their place is the first.
std::vector<std::string> arguments(pid_t pid);
// Whether the process's working directory is `directory`, whatever either is called.
bool same_directory(pid_t pid, const std::string& directory);
// Whether a path as that process understands it leads to the directory.
bool is_same_path(pid_t pid, const std::string& path, const std::string& directory);

// A pidfd on exactly this process; invalid when it is gone.
UniqueFd open_process(const ProcessId& id);
// Sends the signal to exactly this process. False when it is gone or not ours.
bool send_signal(const ProcessId& id, int signal);

}  // namespace regent
