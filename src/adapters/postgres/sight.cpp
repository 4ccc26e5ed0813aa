#include "adapters/postgres/sight.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/os/files.h"
#include "adapters/os/waiting.h"
#include "adapters/postgres/clone.h"
#include "adapters/postgres/rewind.h"
#include "model/config_value.h"

namespace regent {

using namespace boost::asio::experimental::awaitable_operators;

namespace {

// Without an upstream and without a WAL receiver for so long: nobody is about to start one.
constexpr Duration settling_time = std::chrono::milliseconds(50);

Json parse_dynamic(const std::string& text, const Layout& layout) {
  if (text.empty()) return {};
  auto config = parse_json(text, layout.dynamic_json());
  return config ? std::move(*config) : Json();
}

// What a worker sees of the directory and of who runs in it, in one go.
struct Glance {
  Result<Tenants> tenants;
  Result<DirectoryLook> directory;
};

}  // namespace

Json Sight::cached_dynamic_config() const {
  // Before the first look, when nothing is led or served yet, the disk may take its time.
  if (!looked_) return parse_dynamic(read_file(context_.layout.dynamic_json()).value_or(""), context_.layout);
  return cached_dynamic_;
}

Task<PostgresFacts> Sight::observe(Instant deadline) {
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

Task<PostgresFacts> Sight::look(Instant deadline) {
  PostgresFacts facts;
  auto versioning = context_.ensure_version(deadline);
  const auto version = co_await std::move(versioning);
  reap_children();
  std::function<Result<Glance>()> call = [search = postmaster_.search(), layout = context_.layout] {
    return Result<Glance>(Glance{search(), look_at_directory(layout)});
  };
  auto looking = context_.ask<Glance>(std::move(call), deadline, "the data directory " + context_.layout.data_dir);
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
  facts.restores = context_.restores();
  facts.archive_limit = context_.archive_limit;
  if (!version) {
    facts.data.why = version.error().message;
  } else {
    auto reading = look_at_data(facts, sight ? sight->directory : tl::unexpected(sight.error()), deadline);
    co_await std::move(reading);
    auto learning = config_.learn_sync_names(deadline);
    if (const auto learnt = co_await std::move(learning); learnt) facts.managed_sync_names = context_.sync_names;
  }
  co_return facts;
}

Task<void> Sight::look_at_server(PostgresFacts& facts, Tenants tenants, Instant deadline) {
  facts.process = tenants.status == "starting"   ? Process::starting
                  : tenants.status == "stopping" ? Process::stopping
                                                 : Process::running;
  const auto unknown = [&](std::string why) {
    facts.server = Fact<ServerFacts>::unknown(std::move(why), context_.clock.now());
  };
  vitals_.begin(facts.incarnation);
  if (facts.process == Process::starting) {
    unknown("PostgreSQL is starting up" + (tenants.startup.empty() ? "" : ": " + tenants.startup));
    co_return;
  }
  const auto asked_at = context_.clock.now();
  if (tenants.frozen) {
    unknown("the postmaster is stopped by a signal");
    vitals_.frozen(asked_at);
  } else {
    auto asking = question_server(facts, deadline);
    auto probing = vitals_.probe(deadline);
    co_await (std::move(asking) && std::move(probing));
  }
  if (facts.process != Process::running) co_return;
  vitals_.tell(facts);
}

Task<void> Sight::question_server(PostgresFacts& facts, Instant deadline) {
  const auto asked_at = context_.clock.now();
  auto asking = monitor_.ask(postmaster_.incarnation(), deadline);
  auto answer = co_await std::move(asking);
  if (!answer) {
    // A server that restarts itself after a crash still calls itself ready in its pid file (F16).
    if (cannot_connect_now(answer.error()) && facts.process == Process::running) facts.process = Process::starting;
    facts.server = Fact<ServerFacts>::unknown(answer.error().message, context_.clock.now());
    if (answer.error().kind == ErrorKind::timeout) vitals_.silent(asked_at);
    co_return;
  }
  vitals_.answered(*answer, asked_at);
  if (answer->facts.in_recovery) {
    auto judging = position_.judge(*answer, deadline);
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
  context_.system_id = answer->system_id;
  pending_restart_ = pending_restart_reason(context_.parameters(), *answer->settings);
  context_.doors_pending =
      pending_restart_.contains("listen_addresses") || pending_restart_.contains("unix_socket_directories");
  config_.note_restart_parameters(*answer->settings);
}

Task<void> Sight::look_at_data(PostgresFacts& facts, Result<DirectoryLook> look, Instant deadline) {
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
    context_.forget_cluster();
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

Task<void> Sight::look_at_control(PostgresFacts& facts, std::string stamp, Instant deadline) {
  auto& data = facts.data;
  const bool stopped = facts.process == Process::stopped;
  const bool cached = context_.control && !stamp.empty() && stamp == context_.control_stamp;
  if (!cached && (stopped || context_.system_id.empty())) {
    auto reading = read_control_data(context_, deadline);
    auto control = co_await std::move(reading);
    if (!control) {
      data.why = control.error().message;
      co_return;
    }
    context_.system_id = control->system_id;
    context_.control = std::move(*control);
    context_.control_stamp = stamp;
  }
  data.state = DataState::valid;
  data.system_id = context_.system_id;
  if (stopped && context_.control) data.control = context_.control->facts;
}

Task<void> Sight::changed(Instant until) {
  try {
    auto waiting = postmaster_.changed(until);
    auto watching = vitals_.watch(until);
    auto receiving = wait_receiver(until);
    co_await (std::move(waiting) || std::move(watching) || std::move(receiving));
  } catch (const std::exception&) {
    // A cancelled wait is an early return.
  }
}

Task<void> Sight::wait_receiver(Instant until) {
  if (receiver_) {
    auto ended = receiver_end_.wait(*receiver_, context_.clock, until);
    co_await std::move(ended);
  } else {
    auto rest = context_.clock.sleep_until(until);
    co_await std::move(rest);
  }
}

}  // namespace regent
