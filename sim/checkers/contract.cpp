// No decision breaks the contract of all decisions: the agent refuses to carry such a one out, and says so.
#include "sim/checkers/all.h"
#include "sim/simulation.h"

namespace regent::sim {

namespace {

class ContractKept final : public Checker {
 public:
  using Checker::Checker;

  void decided(Node& node, const Observation&, const Decision& decision) override {
    for (const Condition& condition : decision.conditions) {
      if (condition.name == "DecisionRefused") {
        sim_.violated("CONTRACT", fmt::format("{}: {}", node.name.str(), condition.detail));
      }
    }
  }
};

}  // namespace

void add_contract_checkers(Simulation& sim, Checkers& checkers) {
  checkers.push_back(std::make_unique<ContractKept>(sim));
}

}  // namespace regent::sim
