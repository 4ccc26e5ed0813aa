// The bytes of a response: HTTP/1.0, headers in the order clients have always seen.
// Threading: pure function.
#pragma once

#include <string>

#include "base/http.h"
#include "base/time.h"

namespace regent {

// `now` becomes the Date header.
std::string to_wire(const HttpResponse& response, WallTime now);

}  // namespace regent
