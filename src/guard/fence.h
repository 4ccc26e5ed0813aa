// Kills every process of one PostgreSQL server: the postmaster, its backends wherever they have gone, and backends
// whose postmaster is gone (F12). Needs no memory, no fork, no disk and no free descriptor (F04): everything comes from
// /proc, which is open beforehand. Threading: one caller. Errors: a process of somebody else, or one that cannot be
// looked at, is left alone.
#pragma once

#include <cstdint>

namespace regent::guard {

// A server is told by its working directory, whatever that is called meanwhile, and by the name of its executable.
struct Target {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  const char* executable = nullptr;
};

// What became of a fence. It is to be tried again unless it is complete.
struct Fenced {
  unsigned processes = 0;  // that there were
  bool complete = false;   // all of them were sent SIGKILL, as far as could be seen
};

// Opens what fence() needs. Once, before anything is armed; 0, or errno.
int prepare();

// Reads device and inode of the data directory. 0, or errno. Does not wait for a network file system.
int locate(const char* directory, Target& target);

// Sends SIGKILL to all of them until none is left that could run. A server in single-user mode is spared: no client
// reaches it, and what it is interrupted in has to be done again (F71).
Fenced fence(const Target& target);

}  // namespace regent::guard
