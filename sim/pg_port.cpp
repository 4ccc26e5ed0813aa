#include "sim/pg_port.h"

namespace regent::sim {

using namespace std::chrono_literals;

namespace {

// The one setting that matters here: a standby's must not be lower than its primary's (F19).
int max_connections_in(const Json& config) {
  const Json* postgresql = config.is_object() ? find(config, "postgresql") : nullptr;
  const Json* parameters = postgresql != nullptr ? find(*postgresql, "parameters") : nullptr;
  const Json* wanted = parameters != nullptr ? find(*parameters, "max_connections") : nullptr;
  return wanted != nullptr && wanted->is_number_integer() ? wanted->get<int>() : 0;
}

}  // namespace

PgPort::PgPort(Parts parts) : p_(std::move(parts)) {
  p_.server.on_process([this] {
    process_changed_ = true;
    if (watcher_) watcher_->complete(true);
  });
}

PgPort::~PgPort() {
  p_.server.on_process({});
  p_.server.abort_child();
}

Task<PostgresFacts> PgPort::observe(Instant deadline) {
  process_changed_ = false;
  const Duration until = p_.clock.when(deadline);
  auto start = [this, until](std::shared_ptr<Wait<bool>> wait) {
    World& world = p_.world;
    PgServer& server = p_.server;
    world.after(world.rng().between(300us, 4ms), [wait, &world, &server, until] {
      // A stopped postmaster lets the query run into its deadline (F13, F17).
      if (server.frozen() && world.now() < until) {
        world.at(until, [wait] { wait->complete(true); });
      } else {
        wait->complete(true);
      }
    });
  };
  co_await wait_for<bool>(p_.process, start, false);
  co_return p_.server.facts(p_.clock.boot());
}

Task<void> PgPort::changed(Instant until) {
  if (process_changed_) co_return;
  auto start = [this, until](std::shared_ptr<Wait<bool>> wait) {
    if (process_changed_) return wait->complete(true);
    watcher_ = wait;
    p_.world.at(p_.clock.when(until), [wait] { wait->complete(true); });
  };
  co_await wait_for<bool>(p_.process, start, false);
}

void PgPort::set_config(const Json& dynamic_config) {
  if (config_ == dynamic_config) return;
  config_ = dynamic_config;
  config_changed_ = true;
}

Task<Result<std::vector<RefusedParameter>>> PgPort::check_config(Json, Instant deadline) {
  std::function<void()> nothing = [] {};
  auto asking = query(nothing, deadline);
  const auto done = co_await std::move(asking);
  if (!done) co_return tl::unexpected(done.error());
  co_return std::vector<RefusedParameter>();
}

Task<Result<bool>> PgPort::apply_config(Instant deadline) {
  Json* cached = &p_.cached_config;
  PgServer& server = p_.server;
  std::function<void()> effect = [cached, &server, config = config_] {
    *cached = config;
    server.set_max_connections(max_connections_in(config));
  };
  auto done = co_await query(effect, deadline);
  if (!done) co_return tl::unexpected(done.error());
  const bool changed = config_changed_;
  config_changed_ = false;
  co_return changed;
}

// ------------------------------------------------------------------------------------------------------ steps

Task<Result<void>> PgPort::step(std::function<void(Done)> begin, Instant deadline, bool child) {
  const Duration until = p_.clock.when(deadline);
  auto start = [this, begin, until, child](std::shared_ptr<Wait<Result<void>>> wait) {
    PgServer& server = p_.server;
    if (child) wait->on_cancel([&server] { server.abort_child(); });
    p_.world.at(until, [wait, &server, child] {
      if (wait->done()) return;
      if (child) server.abort_child();
      wait->complete(fail(ErrorKind::timeout, "it took too long"));
    });
    begin([wait](Result<void> result) { wait->complete(std::move(result)); });
  };
  Result<void> cancelled = fail(ErrorKind::cancelled, "cancelled");
  auto result = co_await wait_for<Result<void>>(p_.process, start, cancelled);
  co_return result;
}

Task<Result<void>> PgPort::query(std::function<void()> effect, Instant deadline) {
  std::function<void(Done)> begin = [this, effect](Done done) {
    PgServer& server = p_.server;
    p_.world.after(p_.world.rng().between(500us, 8ms), [&server, done, effect] {
      if (server.frozen()) return;  // until the deadline
      effect();
      done({});
    });
  };
  co_return co_await step(begin, deadline, false);
}

Task<Result<void>> PgPort::initdb(Instant deadline) {
  PgServer& server = p_.server;
  StepListener& listener = p_.listener;
  std::function<void(Done)> begin = [&server, &listener](Done done) {
    listener.initdb_requested(server.node());
    server.initdb(std::move(done));
  };
  return step(begin, deadline, true);
}

Task<Result<void>> PgPort::bootstrap_roles(Instant deadline) {
  PgServer& server = p_.server;
  World& world = p_.world;
  std::function<void(Done)> begin = [&server, &world](Done done) {
    world.after(world.rng().between(50ms, 600ms), [&server, done] {
      if (server.can_acknowledge()) {
        done({});
      } else {
        done(fail(ErrorKind::failed, "the server does not run as a primary"));
      }
    });
  };
  return step(begin, deadline, false);
}

Task<Result<void>> PgPort::start(job::Start spec, Instant deadline) {
  PgServer& server = p_.server;
  StepListener& listener = p_.listener;
  std::function<void(Done)> begin = [&server, &listener, spec, config = config_](Done done) {
    server.set_max_connections(max_connections_in(config));
    listener.start_requested(server.node(), spec);
    server.start(spec, std::move(done));
  };
  return step(begin, deadline, false);
}

Task<Result<void>> PgPort::stop(StopMode mode, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void(Done)> begin = [&server, mode](Done done) { server.stop(mode, std::move(done)); };
  return step(begin, deadline, false);
}

Task<Result<void>> PgPort::kill_tree(Instant deadline) {
  PgServer& server = p_.server;
  std::function<void(Done)> begin = [&server](Done done) { server.kill_tree(std::move(done)); };
  return step(begin, deadline, false);
}

// Some have something to do first, e.g. to move an address.
Task<Result<void>> PgPort::before_promotion(job::Promote promotion, Instant deadline) {
  Rng& rng = p_.world.rng();
  const Duration takes = rng.chance(0.1) ? rng.between(100ms, 8s) : 1ms;
  PgServer& server = p_.server;
  const bool complete = promotion.complete;
  std::function<void(Done)> begin = [this, takes, &server, complete](Done done) {
    p_.world.after(takes, [done, &server, complete] {
      if (complete) server.close_archive();
      done({});
    });
  };
  return step(begin, deadline, false);
}

Task<Result<void>> PgPort::promote(Timeline timeline, Instant deadline) {
  PgServer& server = p_.server;
  StepListener& listener = p_.listener;
  std::function<void(Done)> begin = [&server, &listener, timeline](Done done) {
    listener.promote_requested(server.node());
    server.promote(timeline, std::move(done));
  };
  return step(begin, deadline, false);
}

Task<Result<void>> PgPort::checkpoint(Instant deadline) {
  PgServer& server = p_.server;
  std::function<void(Done)> begin = [&server](Done done) { server.checkpoint(std::move(done)); };
  return step(begin, deadline, false);
}

Task<Result<void>> PgPort::follow(Upstream upstream, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void()> effect = [&server, upstream] { server.follow(upstream); };
  return query(effect, deadline);
}

Task<Result<void>> PgPort::clone(Upstream source, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void(Done)> begin = [&server, source](Done done) { server.clone(source, std::move(done)); };
  return step(begin, deadline, true);
}

Task<Result<void>> PgPort::crash_recovery(Instant deadline) {
  PgServer& server = p_.server;
  std::function<void(Done)> begin = [&server](Done done) { server.crash_recovery(std::move(done)); };
  return step(begin, deadline, true);
}

Task<Result<void>> PgPort::rewind(Upstream source, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void(Done)> begin = [&server, source](Done done) { server.rewind(source, std::move(done)); };
  return step(begin, deadline, true);
}

Task<Result<void>> PgPort::remove_data(job::RemoveData, Instant deadline) {
  PgServer& server = p_.server;
  StepListener& listener = p_.listener;
  std::function<void(Done)> begin = [&server, &listener](Done done) {
    listener.removal_requested(server.node());
    server.remove_data(std::move(done));
  };
  return step(begin, deadline, true);
}

// ---------------------------------------------------------------------------------------------------- queries

template <class T>
Task<Result<T>> PgPort::ask_upstream(std::function<Result<T>()> question, Instant deadline) {
  using Answer = Result<T>;
  const Duration until = p_.clock.when(deadline);
  auto start = [this, question, until](std::shared_ptr<Wait<Answer>> wait) {
    World& world = p_.world;
    world.after(world.rng().between(1ms, 15ms), [wait, &world, question, until] {
      auto answer = question();
      if (answer) return wait->complete(std::move(answer));
      world.at(until, [wait, answer] { wait->complete(answer); });
    });
  };
  Answer cancelled = fail(ErrorKind::cancelled, "cancelled");
  auto result = co_await wait_for<Answer>(p_.process, start, cancelled);
  co_return result;
}

Task<Result<void>> PgPort::probe(Upstream server, Instant deadline) {
  const Duration until = p_.clock.when(deadline);
  auto start = [this, server, until](std::shared_ptr<Wait<Result<void>>> wait) {
    World& world = p_.world;
    const PgServer& own = p_.server;
    world.after(world.rng().between(1ms, 15ms), [wait, &world, &own, server, until] {
      const auto answered = own.answers_at(server.address);
      if (answered) return wait->complete(*answered ? Result<void>() : fail(ErrorKind::unreachable, "refused"));
      world.at(until, [wait] { wait->complete(fail(ErrorKind::timeout, "no answer in time")); });
    });
  };
  Result<void> cancelled = fail(ErrorKind::cancelled, "cancelled");
  auto result = co_await wait_for<Result<void>>(p_.process, start, cancelled);
  co_return result;
}

Task<Result<UpstreamHistory>> PgPort::upstream_history(action::GatherUpstreamHistory question, Instant deadline) {
  PgServer& server = p_.server;
  std::function<Result<UpstreamHistory>()> ask = [&server, question] { return server.history_of(question); };
  return ask_upstream<UpstreamHistory>(ask, deadline);
}

Task<Result<void>> PgPort::fetch_histories(action::FetchHistories order, Instant deadline) {
  World& world = p_.world;
  PgServer& server = p_.server;
  std::function<void(Done)> begin = [&world, &server, order](Done done) {
    world.after(world.rng().between(2ms, 20ms), [&server, order, done] { done(server.fetch_histories(order)); });
  };
  return step(begin, deadline, true);
}

Task<Result<History>> PgPort::local_history(Timeline timeline, Instant deadline) {
  auto history = std::make_shared<History>();
  PgServer& server = p_.server;
  std::function<void(Done)> begin = [this, &server, timeline, history](Done done) {
    p_.world.after(200us, [this, &server, timeline, history, done] {
      // A disk that is slow at the wrong moment (F55).
      if (p_.world.rng().chance(p_.shared.history_fails)) return done(fail(ErrorKind::timeout, "no answer in time"));
      auto read = server.own_history(timeline);
      if (!read) return done(tl::unexpected(read.error()));
      *history = std::move(*read);
      done({});
    });
  };
  auto done = co_await step(begin, deadline, false);
  if (!done) co_return tl::unexpected(done.error());
  co_return *history;
}

Task<Result<std::string>> PgPort::branch_time(Timeline timeline, Lsn start, Instant deadline) {
  PgServer& server = p_.server;
  std::function<Result<std::string>()> question = [&server, timeline, start] {
    return server.branch_time(timeline, start);
  };
  return ask_upstream<std::string>(question, deadline);
}

Task<Result<void>> PgPort::set_sync_names(std::optional<std::string> names, Instant deadline) {
  PgServer& server = p_.server;
  StepListener& listener = p_.listener;
  std::function<void(Done)> begin = [&server, &listener, names](Done done) {
    listener.sync_names_requested(server.node(), names);
    server.set_sync_names(names, std::move(done));
  };
  return step(begin, deadline, false);
}

Task<Result<void>> PgPort::create_slot(std::string name, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void()> effect = [&server, name] { server.create_slot(name); };
  return query(effect, deadline);
}

Task<Result<void>> PgPort::drop_slot(std::string name, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void()> effect = [&server, name] { server.drop_slot(name); };
  return query(effect, deadline);
}

Task<Result<void>> PgPort::create_logical_slot(action::SyncSlots::Logical slot, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void()> effect = [&server, name = slot.name] { server.create_logical_slot(name); };
  return query(effect, deadline);
}

Task<Result<void>> PgPort::advance_slot(action::SyncSlots::Advance slot, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void()> effect = [&server, name = slot.name, to = slot.to] { server.advance_slot(name, to); };
  return query(effect, deadline);
}

Task<Result<void>> PgPort::forget_copy(Instant deadline) {
  std::function<void()> effect = [&server = p_.server] { server.forget_copy(); };
  return query(effect, deadline);
}

Task<Result<void>> PgPort::mark_slots(bool copies, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void()> effect = [&server, copies] { server.mark_slots(copies); };
  return query(effect, deadline);
}

Task<Result<void>> PgPort::record_lock(std::string session, Instant deadline) {
  std::function<void(Done)> begin = [this, session](Done done) {
    p_.world.after(200us, [&server = p_.server, done, session] { done(server.record_lock(session)); });
  };
  co_return co_await step(begin, deadline, false);
}

Task<Result<UpstreamSlots>> PgPort::upstream_slots(Upstream source, Instant deadline) {
  PgServer& server = p_.server;
  std::function<Result<UpstreamSlots>()> question = [&server, source] { return server.slots_of(source); };
  return ask_upstream<UpstreamSlots>(question, deadline);
}

Task<Result<std::vector<SlotCopy>>> PgPort::read_slots(Upstream source, std::vector<std::string> names,
                                                       Instant deadline) {
  PgServer& server = p_.server;
  using Copies = std::vector<SlotCopy>;
  std::function<Result<Copies>()> question = [&server, source, names]() -> Result<Copies> {
    auto theirs = server.slot_files_of(source);
    if (!theirs) return tl::unexpected(theirs.error());
    Copies copies;
    for (const auto& name : names) {
      const auto found = theirs->find(name);
      if (found == theirs->end()) return fail(ErrorKind::failed, "no such slot");
      copies.push_back({name, std::to_string(found->second.catalog_xmin.value_or(0)), found->second.position});
    }
    return copies;
  };
  return ask_upstream<Copies>(question, deadline);
}

Task<Result<void>> PgPort::write_slots(std::vector<SlotCopy> slots, Instant deadline) {
  PgServer& server = p_.server;
  std::function<void()> effect = [&server, slots] {
    for (const auto& copy : slots) {
      server.write_slot(copy.name, Slot{false, copy.confirmed, static_cast<std::uint32_t>(std::stoul(copy.state))});
    }
  };
  return query(effect, deadline);
}

}  // namespace regent::sim
