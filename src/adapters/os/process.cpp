#include "adapters/os/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

// glibc 2.36 forgot to say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

#include "adapters/os/descriptor_limit.h"
#include "adapters/os/files.h"
#include "adapters/os/waiting.h"

extern char** environ;

namespace regent {
namespace {

// What a tool may write before it gets an error instead. The files are sparse: only what is written costs memory.
constexpr off_t output_limit = 16 << 20;

// Children whose owner went away before they ended, and the postmaster. The loop's thread only.
std::vector<pid_t>& orphans() {
  static std::vector<pid_t> pids;
  return pids;
}

bool is_ours(std::string_view variable) {
  // Patroni takes its variables out of the environment so that scripts do not see passwords (T20); the notify socket
  // would let any child speak to systemd in our name.
  return variable.starts_with("PATRONI_") || variable.starts_with("REGENT_") || variable.starts_with("NOTIFY_SOCKET=");
}

// Everything the child needs between vfork() and exec(), prepared beforehand: there it may only make system calls.
struct Plan {
  std::vector<char*> arguments;
  std::vector<std::string> variables;
  std::vector<char*> environment;
  std::vector<std::string> programs;  // candidates, in PATH's order
  int input = -1, output = -1, errors = -1;
  bool daemon = false;
  bool outlives = false;
  const rlimit* descriptors = nullptr;  // null: as ours
};

std::vector<std::string> candidates(const std::string& program) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> found;
  const char* path = getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const auto colon = std::min(rest.find(':'), rest.size());
    if (colon > 0) found.push_back(fmt::format("{}/{}", rest.substr(0, colon), program));
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return found;
}

Plan make_plan(const Command& command) {
  Plan plan;
  for (const auto& argument : command.arguments) plan.arguments.push_back(const_cast<char*>(argument.c_str()));
  plan.arguments.push_back(nullptr);
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const auto name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(command.environment.begin(), command.environment.end(),
                                      [&](const auto& pair) { return pair.first == name; });
    if (!replaced && !is_ours(text)) plan.variables.emplace_back(text);
  }
  for (const auto& [name, value] : command.environment) plan.variables.push_back(name + "=" + value);
  for (auto& variable : plan.variables) plan.environment.push_back(variable.data());
  plan.environment.push_back(nullptr);
  plan.programs = candidates(command.arguments.front());
  plan.descriptors = inherited_descriptor_limit();
  return plan;
}

[[noreturn]] void become(const Plan& plan, pid_t parent, volatile int* failure) {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    sigaction(signal, &standard, nullptr);  // fails for the two that cannot be changed
  }
  if (plan.daemon) {
    setsid();
  } else {
    setpgid(0, 0);
    if (!plan.outlives) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
  }
  if (dup2(plan.input, 0) >= 0 && dup2(plan.output, 1) >= 0 && dup2(plan.errors, 2) >= 0) {
    // Libraries open sockets without FD_CLOEXEC: a postmaster that kept the REST port open would lock out the next
    // agent.
    close_range(3, ~0U, 0);
    if (plan.descriptors != nullptr) setrlimit(RLIMIT_NOFILE, plan.descriptors);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    int error = ENOENT;
    for (const auto& program : plan.programs) {
      execve(program.c_str(), plan.arguments.data(), plan.environment.data());
      error = errno;
      if (error != ENOENT && error != ENOTDIR && error != EACCES) break;
    }
    *failure = error;
  } else {
    *failure = errno;
  }
  _exit(127);
}

// vfork() needs no second copy of our page tables: it works when memory is short (F04).
__attribute__((noinline)) pid_t launch(const Plan& plan, volatile int* failure) {
  const pid_t parent = getpid();
  const pid_t pid = vfork();
  if (pid == 0) become(plan, parent, failure);
  return pid;
}

Result<pid_t> spawn(const Plan& plan, const std::string& program) {
  // No handler of ours may run in the child while it shares our memory.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  volatile int failure = 0;
  const pid_t pid = launch(plan, &failure);
  const int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_error("start", program, fork_error);
  if (failure != 0) {
    waitpid(pid, nullptr, 0);
    return system_error("start", program, failure);
  }
  return pid;
}

UniqueFd memory_file(const char* name) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  return fd;
}

