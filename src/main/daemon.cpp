#include "main/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <utility>

#include "adapters/dcs/etcd3/etcd3.h"
#include "adapters/net/http_server.h"
#include "adapters/net/peers.h"
#include "adapters/os/clock.h"
#include "adapters/os/guard_process.h"
#include "adapters/os/memory.h"
#include "adapters/os/process.h"
#include "adapters/os/watchdog_device.h"
#include "adapters/postgres/layout.h"
#include "adapters/postgres/node.h"
#include "agent/agent.h"
#include "agent/flight_recorder.h"
#include "base/log.h"
#include "main/environment.h"
#include "main/self.h"
#include "rest/api.h"

namespace regent {

namespace {

namespace asio = boost::asio;

// One attempt to reach the store at start, and the rest between two.
constexpr Duration connect_time = std::chrono::seconds(5);
constexpr Duration connect_pause = std::chrono::seconds(1);
constexpr Duration namesake_time = std::chrono::seconds(3);

std::string store_prefix(const LocalConfig& config) {
  return fmt::format("{}/{}/", config.service_namespace, config.scope);
}

// Whatever job comes first would fail with it, a long time after the start.
Result<void> check_programs(const PostgresConfig& config) {
  if (config.bin_dir.empty()) return {};
  for (const char* name : {"postgres", "initdb", "pg_basebackup", "pg_controldata"}) {
    const std::string path = program(config, name);
    if (::access(path.c_str(), X_OK) != 0) {
      return fail(ErrorKind::invalid, fmt::format("{} cannot be executed; let postgresql.bin_dir name the directory "
                                                  "with PostgreSQL's programs",
                                                  path));
    }
  }
  return {};
}

GuardOptions guard_options(const LocalConfig& config) {
  GuardOptions options;
  options.mode = config.guard_mode;
  options.data_dir = std::filesystem::absolute(config.postgres.data_dir).string();
  options.executable = server_name(config.postgres);
  return options;
}

// 64 random bits are enough to tell two processes apart.
std::string draw_instance() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

// What an agent saw is nobody else's business, and a link that lies in wait in a public directory is not followed.
bool write_private_file(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return false;
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(file, text.data() + done, text.size() - done);
    if (wrote < 0) break;
    done += static_cast<std::size_t>(wrote);
  }
  return ::close(file) == 0 && done == text.size();
}

class Daemon {
 public:
  explicit Daemon(Launch launch)
      : launch_(std::move(launch)),
        postgres_(launch_.config, clock_),
        guard_(guard_options(launch_.config), clock_),
        watchdog_(parse_watchdog(launch_.config.watchdog)),
        peers_(make_peers(io_.get_executor(), clock_, peers_options(launch_.config.ctl, launch_.config.rest))),
        server_(launch_.config.rest),
        signals_(io_, SIGTERM, SIGINT, SIGHUP),
        reports_(io_, SIGUSR1, SIGCHLD) {}

  // Everything that can go wrong before the loop runs, in the order in which it should be noticed.
  Result<void> open() {
    if (::geteuid() == 0) {
      return fail(ErrorKind::refused,
                  "regent does not run as root, because PostgreSQL does not; start it as the user "
                  "that owns postgresql.data_dir");
    }
    // As Patroni of this generation: what the agent and its callbacks write is nobody else's business.
    if (launch_.config.compat == Generation::v4) ::umask(S_IRWXG | S_IRWXO);
    if (auto programs = check_programs(launch_.config.postgres); !programs) return programs;
    if (auto store = open_store(); !store) return store;
    make_agent();
    return open_rest();
  }

  int run() {
    listen_to_signals();
    listen_to_reports();
    auto life = live(*this);
    asio::co_spawn(io_, std::move(life), [this](std::exception_ptr error, int code) {
      if (error) failure_ = error;
      exit_code_ = code;
      io_.stop();
    });
    io_.run();
    server_.stop();
    if (failure_) std::rethrow_exception(failure_);
    return exit_code_;
  }

 private:
  Result<void> open_store() {
    const LocalConfig& config = launch_.config;
    if (!etcd3::is_etcd(config.store.kind)) {
      return fail(ErrorKind::invalid,
                  fmt::format("the store '{}' is not supported by this version; configure etcd3", config.store.kind));
    }
    if (config.store.kind == "etcd") {
      log::warning(
          "the section etcd means the v2 API of etcd; servers that have it no more are asked through v3, as with "
          "the section etcd3");
    }
    auto store = make_etcd3(io_.get_executor(), clock_, config.store.section, store_prefix(config), config.name,
                            std::chrono::seconds(30), config.store.kind);
    if (!store) return tl::make_unexpected(store.error());
    dcs_ = std::move(*store);
    return {};
  }

