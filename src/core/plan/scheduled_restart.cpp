#include "core/plan/planners.h"

namespace regent::plan {
namespace {

// What an earlier incarnation of this agent had promised.
void take_up(const Situation& s, Decision& d) {
  if (s.view == nullptr || !s.m.published.empty() || d.memory.scheduled_restart) return;
  const Member* own = s.view->member(s.o.self.name);
  if (own != nullptr && own->scheduled_restart.is_object()) {
    d.memory.scheduled_restart = parse_scheduled_restart(own->scheduled_restart);
  }
}

void answer(const Situation& s, Decision& d) {
  if (!s.o.requests.schedule) return;
  const auto& request = *s.o.requests.schedule;
  auto& plan = d.memory.scheduled_restart;
  const bool accepted = request.plan.has_value() != plan.has_value();
  std::string text = accepted ? "scheduled restart deleted" : "no restarts are scheduled";
  if (request.plan) text = accepted ? "Restart scheduled" : "Another restart is already scheduled";
  if (accepted) plan = request.plan;
  d.actions.emplace_back(action::AnswerSchedule{request.id, accepted, std::move(text)});
}

}  // namespace

void scheduled_restart(const Situation& s, Decision& d) {
  take_up(s, d);
  answer(s, d);
  if (!d.memory.scheduled_restart || s.paused) return;
  const auto left = std::chrono::duration_cast<Duration>(d.memory.scheduled_restart->at - s.o.wall);
  if (left > Duration{}) d.wake_at = std::min(d.wake_at, s.o.now + left);
}

}  // namespace regent::plan
