// The data directory as it lies on the disk, and who runs in it.
// Threading: any, blocking: on a worker (F55). Errors: what cannot be read is an error, never "empty" (F53, F58).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/os/process_table.h"
#include "adapters/postgres/bootstrap_failure.h"
#include "adapters/postgres/layout.h"
#include "base/lsn.h"
#include "base/result.h"

namespace regent {

// postmaster.pid, the lines that matter.
struct PidFile {
  pid_t pid = 0;
  std::string port;
  std::string socket_directory;  // the first of them; empty: none
  std::string address;           // the first of listen_addresses; empty: none
  std::string status;            // "starting", "stopping", "ready", "standby"
};
std::optional<PidFile> parse_pid_file(std::string_view text);

// A mark in the directory: who is a primary with it from now on (F71), and on which timeline, where a promotion makes
// it one; 0: on the one it was on.
struct LedBy {
  std::string name;
  Timeline timeline;
};
Result<void> mark_led(const Layout& layout, const LedBy& mark);
LedBy read_led(const Layout& layout);

// A mark in the directory: its server was asked to be promoted (I3). The identity is Postmaster's.
Result<void> mark_promoting(const Layout& layout, const std::string& postmaster);

struct DirectoryLook {
  bool empty = false;       // absent, or nothing in it but dot files and lost+found
  bool incomplete = false;  // our marker, or a backup that never got its control file
  bool rewind_marker = false;
  bool followed = false;     // our mark: it followed another server since it was last a primary
  bool copied = false;       // our mark: it is a copy that has not caught up with a leader yet
  std::string promoting;     // our mark: the postmaster that was asked to be promoted; empty when there is none
  LedBy led;                 // our mark: who was last a primary with it; no name when there is none
  std::string lock_session;  // see lock_record.h
  bool standby_signal = false;
  bool backup_label = false;
  std::string version;                 // content of PG_VERSION
  std::string control_stamp;           // changes with every write of the control file; empty when there is none
  std::string dynamic;                 // content of patroni.dynamic.json; empty when there is none
  BootstrapFailure bootstrap_failure;  // of an empty one
};
Result<DirectoryLook> look_at_directory(const Layout& layout);

// Who runs in the directory. Identity is process id + start + working directory + executable; a zombie is dead (F11).
struct Tenants {
  std::optional<ProcessId> postmaster;
  bool frozen = false;             // the postmaster is stopped by a signal (F13)
  std::string status;              // its own word, see PidFile
  std::string startup;             // while it starts: what its startup process is at, e.g. the file it waits for
  std::optional<PidFile> file;     // the postmaster's, if it has written one
  bool tool = false;               // a single-user or bootstrap server works in there
  std::vector<ProcessId> orphans;  // backends whose postmaster is gone (F12)

  bool none() const { return !postmaster && !tool && orphans.empty(); }
};
// Out of the title of a process: "recovering 00000001000000000000000A"; empty: it is not the startup process.
std::string startup_activity(std::string_view title);
// `server` is the executable's name. `started` is a postmaster we started ourselves, which may not have got as far as
// writing its pid file.
Result<Tenants> look_for_tenants(const Layout& layout, const std::string& server, std::optional<ProcessId> started);

// SIGKILL to the postmaster first, so that it cannot restart what dies, then to every process of its tree and to
// everything else that runs in the directory. Needs no fork (F04).
void kill_tenants(const Tenants& tenants);

}  // namespace regent
