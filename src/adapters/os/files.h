// Reading and writing the small files the agent owns. A file is written whole or not at all (F56).
// Threading: any, blocking: on a worker where the disk may hang (F55). Errors: name the path and the system's reason.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace regent {

// not_found when the file is known not to exist. Refuses files above 16 MiB.
Result<std::string> read_file(const std::string& path);

// Temporary file + fsync + rename + fsync of the directory; nothing when content and mode are there already. Returns
// whether anything was written.
Result<bool> write_file(const std::string& path, std::string_view content, mode_t mode);

// False only when the path is known to be absent (unknown is not "no").
Result<bool> exists(const std::string& path);
// Removes a file; its absence is fine.
Result<void> remove_file(const std::string& path);
Result<void> rename_file(const std::string& from, const std::string& to);
Result<void> sync_directory(const std::string& path);
// Removes a tree without following links; its absence is fine.
Result<void> remove_tree(const std::string& path);
// Names in a directory, without . and ..
Result<std::vector<std::string>> list_directory(const std::string& path);

// "cannot <verb> <path>: <reason of errno>".
tl::unexpected<Error> system_error(std::string_view verb, std::string_view path, int code);

}  // namespace regent
