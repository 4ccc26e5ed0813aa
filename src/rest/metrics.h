// /metrics in the Prometheus text format: Patroni's names and labels of each generation (T24), then our own.
// Threading: pure functions.
#pragma once

#include <string>

#include "rest/status.h"

namespace regent::rest {

std::string metrics_text(const Snapshot& snapshot, const Identity& self, const Moment& moment);

}  // namespace regent::rest
