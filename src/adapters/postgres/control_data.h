// What pg_controldata prints, understood. Pure. Threading: any.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/strong.h"
#include "core/postgres_facts.h"

namespace regent {

// In bytes.
struct WalFormat {
  std::uint64_t segment = 0;
  std::uint64_t page = 0;
};

struct ControlData {
  SystemId system_id;
  ControlFacts facts;
  Lsn redo;               // where replay begins
  std::string redo_file;  // the segment of that
  WalFormat wal;
  // Settings the last primary ran with, under PostgreSQL's names: a hot standby must not have lower ones (T14).
  std::map<std::string, int> settings;
};

// `text` as printed in the C locale. Damaged or incomplete: an error, never a guess (F58). `directory` is for the
// sentence.
Result<ControlData> parse_control_data(std::string_view text, std::string_view directory);

}  // namespace regent
