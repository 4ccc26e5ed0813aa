// A promotion in two parts: what may take its time, and the request itself, right after the last look at the lease.
// Threading: the loop's thread. Errors: as values, see Postgres::promote().
#pragma once

#include <string>

#include "adapters/postgres/connection.h"
#include "adapters/postgres/context.h"
#include "adapters/postgres/postmaster.h"

namespace regent {

class Promotion {
 public:
  Promotion(Context& context, Postmaster& postmaster) : context_(context), postmaster_(postmaster) {}

  Task<Result<void>> prepare(job::Promote promotion, Instant deadline);
  // Does itself what of that was not done, or not for this timeline.
  Task<Result<void>> carry_out(Timeline timeline, Instant deadline);

 private:
  struct Advance {
    bool done = false;
    std::string sign;       // changes while it does something
    bool restores = false;  // a child of it is at work
  };
  Task<Result<void>> fill_up_to(Timeline timeline, Instant deadline);
  Task<Result<Advance>> look(Connection& connection, bool closely);
  Task<Result<void>> wait(Connection connection, Instant deadline);

  Context& context_;
  Postmaster& postmaster_;
  Connection promoter_;    // from the preparation of a promotion to its request
  Timeline filled_up_to_;  // for the promotion that it is for
};

}  // namespace regent
