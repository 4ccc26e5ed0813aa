#include "sim/guard_port.h"

namespace regent::sim {

using namespace std::chrono_literals;

namespace {

// Between the deadline, or the thaw, and the last SIGKILL.
constexpr Duration fencing_time = 5ms;
// After a thaw, or when a new one was armed late.
constexpr Duration recovery_time = 50ms;

}  // namespace

void GuardModel::arm(Instant deadline, bool leased) {
  if (server_.process() == Process::single_user) {
    world_.violated(
        "F71", fmt::format("{}: the guard is armed against a server in single-user mode", server_.application_name()));
  }
  own_ = deadline;
  leased_ = leased;
  if (leased) {
    left_.reset();
    if (lost_since_) helpless_until_ = world_.now() + recovery_time;
    lost_since_.reset();
  }
  watch(deadline);
}

void GuardModel::disarm() {
  own_.reset();
  left_.reset();
  leased_ = true;
  lost_since_.reset();
}

void GuardModel::orphan() {
  if (own_) left_ = left_ ? std::min(*left_, *own_) : *own_;
  own_.reset();
  on_end = nullptr;
}

void GuardModel::kill() {
  lost_since_ = lost_since_.value_or(world_.now());
  left_.reset();
  const bool armed = own_.has_value();
  own_.reset();
  if (armed && on_end) on_end("it was killed");
}

void GuardModel::set_broken(bool broken) {
  broken_ = broken;
  if (broken) kill();
}

void GuardModel::thaw() {
  frozen_ = false;
  helpless_until_ = world_.now() + recovery_time;
  if (own_) watch(*own_);
  if (left_) watch(*left_);
}

void GuardModel::power_off() {
  own_.reset();
  left_.reset();
  lost_since_.reset();
  frozen_ = false;
}

bool GuardModel::helpless() const {
  return lost_since_ || frozen_ || world_.now() < helpless_until_ || (own_ && !leased_);
}

void GuardModel::watch(Instant deadline) {
  world_.at(std::max(clock_.when(deadline), world_.now()) + fencing_time, [this] { look(); });
}

void GuardModel::look() {
  if (frozen_) return;
  const Instant now = clock_.boot();
  const bool due = (own_ && now >= *own_) || (left_ && now >= *left_);
  if (!due) return;
  world_.trace("guard of {}: fences", server_.address().host);
  const bool mine = own_ && now >= *own_;
  if (mine) own_.reset();
  if (left_ && now >= *left_) left_.reset();
  // What has no clients is spared (F71).
  if (server_.up()) server_.kill();
  if (mine && on_end) on_end("");
}

GuardPort::GuardPort(World& world, HostClock& clock, AgentProcess& process, GuardModel& model, bool required)
    : world_(world), clock_(clock), process_(process), model_(model) {
  facts_.mode = required ? FenceMode::required : FenceMode::automatic;
  model_.on_end = [this](const std::string& why) {
    facts_.state = why.empty() ? GuardFacts::State::idle : GuardFacts::State::failed;
    facts_.why = why;
    if (watcher_) watcher_->complete(true);
  };
}

GuardPort::~GuardPort() {
  model_.orphan();
}

Task<void> GuardPort::arm(Instant deadline, bool leased, Instant) {
  if (model_.broken()) {
    model_.kill();  // there is none, also once one could be started again
    facts_.state = GuardFacts::State::failed;
    facts_.why = "it could not be started";
    co_return;
  }
  model_.arm(deadline, leased);
  facts_.state = GuardFacts::State::armed;
  facts_.deadline = deadline;
  co_return;
}

Task<void> GuardPort::disarm(Instant) {
  model_.disarm();
  facts_.state = GuardFacts::State::idle;
  co_return;
}

Task<void> GuardPort::changed(Instant until) {
  auto start = [this, until](std::shared_ptr<Wait<bool>> wait) {
    watcher_ = wait;
    world_.at(clock_.when(until), [wait] { wait->complete(true); });
  };
  co_await wait_for<bool>(process_, start, false);
  watcher_.reset();
}

}  // namespace regent::sim
