#include "adapters/os/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "adapters/os/clock.h"
#include "adapters/os/process_table.h"
#include "adapters/os/worker.h"

namespace regent {
namespace {

class ProcessTest : public ::testing::Test {
 protected:
  template <class T>
  T result_of(Task<T> task) {
    std::optional<T> value;
    boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr error, T result) {
      if (error) std::rethrow_exception(error);
      value = std::move(result);
    });
    context.restart();
    context.run();
    return std::move(*value);
  }
  Result<Outcome> run_shell(const std::string& script, Duration time = 20s) {
    Command command;
    command.arguments = {"sh", "-c", script};
    command.input = "from outside";
    return result_of(run(std::move(command), clock, clock.now() + time));
  }

  boost::asio::io_context context;
  SystemClock clock;
};

TEST_F(ProcessTest, OutputErrorsInputAndStatusComeBack) {
  const auto outcome = run_shell("cat; echo bad >&2; exit 3");
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->output, "from outside");
  EXPECT_EQ(outcome->errors, "bad\n");
  EXPECT_FALSE(outcome->ok());
  EXPECT_EQ(outcome->ending(), "exited with code 3");
  EXPECT_EQ(outcome->last_words(), "bad");
}

TEST_F(ProcessTest, SecretsAreInFilesThatOnlyTheChildIsToldOf) {
  Command command;
  command.arguments = {"sh", "-c", "cat $A $B"};
  command.secret_files = {{"A", "one\n"}, {"B", "two\n"}};
  const auto outcome = result_of(run(std::move(command), clock, clock.now() + 20s));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->output, "one\ntwo\n");
}

TEST_F(ProcessTest, TheChildGetsNoDescriptorOfOurs) {  // F01: the postmaster would hold the REST port
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);  // without O_CLOEXEC, as libraries do it
  const auto outcome = run_shell("[ -e /proc/$$/fd/" + std::to_string(ends[1]) + " ] && echo inherited; true");
  close(ends[0]);
  close(ends[1]);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->output, "");
}

TEST_F(ProcessTest, AMissingProgramIsAnError) {
  Command command;
  command.arguments = {"/nowhere/program"};
  const auto outcome = result_of(run(command, clock, clock.now() + 5s));
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().kind, ErrorKind::not_found);
  EXPECT_EQ(outcome.error().message, "cannot start /nowhere/program: No such file or directory");
}

// F72: the deadline ends the whole family.
TEST_F(ProcessTest, TheDeadlineKillsTheGroup) {
  Command command;
  command.arguments = {"sh", "-c", "sleep 1000 & echo $! >&2; wait"};
  auto child = Child::start(command);
  ASSERT_TRUE(child.has_value());
  pid_t grandchild = 0;
  for (const auto end = clock.now() + 10s; grandchild == 0 && clock.now() < end;) {
    grandchild = std::atoi(child->error_tail(100).c_str());
  }
  ASSERT_GT(grandchild, 0);
  const auto info = process_info(grandchild);
  ASSERT_TRUE(info.has_value());
  const auto pid = child->pid();
  *child = Child();
  for (const auto end = clock.now() + 10s; (is_alive(info->id) || process_info(pid)) && clock.now() < end;)
    reap_children();
  EXPECT_FALSE(is_alive(info->id));
  EXPECT_FALSE(process_info(pid).has_value());  // reaped, no zombie
  const auto outcome = run_shell("sleep 1000", 50ms);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().kind, ErrorKind::timeout);
}

// A daemon the child left running does not hold us up, and goes with it.
TEST_F(ProcessTest, ALeftoverInTheGroupEndsWithTheChild) {
  const auto outcome = run_shell("sleep 1000 & echo $!");
  ASSERT_TRUE(outcome.has_value());
  const auto pid = std::atoi(outcome->output.c_str());
  for (const auto end = clock.now() + 10s; clock.now() < end;) {
    const auto info = process_info(pid);
    if (!info || info->dead()) break;
  }
  const auto info = process_info(pid);
  EXPECT_TRUE(!info || info->dead());
}

// F08: children start with default signals, whatever we ignore.
TEST_F(ProcessTest, SignalsAreDefaultInTheChild) {
  signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGHUP);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  const auto outcome = run_shell("grep -E '^Sig(Blk|Ign)' /proc/self/status");
  sigprocmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

// T20: our own variables stay ours.
TEST_F(ProcessTest, EnvironmentIsFiltered) {
  setenv("PATRONI_SUPERUSER_PASSWORD", "secret", 1);
  setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
  Command command;
  command.arguments = {"sh", "-c", "echo $PATRONI_SUPERUSER_PASSWORD-$NOTIFY_SOCKET-$MINE"};
  command.environment = {{"MINE", "here"}};
  const auto outcome = result_of(run(command, clock, clock.now() + 5s));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->output, "--here\n");
}

TEST_F(ProcessTest, DaemonsHaveTheirOwnSessionAndLeaveNoZombie) {
  Command command;
  command.arguments = {"sleep", "1000"};
  const auto pid = start_daemon(command);
  ASSERT_TRUE(pid.has_value());
  EXPECT_EQ(getsid(*pid), *pid);
  const auto info = process_info(*pid);
  ASSERT_TRUE(info.has_value());
  EXPECT_TRUE(is_alive(info->id));
  EXPECT_FALSE(is_alive(ProcessId{*pid, info->id.start_ticks + 1}));
  EXPECT_FALSE(send_signal(ProcessId{*pid, info->id.start_ticks + 1}, SIGKILL));
  EXPECT_TRUE(send_signal(info->id, SIGKILL));
  for (const auto end = clock.now() + 10s; is_alive(info->id) && clock.now() < end;) {
  }
  reap_children();
  EXPECT_FALSE(process_info(*pid).has_value());
}

TEST(ProcessStat, NameWithParentheses) {
  const auto info =
      parse_process_stat("42 (a) b) c) Z 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 10 0 0\n");
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->id, (ProcessId{42, 987654}));
  EXPECT_EQ(info->parent, 7);
  EXPECT_TRUE(info->dead());
  EXPECT_FALSE(parse_process_stat("").has_value());
}

TEST(SplitCommand, LikeAShell) {
  EXPECT_EQ(split_command(R"(/bin/x -a 'b c' "d \"e\"" f\ g '')").value(),
            (std::vector<std::string>{"/bin/x", "-a", "b c", "d \"e\"", "f g", ""}));
  EXPECT_FALSE(split_command("'open").has_value());
  EXPECT_FALSE(split_command("  ").has_value());
}

// F55: a call that hangs is given up; others go on.
TEST_F(ProcessTest, AHangingCallIsGivenUp) {
  int gate[2];
  ASSERT_EQ(pipe(gate), 0);
  WorkerPool pool(2);
  std::function<Result<int>()> hanging = [fd = gate[0]]() -> Result<int> {
    char byte = 0;
    return static_cast<int>(read(fd, &byte, 1));
  };
  std::function<Result<int>()> quick = []() -> Result<int> { return 7; };
  const auto stuck = result_of(pool.ask<int>(hanging, clock, clock.now() + 20ms, "the disk"));
  ASSERT_FALSE(stuck.has_value());
  EXPECT_EQ(stuck.error().message, "the disk did not answer in time");
  EXPECT_EQ(result_of(pool.ask<int>(quick, clock, clock.now() + 10s, "the disk")).value(), 7);
  ASSERT_EQ(write(gate[1], "x", 1), 1);
}

}  // namespace
}  // namespace regent
