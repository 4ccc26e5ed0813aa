#include "sim/checkers/all.h"

namespace regent::sim {

Checkers make_checkers(Simulation& sim) {
  Checkers checkers;
  add_writer_checkers(sim, checkers);
  add_data_checkers(sim, checkers);
  add_key_checkers(sim, checkers);
  add_failsafe_checkers(sim, checkers);
  add_sync_checkers(sim, checkers);
  add_stream_checkers(sim, checkers);
  add_contract_checkers(sim, checkers);
  add_slot_checkers(sim, checkers);
  return checkers;
}

}  // namespace regent::sim
