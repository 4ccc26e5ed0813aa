// What PostgreSQL would refuse of its parameters, found out before it is given them: its own executable reads them as
// it would at a start, without a data directory. One value that it does not understand keeps a server from starting,
// and everything else in the file from being reloaded (F20).
//
// Not found out: a library to be preloaded that is not there, and what only the start itself can tell, e.g. more memory
// than there is. Parameters with a dot belong to extensions and pass.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/postgres/context.h"

namespace regent {

// Why each of `values` that PostgreSQL named in its answer is refused, by the name as it stands there. Pure.
std::map<std::string, std::string> complaints(std::string_view answer,
                                              const std::map<std::string, std::string>& values);

// The refused ones among `values`, each with PostgreSQL's reason. An error: it could not be asked, or did not say what
// it minds; that is no refusal. Threading: the loop's thread.
Task<Result<std::map<std::string, std::string>>> check_parameters(Context& context,
                                                                  std::map<std::string, std::string> values,
                                                                  Instant deadline);

}  // namespace regent
