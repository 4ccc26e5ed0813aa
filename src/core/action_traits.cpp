#include "core/action_traits.h"

namespace regent {
namespace {

// No default on purpose: who adds an action says what it is.
struct TraitsOf {
  ActionTraits operator()(const action::AcquireLeader&) const { return {.dies_with_lease = true}; }
  ActionTraits operator()(const action::TakeOver&) const { return {.dies_with_lease = true}; }
  ActionTraits operator()(const action::RenewLease&) const { return {.dies_with_lease = true, .heartbeat = true}; }
  // Giving it back does no harm.
  ActionTraits operator()(const action::ReleaseLeader&) const { return {}; }
  ActionTraits operator()(const action::WriteKey& write) const {
    return {.dies_with_lease = true, .heartbeat = write.key == action::Key::status};
  }
  ActionTraits operator()(const action::DeleteKey&) const { return {.dies_with_lease = true}; }
  ActionTraits operator()(const action::WriteMember&) const { return {.dies_with_lease = true, .heartbeat = true}; }
  ActionTraits operator()(const action::GatherPeers&) const { return {}; }
  ActionTraits operator()(const action::ProbeLeader&) const { return {}; }
  ActionTraits operator()(const action::AskFailsafe&) const { return {}; }
  ActionTraits operator()(const action::GatherUpstreamHistory&) const { return {}; }
  ActionTraits operator()(const action::FetchHistories&) const { return {}; }
  ActionTraits operator()(const action::ForgetCopy&) const { return {}; }
  ActionTraits operator()(const action::GatherUpstreamSlots&) const { return {}; }
  ActionTraits operator()(const action::StartJob& start) const { return {.makes_primary = makes_primary(start.spec)}; }
  ActionTraits operator()(const action::CancelJob&) const { return {}; }
  ActionTraits operator()(const action::Follow&) const { return {}; }
  ActionTraits operator()(const action::ApplyConfig&) const { return {}; }
  ActionTraits operator()(const action::SyncSlots& slots) const { return {.heartbeat = slots.only_advances()}; }
  ActionTraits operator()(const action::SetSyncNames&) const { return {}; }
  ActionTraits operator()(const action::ArmFences&) const { return {.heartbeat = true}; }
  ActionTraits operator()(const action::DisarmFences&) const { return {.heartbeat = true}; }
  ActionTraits operator()(const action::AnswerRestart&) const { return {}; }
  ActionTraits operator()(const action::AnswerSchedule&) const { return {}; }
  ActionTraits operator()(const action::AnswerReinit&) const { return {}; }
  ActionTraits operator()(const action::Exit&) const { return {}; }
};

}  // namespace

ActionTraits traits(const Action& action) {
  return std::visit(TraitsOf{}, action);
}

}  // namespace regent
