// The user's scripts that are told about changes (compat §1.17, T18). One at a time: a newer one kills the older with
// its whole process group (F80); on_reload stands aside and disturbs nobody. Threading: the loop's thread. Errors:
// logged; a script never holds anybody up.
#pragma once

#include <string>
#include <string_view>

#include "adapters/os/process.h"

namespace regent {

class Callbacks {
 public:
  // `command` as configured; the action, the role and the scope are appended.
  void run(const std::string& command, std::string_view action, std::string_view role, const std::string& scope);

 private:
  Child running_;
  Child reload_;
};

}  // namespace regent
