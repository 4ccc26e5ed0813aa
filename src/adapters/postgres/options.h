// Options of PostgreSQL's programs as the configuration spells them, and the progress they print. Pure. Threading: any.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace regent {

// ["data-checksums", {"encoding": "UTF8"}] or {"encoding": "UTF8", "data-checksums": true} as --name or --name=value.
// `blocked` names are left out, with a sentence in `problems`.
std::vector<std::string> long_options(const Json* options, const std::set<std::string, std::less<>>& blocked,
                                      std::string_view tool, std::vector<std::string>& problems);

// pg_basebackup's options: the blocked ones are those that say where from, where to and in which form; compression only
// where the server does it.
std::vector<std::string> basebackup_options(const Json* options, std::vector<std::string>& problems);

// How far a copy has got.
struct CopyProgress {
  std::uint64_t done = 0;   // bytes
  std::uint64_t total = 0;  // bytes; 0: unknown
};
// Out of the last "34816/122880 kB (28%)" in the text, as pg_basebackup and pg_rewind print it.
std::optional<CopyProgress> parse_progress(std::string_view text);
// "34 of 120 MB (28%), 11 MB/s, 8 s left"; speed and rest come with the time.
std::string progress_text(const CopyProgress& progress, Duration elapsed);

}  // namespace regent
