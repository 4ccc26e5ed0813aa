#include "adapters/os/guard_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "adapters/os/files.h"
#include "adapters/os/guard_image.h"
#include "adapters/os/process.h"
#include "adapters/os/process_table.h"
#include "adapters/os/waiting.h"
#include "base/log.h"

namespace regent {
namespace {

using guard::Report;
using guard::Request;
using guard::State;

static_assert(SIGUSR1 == guard::stand_down_signal);

// Where the child finds its program; next to its socket.
constexpr int program_descriptor = guard::socket_descriptor + 1;

constexpr int burial_milliseconds = 50;
// A disk that hangs must not keep a renewal waiting.
constexpr Duration search_time = std::chrono::milliseconds(250);

// Out of the way of the numbers that the child's descriptors get.
UniqueFd moved_up(const UniqueFd& fd) {
  return UniqueFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, 16));
}

struct Actions {
  Actions() { posix_spawn_file_actions_init(&value); }
  ~Actions() { posix_spawn_file_actions_destroy(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t value{};
};

struct Attributes {
  Attributes() { posix_spawnattr_init(&value); }
  ~Attributes() { posix_spawnattr_destroy(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  posix_spawnattr_t value{};
};

int spawn_guard(int socket, int program, const GuardOptions& options, pid_t& pid) {
  Actions actions;
  for (int fd = 0; fd <= 2; ++fd) posix_spawn_file_actions_addopen(&actions.value, fd, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions.value, socket, guard::socket_descriptor);
  posix_spawn_file_actions_adddup2(&actions.value, program, program_descriptor);
  posix_spawn_file_actions_addclosefrom_np(&actions.value, program_descriptor + 1);
  Attributes attributes;
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes.value, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes.value, &signals);
  // What is sent to the agent's terminal or process group is not for the guard.
  posix_spawnattr_setflags(&attributes.value, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::array<std::string, 3> words{guard::process_name, options.data_dir, options.executable};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  char* environment[] = {nullptr};
  const std::string path = fmt::format("/proc/self/fd/{}", program_descriptor);
  return posix_spawn(&pid, path.c_str(), &actions.value, &attributes.value, arguments, environment);
}

std::string ending(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  return fmt::format("exited with code {}", WEXITSTATUS(status));
}

}  // namespace

GuardProcess::GuardProcess(GuardOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {
  facts_.mode = options_.mode;
}

Result<void> GuardProcess::launch() {
  auto program = guard_program();
  if (!program) return tl::unexpected(program.error());
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    return system_error("make a socket for", "the guard", errno);
  }
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  const auto socket = moved_up(theirs);
  const auto image = moved_up(*program);
  pid_t pid = 0;
  if (const int error = spawn_guard(socket.get(), image.get(), options_, pid); error != 0) {
    return system_error("start", "the guard", error);
  }
  pid_ = pid;
  socket_ = std::move(ours);
  answered_ = asked_;
  log::info("guard pid={}", pid);
  return {};
}

void GuardProcess::set_mode(FenceMode mode) {
  facts_.mode = mode;
  if (mode != FenceMode::off || pid_ == 0) return;
  facts_.state = GuardFacts::State::idle;
  kill(pid_, SIGKILL);
  bury();
}

void GuardProcess::bury() {
  // It is on its way out. One that the kernel does not let go is collected whenever it ends: the loop does not wait.
  const UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  pollfd ended{handle.get(), POLLIN, 0};
  if (handle.valid()) poll(&ended, 1, burial_milliseconds);
  int status = 0;
  const bool known = waitpid(pid_, &status, WNOHANG) == pid_;
  if (!known) reap_later(pid_);
  const std::string why = fmt::format("the guard (pid {}) {}", pid_, known ? ending(status) : "is gone");
  log::warning("{}", why);
  if (facts_.armed()) {
    facts_.state = GuardFacts::State::failed;
    facts_.why = why;
  }
  pid_ = 0;
  socket_ = UniqueFd();
  speech_ = WatchedFd();
}

// It does not answer: stopped, or starved. Its end is certain; a second one is better than a first that cannot act.
void GuardProcess::replace() {
  kill(pid_, SIGKILL);
  bury();
}

void GuardProcess::take(const Report& report) {
  if (report.sequence == 0) {
    facts_.fenced_at = Instant(Duration(report.fenced_at));
    const double late = to_seconds(Duration(report.fenced_at - report.deadline));
    if (report.leased != 0) {
      log::critical(
          "the guard ended PostgreSQL ({} processes) {:.3f} s after the end of the leader lease, which was not renewed "
          "in time",
          report.killed, late);
    } else {
      log::critical(
          "the guard ended PostgreSQL ({} processes), which could be written to without a leader lease and was to be "
          "stopped {:.3f} s before",
          report.killed, late);
    }
  } else {
    answered_ = report.sequence;
    const bool locked = report.unlocked == 0;
    if (std::exchange(facts_.memory_locked, locked) && !locked) {
      log::warning(
          "the guard's memory is not locked: raise the limit of locked memory (RLIMIT_MEMLOCK), or a machine "
          "that swaps may delay it");
    }
    error_ = report.error;
  }
  facts_.state = report.state == State::armed ? GuardFacts::State::armed : GuardFacts::State::idle;
  if (report.state == State::blind) facts_.state = GuardFacts::State::failed;
}

Task<void> GuardProcess::hear(Instant until) {
  if (!speech_.valid()) speech_ = WatchedFd(co_await boost::asio::this_coro::executor, socket_.get());
  auto waiting = speech_.wait(Ready::to_read, clock_, until);
  co_await std::move(waiting);
}

bool GuardProcess::listen() {
  for (;;) {
    Report report;
    const ssize_t size = recv(socket_.get(), &report, sizeof report, 0);
    if (size == sizeof report) {
      take(report);
    } else if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      return true;
    } else {
      return false;
    }
  }
}

Task<Result<void>> GuardProcess::ask_once(guard::Command command, Instant deadline, bool leased, Instant until) {
  if (pid_ == 0) {
    if (auto launched = launch(); !launched) co_return launched;
  }
  Request request;
  const std::uint64_t sequence = request.sequence = ++asked_;
  request.command = command;
  request.leased = leased ? 1 : 0;
  request.deadline = deadline.time_since_epoch().count();
  if (send(socket_.get(), &request, sizeof request, MSG_NOSIGNAL) != sizeof request) {
    const int error = errno;
    replace();
    co_return system_error("reach", "the guard", error);
  }
  const pid_t asked = pid_;
  while (pid_ == asked && answered_ < sequence) {
    if (!listen()) {
      bury();
      break;
    }
    if (answered_ >= sequence) break;
    if (clock_.now() >= until) {
      replace();
      break;
    }
    auto hearing = hear(until);
    co_await std::move(hearing);
  }
  if (pid_ != asked || answered_ < sequence) co_return fail(ErrorKind::failed, "the guard does not answer");
  if (error_ != 0) co_return system_error("find", options_.data_dir, error_);
  if (command == guard::Command::arm) facts_.deadline = deadline;
  co_return Result<void>();
}

Task<Result<void>> GuardProcess::ask(guard::Command command, Instant deadline, bool leased, Instant until) {
  const Instant now = clock_.now();
  auto first = ask_once(command, deadline, leased, now + (until - now) / 2);
  Result<void> outcome = co_await std::move(first);
  if (!outcome && error_ == 0) {
    auto second = ask_once(command, deadline, leased, until);
    outcome = co_await std::move(second);
  }
  co_return outcome;
}

Task<void> GuardProcess::arm(Instant deadline, bool leased, Instant until) {
  auto asking = ask(guard::Command::arm, deadline, leased, until);
  const Result<void> outcome = co_await std::move(asking);
  if (outcome && leased) {
    auto sending = send_home_others(until);
    co_await std::move(sending);
  }
  if (outcome) co_return;
  if (facts_.state != GuardFacts::State::failed || facts_.why != outcome.error().message) {
    log::error("the guard cannot be armed: {}", outcome.error().message);
  }
  facts_.state = GuardFacts::State::failed;
  facts_.why = outcome.error().message;
}

Task<void> GuardProcess::disarm(Instant until) {
  auto sending = send_home_others(until);
  co_await std::move(sending);
  facts_.state = GuardFacts::State::idle;
  if (pid_ == 0) co_return;
  auto asking = ask(guard::Command::disarm, {}, true, until);
  // One that does not listen must not end a server that nobody wants ended.
  if (!co_await std::move(asking) && pid_ != 0) replace();
  facts_.state = GuardFacts::State::idle;
}

Task<void> GuardProcess::changed(Instant until) {
  if (pid_ == 0) {
    auto sleep = clock_.sleep_until(until);
    co_await std::move(sleep);
    co_return;
  }
  const pid_t watched = pid_;
  auto hearing = hear(until);
  co_await std::move(hearing);
  if (pid_ == watched && !listen()) bury();
}

Task<void> GuardProcess::send_home_others(Instant until) {
  if (alone_) co_return;
  std::function<Result<int>()> look = [options = options_, except = pid_] {
    return Result<int>(send_guards_home(options.data_dir, options.executable, except));
  };
  const Instant enough = std::min(until, clock_.now() + search_time);
  auto looking = workers_.ask<int>(std::move(look), clock_, enough, "the data directory " + options_.data_dir);
  const Result<int> found = co_await std::move(looking);
  if (!found) log::warning("guards of earlier agents were not looked for: {}", found.error().message);
  // One that was sent home is looked for again: it may not have been able to hear.
  alone_ = found && *found == 0;
}

int send_guards_home(const std::string& data_dir, const std::string& executable, pid_t except) {
  int found = 0;
  for (const auto& process : list_processes()) {
    if (process.dead() || process.id.pid == except) continue;
    const auto words = arguments(process.id.pid);
    const bool alike = words.size() == 3 && words[0] == guard::process_name && words[2] == executable;
    // However it was spelled.
    if (!alike || (words[1] != data_dir && !is_same_path(process.id.pid, words[1], data_dir))) continue;
    ++found;
    if (send_signal(process.id, guard::stand_down_signal)) {
      log::info("sent home the guard of an earlier agent, pid={}", process.id.pid);
    }
  }
  return found;
}

}  // namespace regent
