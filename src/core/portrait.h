// What this member is, in the words that its key in the store, the REST API, its restart filters and its callbacks have
// for it.
// Threading: pure.
#pragma once

#include <optional>

#include "core/situation.h"

namespace regent {

struct Portrait {
  std::optional<PgState> state;  // nullopt: it runs and does not answer, or nobody could look
  std::optional<Role> role;      // nullopt: nobody could look, at the data directory either
};

Portrait portrait(const Situation& s);

}  // namespace regent
