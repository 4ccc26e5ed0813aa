#include "adapters/postgres/postmaster.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/inotify.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "adapters/os/files.h"
#include "base/log.h"

namespace regent {
namespace {

// How often a start is looked after; its end comes as an event.
constexpr Duration look_interval = std::chrono::milliseconds(30);

// Drains what inotify has; whether one of the events named the file.
bool told_of(int fd, std::string_view name) {
  alignas(inotify_event) char buffer[4096];
  bool found = false;
  for (;;) {
    const auto count = read(fd, buffer, sizeof buffer);
    if (count <= 0) return found;
    for (ssize_t at = 0; at < count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      found = found || (event->len > 0 && name == event->name) || (event->mask & IN_IGNORED) != 0;
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
}

}  // namespace

Task<void> wait_exit(ProcessId id, Clock& clock, Instant until) {
  const auto handle = open_process(id);
  if (!handle.valid()) co_return;
  auto waiting = wait_for(handle.get(), Ready::to_read, clock, until);
  co_await std::move(waiting);
  reap_children();
}

Task<void> ExitWatch::wait(ProcessId id, Clock& clock, Instant until) {
  if (id_ != id || !handle_.valid()) {
    const auto handle = open_process(id);
    if (!handle.valid()) co_return;
    handle_ = WatchedFd(co_await boost::asio::this_coro::executor, handle.get());
    id_ = id;
  }
  auto waiting = handle_.wait(Ready::to_read, clock, until);
  if (!co_await std::move(waiting)) co_return;
  handle_ = WatchedFd();
  reap_children();
}

void Postmaster::note(std::optional<ProcessId> id) {
  if (id && id != current_) {
    current_ = id;
    ++incarnation_;
  }
}

std::string Postmaster::identity() const {
  return observed_ ? fmt::format("{}:{}", observed_->pid, observed_->start_ticks) : std::string();
}

std::function<Result<Tenants>()> Postmaster::search() const {
  return [layout = context_.layout, server = context_.server(), started = current_] {
    return look_for_tenants(layout, server, started);
  };
}

void Postmaster::saw(const Result<Tenants>& tenants) {
  reap_children();
  if (!tenants) return;
  note(tenants->postmaster);
  observed_ = tenants->postmaster;
  lingering_ = tenants->orphans;
  if (tenants->orphans.empty()) return;
  log::warning("killing {} backends whose postmaster is gone", tenants->orphans.size());
  kill_tenants(*tenants);
}

Task<Result<Tenants>> Postmaster::find(Instant deadline) {
  reap_children();
  auto asking = context_.ask<Tenants>(search(), deadline, "the process table");
  auto tenants = co_await std::move(asking);
  if (tenants) note(tenants->postmaster);
  co_return tenants;
}

Task<Result<Tenants>> Postmaster::look(Instant deadline) {
  auto finding = find(deadline);
  auto tenants = co_await std::move(finding);
  saw(tenants);
  co_return tenants;
}

Task<Result<void>> Postmaster::require_stopped(Instant deadline) {
  auto versioning = context_.ensure_version(deadline);
  if (auto known = co_await std::move(versioning); !known) co_return known;
  auto looking = look(deadline);
  const auto tenants = co_await std::move(looking);
  if (!tenants) co_return tl::unexpected(tenants.error());
  if (!tenants->none()) co_return fail(ErrorKind::conflict, "PostgreSQL is not stopped");
  co_return Result<void>();
}

Task<void> Postmaster::changed(Instant until) {
  if (!lingering_.empty()) {
    auto waiting = wait_exit(lingering_.front(), context_.clock, until);
    co_await std::move(waiting);
    co_return;
  }
  // One that we started since the last look is news.
  if (current_ && current_ != observed_ && is_alive(*current_)) co_return;
  if (observed_) {
    auto waiting = end_.wait(*observed_, context_.clock, until);
    co_await std::move(waiting);
    co_return;
  }
  auto waiting = wait_appear(until);
  co_await std::move(waiting);
}

Task<void> Postmaster::wait_appear(Instant until) {
  const UniqueFd watch(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  const bool watching =
      watch.valid() && inotify_add_watch(watch.get(), context_.layout.data_dir.c_str(), IN_CREATE | IN_MOVED_TO) >= 0;
  for (;;) {
    if (!watching) {
      auto sleeping = context_.clock.sleep_until(until);
      co_await std::move(sleeping);
      co_return;
    }
    auto waiting = wait_for(watch.get(), Ready::to_read, context_.clock, until);
    if (!co_await std::move(waiting) || told_of(watch.get(), "postmaster.pid")) co_return;
  }
}

Task<Result<void>> Postmaster::wait_ready(ProcessId id, Instant deadline) {
  const auto handle = open_process(id);
  for (;;) {
    reap_children();
    if (!handle.valid() || !is_alive(id)) {
      co_return fail(ErrorKind::failed, "PostgreSQL ended while it was starting; its log tells why");
    }
    std::function<Result<std::string>()> call = [path = context_.layout.data("postmaster.pid")] {
      return read_file(path);
    };
    auto asking = context_.ask<std::string>(std::move(call), deadline, "the data directory");
    const auto text = co_await std::move(asking);
    const auto file = text ? parse_pid_file(*text) : std::nullopt;
    if (file && file->pid == id.pid && (file->status == "ready" || file->status == "standby")) {
      context_.running = file;
      co_return Result<void>();
    }
    if (context_.clock.now() >= deadline) co_return fail(ErrorKind::timeout, "PostgreSQL is still starting");
    auto waiting = wait_for(handle.get(), Ready::to_read, context_.clock,
                            std::min(deadline, context_.clock.now() + look_interval));
    co_await std::move(waiting);
  }
}

Task<Result<void>> Postmaster::start(std::vector<std::string> arguments, Instant deadline) {
  auto looking = look(deadline);
  auto tenants = co_await std::move(looking);
  if (!tenants) co_return tl::unexpected(tenants.error());
  if (tenants->postmaster) co_return fail(ErrorKind::conflict, "PostgreSQL is running already");
  if (tenants->tool) co_return fail(ErrorKind::conflict, "another server process works in the data directory");
  if (!tenants->orphans.empty()) {
    auto waiting = wait_gone(deadline);
    if (auto gone = co_await std::move(waiting); !gone) co_return gone;
  }
  Command command;
  command.arguments = std::move(arguments);
  const auto pid = start_daemon(command);
  if (!pid) co_return tl::unexpected(pid.error());
  const auto info = process_info(*pid);
  if (!info) co_return fail(ErrorKind::failed, "PostgreSQL ended right after its start");
  note(info->id);
  log::info("postmaster pid={}", *pid);
  auto waiting = wait_ready(info->id, deadline);
  co_return co_await std::move(waiting);
}

Task<Result<void>> Postmaster::wait_gone(Instant deadline) {
  for (;;) {
    auto finding = find(deadline);
    const auto tenants = co_await std::move(finding);
    std::optional<ProcessId> one;
    if (!tenants) {
      // The disk hangs: what we know of the process has to do.
      if (!current_ || !is_alive(*current_)) co_return tl::unexpected(tenants.error());
      one = current_;
    } else if (tenants->postmaster) {
      one = tenants->postmaster;
    } else if (!tenants->orphans.empty()) {
      kill_tenants(*tenants);
      one = tenants->orphans.front();
    } else {
      co_return Result<void>();
    }
    if (context_.clock.now() >= deadline) co_return fail(ErrorKind::timeout, "PostgreSQL did not stop in time");
    auto waiting = wait_exit(*one, context_.clock, deadline);
    co_await std::move(waiting);
  }
}

Task<Result<void>> Postmaster::stop(StopMode mode, Instant deadline) {
  auto finding = find(std::min(deadline, context_.clock.now() + std::chrono::seconds(1)));
  const auto tenants = co_await std::move(finding);
  const auto postmaster = tenants ? tenants->postmaster : current_;
  if (postmaster) send_signal(*postmaster, mode == StopMode::immediate ? SIGQUIT : SIGINT);
  if (postmaster && mode == StopMode::fast_without_decoding) end_replication(*postmaster, true);
  if (postmaster && mode == StopMode::fast_without_replication) end_replication(*postmaster, false);
  auto waiting = wait_gone(deadline);
  co_return co_await std::move(waiting);
}

void Postmaster::end_replication(ProcessId postmaster, bool decoding_only) {
  for (const auto& process : with_descendants(list_processes(), postmaster.pid)) {
    const std::string title = command_line(process.id.pid);
    if (title.find("walsender ") == std::string::npos) continue;
    // The title of a physical one tells how far it has sent.
    if (decoding_only && title.find(" streaming ") != std::string::npos) continue;
    log::warning("ending the replication connection '{}', which keeps PostgreSQL from stopping", title);
    send_signal(process.id, SIGTERM);
  }
}

Task<Result<void>> Postmaster::kill(Instant deadline) {
  auto finding = find(std::min(deadline, context_.clock.now() + std::chrono::seconds(1)));
  auto tenants = co_await std::move(finding);
  Tenants victims;
  if (tenants) {
    victims = *tenants;
  } else {
    victims.postmaster = current_;
  }
  kill_tenants(victims);
  auto waiting = wait_gone(deadline);
  co_return co_await std::move(waiting);
}

bool Postmaster::reload() {
  return current_ && send_signal(*current_, SIGHUP);
}

}  // namespace regent
