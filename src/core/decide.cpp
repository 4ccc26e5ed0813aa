#include "core/decide.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "core/digest.h"
#include "core/election.h"
#include "core/plan/planners.h"
#include "core/rules/steps.h"

namespace regent {
namespace {

const Rule* first_match(const Situation& s) {
  for (const auto& section : rule_sections()) {
    for (const auto& rule : section.rules) {
      if (rule.matches(s)) return &rule;
    }
  }
  return nullptr;
}

bool ends_here(const Decision& d) {
  for (const auto& action : d.actions) {
    if (std::holds_alternative<action::Exit>(action)) return true;
  }
  return false;
}

// A stop, a release or an exit is under way: this is no moment for a leader's housekeeping.
bool keeps_leading(const Decision& d) {
  for (const auto& action : d.actions) {
    if (std::holds_alternative<action::ReleaseLeader>(action) || std::holds_alternative<action::StartJob>(action)) {
      const auto* start = std::get_if<action::StartJob>(&action);
      if (start == nullptr || !std::holds_alternative<job::Checkpoint>(start->spec)) return false;
    }
  }
  return true;
}

// It slept through a promotion, and is on its way down: what it would write is of another time (I8).
bool is_of_the_past(const Situation& s) {
  return s.primary && s.view != nullptr && s.server->timeline < recorded_timeline(s.view->history.value);
}

// Every millisecond counts, and the leader would not answer.
bool takes_over(const Decision& d) {
  return d.rule >= rules::first_takeover_rule && d.rule <= rules::last_takeover_rule;
}

bool starts_job(const Decision& d) {
  return std::any_of(d.actions.begin(), d.actions.end(),
                     [](const Action& action) { return std::holds_alternative<action::StartJob>(action); });
}

void answer_restart(const Observation& o, const Memory& before, Decision& d) {
  if (!before.restart_id || o.job.running) return;
  if (!o.job.ended || !std::holds_alternative<job::Restart>(o.job.ended->spec)) return;
  const auto& error = o.job.ended->error;
  d.actions.emplace_back(
      action::AnswerRestart{*before.restart_id, !error, error ? error->message : "restarted successfully"});
  d.memory.restart_id.reset();
}

void report_handover(const Memory& before, Decision& d) {
  const auto& handover = d.memory.handover;
  if (!handover || !handover->writable || before.handover == handover) return;
  d.notes.push_back(print_handover(*handover));
}

}  // namespace

std::span<const Section> rule_sections() {
  static const std::array<Section, 9> sections{{{0, "Safety", rules::safety()},
                                                {100, "Pause", rules::pause()},
                                                {200, "Store unreachable", rules::store()},
                                                {300, "Jobs and requests", rules::jobs()},
                                                {400, "Data directory", rules::data()},
                                                {500, "Recovery and rejoin", rules::recovery()},
                                                {600, "No leader", rules::election()},
                                                {700, "I lead", rules::leader()},
                                                {800, "I follow", rules::follower()}}};
  return sections;
}

Decision decide(const Observation& observation, const Memory& memory) {
  Decision d;
  d.memory = digest(observation, memory);
  d.wake_at = observation.now + observation.settings.loop_wait;
  // The situation refers to the memory as it was digested; rules change the decision's own copy.
  const Memory digested = d.memory;
  const auto s = survey(observation, digested);
  const Rule* rule = first_match(s);
  assert(rule != nullptr);  // the last rule matches everything
  d.rule = rule->number;
  d.rule_name = rule->name;
  rule->apply(s, d);
  report_handover(memory, d);
  answer_restart(observation, digested, d);
  if (ends_here(d)) {
    plan::fences(s, d);
    return d;
  }
  const bool leads = s.holding && (s.primary || (s.standby_leads && s.replica)) && !is_of_the_past(s);
  if (leads && keeps_leading(d) && s.view != nullptr) {
    plan::lost_keys(s, d);
    plan::status_key(s, d);
    // A standby leader is on the remote server's timelines, and made none of them.
    if (s.primary) plan::history_key(s, d);
    plan::timeline_counter(s, d);
    plan::failsafe_key(s, d);
    plan::sync_replication(s, d);
  } else if (s.replica && s.other_leads && !d.has_effects()) {
    plan::replica_sync_names(s, d);
  }
  plan::slots_before_promotion(s, d);
  plan::scheduled_restart(s, d);
  plan::configuration(s, d);
  plan::member_key(s, d);
  if (s.view != nullptr && s.replica) d.refuses = own_objection(s);
  // Last: a slot that cannot be made keeps nothing else from being done.
  if (leads && keeps_leading(d) && s.view != nullptr) plan::slots_of_leader(s, d);
  if (s.replica && s.other_leads && !starts_job(d) && !takes_over(d)) plan::slots_of_replica(s, d);
  if (s.primary && s.view == nullptr && s.holding && !starts_job(d)) plan::slots_of_leader_in_failsafe(s, d);
  if (s.replica && s.view == nullptr && promised(s.o.failsafe, s.o.now) && !starts_job(d))
    plan::slots_in_failsafe(s, d);
  plan::slot_ages(s, d);
  plan::hang_watch(s, d);
  plan::position_watch(s, d);
  plan::store_watch(s, d);
  plan::copy_watch(s, d);
  plan::collations(s, d);
  plan::refused_parameters(s, d);
  plan::withdraw_vote(s, d);
  plan::fences(s, d);
  for (const auto& problem : observation.settings.problems) d.conditions.push_back({"ConfigProblem", problem});
  if (s.view != nullptr) {
    for (const auto& problem : s.view->problems) d.conditions.push_back({"KeyUnreadable", problem});
  }
  return d;
}

}  // namespace regent
