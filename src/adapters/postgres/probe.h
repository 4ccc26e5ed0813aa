// Whether a PostgreSQL server answers new connections: no credentials, nothing in its log, one packet each way.
// Threading: the loop's thread. Errors: timeout when somebody listens there and did not answer, or nothing was heard at
// all; unreachable when nobody listens; failed when it could not be asked.
#pragma once

#include "base/result.h"
#include "model/member.h"
#include "ports/clock.h"
#include "ports/task.h"

namespace regent {

// A host that begins with a slash is the directory of the server's socket.
Task<Result<void>> probe_server(HostPort address, Clock& clock, Instant deadline);

}  // namespace regent
