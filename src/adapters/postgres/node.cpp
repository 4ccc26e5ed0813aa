#include "adapters/postgres/node.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/os/files.h"
#include "adapters/os/waiting.h"
#include "adapters/postgres/clone.h"
#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/probe.h"
#include "adapters/postgres/rewind.h"
#include "base/log.h"
#include "model/config_value.h"

namespace regent {

using namespace boost::asio::experimental::awaitable_operators;

namespace {

// A server that is alive answers within microseconds, one that swaps within a second.
constexpr Duration probe_patience = std::chrono::milliseconds(1500);
// Without an upstream and without a WAL receiver for so long: nobody is about to start one.
constexpr Duration settling_time = std::chrono::milliseconds(50);

Json parse_dynamic(const std::string& text, const Layout& layout) {
  if (text.empty()) return {};
  auto config = parse_json(text, layout.dynamic_json());
  return config ? std::move(*config) : Json();
}

// What a worker sees of the directory and of who runs in it, in one go.
struct Sight {
  Result<Tenants> tenants;
  Result<DirectoryLook> directory;
};

}  // namespace

PostgresNode::PostgresNode(LocalConfig config, Clock& clock)
    : context_(std::move(config), clock),
      postmaster_(context_),
      monitor_([this] { return context_.administrator("Patroni heartbeat"); },
               [this] {
                 const auto address = local_address(context_.doors(), context_.config().use_unix_socket_repl);
                 return replication_connection(address, context_.config().replication);
               },
               clock) {}

std::unique_ptr<PostgresNode> make_postgres(LocalConfig config, Clock& clock) {
  return std::make_unique<PostgresNode>(std::move(config), clock);
}

void PostgresNode::set_local_config(LocalConfig config) {
  auto pgpass = context_.local.postgres.pgpass;
  // A running server cannot move: another directory counts from the next start of the agent.
  config.postgres.data_dir = context_.local.postgres.data_dir;
  config.postgres.config_dir = context_.local.postgres.config_dir;
  // Whatever is under way relies on knowing the version: it is asked for again only if other programs are meant.
  const auto& before = context_.config();
  const bool other_programs = before.bin_dir != config.postgres.bin_dir || before.bin_name != config.postgres.bin_name;
  if (other_programs) context_.major_version = 0;
  if (other_programs) checked_.clear();
  context_.local = std::move(config);
  if (context_.local.postgres.pgpass.empty()) context_.local.postgres.pgpass = std::move(pgpass);
  context_.layout = make_layout(context_.local.postgres);
  context_.forget_parameters();
  // Credentials and addresses may have changed (F21).
  monitor_.disconnect();
}

void PostgresNode::set_config(const Json& dynamic_config) {
  context_.dynamic = dynamic_config;
  context_.forget_parameters();
}

Json PostgresNode::cached_dynamic_config() const {
  // Before the first look, when nothing is led or served yet, the disk may take its time.
  if (!looked_) return parse_dynamic(read_file(context_.layout.dynamic_json()).value_or(""), context_.layout);
  return cached_dynamic_;
}

Task<PostgresFacts> PostgresNode::observe(Instant deadline) {
  PostgresFacts failed;
  try {
    auto looking = look(deadline);
    co_return co_await std::move(looking);
  } catch (const std::exception& error) {
    failed.why = error.what();
  }
  failed.incarnation = postmaster_.incarnation();
  failed.server = Fact<ServerFacts>::unknown(failed.why, context_.clock.now());
  failed.data.why = failed.why;
  co_return failed;
}

Task<PostgresFacts> PostgresNode::look(Instant deadline) {
  PostgresFacts facts;
  auto versioning = context_.ensure_version(deadline);
  const auto version = co_await std::move(versioning);
  reap_children();
  std::function<Result<Sight>()> call = [search = postmaster_.search(), layout = context_.layout] {
    return Result<Sight>(Sight{search(), look_at_directory(layout)});
  };
  auto looking = context_.ask<Sight>(std::move(call), deadline, "the data directory " + context_.layout.data_dir);
  const auto sight = co_await std::move(looking);
  const Result<Tenants> tenants = sight ? sight->tenants : tl::unexpected(sight.error());
  postmaster_.saw(tenants);
  facts.incarnation = postmaster_.incarnation();
  facts.server = Fact<ServerFacts>::unknown("PostgreSQL is not running", context_.clock.now());
  receiver_.reset();
  context_.running = tenants && tenants->postmaster ? tenants->file : std::nullopt;
  if (context_.running) facts.port = context_.running->port;
  if (!tenants) {
    facts.why = tenants.error().message;
    facts.server = Fact<ServerFacts>::unknown(facts.why, context_.clock.now());
  } else if (tenants->postmaster) {
    auto asking = look_at_server(facts, *tenants, deadline);
    co_await std::move(asking);
  } else if (tenants->tool && tenants->orphans.empty()) {
    facts.process = Process::single_user;
    facts.why = "a single-user server works in the data directory";
  } else {
    facts.process = tenants->orphans.empty() ? Process::stopped : Process::stopping;
    if (!tenants->orphans.empty()) facts.why = "backends outlive their postmaster";
    pending_restart_ = Json::object();
    context_.doors_pending = false;
  }
  facts.pending_restart = pending_restart_;
  facts.refused_parameters = context_.refused;
  facts.clones_without_leader = clones_without_leader(context_);
  facts.restores = restores();
  facts.archive_limit = context_.archive_limit;
  if (!version) {
    facts.data.why = version.error().message;
  } else {
    auto reading = look_at_data(facts, sight ? sight->directory : tl::unexpected(sight.error()), deadline);
    co_await std::move(reading);
    auto learning = learn_sync_names(deadline);
    if (const auto learnt = co_await std::move(learning); learnt) facts.managed_sync_names = context_.sync_names;
  }
  co_return facts;
}

Task<void> PostgresNode::look_at_server(PostgresFacts& facts, Tenants tenants, Instant deadline) {
  facts.process = tenants.status == "starting"   ? Process::starting
                  : tenants.status == "stopping" ? Process::stopping
                                                 : Process::running;
  const auto unknown = [&](std::string why) {
    facts.server = Fact<ServerFacts>::unknown(std::move(why), context_.clock.now());
  };
  if (std::exchange(pulse_of_, facts.incarnation) != facts.incarnation) {
    connections_.forget();
    queries_.forget();
    flushes_.forget();
  }
  if (facts.process == Process::starting) {
    unknown("PostgreSQL is starting up" + (tenants.startup.empty() ? "" : ": " + tenants.startup));
    co_return;
  }
  const auto asked_at = context_.clock.now();
  if (tenants.frozen) {
    unknown("the postmaster is stopped by a signal");
    connections_.missed(asked_at);
    queries_.missed(asked_at);
  } else {
    auto asking = question_server(facts, deadline);
    auto probing = probe_own_server(deadline);
    co_await (std::move(asking) && std::move(probing));
  }
  if (facts.process != Process::running) co_return;
  facts.deaf_since = connections_.missing_since();
  facts.silent_since = queries_.missing_since();
  facts.wal_stuck_since = flushes_.missing_since();
}

Task<void> PostgresNode::probe_own_server(Instant deadline) {
  const auto asked_at = context_.clock.now();
  const auto& config = context_.config();
  // The same processes answer on all of its sockets, and this one costs least.
  const auto socket = local_address(context_.doors(), true);
  auto asking = probe_server(socket, context_.clock, deadline);
  auto answered = co_await std::move(asking);
  if (!answered && answered.error().kind == ErrorKind::unreachable && !config.use_unix_socket) {
    auto address = local_address(context_.doors(), false);
    auto again = probe_server(std::move(address), context_.clock, deadline);
    answered = co_await std::move(again);
  }
  if (answered) {
    connections_.found(asked_at);
  } else if (answered.error().kind == ErrorKind::timeout) {
    connections_.missed(asked_at);
  }
}

// Somebody waits for WAL to get to the disk, and nothing of it does (F54). That some of it is in memory only would say
// nothing: it may be of a transaction that has not ended.
void PostgresNode::note_wal(const ServerAnswer& answer, Instant asked) {
  primary_ = !answer.facts.in_recovery;
  if (primary_ && answer.waits_for_wal && answer.flushed == flushed_) {
    flushes_.missed(asked);
  } else {
    flushes_.found(asked);
  }
  flushed_ = answer.flushed;
}

// One step of reading the WAL that lies on the disk; the answer is there some looks later.
Task<void> PostgresNode::read_on(const ServerAnswer& answer, Instant deadline) {
  if (unreadable_for_ == answer.startup) co_return;
  std::string failure;
  if (!reading_ || reading_->server() != answer.startup) {
    auto beginning = WalReading::begin(context_, answer.startup, deadline);
    auto begun = co_await std::move(beginning);
    if (!begun) failure = begun.error().message;
    reading_.reset();
    if (begun) reading_ = std::move(*begun);
  } else if (!reading_->running()) {
    auto ending = reading_->end(context_, deadline);
    const auto end = co_await std::move(ending);
    reading_.reset();
    if (end) {
      on_disk_ = *end;
      position_of_ = answer.startup;
    } else {
      failure = end.error().message;
    }
  }
  if (failure.empty()) co_return;
  unreadable_for_ = answer.startup;
  log::info("the end of the WAL on the disk is known only when it was replayed: {}", failure);
}

Task<void> PostgresNode::judge_position(ServerAnswer& answer, Instant deadline) {
  auto& server = answer.facts;
  // A WAL receiver is started when everything that lies there was replayed, and not before.
  const bool at_end = answer.replay_waits || server.received;
  if (answer.startup != 0 && position_of_ != answer.startup) {
    on_disk_ = {};
    if (at_end) {
      position_of_ = answer.startup;
      reading_.reset();
    } else {
      auto reading = read_on(answer, deadline);
      co_await std::move(reading);
    }
  }
  server.wal_known = answer.startup != 0 ? position_of_ == answer.startup : at_end;
  if (!server.wal_known || on_disk_.lsn <= server.wal) co_return;
  server.received = server.wal = on_disk_.lsn;
  server.timeline = std::max(server.timeline, on_disk_.timeline);
}

Task<void> PostgresNode::question_server(PostgresFacts& facts, Instant deadline) {
  const auto asked_at = context_.clock.now();
  auto asking = monitor_.ask(postmaster_.incarnation(), deadline);
  auto answer = co_await std::move(asking);
  if (!answer) {
    // A server that restarts itself after a crash still calls itself ready in its pid file (F16).
    if (cannot_connect_now(answer.error()) && facts.process == Process::running) facts.process = Process::starting;
    facts.server = Fact<ServerFacts>::unknown(answer.error().message, context_.clock.now());
    if (answer.error().kind == ErrorKind::timeout) queries_.missed(asked_at);
    co_return;
  }
  queries_.found(asked_at);
  note_wal(*answer, asked_at);
  if (answer->facts.in_recovery) {
    auto judging = judge_position(*answer, deadline);
    co_await std::move(judging);
  }
  auto& server = answer->facts;
  // The process that starts WAL receivers may not have read the setting yet when everybody else has.
  const bool detached = server.in_recovery && server.upstream.host.empty() && !server.receiving;
  detached_since_ = detached ? std::optional(detached_since_.value_or(asked_at)) : std::nullopt;
  if (detached && asked_at - *detached_since_ < settling_time) server.receiving = true;
  facts.server = Fact<ServerFacts>::known(server, asked_at);
  facts.collations = answer->collations;
  const auto receiver = answer->receiver == 0 ? std::nullopt : process_info(answer->receiver);
  if (receiver) receiver_ = receiver->id;
  system_id_ = answer->system_id;
  pending_restart_ = pending_restart_reason(context_.parameters(), *answer->settings);
  context_.doors_pending =
      pending_restart_.contains("listen_addresses") || pending_restart_.contains("unix_socket_directories");
  for (const auto& [name, setting] : *answer->settings) restart_parameters_.insert(name);
}

Task<void> PostgresNode::look_at_data(PostgresFacts& facts, Result<DirectoryLook> look, Instant deadline) {
  auto& data = facts.data;
  if (!look) {
    data.why = look.error().message;
    co_return;
  }
  if (!std::exchange(looked_, true) || look->dynamic != dynamic_text_) {
    dynamic_text_ = look->dynamic;
    cached_dynamic_ = parse_dynamic(dynamic_text_, context_.layout);
  }
  data.standby_signal = look->standby_signal;
  data.backup_label = look->backup_label;
  data.rewind_marker = look->rewind_marker;
  data.followed = look->followed;
  data.lock_session = look->lock_session;
  data.copied = look->copied;
  data.promoting = !look->promoting.empty() && look->promoting == postmaster_.identity();
  data.led_by = MemberName(look->led.name);
  data.led_timeline = look->led.timeline;
  if (look->empty || look->incomplete) {
    data.state = look->empty ? DataState::empty : DataState::incomplete;
    const auto& failure = look->bootstrap_failure;
    data.bootstrap_retry_at = retry_after(failure, configuration_of(context_.local), context_.clock.wall());
    if (data.bootstrap_retry_at) data.bootstrap_failed = failure.why;
    control_.reset();
    control_stamp_.clear();
    system_id_ = SystemId();
    co_return;
  }
  const auto wanted = std::to_string(context_.major_version);
  if (look->version != wanted) {
    data.why = look->version.empty()
                   ? fmt::format(
                         "{} is not empty and holds no PG_VERSION; empty it, or point postgresql.data_dir to a "
                         "PostgreSQL data directory",
                         context_.layout.data_dir)
                   : fmt::format(
                         "{} was made by PostgreSQL {}, but postgresql.bin_dir holds PostgreSQL {}; set "
                         "postgresql.bin_dir to the programs of version {}, or upgrade the directory",
                         context_.layout.data_dir, look->version, wanted, look->version);
    co_return;
  }
  auto reading = look_at_control(facts, look->control_stamp, deadline);
  co_await std::move(reading);
}

Task<void> PostgresNode::look_at_control(PostgresFacts& facts, std::string stamp, Instant deadline) {
  auto& data = facts.data;
  const bool stopped = facts.process == Process::stopped;
  const bool cached = control_ && !stamp.empty() && stamp == control_stamp_;
  if (!cached && (stopped || system_id_.empty())) {
    auto reading = read_control_data(context_, deadline);
    auto control = co_await std::move(reading);
    if (!control) {
      data.why = control.error().message;
      co_return;
    }
    system_id_ = control->system_id;
    control_ = std::move(*control);
    control_stamp_ = stamp;
  }
  data.state = DataState::valid;
  data.system_id = system_id_;
  if (stopped && control_) data.control = control_->facts;
}

Task<void> PostgresNode::changed(Instant until) {
  try {
    auto waiting = postmaster_.changed(until);
    auto watching = watch_pulse(until);
    auto receiving = wait_receiver(until);
    co_await (std::move(waiting) || std::move(watching) || std::move(receiving));
  } catch (const std::exception&) {
    // A cancelled wait is an early return.
  }
}

Task<void> PostgresNode::watch_pulse(Instant until) {
  for (;;) {
    const auto next = context_.clock.now() + pulse_interval;
    auto rest = context_.clock.sleep_until(primary_ ? std::min(next, until) : until);
    co_await std::move(rest);
    if (!primary_ || context_.clock.now() >= until) co_return;
    auto probing = probe_own_server(context_.clock.now() + probe_patience);
    co_await std::move(probing);
    if (connections_.missing_since()) co_return;
  }
}

Task<void> PostgresNode::wait_receiver(Instant until) {
  if (receiver_) {
    auto ended = receiver_end_.wait(*receiver_, context_.clock, until);
    co_await std::move(ended);
  } else {
    auto rest = context_.clock.sleep_until(until);
    co_await std::move(rest);
  }
}

Task<Result<void>> PostgresNode::probe(Upstream server, Instant deadline) {
  return probe_server(server.address, context_.clock, deadline);
}

void PostgresNode::run_callback(std::string_view action, std::string_view role_word) {
  const auto* callbacks = section_option(context_.config(), context_.dynamic, "postgresql.callbacks");
  const auto* command = callbacks == nullptr ? nullptr : find(*callbacks, action);
  if (command != nullptr) callbacks_.run(setting_text(*command), action, role_word, context_.local.scope);
}

}  // namespace regent
