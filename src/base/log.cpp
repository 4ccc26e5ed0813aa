#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <future>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace regent::log {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::string_view file_name = "patroni.log";
constexpr auto poll_step = std::chrono::milliseconds(50);
constexpr auto drain_time = std::chrono::milliseconds(1500);
// A pipe that polls writable takes this much without blocking (POSIX).
constexpr std::size_t chunk_size = PIPE_BUF;

std::atomic<Level> threshold{Level::info};
std::atomic<std::uint64_t> lost_lines{0};
// Standard error did not take our last lines: without a writer thread nobody may wait for it.
std::atomic<bool> error_stream_stuck{false};

spdlog::level::level_enum to_spdlog(Level level) {
  constexpr std::array levels{spdlog::level::debug, spdlog::level::info,     spdlog::level::warn,
                              spdlog::level::err,   spdlog::level::critical, spdlog::level::off};
  return levels.at(static_cast<std::size_t>(level));
}

Level from_spdlog(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return Level::debug;
    case spdlog::level::warn:
      return Level::warning;
    case spdlog::level::err:
      return Level::error;
    case spdlog::level::critical:
      return Level::critical;
    default:
      return Level::info;
  }
}

// Writes all of `line`, waiting for a slow reader until `give_up` says so. Never blocks in write(): a pipe nobody reads
// polls as not writable (F07).
template <class GiveUp>
bool write_all(int file, std::string_view line, const GiveUp& give_up) {
  while (!line.empty()) {
    pollfd entry{file, POLLOUT, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(poll_step.count()));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) {
      if (give_up()) return false;
      continue;
    }
    const auto written = ::write(file, line.data(), std::min(line.size(), chunk_size));
    if (written >= 0) {
      line.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR && errno != EAGAIN) {
      return false;
    } else if (give_up()) {
      return false;
    }
  }
  return true;
}

// Runs on the writer thread only.
class Sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit Sink(Options options) : options_(std::move(options)) {}
  ~Sink() override { close_file(); }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // Whether the directory takes a file at all; otherwise lines go to standard error.
  bool open() { return options_.directory.empty() || open_file(); }
  void fall_back() { options_.directory.clear(); }

  // From now on lines that cannot be written by `deadline` are dropped.
  void finish_by(SteadyTime deadline) {
    deadline_ = deadline;
    finishing_ = true;
  }
  bool busy() const { return busy_; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    busy_ = true;
    const std::string line = print_line(options_.line, message.time, from_spdlog(message.level),
                                        std::string_view(message.payload.data(), message.payload.size()));
    const auto give_up = [this] { return finishing_ && std::chrono::steady_clock::now() >= deadline_.load(); };
    if (options_.directory.empty()) {
      if (!write_all(STDERR_FILENO, line, give_up)) {
        ++lost_lines;
        if (give_up()) error_stream_stuck = true;
      }
    } else {
      write_to_file(line, give_up);
    }
    busy_ = false;
  }
  void flush_() override {}

 private:
  std::string path(unsigned number = 0) const {
    return number == 0 ? fmt::format("{}/{}", options_.directory, file_name)
                       : fmt::format("{}/{}.{}", options_.directory, file_name, number);
  }

  template <class GiveUp>
  void write_to_file(std::string_view line, const GiveUp& give_up) {
    if (options_.file_size > 0 && size_ > 0 && size_ + line.size() >= options_.file_size) rotate();
    // The file may have been impossible to open a moment ago: descriptors, permissions, a full disk.
    if ((file_ < 0 && !open_file()) || !write_all(file_, line, give_up)) {
      ++lost_lines;
    } else {
      size_ += line.size();
    }
  }

  bool open_file() {
    const ::mode_t mode = options_.file_mode == 0 ? 0666 : options_.file_mode;
    file_ = ::open(path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode);
    if (file_ < 0) return false;
    // A mode that was asked for holds whatever the umask is.
    if (options_.file_mode != 0 && ::fchmod(file_, mode) != 0 && errno != EPERM) return close_file();
    struct stat info {};
    size_ = ::fstat(file_, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
    return true;
  }

  bool close_file() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
    return false;
  }

  void rotate() {
    close_file();
    if (options_.file_count == 0) {
      ::unlink(path().c_str());
    } else {
      // Files that do not exist yet make rename fail; that is expected.
      for (unsigned number = options_.file_count; number > 0; --number)
        static_cast<void>(std::rename(path(number - 1).c_str(), path(number).c_str()));
    }
    size_ = 0;
  }

  Options options_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::atomic<bool> busy_{false};
  std::atomic<bool> finishing_{false};
  std::atomic<SteadyTime> deadline_{SteadyTime()};
};

