#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "fake_world.h"

namespace regent::test {

namespace asio = boost::asio;

// Takes the waiter off the list however its coroutine ends.
struct World::Registration {
  std::list<Waiter>& list;
  std::list<Waiter>::iterator place;
  ~Registration() { list.erase(place); }
};

Task<void> World::wait(std::string kind, Instant until) {
  auto executor = co_await asio::this_coro::executor;
  Channel channel(executor, 1);
  waiters_.push_back({std::move(kind), until, &channel});
  Registration registration{waiters_, std::prev(waiters_.end())};
  if (until <= now) channel.try_send(boost::system::error_code{});
  co_await channel.async_receive(asio::use_awaitable);
}

Task<void> World::spend(Duration delay) {
  if (delay > Duration::zero()) {
    auto sleep = wait("work", now + delay);
    co_await std::move(sleep);
  } else {
    auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
  }
}

void World::signal(const std::string& kind) {
  for (Waiter& waiter : waiters_) {
    if (waiter.kind == kind) waiter.channel->try_send(boost::system::error_code{});
  }
}

bool World::waiting(const std::string& kind) const {
  return std::any_of(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) { return waiter.kind == kind; });
}

std::optional<Instant> World::next_deadline() const {
  std::optional<Instant> next;
  for (const Waiter& waiter : waiters_) {
    if (!next || waiter.until < *next) next = waiter.until;
  }
  return next;
}

void World::release_due() {
  for (Waiter& waiter : waiters_) {
    if (waiter.until <= now) waiter.channel->try_send(boost::system::error_code{});
  }
}

void World::settle() {
  release_due();
  context_->restart();
  context_->poll();
}

void World::advance(Duration duration) {
  const Instant end = now + duration;
  settle();
  for (auto next = next_deadline(); next && *next <= end; next = next_deadline()) {
    if (*next > now) freeze(*next - now);
    settle();
  }
  freeze(end - now);
}

namespace {

std::optional<Error> take_error(std::map<std::string, std::deque<Error>>& errors, const std::string& call) {
  auto& queue = errors[call];
  if (queue.empty()) return std::nullopt;
  Error error = queue.front();
  queue.pop_front();
  return error;
}

template <class Calls>
int count_in(const Calls& calls, const std::string& call) {
  return static_cast<int>(std::count(calls.begin(), calls.end(), call));
}

}  // namespace

// --- FakeDcs ---

int FakeDcs::count(const std::string& call) const {
  return count_in(calls, call);
}

Task<Result<void>> FakeDcs::simple(std::string call, Instant) {
  calls.push_back(call);
  auto work = world_.spend(delay);
  co_await std::move(work);
  if (auto error = take_error(errors, call)) co_return tl::make_unexpected(*error);
  co_return Result<void>{};
}

Task<Result<LeaseGrant>> FakeDcs::grant(std::string call, Instant deadline) {
  const Instant sent = world_.now;
  auto ask = simple(call, deadline);
  Result<void> answer = co_await std::move(ask);
  if (!answer) co_return tl::make_unexpected(answer.error());
  co_return LeaseGrant{lease, Version{7}, sent, std::chrono::seconds(30)};
}

Task<Result<ClusterView>> FakeDcs::read(Instant deadline) {
  auto ask = simple("read", deadline);
  Result<void> answer = co_await std::move(ask);
  if (!answer) co_return tl::make_unexpected(answer.error());
  co_return view;
}

Task<Result<Version>> FakeDcs::write(action::WriteKey key, Instant deadline) {
  if (before_write) before_write();
  auto ask = simple("write " + std::string(to_string(key.key)), deadline);
  Result<void> answer = co_await std::move(ask);
  if (!answer) co_return tl::make_unexpected(answer.error());
  if (key.key == action::Key::config && key.expect != view.config.version) {
    co_return fail(ErrorKind::conflict, "the config key changed");
  }
  writes.push_back(key);
  co_return Version{key.expect.value + 1};
}

Task<void> FakeDcs::close(Instant deadline) {
  auto ask = simple("close", deadline);
  co_await std::move(ask);
}

// --- FakePostgres ---

int FakePostgres::count(const std::string& call) const {
  return count_in(calls, call);
}

Task<Result<void>> FakePostgres::step(std::string call, Instant deadline) {
  calls.push_back(call);
  // Counts a coroutine that is given up before its work is done.
  struct Presence {
    int& cancelled;
    bool done = false;
    ~Presence() {
      if (!done) ++cancelled;
    }
  } presence{cancelled};
  const Duration needed = takes.contains(call) ? takes[call] : delay;
  const bool late = world_.now + needed > deadline;
  auto work = world_.spend(late ? deadline - world_.now : needed);
  co_await std::move(work);
  presence.done = true;
  if (late) co_return fail(ErrorKind::timeout, call + " took too long");
  if (auto error = take_error(errors, call)) co_return tl::make_unexpected(*error);
  if (call.starts_with("stop") || call == "kill") stop_server();
  if (call == "start primary") run_server(false);
  if (call == "start replica") run_server(true);
  co_return Result<void>{};
}

Task<PostgresFacts> FakePostgres::observe(Instant) {
  auto work = world_.spend(delay);
  co_await std::move(work);
  co_return facts;
}

