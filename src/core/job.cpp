#include "core/job.h"

#include <array>

namespace regent {

std::string_view job_name(const job::Spec& spec) {
  constexpr std::array<std::string_view, std::variant_size_v<job::Spec>> names{"bootstrap",
                                                                               "clone",
                                                                               "start",
                                                                               "stop",
                                                                               "restart",
                                                                               "promote",
                                                                               "checkpoint",
                                                                               "crash recovery",
                                                                               "rewind",
                                                                               "removal of the data directory",
                                                                               "copy of replication slots"};
  return names.at(spec.index());
}

}  // namespace regent