  void make_agent() {
    AgentHooks hooks;
    hooks.decided = [this](const Observation& observation, const Memory& before, const Decision& decision) {
      recorder_.record(observation, before, decision);
      tidy_up(observation);
    };
    hooks.reload = [this] { reload(); };
    agent_ =
        std::make_unique<Agent>(io_.get_executor(), AgentPorts{clock_, *dcs_, postgres_, *peers_, guard_, watchdog_},
                                make_self(launch_.config), board_, std::move(hooks));
  }

  Result<void> open_rest() {
    const LocalConfig& config = launch_.config;
    const rest::Identity identity{config.scope, config.name, config.compat, std::string(regent_version), instance_};
    const rest::Clocks clocks{[] { return BootTime::now(); }, [this] { return clock_.wall(); }};
    api_ = std::make_shared<rest::Api>(board_, *agent_, config.rest, identity, clocks, server_.thread());
    return server_.start(
        [api = api_](HttpRequest request, HttpReply reply) { api->handle(std::move(request), std::move(reply)); },
        [api = api_](HttpRequest head, HttpVerdict verdict) { api->admit(std::move(head), std::move(verdict)); });
  }

  static Task<int> live(Daemon& daemon) {
    notify(daemon.launch_.notify_socket, "READY=1");
    auto reach = reach_store(daemon);
    const std::optional<ClusterView> view = co_await std::move(reach);
    if (daemon.ending_) co_return 0;
    auto ask = namesake_runs(daemon, view.value_or(ClusterView{}));
    if (const std::string twin = co_await std::move(ask); !twin.empty()) {
      log::critical(
          "Can't start; there is already a node named '{}' running: it answers at {}; end it, or give this one "
          "another name",
          daemon.launch_.config.name.str(), twin);
      co_return 1;
    }
    auto loop = daemon.agent_->run();
    co_return co_await std::move(loop);
  }

  // A machine may come up before its store does. nullopt: asked to end meanwhile, or a server runs here, which somebody
  // has to watch over with or without the store (F01, I3).
  static Task<std::optional<ClusterView>> reach_store(Daemon& daemon) {
    while (!daemon.ending_) {
      auto read = daemon.dcs_->read(daemon.clock_.now() + connect_time);
      Result<ClusterView> view = co_await std::move(read);
      if (view) co_return std::move(*view);
      log::error("{}", view.error().message);
      log::info("waiting on {}", daemon.launch_.config.store.kind);
      auto look = daemon.postgres_.observe(daemon.clock_.now() + connect_time);
      const PostgresFacts server = co_await std::move(look);
      if (daemon.ending_ || server.process != Process::stopped) break;
      auto pause = daemon.clock_.sleep_until(daemon.clock_.now() + connect_pause);
      co_await std::move(pause);
    }
    co_return std::nullopt;
  }

  // F74: the address where somebody else answers to our name; empty: nobody does. It may be our own address as we
  // believe: in a copy of a machine it is the original's.
  static Task<std::string> namesake_runs(Daemon& daemon, ClusterView view) {
    const MemberName& name = daemon.launch_.config.name;
    const Member* member = view.member(name);
    if (member == nullptr || member->api_url.empty()) co_return std::string();
    const std::string address = member->api_url;
    std::vector<Member> namesake{*member};
    auto ask = daemon.peers_->ask(std::move(namesake), daemon.clock_.now() + namesake_time);
    const PeersFacts answers = co_await std::move(ask);
    const PeerAnswer* answer = answers.find(name);
    if (answer == nullptr || !answer->reachable || answer->instance == daemon.instance_) co_return std::string();
    // The address was ours once, and is another member's by now.
    if (!answer->own_name.empty() && answer->own_name != name.str()) co_return std::string();
    co_return address;
  }

  // An agent mostly waits. What start-up or a job has needed goes when it is over, and the cycle after it was calm.
  void tidy_up(const Observation& observation) {
    const auto& job = observation.job;
    if (job.running || (job.ended && job.ended->at != last_job_)) {
      tidy_at_ = observation.now + observation.settings.loop_wait;
      if (job.ended) last_job_ = job.ended->at;
    } else if (observation.now >= tidy_at_) {
      tidy_at_ = Instant::max();
      release_unused_memory();
    }
  }

