#include "adapters/os/process_table.h"

#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "adapters/os/files.h"

// glibc 2.36 forgot to say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

namespace regent {
namespace {

// The words of a line, one after the other.
std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const auto word = rest.substr(0, rest.find_first_of(" \n"));
  rest.remove_prefix(word.size());
  return word;
}

template <class Number>
bool read_number(std::string_view word, Number& number) {
  const auto* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, number);
  return error == std::errc() && stop == end;
}

}  // namespace

std::optional<ProcessInfo> parse_process_stat(const std::string& text) {
  // The name in parentheses may hold anything, parentheses too: the last one ends it.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  ProcessInfo info;
  info.id.pid = static_cast<pid_t>(std::atoi(text.c_str()));
  std::string_view rest = std::string_view(text).substr(name_end + 1);
  const auto state = next_word(rest);
  const auto parent = next_word(rest);
  for (int field = 5; field <= 21; ++field) {
    const auto word = next_word(rest);
    std::uint64_t ticks = 0;
    if ((field == 14 || field == 15) && read_number(word, ticks)) info.processor_ticks += ticks;
  }
  if (state.size() != 1 || !read_number(parent, info.parent) || !read_number(next_word(rest), info.id.start_ticks) ||
      info.id.pid <= 0) {
    return std::nullopt;
  }
  info.state = state.front();
  return info;
}

std::optional<ProcessInfo> process_info(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid));
  return text ? parse_process_stat(*text) : std::nullopt;
}

bool is_alive(const ProcessId& id) {
  const auto info = process_info(id.pid);
  return info && info->id == id && !info->dead();
}

std::vector<ProcessInfo> list_processes() {
  std::vector<ProcessInfo> all;
  DIR* directory = opendir("/proc");
  if (directory == nullptr) return all;
  while (const dirent* entry = readdir(directory)) {
    pid_t pid = 0;
    if (!read_number(entry->d_name, pid)) continue;
    if (const auto info = process_info(pid)) all.push_back(*info);
  }
  closedir(directory);
  return all;
}

std::vector<ProcessInfo> with_descendants(const std::vector<ProcessInfo>& all, pid_t root) {
  std::vector<ProcessInfo> found;
  std::set<pid_t> pids{root};
  for (const auto& info : all) {
    if (info.id.pid == root) found.push_back(info);
  }
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& info : all) {
      if (!pids.contains(info.parent) || !pids.insert(info.id.pid).second) continue;
      found.push_back(info);
      grew = true;
    }
  }
  return found;
}

std::string executable_name(pid_t pid) {
  char target[4096];
  const auto length = readlink(fmt::format("/proc/{}/exe", pid).c_str(), target, sizeof target);
  if (length <= 0) return {};
  std::string path(target, static_cast<std::size_t>(length));
  constexpr std::string_view replaced = " (deleted)";
  if (path.ends_with(replaced)) path.resize(path.size() - replaced.size());
  return path.substr(path.rfind('/') + 1);
}

std::string command_line(pid_t pid) {
  auto text = read_file(fmt::format("/proc/{}/cmdline", pid)).value_or("");
  for (auto& character : text) {
    if (character == '\0') character = ' ';
  }
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

std::vector<std::string> arguments(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/cmdline", pid)).value_or("");
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

bool is_same_path(pid_t pid, const std::string& path, const std::string& directory) {
  struct stat theirs {
  }, ours{};
  const std::string seen = path.starts_with('/') ? path : fmt::format("/proc/{}/cwd/{}", pid, path);
  return stat(seen.c_str(), &theirs) == 0 && stat(directory.c_str(), &ours) == 0 && theirs.st_dev == ours.st_dev &&
         theirs.st_ino == ours.st_ino;
}

bool same_directory(pid_t pid, const std::string& directory) {
  return is_same_path(pid, fmt::format("/proc/{}/cwd", pid), directory);
}

UniqueFd open_process(const ProcessId& id) {
  UniqueFd fd(pidfd_open(id.pid, 0));
  // The number may have been given to somebody else before we opened it.
  if (!fd.valid() || !is_alive(id)) return UniqueFd();
  return fd;
}

bool send_signal(const ProcessId& id, int signal) {
  const auto fd = open_process(id);
  return fd.valid() && pidfd_send_signal(fd.get(), signal, nullptr, 0) == 0;
}

}  // namespace regent
