// Runs one job at a time beside the control loop, which goes on renewing the lease meanwhile.
// Who calls: the executor. Threading: the control loop's thread. Errors: the end of a job is a fact of the next cycle.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <memory>

#include "base/result.h"
#include "core/job.h"
#include "ports/task.h"

namespace regent {

struct AgentState;

class Jobs {
 public:
  const JobFacts& facts() const { return facts_; }
  bool running() const { return facts_.running.has_value(); }

  // Fails while another job runs.
  Result<void> start(std::shared_ptr<AgentState> state, job::Spec spec);
  // Asks the running job to give up; its end comes as any other.
  void cancel();
  // The running job begins to stop the server: clients are refused from now on.
  void refuse_clients(Instant now) { facts_.refusing_since = now; }
  // Gives up on a job that does not end although it was told to: fencing cannot wait for it (I3, F14). Counts as its
  // end.
  void abandon(AgentState& state);

 private:
  static Task<void> run(std::shared_ptr<AgentState> state, std::uint64_t id, job::Spec spec);
  void end(AgentState& state, std::uint64_t id, Result<void> outcome);

  JobFacts facts_;
  std::uint64_t last_id_ = 0;
  // Shared with the job's completion handler: asio keeps pointers into it until then.
  std::shared_ptr<boost::asio::cancellation_signal> signal_;
};

// The steps of each job, ports only; in job_steps.cpp and stop_steps.cpp.
Task<Result<void>> perform_job(AgentState& state, job::Spec spec);
Task<Result<void>> perform_stop(AgentState& state, job::Stop spec);

}  // namespace regent
