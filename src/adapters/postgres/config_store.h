// The configuration files on disk: written when they differ, backed up, taken over from others (T15).
// Threading: any, blocking: on a worker. Errors: name the file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/postgres/config_files.h"
#include "base/result.h"

namespace regent {

// What the files shall hold. Absent: that file is left alone.
struct WantedFiles {
  ServerParameters parameters;
  std::optional<std::string> hba, ident;
  std::optional<Json> dynamic;
  // A replica's recovery settings. Absent on a replica: what the file holds stays (adopted server).
  std::optional<RecoverySettings> recovery;
  std::optional<std::string> passfile_path, passfile;
  // Recovery up to a point in time, after which the server is a primary: `recovery` holds for it.
  bool recovers_to_target = false;
  // Recovery settings that a bootstrap script left behind stay.
  bool keep_recovery_settings = false;
};

// 0640 when the group may read the data directory, else 0600: what PostgreSQL itself would use.
mode_t file_mode(const Layout& layout);

struct WrittenConfig {
  bool changed = false;  // anything the server reads
  std::vector<ParameterChange> parameters;
};

// Brings all files to the wanted state. A postgresql.conf that is not generated becomes the base file.
Result<WrittenConfig> write_config(const Layout& layout, const WantedFiles& wanted);

// initdb and base backups put the configuration files into the data directory: copies the ones that the configuration
// directory lacks.
Result<void> fill_config_dir(const Layout& layout);

// What the directory shall be at the next start. As a replica: standby.signal is made, durably, before anything else.
Result<void> set_standby(const Layout& layout, bool standby);

// Recovery from the archive up to a target, and then a primary.
Result<void> set_recovery(const Layout& layout);

// Copies the configuration files to *.backup; restores the ones that are missing from there.
Result<void> save_backups(const Layout& layout);
Result<void> restore_backups(const Layout& layout);

}  // namespace regent
