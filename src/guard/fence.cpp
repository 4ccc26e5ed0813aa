#include "guard/fence.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace regent::guard {
namespace {

// A process that was sent SIGKILL runs no more code of its own, but it is listed until it has let go of its memory.
// This many looks are enough for everything that was forked while we looked.
constexpr int most_rounds = 100;

// As the kernel lists a directory.
struct Entry {
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t length;
  std::uint8_t type;
  char name[1];
};

char listing[65536];

bool is_number(const char* text) {
  for (; *text != 0; ++text) {
    if (*text < '0' || *text > '9') return false;
  }
  return true;
}

int open_pid(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

// File name of the executable, without what the kernel appends when it was replaced on disk.
bool runs(int process, const char* executable) {
  char path[4096];
  const ssize_t length = readlinkat(process, "exe", path, sizeof path - 1);
  if (length <= 0) return false;
  path[length] = 0;
  constexpr char replaced[] = " (deleted)";
  constexpr ssize_t tail = sizeof replaced - 1;
  if (length > tail && strcmp(path + length - tail, replaced) == 0) path[length - tail] = 0;
  const char* slash = strrchr(path, '/');
  return strcmp(slash != nullptr ? slash + 1 : path, executable) == 0;
}

bool works_in(int process, const Target& target) {
  struct statx info {};
  if (statx(process, "cwd", AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &info) != 0) return false;
  return makedev(info.stx_dev_major, info.stx_dev_minor) == target.device && info.stx_ino == target.inode;
}

// SIGKILL is on its way, or it is dead already and only not collected.
bool is_done_for(int process) {
  const int file = openat(process, "stat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return true;
  char text[512];
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return true;
  text[length] = 0;
  const char* end = strrchr(text, ')');
  return end == nullptr || end[1] == 0 || end[2] == 'Z' || end[2] == 'X';
}

// 0: not ours, or dead. 1: it was sent SIGKILL.
unsigned kill_if_ours(int proc, const char* number, const Target& target) {
  // First the handle: what is checked after it is checked of the process that will be killed (F11).
  const int handle = open_pid(static_cast<pid_t>(atoi(number)));
  if (handle < 0) return 0;
  unsigned killed = 0;
  const int process = openat(proc, number, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (process >= 0) {
    // The directory is of whoever has the number now; the handle tells whether that is still the same one.
    if (runs(process, target.executable) && works_in(process, target) && !is_done_for(process) &&
        syscall(SYS_pidfd_send_signal, handle, SIGKILL, nullptr, 0) == 0) {
      killed = 1;
    }
    close(process);
  }
  close(handle);
  return killed;
}

unsigned kill_all_once(const Target& target) {
  const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return 0;
  unsigned killed = 0;
  for (;;) {
    const long size = syscall(SYS_getdents64, proc, listing, sizeof listing);
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const Entry*>(listing + at);
      const char* name = listing + at + offsetof(Entry, name);
      if (is_number(name)) killed += kill_if_ours(proc, name, target);
      at += entry->length;
    }
  }
  close(proc);
  return killed;
}

}  // namespace

int locate(const char* directory, Target& target) {
  struct statx info {};
  if (statx(AT_FDCWD, directory, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &info) != 0) return errno;
  target.device = makedev(info.stx_dev_major, info.stx_dev_minor);
  target.inode = info.stx_ino;
  return 0;
}

unsigned fence(const Target& target) {
  unsigned first = 0;
  for (int round = 0; round < most_rounds; ++round) {
    // The postmaster dies in the first round and forks no more; what it had forked meanwhile is met in the next one.
    const unsigned killed = kill_all_once(target);
    if (round == 0) first = killed;
    if (killed == 0) break;
    usleep(200);
  }
  return first;
}

}  // namespace regent::guard
