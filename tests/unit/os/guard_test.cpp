// The guard against real processes: a program called like PostgreSQL's server that works in a directory of the test.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <string>

#include "adapters/os/clock.h"
#include "adapters/os/guard_process.h"
#include "adapters/os/process_table.h"

namespace regent {
namespace {

namespace fs = std::filesystem;

constexpr Duration patience = 20s;
constexpr Duration hour = 3600s;

// What this program does as a copy of itself, under the name of a server: with --single it is one in single-user mode,
// with
// --postmaster one that has a backend, which went to another directory. Before anything of the tests runs.
__attribute__((constructor)) void play_server(int count, char** words, char**) {
  if (count != 2) return;
  const std::string part = words[1];
  if (part != "--single" && part != "--postmaster") return;
  if (part == "--postmaster" && fork() == 0 && chdir("/") != 0) _exit(1);
  alarm(60);  // if nobody ends it
  for (;;) pause();
}

class GuardTest : public ::testing::Test {
 protected:
  GuardTest() {
    std::string pattern = (fs::temp_directory_path() / "guard_test.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    fs::create_directory(directory_ / "data");
    // A name that no other test has: what is killed is told by it.
    fs::copy_file("/bin/sleep", directory_ / "guarded");
  }
  ~GuardTest() override {
    // Armed guards outlive their agents, by design.
    const std::string guards = std::string(guard::process_name) + " " + directory_.string() + "/";
    for (const auto& process : list_processes()) {
      if (command_line(process.id.pid).starts_with(guards)) servers_.push_back(process.id.pid);
    }
    for (const pid_t pid : servers_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    fs::remove_all(directory_);
  }

  void run(Task<void> task) {
    boost::asio::co_spawn(context_, std::move(task), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    context_.restart();
    context_.run();
  }
  pid_t start_server(const std::string& program, const std::string& where, const char* word = "1000") {
    int started[2];
    EXPECT_EQ(pipe2(started, O_CLOEXEC), 0);
    const pid_t pid = fork();
    if (pid == 0) {
      if (chdir((directory_ / where).c_str()) != 0) _exit(1);
      if (std::string(word) != "--single") setsid();
      execl(program.c_str(), program.c_str(), word, nullptr);
      _exit(1);
    }
    servers_.push_back(pid);
    close(started[1]);
    char nothing = 0;
    EXPECT_EQ(read(started[0], &nothing, 1), 0);  // its end was closed by exec()
    close(started[0]);
    return pid;
  }
  pid_t start_server() { return start_server((directory_ / "guarded").string(), "data"); }
  // A copy of this program, which plays a server.
  std::string player() {
    fs::create_directory(directory_ / "player");
    fs::copy_file("/proc/self/exe", directory_ / "player/guarded");
    return (directory_ / "player/guarded").string();
  }
  static std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> children;
    for (const auto& process : list_processes()) {
      if (process.parent == parent) children.push_back(process.id.pid);
    }
    return children;
  }
  // Ends when somebody kills it.
  static int wait_killed(pid_t pid) {
    siginfo_t info{};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
    return info.si_status;
  }
  static bool runs(pid_t pid) {
    const auto info = process_info(pid);
    return info && !info->dead();
  }
  // Until another guard, of a server of its own, has fenced at that moment or later.
  void wait_past(Instant deadline) {
    fs::create_directory(directory_ / "witness");
    const pid_t server = start_server((directory_ / "guarded").string(), "witness");
    auto elsewhere = options();
    elsewhere.data_dir = (directory_ / "witness").string();
    GuardProcess witness(elsewhere, clock_);
    run(witness.arm(deadline + 1ms, true, in(patience)));
    EXPECT_EQ(wait_killed(server), SIGKILL);
  }
  GuardOptions options() const { return {FenceMode::automatic, (directory_ / "data").string(), "guarded"}; }
  Instant in(Duration time) const { return clock_.now() + time; }

  boost::asio::io_context context_;
  SystemClock clock_;
  fs::path directory_;
  std::vector<pid_t> servers_;
};

TEST_F(GuardTest, KillsEveryProcessOfTheServerAtTheDeadlineAndNoOther) {  // I3
  const pid_t postmaster = start_server();
  const pid_t backend = start_server();
  const pid_t elsewhere = start_server((directory_ / "guarded").string(), ".");
  const pid_t shell = start_server("/bin/sleep", "data");
  kill(backend, SIGSTOP);  // F14
  GuardProcess guard(options(), clock_);
  run(guard.arm(in(50ms), true, in(patience)));
  ASSERT_TRUE(guard.facts().armed()) << guard.facts().why;
  EXPECT_EQ(wait_killed(postmaster), SIGKILL);
  EXPECT_EQ(wait_killed(backend), SIGKILL);
  EXPECT_TRUE(runs(elsewhere));
  EXPECT_TRUE(runs(shell));
  run(guard.changed(in(patience)));
  EXPECT_EQ(guard.facts().state, GuardFacts::State::idle);
  EXPECT_TRUE(guard.facts().fenced_at.has_value());
}

TEST_F(GuardTest, SparesAServerInSingleUserMode) {  // F71
  const pid_t single = start_server(player(), "data", "--single");
  const pid_t postmaster = start_server();
  GuardProcess guard(options(), clock_);
  run(guard.arm(in(50ms), false, in(patience)));
  EXPECT_EQ(wait_killed(postmaster), SIGKILL);
  run(guard.changed(in(patience)));
  EXPECT_TRUE(guard.facts().fenced_at.has_value());
  EXPECT_TRUE(runs(single));
}

TEST_F(GuardTest, KillsABackendThatWentToAnotherDirectory) {  // I3
  const pid_t postmaster = start_server(player(), "data", "--postmaster");
  std::vector<pid_t> backends;
  while (backends.empty() || same_directory(backends.front(), (directory_ / "data").string())) {
    backends = children_of(postmaster);
  }
  const auto backend = open_process(process_info(backends.front())->id);
  ASSERT_TRUE(backend.valid());
  GuardProcess guard(options(), clock_);
  run(guard.arm(in(50ms), true, in(patience)));
  EXPECT_EQ(wait_killed(postmaster), SIGKILL);
  pollfd ended{backend.get(), POLLIN, 0};
  EXPECT_EQ(poll(&ended, 1, 20'000), 1);
}

TEST_F(GuardTest, NeedsNoFreeDescriptor) {  // F04: the system has none left
  const pid_t postmaster = start_server();
  GuardProcess guard(options(), clock_);
  run(guard.arm(in(hour), true, in(patience)));
  const rlimit none{3, 3};
  ASSERT_EQ(prlimit(guard.pid(), RLIMIT_NOFILE, &none, nullptr), 0);
  run(guard.arm(in(50ms), true, in(patience)));
  EXPECT_EQ(wait_killed(postmaster), SIGKILL);
  run(guard.changed(in(patience)));
  EXPECT_TRUE(guard.facts().fenced_at.has_value());
}

TEST_F(GuardTest, ADeadlineThatMovesOnEndsNothing) {
  const pid_t server = start_server();
  GuardProcess guard(options(), clock_);
  const Instant first = in(300ms);
  run(guard.arm(first, true, in(patience)));
  run(guard.arm(in(hour), true, in(patience)));
  wait_past(first);
  EXPECT_TRUE(runs(server));
  EXPECT_TRUE(guard.facts().armed());
}

TEST_F(GuardTest, DisarmedItEndsNothing) {  // I14
  const pid_t server = start_server();
  GuardProcess guard(options(), clock_);
  const Instant deadline = in(300ms);
  run(guard.arm(deadline, true, in(patience)));
  run(guard.disarm(in(patience)));
  wait_past(deadline);
  EXPECT_TRUE(runs(server));
  EXPECT_EQ(guard.facts().state, GuardFacts::State::idle);
}

TEST_F(GuardTest, OutlivesItsAgentAndFencesThen) {  // F01, F04
  const pid_t server = start_server();
  pid_t pid = 0;
  {
    GuardProcess guard(options(), clock_);
    run(guard.arm(in(300ms), true, in(patience)));
    pid = guard.pid();
  }
  EXPECT_EQ(wait_killed(server), SIGKILL);
  EXPECT_EQ(waitpid(pid, nullptr, 0), pid);  // nothing is left for it to do
}

TEST_F(GuardTest, ALaterAgentSendsItHomeOnlyWithALease) {
  const pid_t server = start_server();
  pid_t left_behind = 0;
  const Instant deadline = in(hour);
  {
    GuardProcess guard(options(), clock_);
    run(guard.arm(deadline, true, in(patience)));
    left_behind = guard.pid();
  }
  GuardProcess later(options(), clock_);
  run(later.arm(deadline, false, in(patience)));
  EXPECT_TRUE(runs(left_behind));
  run(later.arm(deadline, true, in(patience)));
  EXPECT_EQ(waitpid(left_behind, nullptr, 0), left_behind);
  EXPECT_TRUE(runs(server));
}

TEST_F(GuardTest, ALaterAgentFindsItThoughTheDirectoryIsSpelledOtherwise) {
  const pid_t server = start_server();
  pid_t left_behind = 0;
  {
    GuardProcess guard(options(), clock_);
    run(guard.arm(in(hour), true, in(patience)));
    left_behind = guard.pid();
  }
  fs::create_directory_symlink(directory_ / "data", directory_ / "link");
  auto other = options();
  other.data_dir = (directory_ / "link/").string();
  GuardProcess later(other, clock_);
  run(later.arm(in(hour), true, in(patience)));
  EXPECT_EQ(waitpid(left_behind, nullptr, 0), left_behind);
  EXPECT_TRUE(runs(server));
}

TEST_F(GuardTest, TheGuardOfALivingAgentCannotBeSentHome) {
  GuardProcess mine(options(), clock_);
  run(mine.arm(in(hour), true, in(patience)));
  GuardProcess other(options(), clock_);
  run(other.arm(in(hour), true, in(patience)));
  run(mine.arm(in(2 * hour), true, in(patience)));
  EXPECT_TRUE(mine.facts().armed());
  EXPECT_TRUE(runs(mine.pid()));
}

TEST_F(GuardTest, KilledItIsNoticedAndReplaced) {
  GuardProcess guard(options(), clock_);
  run(guard.arm(in(hour), true, in(patience)));
  const pid_t first = guard.pid();
  kill(first, SIGKILL);
  run(guard.changed(in(patience)));
  EXPECT_EQ(guard.facts().state, GuardFacts::State::failed);
  EXPECT_NE(guard.facts().why.find("was killed by signal 9"), std::string::npos) << guard.facts().why;
  run(guard.arm(in(hour), true, in(patience)));
  EXPECT_TRUE(guard.facts().armed());
  EXPECT_NE(guard.pid(), first);
}

TEST_F(GuardTest, OneThatDoesNotAnswerIsReplaced) {
  GuardProcess guard(options(), clock_);
  run(guard.arm(in(hour), true, in(patience)));
  const pid_t first = guard.pid();
  kill(first, SIGSTOP);
  run(guard.arm(in(hour), true, in(1s)));
  EXPECT_TRUE(guard.facts().armed());
  EXPECT_NE(guard.pid(), first);
  EXPECT_FALSE(runs(first));
}

TEST_F(GuardTest, SwitchedOffItEndsNothing) {
  const pid_t server = start_server();
  GuardProcess guard(options(), clock_);
  const Instant deadline = in(300ms);
  run(guard.arm(deadline, true, in(patience)));
  guard.set_mode(FenceMode::off);
  EXPECT_EQ(guard.pid(), 0);
  wait_past(deadline);
  EXPECT_TRUE(runs(server));
  EXPECT_FALSE(guard.facts().armed());
}

TEST_F(GuardTest, ADataDirectoryThatIsNotThereIsSaid) {
  auto wrong = options();
  wrong.data_dir += "/nowhere";
  GuardProcess guard(wrong, clock_);
  run(guard.arm(in(hour), true, in(patience)));
  EXPECT_EQ(guard.facts().state, GuardFacts::State::failed);
  EXPECT_NE(guard.facts().why.find(wrong.data_dir), std::string::npos) << guard.facts().why;
}

TEST_F(GuardTest, HearsNothingThatIsMeantForTheAgentsGroup) {
  GuardProcess guard(options(), clock_);
  run(guard.arm(in(hour), true, in(patience)));
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) kill(guard.pid(), signal);
  run(guard.arm(in(2 * hour), true, in(patience)));
  EXPECT_TRUE(guard.facts().armed());
  EXPECT_NE(getsid(guard.pid()), getsid(0));
}

}  // namespace
}  // namespace regent
