#include "adapters/os/descriptor_limit.h"

#include <algorithm>
#include <optional>

namespace regent {

namespace {

// More than all our limits together; every descriptor costs the kernel memory.
constexpr rlim_t enough = 8192;

std::optional<rlimit> inherited;

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough) return;
  const rlimit given = limit;
  limit.rlim_cur = std::min(limit.rlim_max, enough);
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) inherited = given;
}

const rlimit* inherited_descriptor_limit() {
  return inherited ? &*inherited : nullptr;
}

}  // namespace regent