// One running writer: the queue with its thread, and the logger in front of it.
struct Writer {
  std::shared_ptr<Sink> sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

std::atomic<std::shared_ptr<Writer>> current;
std::mutex lifecycle;

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// With a sink that is open.
std::shared_ptr<Writer> make_writer(const Options& options, std::shared_ptr<Sink> sink) {
  auto writer = std::make_shared<Writer>();
  writer->sink = std::move(sink);
  // Signals belong to the control loop, never to this thread.
  writer->pool =
      std::make_shared<spdlog::details::thread_pool>(std::max(options.queue_size, 1U), 1, [] { block_signals(); });
  writer->logger = std::make_shared<spdlog::async_logger>("regent", writer->sink, writer->pool,
                                                          spdlog::async_overflow_policy::overrun_oldest);
  writer->logger->set_level(spdlog::level::trace);
  writer->logger->set_error_handler([](const std::string&) { ++lost_lines; });
  return writer;
}

std::string cannot_open(const Options& options) {
  return fmt::format("cannot write {}/{}: {}", options.directory, file_name, std::strerror(errno));
}

// Ends the thread after it wrote what is queued, or gives it up when the disk or the reader does not answer.
void retire(std::shared_ptr<Writer> writer) {
  if (!writer) return;
  const auto deadline = std::chrono::steady_clock::now() + drain_time;
  writer->sink->finish_by(deadline);
  // Past the deadline the sink drops what is left, which takes no time; only a write that hangs in the kernel lasts.
  const auto patience = deadline + drain_time;
  const auto idle = [&] { return writer->pool->queue_size() == 0 && !writer->sink->busy(); };
  while (!idle() && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  lost_lines += writer->pool->overrun_counter();
  if (idle()) return;  // the last owner joins the thread
  lost_lines += writer->pool->queue_size();
  // Joining a thread that hangs in the kernel would hang us as well: it is left to the end of the process.
  static_cast<void>(new std::shared_ptr<Writer>(std::move(writer)));
}

// Without a writer thread: the start of the program, and the commands of regentctl.
void write_directly(Level level, std::string_view line) {
  const auto start = std::chrono::steady_clock::now();
  const auto give_up = [&] { return error_stream_stuck || std::chrono::steady_clock::now() - start > poll_step; };
  if (write_all(STDERR_FILENO, print_line(LineForm(), std::chrono::system_clock::now(), level, line), give_up)) {
    error_stream_stuck = false;
  } else {
    error_stream_stuck = true;
    ++lost_lines;
  }
}

}  // namespace

void start(const Options& options) {
  const std::lock_guard guard(lifecycle);
  set_level(options.level);
  auto sink = std::make_shared<Sink>(options);
  if (!sink->open()) {
    const auto problem = cannot_open(options);
    sink->fall_back();
    write(Level::error, problem + "; logging to standard error");
  }
  retire(current.exchange(make_writer(options, std::move(sink))));
}

void stop() {
  const std::lock_guard guard(lifecycle);
  retire(current.exchange(nullptr));
}

// Where the new options cannot be had, the old writer goes on.
void restart(const Options& options) {
  const std::lock_guard guard(lifecycle);
  set_level(options.level);
  auto sink = std::make_shared<Sink>(options);
  if (!sink->open()) return write(Level::error, "the log was not reloaded: " + cannot_open(options));
  try {
    auto writer = make_writer(options, std::move(sink));
    std::promise<std::shared_ptr<Writer>> old;
    std::thread([before = old.get_future()]() mutable {
      block_signals();
      retire(before.get());
    }).detach();
    old.set_value(current.exchange(std::move(writer)));
  } catch (const std::system_error& error) {
    write(Level::error, fmt::format("the log was not reloaded: no thread can be started: {}", error.what()));
  }
}

void set_level(Level level) {
  threshold = level;
}
bool enabled(Level level) {
  return level >= threshold.load(std::memory_order_relaxed);
}

std::uint64_t lost() {
  const auto writer = current.load();
  return lost_lines + (writer ? writer->pool->overrun_counter() : 0);
}

std::uint64_t queued() {
  const auto writer = current.load();
  return writer ? writer->pool->queue_size() : 0;
}

void write(Level level, std::string_view line) {
  if (!enabled(level)) return;
  if (const auto writer = current.load()) {
    writer->logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  } else {
    write_directly(level, line);
  }
}

}  // namespace regent::log
