#include "agent/role_callbacks.h"

namespace regent {

namespace {

const job::Spec* latest_job(const JobFacts& job) {
  if (job.running) return &*job.running;
  return job.ended ? &job.ended->spec : nullptr;
}

template <class Job>
bool latest_is(const JobFacts& job) {
  const job::Spec* latest = latest_job(job);
  return latest != nullptr && std::holds_alternative<Job>(*latest);
}

}  // namespace

void RoleCallbacks::observe(Postgres& postgres, const PostgresFacts& facts, const JobFacts& job, bool demoting,
                            bool standby_leads, Generation generation) {
  const bool answers = facts.process == Process::running && facts.server.is_known();
  if (answers) {
    const Role replica = standby_leads ? Role::standby_leader : Role::replica;
    const Role role = facts.server->in_recovery ? replica : Role::primary;
    const bool restarted = latest_is<job::Restart>(job);
    if (!looked_) {
      role_ = role;
    } else if (!up_ || incarnation_ != facts.incarnation) {
      came_up(postgres, role, restarted, generation);
    } else if (role_ != role) {
      postgres.run_callback("on_role_change", to_string(role, generation));
    }
    role_ = role;
    up_ = true;
    incarnation_ = facts.incarnation;
    looked_ = true;
  } else if (facts.process == Process::stopped) {
    if (up_) went_down(postgres, job, demoting, generation);
    // It crashed and is given up: no stop will tell.
    if (demoting && role_ == Role::primary) {
      role_ = Role::demoted;
      postgres.run_callback("on_role_change", to_string(Role::demoted, generation));
    }
    up_ = false;
    looked_ = true;
  }
}

void RoleCallbacks::came_up(Postgres& postgres, Role role, bool restarted, Generation generation) {
  const std::string_view word = to_string(role, generation);
  if (restarted) {
    postgres.run_callback("on_restart", word);
  } else if (role_ == Role::primary || role_ == Role::demoted) {
    // What was told "primary" hears of its new role, and not of a start.
    postgres.run_callback("on_role_change", word);
  } else {
    postgres.run_callback("on_start", word);
  }
}

void RoleCallbacks::went_down(Postgres& postgres, const JobFacts& job, bool demoting, Generation generation) {
  // A crash is no stop; a restart is told once, when it is over.
  if (!latest_is<job::Stop>(job)) return;
  // What it was until then.
  postgres.run_callback("on_stop", to_string(role_.value_or(Role::replica), generation));
  if (demoting) role_ = Role::demoted;
}

void RoleCallbacks::reloaded(Postgres& postgres, Generation generation) const {
  if (up_ && role_) postgres.run_callback("on_reload", to_string(*role_, generation));
}

}  // namespace regent
