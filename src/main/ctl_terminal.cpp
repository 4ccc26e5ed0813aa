#include "main/ctl_terminal.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <thread>

namespace regent {
namespace {

// Typed characters stay invisible as long as this lives.
class NoEcho {
 public:
  explicit NoEcho(bool wanted) {
    if (!wanted || ::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~NoEcho() {
    if (!changed_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stdout);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

bool on_path(const std::string& command) {
  std::istringstream directories(variable("PATH"));
  std::string directory;
  while (std::getline(directories, directory, ':')) {
    if (::access((directory + "/" + command).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string first_of(const char* name, const std::array<const char*, 2>& presets) {
  auto command = variable(name);
  if (!command.empty()) return command;
  for (const auto* preset : presets) {
    if (on_path(preset)) return preset;
  }
  return {};
}

// The command may carry options; the file is one argument whatever its name is.
int run_on_file(const std::string& command, const std::string& file) {
  const std::string script = command + " \"$1\"";
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", script.c_str(), "sh", file.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (child < 0) return 127;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// A file of our own that is gone when we are.
class TemporaryFile {
 public:
  TemporaryFile(std::string name, const std::string& text) {
    std::replace(name.begin(), name.end(), '/', '_');
    const std::string base = variable("TMPDIR");
    path_ = fmt::format("{}/{}-config-XXXXXX.yaml", base.empty() ? "/tmp" : base, name);
    const int handle = ::mkstemps(path_.data(), 5);
    if (handle < 0) return;
    FILE* file = ::fdopen(handle, "w");
    good_ = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (file != nullptr && std::fclose(file) != 0) good_ = false;
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  bool good() const { return good_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool good_ = false;
};

}  // namespace

void RealTerminal::out(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void RealTerminal::err(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

bool RealTerminal::get(char& c) {
  if (from_ == to_) {
    ssize_t count = 0;
    do {
      count = ::read(STDIN_FILENO, input_, sizeof input_);
    } while (count < 0 && errno == EINTR);
    if (count <= 0) return false;
    from_ = 0;
    to_ = static_cast<std::size_t>(count);
  }
  c = input_[from_++];
  return true;
}

std::optional<std::string> RealTerminal::read_line(bool hidden) {
  const NoEcho silence(hidden);
  std::string line;
  char c = 0;
  while (get(c)) {
    if (c == '\n') return line;
    line += c;
  }
  return line.empty() ? std::nullopt : std::optional(line);
}

std::string RealTerminal::read_all() {
  std::string text;
  char c = 0;
  while (get(c)) text += c;
  return text;
}

Result<std::string> RealTerminal::read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return fail(ErrorKind::not_found, fmt::format("'{}': {}", path, std::strerror(errno)));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool RealTerminal::interactive() const {
  return ::isatty(STDOUT_FILENO) == 1;
}

void RealTerminal::clear() {
  if (interactive()) out("\033[2J\033[1;1H");
}

void RealTerminal::page(const std::string& text) {
  const auto pager = interactive() ? first_of("PAGER", {"less", "more"}) : std::string();
  if (pager.empty()) return out(text);
  const TemporaryFile file("changes", text);
  if (!file.good() || run_on_file(pager, file.path()) != 0) out(text);
}

Result<std::string> RealTerminal::edit(const std::string& text, const std::string& name) {
  const auto editor = first_of("EDITOR", {"editor", "vi"});
  if (editor.empty()) {
    return fail(ErrorKind::not_found, "EDITOR environment variable is not set. editor or vi are not available");
  }
  const TemporaryFile file(name, text);
  if (!file.good()) return fail(ErrorKind::failed, "Cannot write " + file.path());
  const int code = run_on_file(editor, file.path());
  if (code != 0) return fail(ErrorKind::failed, fmt::format("Editor exited with return code {}", code));
  return read_file(file.path());
}

void RealTerminal::sleep(Duration time) {
  std::this_thread::sleep_for(time);
}

WallTime RealTerminal::now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

std::chrono::minutes RealTerminal::zone_offset(WallTime at) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return std::chrono::minutes(local.tm_gmtoff / 60);
}

}  // namespace regent
