// Options of PostgreSQL's programs as the configuration spells them, and the progress they print. Pure. Threading: any.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace regent {

// ["data-checksums", {"encoding": "UTF8"}] or {"encoding": "UTF8", "data-checksums": true} as --name or --name=value.
// `blocked` names are left out, with a sentence in `problems`.
std::vector<std::string> long_options(const Json* options, const std::set<std::string, std::less<>>& blocked,
                                      std::string_view tool, std::vector<std::string>& problems);

// pg_basebackup's options: the blocked ones are those that say where from, where to and in which form; compression only
// where the server does it.
std::vector<std::string> basebackup_options(const Json* options, std::vector<std::string>& problems);

// "34 of 120 MB" out of the last "34816/122880 kB (28%)" in the text; empty when there is none.
std::string progress_text(std::string_view text);

}  // namespace regent
