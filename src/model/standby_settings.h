// The settings that a hot standby must have at least as high as its primary has, or had by the WAL that the standby
// replays: with less of one it does not start, or stops replaying (PostgreSQL, "Administrator's Overview" of hot
// standby). They are written into the control file.
#pragma once

#include <array>

namespace regent {

struct StandbySetting {
  const char* name;
  const char* control_data;  // its line in the output of pg_controldata
};

inline constexpr std::array standby_settings{
    StandbySetting{"max_connections", "max_connections setting"},
    StandbySetting{"max_worker_processes", "max_worker_processes setting"},
    StandbySetting{"max_wal_senders", "max_wal_senders setting"},
    StandbySetting{"max_prepared_transactions", "max_prepared_xacts setting"},
    StandbySetting{"max_locks_per_transaction", "max_locks_per_xact setting"},
};

}  // namespace regent
