// Kills every process of one PostgreSQL server: the postmaster, its backends, and backends whose postmaster is gone
// (F12). Needs no memory, no fork and no disk (F04): everything comes from /proc.
// Threading: one caller. Errors: a process that cannot be looked at is left alone.
#pragma once

#include <cstdint>

namespace regent::guard {

// A server is told by its working directory, whatever that is called meanwhile, and by the name of its executable.
struct Target {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  const char* executable = nullptr;
};

// Reads device and inode of the data directory. 0, or errno. Does not wait for a network file system.
int locate(const char* directory, Target& target);

// Sends SIGKILL to all of them until none is left that could run. Returns how many there were.
unsigned fence(const Target& target);

}  // namespace regent::guard
