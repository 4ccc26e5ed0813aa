#include "agent/jobs.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <exception>

#include "agent/state.h"
#include "base/log.h"

namespace regent {

namespace {

bool replaces_data(const job::Spec& spec) {
  return std::holds_alternative<job::Clone>(spec) || std::holds_alternative<job::Rewind>(spec) ||
         std::holds_alternative<job::RemoveData>(spec) || std::holds_alternative<job::Bootstrap>(spec);
}

}  // namespace

Result<void> Jobs::start(std::shared_ptr<AgentState> state, job::Spec spec) {
  if (running()) {
    return fail(ErrorKind::failed,
                fmt::format("cannot start the job {}: {} is still running", job_name(spec), job_name(*facts_.running)));
  }
  facts_.running = spec;
  facts_.refusing_since.reset();
  facts_.running_id = ++last_id_;
  facts_.started = state->now();
  signal_ = std::make_shared<boost::asio::cancellation_signal>();
  auto keep = [signal = signal_](std::exception_ptr) {};
  auto job = run(state, last_id_, std::move(spec));
  boost::asio::co_spawn(state->executor, std::move(job),
                        boost::asio::bind_cancellation_slot(signal_->slot(), std::move(keep)));
  return {};
}

void Jobs::cancel() {
  // A copy: the job may end, and drop ours, before emit() returns.
  const auto signal = signal_;
  if (running() && signal) signal->emit(boost::asio::cancellation_type::terminal);
}

void Jobs::abandon(AgentState& state) {
  if (!running()) return;
  end(state, facts_.running_id, fail(ErrorKind::cancelled, "it was cancelled and did not end, going on without it"));
}

Task<void> Jobs::run(std::shared_ptr<AgentState> state, std::uint64_t id, job::Spec spec) {
  Result<void> outcome;
  try {
    // In its own turn, not inside the cycle that started it: what it checks first, it checks when it runs (F02).
    co_await boost::asio::post(state->executor, boost::asio::use_awaitable);
    auto steps = perform_job(*state, spec);
    outcome = co_await std::move(steps);
  } catch (const boost::system::system_error&) {
    outcome = fail(ErrorKind::cancelled, fmt::format("the job {} was cancelled", job_name(spec)));
  } catch (const std::exception& error) {
    outcome = fail(ErrorKind::failed, fmt::format("the job {} broke: {}", job_name(spec), error.what()));
  }
  state->jobs.end(*state, id, std::move(outcome));
}

void Jobs::end(AgentState& state, std::uint64_t id, Result<void> outcome) {
  if (!running() || facts_.running_id != id) return;  // abandoned
  JobEnd ended;
  ended.id = id;
  ended.spec = *facts_.running;
  ended.at = state.now();
  if (!outcome) {
    ended.error = outcome.error();
    log::warning("{} failed: {}", job_name(ended.spec), ended.error->message);
  } else if (const auto* clone = std::get_if<job::Clone>(&ended.spec)) {
    if (clone->source.none()) {
      log::info("bootstrapped (without leader)");
    } else {
      log::info("bootstrapped from {} '{}'", clone->from_leader ? "leader" : "replica", clone->source.name.str());
    }
  }
  const auto refusing_since = facts_.refusing_since;
  const bool replaced = replaces_data(ended.spec);
  facts_ = JobFacts{};
  facts_.ended = std::move(ended);
  facts_.refusing_since = refusing_since;
  signal_.reset();
  // A copied or rewound directory may hold another timeline under the number of the old one (F62).
  state.local_history_of = Timeline{};
  if (replaced) {
    state.branches.clear();
    state.branches_asked.clear();
  }
  state.wake.ring();
}

}  // namespace regent
