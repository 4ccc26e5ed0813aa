// PostgreSQL as `regentctl query` asks it: one blocking connection through libpq.
#pragma once

#include "ctl/context.h"

namespace regent {

// Errors: the SQLSTATE where the server gave one, else libpq's text.
class LibpqDatabases : public ctl::Databases {
 public:
  Result<std::unique_ptr<ctl::Session>> connect(const ctl::QueryTarget& target) override;
};

}  // namespace regent
