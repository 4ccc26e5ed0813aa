#include "core/portrait.h"

namespace regent {
namespace {

template <class Job>
bool failed(const Situation& s) {
  const auto& ended = s.o.job.ended;
  return ended && ended->error && std::holds_alternative<Job>(ended->spec);
}

std::optional<PgState> state_of(const Situation& s) {
  if (s.doing<job::Clone>()) return PgState::creating_replica;
  if (s.doing<job::Restart>()) return PgState::restarting;
  switch (s.o.postgres.process) {
    case Process::running:
      if (s.doing<job::Stop>()) return PgState::stopping;
      if (s.server != nullptr) return PgState::running;
      return std::nullopt;
    case Process::starting:
      return s.doing<job::Stop>() ? PgState::stopping : PgState::starting;
    case Process::stopping:
      return PgState::stopping;
    case Process::unknown:
      return std::nullopt;
    case Process::stopped:
    case Process::single_user:
      break;
  }
  if (s.doing<job::Bootstrap>()) return PgState::initdb;
  if (s.doing<job::Start>()) return PgState::starting;
  if (failed<job::Bootstrap>(s)) return PgState::initdb_failed;
  if (failed<job::Restart>(s)) return PgState::restart_failed;
  if (failed<job::Start>(s)) return PgState::start_failed;
  const bool interrupted = s.single_user && s.m.ran_as_primary && !s.m.demotion;
  return crashed(s) || interrupted ? PgState::crashed : PgState::stopped;
}

std::optional<Role> role_of(const Situation& s) {
  if (s.primary) return Role::primary;
  if (s.replica && s.standby && s.o.lease.held) return Role::standby_leader;
  if (s.replica) return s.doing<job::Promote>() ? Role::promoted : Role::replica;
  if (s.no_data()) return Role::uninitialized;
  if (s.stopped || s.single_user) {
    // Paused, it is still what it was when it went down.
    const bool was_primary = s.has_data() && !s.o.postgres.data.standby_signal;
    if (s.paused && s.stopped && was_primary) return Role::primary;
    return s.m.demotion || s.m.ran_as_primary ? Role::demoted : Role::replica;
  }
  // F17: a server that does not answer in time is still what it was.
  if (s.may_write) return Role::primary;
  const bool nothing_known = s.o.postgres.data.state == DataState::unknown && s.o.postgres.process == Process::unknown;
  if (nothing_known) return std::nullopt;
  return Role::replica;
}

}  // namespace

Portrait portrait(const Situation& s) {
  return {state_of(s), role_of(s)};
}

}  // namespace regent
