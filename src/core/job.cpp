#include "core/job.h"

#include <array>

namespace regent {

namespace {

// No default on purpose: who adds a job says whether it makes a primary.
struct MakesPrimary {
  bool operator()(const job::Bootstrap&) const { return true; }
  bool operator()(const job::Clone&) const { return false; }
  bool operator()(const job::Start& start) const { return start.as_primary; }
  bool operator()(const job::Stop&) const { return false; }
  bool operator()(const job::Restart& restart) const { return restart.as_primary; }
  bool operator()(const job::Promote&) const { return true; }
  bool operator()(const job::Checkpoint&) const { return false; }
  bool operator()(const job::CrashRecovery&) const { return false; }
  bool operator()(const job::Rewind&) const { return false; }
  bool operator()(const job::RemoveData&) const { return false; }
  bool operator()(const job::CopySlots&) const { return false; }
};

}  // namespace

bool makes_primary(const job::Spec& spec) {
  return std::visit(MakesPrimary{}, spec);
}

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