// A file the child can fill, but not beyond the limit.
UniqueFd bounded_output(const char* name) {
  auto fd = memory_file(name);
  if (fd.valid() &&
      (ftruncate(fd.get(), output_limit) != 0 || fcntl(fd.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0)) {
    return UniqueFd();
  }
  return fd;
}

UniqueFd input_with(const std::string& text) {
  if (text.empty()) return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto fd = memory_file("stdin");
  if (fd.valid() && (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
                     lseek(fd.get(), 0, SEEK_SET) != 0)) {
    return UniqueFd();
  }
  return fd;
}

std::string read_tail(int fd, std::size_t bytes) {
  // The child shares our file position: that is how much it has written.
  const auto end = lseek(fd, 0, SEEK_CUR);
  if (end <= 0) return {};
  const auto length = std::min<off_t>(end, static_cast<off_t>(bytes));
  std::string text(static_cast<std::size_t>(length), '\0');
  const auto count = pread(fd, text.data(), text.size(), end - length);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

}  // namespace

std::string Outcome::ending() const {
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  return fmt::format("exited with code {}", WEXITSTATUS(status));
}

std::string Outcome::last_words() const {
  std::string_view text = errors.empty() ? output : errors;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  constexpr std::size_t enough = 400;
  if (text.size() > enough) text.remove_prefix(text.size() - enough);
  std::string words(text);
  std::replace(words.begin(), words.end(), '\n', ' ');
  return words;
}

Result<Child> Child::start(const Command& command) {
  reap_children();
  Child child;
  auto whole = command;
  for (const auto& [variable, text] : command.secret_files) {
    child.secrets_.push_back(input_with(text));
    if (!child.secrets_.back().valid()) return system_error("hand a secret to", command.arguments.front(), errno);
    whole.environment.emplace_back(variable, fmt::format("/proc/{}/fd/{}", getpid(), child.secrets_.back().get()));
  }
  auto plan = make_plan(whole);
  plan.outlives = child.outlives_ = command.outlives;
  const auto input = input_with(command.input);
  plan.input = input.get();
  plan.output = STDOUT_FILENO;
  plan.errors = STDERR_FILENO;
  if (command.capture) {
    child.output_ = bounded_output("stdout");
    child.errors_ = bounded_output("stderr");
    plan.output = child.output_.get();
    plan.errors = child.errors_.get();
  }
  if (plan.input < 0 || plan.output < 0 || plan.errors < 0) {
    return system_error("open the streams of", command.arguments.front(), errno);
  }
  const auto pid = spawn(plan, command.arguments.front());
  if (!pid) return tl::unexpected(pid.error());
  child.pid_ = *pid;
  // Cannot name another process: the child is not reaped yet.
  child.handle_ = UniqueFd(pidfd_open(*pid, 0));
  if (!child.handle_.valid()) return system_error("watch", command.arguments.front(), errno);
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      outlives_(other.outlives_),
      handle_(std::move(other.handle_)),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)),
      secrets_(std::move(other.secrets_)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(outlives_, other.outlives_);
  std::swap(handle_, other.handle_);
  std::swap(output_, other.output_);
  std::swap(errors_, other.errors_);
  std::swap(secrets_, other.secrets_);
  return *this;
}

Child::~Child() {
  if (pid_ == 0) return;
  if (!outlives_) kill();
  // It may take its time to die (D state): somebody else collects it.
  orphans().push_back(pid_);
  reap_children();
}

bool Child::running() {
  if (pid_ == 0) return false;
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

void Child::kill() {
  if (pid_ != 0) ::kill(-pid_, SIGKILL);
}

Task<void> Child::wait_until(Task<void> timer) {
  using namespace boost::asio::experimental::awaitable_operators;
  auto ended = wait_for(handle_.get(), Ready::to_read);
  co_await (std::move(ended) || std::move(timer));
}

Task<Outcome> Child::wait() {
  while (running()) co_await wait_for(handle_.get(), Ready::to_read);
  Outcome outcome;
  // What the child left running in its group ends with it, while the zombie still keeps the group's number.
  kill();
  if (pid_ != 0) waitpid(pid_, &outcome.status, 0);
  pid_ = 0;
  if (output_.valid()) outcome.output = read_tail(output_.get(), output_limit);
  if (errors_.valid()) outcome.errors = read_tail(errors_.get(), output_limit);
  co_return outcome;
}

std::string Child::error_tail(std::size_t bytes) const {
  return errors_.valid() ? read_tail(errors_.get(), bytes) : "";
}

namespace {

Task<Result<Outcome>> wait_for_child(Child child) {
  co_return co_await child.wait();
}

}  // namespace

Task<Result<Outcome>> run(Command command, Clock& clock, Instant deadline) {
  auto child = Child::start(command);
  if (!child) co_return tl::unexpected(child.error());
  std::string program = command.arguments.front();
  auto waiting = wait_for_child(std::move(*child));
  co_return co_await guarded<Outcome>(std::move(waiting), clock, deadline, std::move(program));
}

Task<Result<Outcome>> run_ok(Command command, Clock& clock, Instant deadline) {
  const std::string program = command.arguments.front().substr(command.arguments.front().rfind('/') + 1);
  auto running = run(std::move(command), clock, deadline);
  auto outcome = co_await std::move(running);
  if (outcome && !outcome->ok()) {
    const auto words = outcome->last_words();
    co_return fail(ErrorKind::failed,
                   fmt::format("{} {}{}{}", program, outcome->ending(), words.empty() ? "" : ": ", words));
  }
  co_return outcome;
}

Result<pid_t> start_daemon(const Command& command) {
  reap_children();
  auto plan = make_plan(command);
  const auto input = input_with({});
  plan.input = input.get();
  plan.output = STDOUT_FILENO;
  plan.errors = STDERR_FILENO;
  plan.daemon = true;
  if (!input.valid()) return system_error("open", "/dev/null", errno);
  const auto pid = spawn(plan, command.arguments.front());
  // A dead postmaster must not stay behind as a zombie that looks alive (F11).
  if (pid) orphans().push_back(*pid);
  return pid;
}

void reap_later(pid_t pid) {
  orphans().push_back(pid);
}

void reap_children() {
  std::erase_if(orphans(), [](pid_t pid) {
    const auto reaped = waitpid(pid, nullptr, WNOHANG);
    return reaped == pid || (reaped < 0 && errno == ECHILD);
  });
}

Result<std::vector<std::string>> split_command(std::string_view text) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < text.size();
    if (escapes && (quote == 0 || text[i + 1] == '"' || text[i + 1] == '\\')) {
      (word ? *word : word.emplace()) += text[++i];
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        *word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      if (!word) word.emplace();
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (word) words.push_back(std::move(*word));
      word.reset();
    } else {
      (word ? *word : word.emplace()) += c;
    }
  }
  if (quote != 0) return fail(ErrorKind::invalid, fmt::format("the command {} has an unclosed quote", text));
  if (word) words.push_back(std::move(*word));
  if (words.empty()) return fail(ErrorKind::invalid, "the command is empty");
  return words;
}

}  // namespace regent