Task<Result<bool>> FakePostgres::apply_config(Instant deadline) {
  auto work = step("apply", deadline);
  Result<void> applied = co_await std::move(work);
  if (!applied) co_return tl::make_unexpected(applied.error());
  co_return true;
}

Task<Result<std::vector<RefusedParameter>>> FakePostgres::check_config(Json, Instant deadline) {
  auto work = step("check", deadline);
  Result<void> checked = co_await std::move(work);
  if (!checked) co_return tl::make_unexpected(checked.error());
  co_return refused;
}

Task<Result<UpstreamHistory>> FakePostgres::upstream_history(action::GatherUpstreamHistory question, Instant deadline) {
  auto work = step("upstream history", deadline);
  Result<void> asked = co_await std::move(work);
  if (!asked) co_return tl::make_unexpected(asked.error());
  UpstreamHistory history;
  history.source = question.source.name;
  co_return history;
}

Task<Result<UpstreamSlots>> FakePostgres::upstream_slots(Upstream source, Instant deadline) {
  auto work = step("upstream slots", deadline);
  Result<void> asked = co_await std::move(work);
  if (!asked) co_return tl::make_unexpected(asked.error());
  UpstreamSlots slots;
  slots.source = source.name;
  co_return slots;
}

Task<Result<std::vector<SlotCopy>>> FakePostgres::read_slots(Upstream, std::vector<std::string> names,
                                                             Instant deadline) {
  auto work = step("read slots", deadline);
  Result<void> asked = co_await std::move(work);
  if (!asked) co_return tl::make_unexpected(asked.error());
  std::vector<SlotCopy> copies;
  for (auto& name : names) copies.push_back({std::move(name), "state", {}});
  co_return copies;
}

Task<Result<History>> FakePostgres::local_history(Timeline, Instant deadline) {
  auto work = step("local history", deadline);
  Result<void> asked = co_await std::move(work);
  if (!asked) co_return tl::make_unexpected(asked.error());
  co_return History{};
}

void FakePostgres::run_callback(std::string_view action, std::string_view role) {
  callbacks.push_back(std::string(action) + " " + std::string(role));
}

void FakePostgres::run_server(bool in_recovery) {
  facts.process = Process::running;
  ++facts.incarnation;
  ServerFacts server;
  server.in_recovery = in_recovery;
  server.timeline = Timeline{1};
  facts.server = Fact<ServerFacts>::known(server, world_.now);
}

void FakePostgres::stop_server() {
  facts.process = Process::stopped;
  facts.server = Fact<ServerFacts>::unknown("it is down", world_.now);
}

// --- FakePeers ---

Task<PeersFacts> FakePeers::ask(std::vector<Member> members, Instant) {
  ++asked;
  PeersFacts answers;
  answers.asked_at = world_.now;
  auto work = world_.spend(Duration{});
  co_await std::move(work);
  for (const Member& member : members) {
    PeerAnswer answer;
    answer.name = member.name;
    answers.answers.push_back(answer);
  }
  co_return answers;
}

Task<FailsafeRound> FakePeers::ask_failsafe(FailsafeMembers members, FailsafeRequest request, Instant) {
  failsafe_request = request;
  FailsafeRound round;
  round.sent = world_.now;
  auto work = world_.spend(std::chrono::milliseconds(10));
  co_await std::move(work);
  for (const auto& [name, url] : members) {
    const bool refuses = std::find(failsafe_refused.begin(), failsafe_refused.end(), name) != failsafe_refused.end();
    round.answers.push_back({MemberName(name), !refuses, refuses ? "refused" : "", {}});
  }
  co_return round;
}

// --- AgentFixture ---

AgentFixture::AgentFixture() {
  Self self;
  self.name = MemberName("n1");
  AgentHooks hooks;
  hooks.decide = [this](const Observation& observation, const Memory& memory) { return decide(observation, memory); };
  hooks.acting = [this](const Action& act, bool done) { acted.emplace_back(act, done); };
  agent = std::make_unique<Agent>(world.context().get_executor(),
                                  AgentPorts{clock, dcs, postgres, peers, guard, watchdog}, self, board, hooks);
  postgres.stop_server();
}

// The frames refer to the fakes.
AgentFixture::~AgentFixture() {
  world.destroy_context();
}

Decision AgentFixture::decide(const Observation& observation, const Memory& memory) {
  seen.push_back(observation);
  memories.push_back(memory);
  if (!script.empty()) {
    auto next = script.front();
    script.pop_front();
    return next(observation, memory);
  }
  Decision idle;
  idle.sentence = "no action";
  idle.memory = memory;
  idle.wake_at = observation.now + std::chrono::seconds(10);
  return idle;
}

void AgentFixture::then(std::vector<Action> actions, Duration wake_in) {
  script.push_back([actions = std::move(actions), wake_in](const Observation& observation, const Memory& memory) {
    Decision decision;
    decision.sentence = "as the test wants it";
    decision.actions = actions;
    decision.memory = memory;
    decision.wake_at = observation.now + wake_in;
    return decision;
  });
}

void AgentFixture::start() {
  auto run = agent->run();
  asio::co_spawn(world.context(), std::move(run), [this](std::exception_ptr error, int code) {
    if (error) std::rethrow_exception(error);
    exit_code = code;
  });
  world.settle();
}

void AgentFixture::lead() {
  then({action::AcquireLeader{}});
  start();
}

}  // namespace regent::test
