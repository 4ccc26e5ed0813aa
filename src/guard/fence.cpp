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

// A process that runs the executable, wherever it works.
struct Process {
  pid_t pid;
  pid_t parent;     // 0: it could not be read
  bool leads;       // a session of its own, as a postmaster and its backends do
  bool works_here;  // in the data directory
  bool ours;
  bool has_family;  // it descends from one of ours, or one of ours from it
};

constexpr unsigned most_processes = 16384;

int proc = -1;
char listing[65536];
char text[4096];
Process found[most_processes];
unsigned count = 0;

bool is_number(const char* word) {
  for (; *word != 0; ++word) {
    if (*word < '0' || *word > '9') return false;
  }
  return true;
}

// PID/file, below /proc.
void name_of(pid_t pid, const char* file, char (&path)[64]) {
  char digits[16];
  int length = 0;
  for (; pid > 0; pid /= 10) digits[length++] = static_cast<char>('0' + pid % 10);
  char* end = path;
  while (length > 0) *end++ = digits[--length];
  *end++ = '/';
  strcpy(end, file);
}

// File name of the executable, without what the kernel appends when it was replaced on disk. Opens nothing.
bool runs(pid_t pid, const char* executable) {
  char path[64];
  name_of(pid, "exe", path);
  const ssize_t length = readlinkat(proc, path, text, sizeof text - 1);
  if (length <= 0) return false;
  text[length] = 0;
  constexpr char replaced[] = " (deleted)";
  constexpr ssize_t tail = sizeof replaced - 1;
  if (length > tail && strcmp(text + length - tail, replaced) == 0) text[length - tail] = 0;
  const char* slash = strrchr(text, '/');
  return strcmp(slash != nullptr ? slash + 1 : text, executable) == 0;
}

bool works_in(pid_t pid, const Target& target) {
  char path[64];
  name_of(pid, "cwd", path);
  struct statx info {};
  if (statx(proc, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &info) != 0) return false;
  return makedev(info.stx_dev_major, info.stx_dev_minor) == target.device && info.stx_ino == target.inode;
}

// The first bytes of a file of the process. False: it cannot be opened, for whatever reason.
bool read_of(pid_t pid, const char* file) {
  char path[64];
  name_of(pid, file, path);
  const int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t length = read(fd, text, sizeof text - 2);
  close(fd);
  if (length <= 0) return false;
  // A second end for what is a list of words.
  text[length] = text[length + 1] = 0;
  return true;
}

// Reads what the kernel tells of it. True: it is dead and only not collected.
bool is_dead(Process& process) {
  // Without a free descriptor nothing more is known of it than that it is there.
  if (!read_of(process.pid, "stat")) return false;
  // The name in parentheses may hold anything, parentheses too: the last one ends it.
  const char* end = strrchr(text, ')');
  if (end == nullptr || end[1] != ' ' || end[2] == 0) return false;
  const char state = end[2];
  char* rest = const_cast<char*>(end + 3);
  process.parent = static_cast<pid_t>(strtol(rest, &rest, 10));
  strtol(rest, &rest, 10);  // the process group
  process.leads = strtol(rest, &rest, 10) == process.pid;
  return state == 'Z' || state == 'X';
}

// Reading its arguments may wait for its memory: this is asked of the few that nothing else tells apart, and last.
bool is_single_user(const Process& process) {
  if (process.has_family || process.leads || process.parent == 0) return false;
  if (!read_of(process.pid, "cmdline")) return false;
  return strcmp(text + strlen(text) + 1, "--single") == 0;
}

// False: the list is not known to be whole.
bool list_processes(const Target& target) {
  count = 0;
  if (proc < 0 || lseek(proc, 0, SEEK_SET) != 0) return false;
  for (;;) {
    const long size = syscall(SYS_getdents64, proc, listing, sizeof listing);
    if (size <= 0) return size == 0;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const Entry*>(listing + at);
      const char* name = listing + at + offsetof(Entry, name);
      at += entry->length;
      if (!is_number(name)) continue;
      Process process{};
      process.pid = static_cast<pid_t>(atoi(name));
      if (!runs(process.pid, target.executable)) continue;
      process.works_here = works_in(process.pid, target);
      if (is_dead(process)) continue;
      if (count == most_processes) return false;
      found[count++] = process;
    }
  }
}

// The kernel lists them in the order of their numbers.
Process* find(pid_t pid) {
  unsigned from = 0, to = count;
  while (from < to) {
    const unsigned middle = (from + to) / 2;
    if (found[middle].pid == pid) return &found[middle];
    if (found[middle].pid < pid) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return nullptr;
}

// Ours are those that work in the data directory, and their children: a backend can go elsewhere.
void tell_ours() {
  for (unsigned i = 0; i < count; ++i) found[i].ours = found[i].works_here;
  for (bool grew = true; grew;) {
    grew = false;
    for (unsigned i = 0; i < count; ++i) {
      Process& child = found[i];
      Process* parent = find(child.parent);
      if (parent == nullptr || !parent->ours) continue;
      grew = grew || !child.ours;
      child.ours = child.has_family = parent->has_family = true;
    }
  }
}

// 0: not ours any more, or dead. 1: it was sent SIGKILL. -1: it could not be.
int end(const Process& process, const Target& target) {
  // First the handle: what is checked after it is checked of the process that will be killed (F11).
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0));
  if (handle < 0 && errno == ESRCH) return 0;
  const bool same = runs(process.pid, target.executable) && (!process.works_here || works_in(process.pid, target));
  // Without a free descriptor there is no handle. Somebody else would have to get the number within microseconds, and
  // run the same program.
  int outcome = 0;
  if (same && handle >= 0) outcome = static_cast<int>(syscall(SYS_pidfd_send_signal, handle, SIGKILL, nullptr, 0));
  if (same && handle < 0) outcome = kill(process.pid, SIGKILL);
  const int error = errno;
  if (handle >= 0) close(handle);
  if (!same || (outcome != 0 && error == ESRCH)) return 0;
  return outcome == 0 ? 1 : -1;
}

Fenced fence_once(const Target& target) {
  Fenced fenced;
  fenced.complete = list_processes(target);
  tell_ours();
  const auto take = [&](const Process& process) {
    const int outcome = end(process, target);
    if (outcome > 0) ++fenced.processes;
    if (outcome < 0) fenced.complete = false;
  };
  for (unsigned i = 0; i < count; ++i) {
    if (found[i].ours && (found[i].has_family || found[i].leads)) take(found[i]);
  }
  for (unsigned i = 0; i < count; ++i) {
    const bool taken = found[i].has_family || found[i].leads;
    if (found[i].ours && !taken && !is_single_user(found[i])) take(found[i]);
  }
  return fenced;
}

}  // namespace

int prepare() {
  proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return proc < 0 ? errno : 0;
}

int locate(const char* directory, Target& target) {
  struct statx info {};
  if (statx(AT_FDCWD, directory, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &info) != 0) return errno;
  target.device = makedev(info.stx_dev_major, info.stx_dev_minor);
  target.inode = info.stx_ino;
  return 0;
}

Fenced fence(const Target& target) {
  Fenced fenced = fence_once(target);
  for (int round = 1; round < most_rounds; ++round) {
    // The postmaster dies in the first round and forks no more; what it had forked meanwhile is met in the next one.
    const Fenced again = fence_once(target);
    fenced.complete = again.complete;
    if (again.processes == 0) break;
    usleep(200);
  }
  return fenced;
}

}  // namespace regent::guard
