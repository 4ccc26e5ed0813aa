#include "agent/gather.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "model/config_keys.h"

namespace regent {

namespace {

using namespace boost::asio::experimental::awaitable_operators;

constexpr Duration observe_time = std::chrono::milliseconds(2500);
// Beside a store that is silent for long what was seen of the server grows old, and it may be a primary by now (I3).
constexpr Duration facts_life = std::chrono::seconds(1);
constexpr Duration history_retry = std::chrono::seconds(1);
// A failover is over by then.
constexpr Duration branch_patience = std::chrono::seconds(1);
constexpr std::size_t branches_told = 3;
// What is not there may be about to arrive, or be gone for ever.
constexpr int branch_attempts = 3;

void use_config(AgentState& state, const Json& document) {
  state.settings_local = state.self.local_postgresql;
  state.settings = parse_settings(document, state.company, state.settings_local);
  state.config = document;
  for (const std::string& problem : state.settings.problems) log::warning("{}", problem);
  for (const std::string& unknown : find_unknown_dynamic_keys(document, "")) log::warning("{}", unknown);
  state.ports.dcs.set_ttl(state.settings.ttl);
  state.ports.postgres.set_config(document);
}

void adopt_config(AgentState& state, const Versioned<Json>& config, Company company) {
  if (state.company != company || state.settings_local != state.self.local_postgresql) {
    // A member came or went that reads the same times otherwise: all must mean the same by them (T13). Or the local
    // file was read again.
    state.company = company;
    use_config(state, Json(state.config));
  }
  if (!config.exists() || state.config_version == config.version) return;
  const bool first = !state.config_version;
  state.config_version = config.version;
  if (!config.value.is_object()) {
    log::warning("the value of the config key is not a JSON object, the last good configuration stays in force");
    return;
  }
  if (!first && config.value == state.config) return;
  use_config(state, config.value);
}

void note_cluster(AgentState& state, const Fact<ClusterView>& cluster) {
  if (!cluster.is_known()) return;
  state.last_cluster = cluster;
  if (cluster->initialize.exists()) state.known_members = cluster->members;
  state.dcs_last_seen = state.ports.clock.wall();
  adopt_config(state, cluster->config, company_of(cluster->members));
}

// Where the local data directory is, running or not.
Timeline own_timeline(const PostgresFacts& postgres) {
  if (postgres.server.is_known()) return postgres.server->timeline;
  return postgres.data.control ? postgres.data.control->timeline : Timeline{};
}

// The history of a timeline never changes once it is there.
bool needs_local_history(const AgentState& state, Timeline timeline) {
  if (timeline == Timeline{}) return false;
  if (state.local_history_of != timeline) return true;
  return !state.local_history.is_known() && state.local_history.age(state.now()) > history_retry;
}

Task<void> learn_local_history(AgentState& state, Timeline timeline) {
  const Instant asked = state.now();
  auto read = state.ports.postgres.local_history(timeline, state.deadline(observe_time));
  Result<History> history = co_await std::move(read);
  state.local_history = history ? Fact<History>::known(std::move(*history), asked)
                                : Fact<History>::unknown(history.error().message, asked);
  state.local_history_of = timeline;
}

// When the newest timelines of the own history began; one per cycle, and not in the moments that matter.
Task<void> learn_branch(AgentState& state, Timeline own, const JobFacts& job) {
  if (job.running || (job.ended && state.now() - job.ended->at < branch_patience)) co_return;
  if (own == Timeline{} || !state.local_history.is_known() || state.local_history_of != own) co_return;
  const History& history = *state.local_history;
  Timeline timeline = own;
  for (auto line = history.rbegin(); line != history.rend(); ++line) {
    if (line - history.rbegin() == static_cast<std::ptrdiff_t>(branches_told)) break;
    if (!state.branches.contains(timeline) && state.branches_asked[timeline]++ < branch_attempts) {
      auto ask = state.ports.postgres.branch_time(timeline, line->switch_lsn, state.deadline(observe_time));
      Result<std::string> began = co_await std::move(ask);
      if (began) state.branches[timeline] = std::move(*began);
      while (state.branches.size() > branches_told) state.branches.erase(state.branches.begin());
      co_return;
    }
    timeline = line->timeline;
  }
}

// Nobody can write there, and nothing is under way that changes it: a lease that ran out has nothing left to end. It
// may have been down and up again as a replica between two looks.
bool harmless(const PostgresFacts& postgres, const JobFacts& job) {
  if (postgres.process == Process::stopped || postgres.process == Process::single_user) return true;
  return !job.running && postgres.server.is_known() && postgres.server->in_recovery;
}

Task<PostgresFacts> look_at_server(AgentState& state, Instant& ended) {
  auto look = state.ports.postgres.observe(state.deadline(observe_time));
  PostgresFacts facts = co_await std::move(look);
  ended = state.now();
  co_return facts;
}

}  // namespace

void adopt_initial_config(AgentState& state) {
  const Json cached = state.ports.postgres.cached_dynamic_config();
  use_config(state, cached.is_object() ? cached : state.self.bootstrap_dcs);
}

Task<Observation> gather(AgentState& state) {
  const Instant asked = state.now();
  // Before the server is looked at: a job that ended was then seen with what it made of the server, never with what was
  // before. A promotion that ends between the two looks would be taken for a lock without a primary (F64).
  JobFacts job = state.jobs.facts();
  auto read = state.ports.dcs.read(state.deadline(state.settings.retry_timeout));
  Instant looked;
  auto look = look_at_server(state, looked);
  std::tuple<Result<ClusterView>, PostgresFacts> both = co_await (std::move(read) && std::move(look));
  Result<ClusterView>& view = std::get<0>(both);

  Observation observation;
  observation.postgres = std::move(std::get<1>(both));
  if (state.now() - looked > facts_life) {
    auto again = look_at_server(state, looked);
    observation.postgres = co_await std::move(again);
  }
  // What the directory remembers goes with it: a clone or a rewind under the lock leaves one without (F74).
  const auto& data = observation.postgres.data;
  if (data.state == DataState::valid) state.recorded_session = data.lock_session;
  // The view was true when it was asked for; how much longer nobody knows.
  observation.cluster = view ? Fact<ClusterView>::known(std::move(*view), asked)
                             : Fact<ClusterView>::unknown(view.error().message, asked);
  note_cluster(state, observation.cluster);
  const bool ran_out = state.lease.facts().held && state.now() >= state.lease.facts().expires_at();
  if (ran_out && harmless(observation.postgres, job)) state.lease.expired();

  const Timeline own = own_timeline(observation.postgres);
  if (needs_local_history(state, own)) {
    auto learn = learn_local_history(state, own);
    co_await std::move(learn);
  }
  auto learn = learn_branch(state, own, job);
  co_await std::move(learn);

  observation.self = state.self;
  observation.settings = state.settings;
  observation.lease = state.lease.facts();
  if (!observation.lease.held) observation.lease.session = state.ports.dcs.session();
  observation.failsafe = state.failsafe;
  observation.fences = state.fences();
  observation.peers = state.peers;
  observation.leader_probe = state.leader_probe;
  observation.store_takes_over = state.ports.dcs.takes_over();
  observation.upstream_history = state.upstream_history;
  observation.upstream_slots = state.upstream_slots;
  observation.slot_failures = state.slot_failures;
  observation.local_history = state.local_history;
  observation.branches = state.branches;
  observation.cached_config = state.ports.postgres.cached_dynamic_config();
  observation.job = std::move(job);
  if (observation.job.running) observation.job.progress = state.ports.postgres.progress();
  observation.requests = state.requests;
  observation.now = state.now();
  observation.wall = state.ports.clock.wall();
  co_return observation;
}

}  // namespace regent