  void listen_to_signals() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        reload();
      } else {
        log::info("asked to end by signal {}", signal);
        notify(launch_.notify_socket, "STOPPING=1");
        ending_ = true;
        agent_->request_shutdown();
      }
      listen_to_signals();
    });
  }

  void listen_to_reports() {
    reports_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal == SIGCHLD) {
        reap_children();
      } else {
        write_report();
      }
      listen_to_reports();
    });
  }

  // The last good configuration stays when the new one cannot be used (F40).
  void reload() {
    auto fresh = load_local_config(launch_.config_path, launch_.environment);
    if (!fresh) {
      log::error("the configuration was not reloaded: {}", fresh.error().message);
      return;
    }
    if (fresh->name != launch_.config.name || fresh->scope != launch_.config.scope) {
      log::error("the configuration was not reloaded: name and scope cannot change while the agent runs");
      return;
    }
    for (const std::string& warning : fresh->warnings) log::warning("{}", warning);
    const LocalConfig before = std::exchange(launch_.config, std::move(*fresh));
    // What is served until the new section is.
    RestConfig rest = std::exchange(launch_.config.rest, before.rest);
    reload_log(before.log);
    reload_store(before.store);
    postgres_.set_local_config(launch_.config);
    guard_.set_mode(launch_.config.guard_mode);
    watchdog_.reconfigure(parse_watchdog(launch_.config.watchdog));
    reload_rest(std::move(rest));
    log::info("reloaded the configuration");
  }

  void reload_log(const log::Options& before) {
    log::Options same_level = before;
    same_level.level = launch_.config.log.level;
    if (same_level == launch_.config.log) {
      log::set_level(launch_.config.log.level);
    } else {
      log::restart(launch_.config.log);
    }
  }

  // Another store would be another cluster: the one that holds our lease stays.
  void reload_store(const StoreConfig& before) {
    StoreConfig& wanted = launch_.config.store;
    Result<void> taken;
    if (wanted.kind != before.kind) {
      taken = fail(ErrorKind::refused,
                   fmt::format("the store cannot change from {} to {} while the agent runs", before.kind, wanted.kind));
    } else if (wanted.section != before.section) {
      taken = dcs_->reconfigure(wanted.section, wanted.kind);
    }
    if (taken) return;
    log::error("the section {} was not reloaded: {}", before.kind, taken.error().message);
    wanted = before;
  }

  // Everything that follows from it, and what the others are told, changes when it is served; or not at all.
  void reload_rest(RestConfig wanted) {
    const auto settle = [this](const RestConfig& section, const Result<void>& done) {
      if (done) {
        launch_.config.rest = section;
      } else {
        log::error("restapi was not reloaded: {}", done.error().message);
      }
      peers_->reconfigure(peers_options(launch_.config.ctl, launch_.config.rest));
      agent_->request_reload(make_self(launch_.config));
    };
    server_.reconfigure(wanted, [this, wanted, settle](Result<void> done) {
      // Before anybody is answered behind a new address.
      if (done) api_->reconfigure(wanted);
      asio::post(io_, [wanted, settle, done = std::move(done)] { settle(wanted, done); });
    });
  }

  // The last decisions, for people and for `regent-sim --replay`.
  void write_report() const {
    const std::string& directory = launch_.config.log.directory;
    const std::string path = (directory.empty() ? "/tmp" : directory) + "/regent-" + launch_.config.name.str();
    for (const auto& [suffix, text] :
         {std::pair(".report", recorder_.text()), std::pair(".decisions", recorder_.records())}) {
      if (write_private_file(path + suffix, text)) {
        log::info("wrote the last decisions to {}{}", path, suffix);
      } else {
        log::error("cannot write the report {}{}", path, suffix);
      }
    }
  }

  // Destroyed from the last to the first. PostgreSQL's port has nothing of the io_context and is used by coroutines
  // that go with it.
  Launch launch_;
  const std::string instance_ = draw_instance();
  SystemClock clock_;
  SnapshotBoard board_;
  FlightRecorder recorder_;
  PostgresNode postgres_;
  GuardProcess guard_;
  WatchdogDevice watchdog_;
  asio::io_context io_{1};
  std::unique_ptr<RestPeers> peers_;
  std::unique_ptr<Etcd3Dcs> dcs_;
  std::unique_ptr<Agent> agent_;
  RestServer server_;
  std::shared_ptr<rest::Api> api_;
  asio::signal_set signals_;
  asio::signal_set reports_;
  ResumeWatch resume_{io_.get_executor()};
  Instant tidy_at_ = clock_.now() + std::chrono::seconds(10);
  std::optional<Instant> last_job_;
  bool ending_ = false;
  int exit_code_ = 1;
  std::exception_ptr failure_;
};

}  // namespace

int run_daemon(Launch launch) {
  for (const std::string& warning : launch.config.warnings) log::warning("{}", warning);
  const log::Options log_options = launch.config.log;
  Daemon daemon(std::move(launch));
  if (auto opened = daemon.open(); !opened) {
    fmt::print(stderr, "{}\n", opened.error().message);
    return 1;
  }
  log::start(log_options);
  int code = 1;
  try {
    code = daemon.run();
  } catch (const std::exception& error) {
    log::critical("the control loop ended with an error that nobody expected: {}", error.what());
  }
  log::stop();
  return code;
}

}  // namespace regent
