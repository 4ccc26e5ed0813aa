// A disk that hangs, for PostgreSQL's WAL alone (F54, T5). Preloaded into a server, it holds whoever writes or syncs a
// file below a directory pg_wal for as long as a file exists: the one that HANGING_DISK names holds writes and syncs,
// and the one with ".sync" after its name syncs alone. Signals are served meanwhile, SIGKILL among them: a process in
// the kernel's uninterruptible sleep is more stubborn than that.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static char writes_hang[4096], syncs_hang[4096];

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("HANGING_DISK");
  // The agent, its guard and the tools it starts inherit the variable, and have disks of their own.
  if (name == NULL || strcmp(program_invocation_short_name, "postgres") != 0) return;
  snprintf(writes_hang, sizeof writes_hang, "%s", name);
  snprintf(syncs_hang, sizeof syncs_hang, "%s.sync", name);
}

static int exists(const char *name) { return name[0] != 0 && access(name, F_OK) == 0; }

static int is_wal(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strstr(path, "/pg_wal/") != NULL;
}

static void wait_to_write(int file) {
  const int error = errno;
  while (exists(writes_hang) && is_wal(file)) poll(NULL, 0, 10);
  errno = error;
}

static void wait_to_sync(int file) {
  const int error = errno;
  while ((exists(writes_hang) || exists(syncs_hang)) && is_wal(file)) poll(NULL, 0, 10);
  errno = error;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int file) {
  wait_to_sync(file);
  return REAL(fsync)(file);
}

int fdatasync(int file) {
  wait_to_sync(file);
  return REAL(fdatasync)(file);
}

ssize_t write(int file, const void *data, size_t size) {
  wait_to_write(file);
  return REAL(write)(file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
  wait_to_write(file);
  return REAL(pwrite)(file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
  wait_to_write(file);
  return REAL(pwrite64)(file, data, size, at);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) {
  wait_to_write(file);
  return REAL(pwritev)(file, parts, count, at);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t at) {
  wait_to_write(file);
  return REAL(pwritev64)(file, parts, count, at);
}
