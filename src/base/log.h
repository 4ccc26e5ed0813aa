// The logging front. Patroni's line format by default: "2024-08-28 19:39:26,352 INFO: text" (T23). Lines go through a
// bounded queue to a writer thread; when a reader blocks or the disk is full, lines are dropped and counted, the caller
// never waits (F07).
// Threading: any thread. Errors: none visible; lost lines are counted.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/log_line.h"

namespace regent::log {

struct Options {
  Level level = Level::info;
  std::string directory;  // empty: standard error
  std::uint64_t file_size = 25'000'000;
  unsigned file_count = 4;          // old files kept beside patroni.log: patroni.log.1 and so on
  std::uint32_t file_mode = 0;      // permissions of the files; 0: what the umask leaves of 0666
  std::uint32_t queue_size = 1000;  // lines
  LineForm line = {};

  friend bool operator==(const Options&, const Options&) = default;
};

// Call once before other threads log; until then lines go to standard error unqueued.
void start(const Options& options);
// Writes what is queued, bounded in time, and goes back to unqueued standard error.
void stop();
void set_level(Level level);
// Goes on by other options; the old writer ends by itself, for as long as it takes.
void restart(const Options& options);

// Lines dropped since start, and lines waiting now (REST: logger_records_lost, logger_queue_size).
std::uint64_t lost();
std::uint64_t queued();

void write(Level level, std::string_view line);
bool enabled(Level level);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warning)) write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void critical(fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::critical)) write(Level::critical, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace regent::log
