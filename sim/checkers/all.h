// The families of checkers, one file each.
#pragma once

#include <memory>
#include <vector>

#include "sim/checker.h"

namespace regent::sim {

using Checkers = std::vector<std::unique_ptr<Checker>>;

void add_writer_checkers(Simulation& sim, Checkers& checkers);
void add_data_checkers(Simulation& sim, Checkers& checkers);
void add_sync_checkers(Simulation& sim, Checkers& checkers);
void add_key_checkers(Simulation& sim, Checkers& checkers);
void add_failsafe_checkers(Simulation& sim, Checkers& checkers);
void add_stream_checkers(Simulation& sim, Checkers& checkers);
void add_contract_checkers(Simulation& sim, Checkers& checkers);
void add_slot_checkers(Simulation& sim, Checkers& checkers);

}  // namespace regent::sim
