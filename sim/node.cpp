#include "sim/node.h"

#include <boost/asio/co_spawn.hpp>

#include "sim/simulation.h"

namespace regent::sim {

using namespace std::chrono_literals;

namespace {

HostPort address_of(int index) {
  return HostPort{fmt::format("10.0.0.{}", index + 1), "5432"};
}

Self self_of(const Node& node, const Params& params) {
  Self self;
  self.name = node.name;
  self.tags = node.tags;
  const HostPort& address = node.addressed().address();
  self.conn_url = fmt::format("postgres://{}:{}/postgres", address.host, address.port);
  self.api_url = fmt::format("http://{}:8008/patroni", address.host);
  self.version = "0.1.0";
  self.bootstrap_dcs = params.bootstrap_dcs();
  self.has_rewind_credentials = true;
  return self;
}

// As the REST API answers GET /patroni: from the last snapshot when it is young, else after another look at the server,
// else, when the loop is busy, from what there is.
void answer_as_rest(Simulation& sim, Node& node, std::function<void(std::shared_ptr<const Snapshot>)> answered) {
  const auto current = node.run()->board.load();
  if (current && node.clock.boot() - current->observation.now <= 100ms) return answered(current);
  const auto once = std::make_shared<bool>(false);
  const auto answer = [&node, once, answered] {
    if (std::exchange(*once, true) || node.frozen() || !node.able()) return;
    if (const auto seen = node.run()->board.load()) answered(seen);
  };
  node.run()->agent->submit(intent::Observe{}, [answer](const auto&) { answer(); });
  node.run()->process.wake();
  sim.world().after(500ms, answer);
}

// POST /failsafe. A frozen agent finds it when it thaws.
bool promise_as_rest(Simulation& sim, Node& node, FailsafeRequest request,
                     std::function<void(bool, std::string)> answered) {
  if (node.is_twin() || (!node.able() && !node.frozen())) return false;
  if (sim.sabotage() != nullptr && sim.sabotage()->forgets_promises()) {
    answered(true, {});
    return true;
  }
  node.run()->agent->submit(intent::PromiseFailsafe{std::move(request)}, [answered](const auto& reply) {
    answered(reply.has_value(), reply ? std::string() : reply.error().message);
  });
  node.run()->process.wake();
  return true;
}

}  // namespace

Node::Node(Simulation& sim, int index_, Duration boot_offset, std::int64_t drift_ppm)
    : index(index_),
      name(fmt::format("n{}", index_ + 1)),
      clock(sim.world(), boot_offset, drift_ppm),
      server(sim.postgres(), index_, address_of(index_)),
      guard(sim.world(), clock, server),
      sim_(sim) {
  if (!sim.params().cascade || index + 1 != sim.params().nodes) return;
  tags.replicatefrom = "n1";
  tags.all["replicatefrom"] = tags.replicatefrom;
}

AgentRun::AgentRun(Simulation& sim, Node& node)
    : clock(sim.world(), node.clock, process),
      dcs(DcsPort::Parts{sim.world(), sim.network(), sim.store(), node.clock, process, node.link, sim, node.index,
                         node.name}),
      postgres(PgPort::Parts{sim.world(), node.server, sim.postgres(), node.clock, process, sim, node.cached_config}),
      peers(PeersPort::Parts{
          sim.world(), sim.network(), node.clock, process, node.index,
          [&sim](int other) -> std::optional<std::shared_ptr<const Snapshot>> {
            Node& peer = sim.node(other);
            if (peer.is_twin()) return std::shared_ptr<const Snapshot>();
            if (peer.frozen()) return std::nullopt;
            if (!peer.able()) return std::shared_ptr<const Snapshot>();
            return peer.run()->board.load();
          },
          [&sim](int other, std::function<void(std::shared_ptr<const Snapshot>)> answered) {
            answer_as_rest(sim, sim.node(other), std::move(answered));
          },
          [&sim](int other, FailsafeRequest request, std::function<void(bool, std::string)> answered) {
            return promise_as_rest(sim, sim.node(other), std::move(request), std::move(answered));
          },
          [&sim, &node](const FailsafeRound& round, Duration counted) { sim.round_ended(node, round, counted); }}),
      guard(sim.world(), node.clock, process, node.guard, sim.params().guard_required) {
  const Sabotage* sabotage = sim.sabotage();
  if (sabotage != nullptr) {
    tampered_dcs = sabotage->around(dcs, node.clock);
    tampered_postgres = sabotage->around(postgres);
    tampered_peers = sabotage->around(peers);
    tampered_guard = sabotage->around(guard);
  }
  AgentPorts ports{clock,
                   tampered_dcs ? *tampered_dcs : dcs,
                   tampered_postgres ? *tampered_postgres : postgres,
                   tampered_peers ? *tampered_peers : peers,
                   tampered_guard ? *tampered_guard : guard,
                   watchdog};
  AgentHooks hooks;
  hooks.decided = [&sim, &node](const Observation& o, const Memory&, const Decision& d) { sim.decided(node, o, d); };
  hooks.acting = [&sim, &node](const Action& action, bool done) {
    if (done) {
      sim.world().trace("{}:   {}", node.name.str(), to_text(action));
    }
    node.at_boundary(action, done);
  };
  if (sabotage != nullptr) {
    hooks.tamper_facts = [sabotage](Observation& o) { sabotage->tamper(o); };
    hooks.misjudge = [sabotage](const Observation& o, Decision& d) { sabotage->misjudge(o, d); };
    hooks.tamper_decision = [sabotage](const Observation& o, Decision& d) { sabotage->tamper(o, d); };
  }
  agent = std::make_unique<Agent>(process.context().get_executor(), ports, self_of(node, sim.params()), board, hooks);
  boost::asio::co_spawn(process.context(), agent->run(), [this](std::exception_ptr error, int code) {
    if (error) std::rethrow_exception(error);
    exit_code = code;
  });
}

AgentRun::~AgentRun() {
  process.end();
  agent.reset();
}

void Node::start_agent() {
  sim_.world().trace("{}: agent starts", name.str());
  lease = LeaseFacts{};
  able_since_ = started_at_ = sim_.world().now();
  run_ = std::make_unique<AgentRun>(sim_, *this);
  sim_.agent_changed(*this);
}

void Node::kill_agent() {
  if (run_ == nullptr) return;
  sim_.world().trace("{}: agent is gone", name.str());
  run_->process.doom();
  run_.reset();
  sim_.agent_changed(*this);
}

void Node::freeze_agent() {
  if (!able()) return;
  sim_.world().trace("{}: agent freezes", name.str());
  run_->process.freeze();
  sim_.agent_changed(*this);
}

void Node::thaw_agent() {
  if (!frozen()) return;
  sim_.world().trace("{}: agent thaws", name.str());
  able_since_ = sim_.world().now();
  run_->process.thaw();
  sim_.agent_changed(*this);
}

void Node::settle() {
  if (run_ == nullptr) return;
  run_->process.run_ready();
  if (!run_->process.alive()) return kill_agent();
  if (!run_->exit_code) return;
  sim_.world().trace("{}: agent ended with code {}", name.str(), *run_->exit_code);
  kill_agent();
}

void Node::power_off() {
  kill_agent();
  guard.power_off();
  server.set_stuck_in_kernel(false);
  server.kill();
  server.rebooted();
}

void Node::forbid_leading(bool forbidden) {
  if (tags.nofailover == forbidden) return;
  tags.nofailover = forbidden;
  tags.all.erase("nofailover");
  if (forbidden) tags.all["nofailover"] = true;
  forbidden_since_ = forbidden ? std::optional(sim_.world().now()) : std::nullopt;
  if (!has_agent()) return;
  run_->agent->request_reload(self_of(*this, sim_.params()));
  run_->process.wake();
}

void Node::stand_in_for(const Node* original) {
  original_ = original;
  name = original != nullptr ? original->name : MemberName(fmt::format("n{}", index + 1));
  overtaken = deposed = evicted = false;
}

void Node::promote_by_hand() {
  by_hand_ = sim_.world().now();
  server.promote_by_hand();
}

void Node::at_boundary(const Action& action, bool done) {
  if (!ambush_) return;
  const bool takeover = !done && std::holds_alternative<action::TakeOver>(action);
  const bool acquisition = !done && std::holds_alternative<action::AcquireLeader>(action);
  if (ambush_->at == Ambush::At::takeover && !takeover) return;
  if (ambush_->at == Ambush::At::acquisition && !acquisition) return;
  if (--ambush_->boundaries > 0) return;
  const Ambush ambush = *ambush_;
  ambush_.reset();
  World& world = sim_.world();
  if (!ambush.freeze_for) {
    world.trace("{}: agent dies between two actions", name.str());
    run_->process.doom();
    return;
  }
  freeze_agent();
  world.after(*ambush.freeze_for, [this] { thaw_agent(); });
}

}  // namespace regent::sim
