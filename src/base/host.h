// Small questions to the machine that reading and checking a configuration needs. They block for as long as the local
// file system or the resolver takes, so they are for start, reload and commands, never for the control loop.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace regent {

std::string host_name();

// $HOME, else what the user database says.
std::string home_directory();

// The error names the path and what the system said.
Result<std::string> read_text_file(const std::string& path, std::size_t largest);

enum class Access { read, write_directory, execute };

// Empty when the access is possible, else what the system says.
std::string why_no_access(const std::string& path, Access access);

// Empty when somebody could listen there now. "*" is every address.
std::string why_no_listen(const std::string& host, const std::string& port);

}  // namespace regent
