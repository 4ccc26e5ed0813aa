// The guard: a process of its own that ends PostgreSQL at the lease deadline when its agent cannot, because that is
// frozen, killed or starved (I3, F01, F02, F04, F05).
//
//   regent-guard DATA-DIRECTORY EXECUTABLE      with its end of the agent's socket as descriptor 3
//
// It knows one number, the deadline. It outlives its agent while it is armed: then it fences at the deadline and ends,
// or is sent home by the guard of a later agent (protocol.h). It never allocates after its start, and its memory is
// locked.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "guard/fence.h"
#include "guard/protocol.h"

namespace regent::guard {
namespace {

constexpr std::int64_t second = 1'000'000'000;
// What could not be ended is tried again this soon.
constexpr std::int64_t retry_interval = second / 50;

std::int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return time.tv_sec * second + time.tv_nsec;
}

// Whatever the agent is spared or starved of, this process should not be. None of it needs to succeed: without the
// privileges it is a process like others, only smaller.
bool claim_resources() {
  if (FILE* file = fopen("/proc/self/oom_score_adj", "we"); file != nullptr) {
    fputs("-1000", file);
    fclose(file);
  }
  sched_param priority{};
  priority.sched_priority = 1;
  if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0) setpriority(PRIO_PROCESS, 0, -20);
  // Touches every page, the stack of the scan included.
  volatile char stack[65536];
  for (unsigned at = 0; at < sizeof stack; at += 4096) stack[at] = 0;
  return mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
}

class Guard {
 public:
  Guard(const char* directory, const char* executable) : directory_(directory) { target_.executable = executable; }

  // Returns when there is nothing left to do.
  bool open() {
    locked_ = claim_resources();
    sigset_t signals;
    sigfillset(&signals);
    // The terminal, the service manager and the agent's own group have nothing to tell us; another agent has.
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    sigemptyset(&signals);
    sigaddset(&signals, stand_down_signal);
    signals_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    timer_ = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    return signals_ >= 0 && timer_ >= 0 && prepare() == 0;
  }

  void serve() {
    while (agent_ || state_ == State::armed) {
      pollfd wait[] = {{timer_, POLLIN, 0}, {signals_, POLLIN, 0}, {agent_ ? socket_descriptor : -1, POLLIN, 0}};
      if (poll(wait, 3, -1) < 0) wait[0].revents = wait[1].revents = wait[2].revents = 0;
      // First of all, whatever else there is to hear (F02).
      fence_when_due();
      // Whether our agent is gone, before what another one has to say.
      if (wait[2].revents != 0) listen();
      if ((wait[1].revents & POLLIN) != 0 && sent_home()) return;
    }
  }

 private:
  void fence_when_due() {
    if (state_ != State::armed || now() < deadline_) return;
    const Fenced fenced = fence(target_);
    killed_ += fenced.processes;
    if (!fenced.complete) {
      // Not all of the server may be ended: the deadline stays where it is, and was.
      set_timer(now() + retry_interval);
      return;
    }
    Report report;
    report.killed = killed_;
    report.deadline = deadline_;
    report.leased = leased_ ? 1 : 0;
    report.fenced_at = now();
    state_ = State::idle;
    set_timer(0);
    say(report);
  }

  bool sent_home() {
    signalfd_siginfo info{};
    while (read(signals_, &info, sizeof info) == sizeof info) {
      // While our own agent lives, nobody else knows better.
      if (info.ssi_uid == getuid() && !agent_) return true;
    }
    return false;
  }

  void listen() {
    Request request;
    const ssize_t size = recv(socket_descriptor, &request, sizeof request, MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
      agent_ = false;
      return;
    }
    if (size != sizeof request) return;
    Report report;
    report.sequence = request.sequence;
    if (request.command == Command::arm) {
      report.error = arm(request.deadline);
      leased_ = request.leased != 0;
    } else {
      state_ = State::idle;
      set_timer(0);
    }
    say(report);
    fence_when_due();
  }

  int arm(std::int64_t deadline) {
    if (state_ != State::armed) {
      // A directory may have been replaced since the last time; while it is armed it is not.
      if (const int error = locate(directory_, target_); error != 0) {
        state_ = State::blind;
        return error;
      }
    }
    state_ = State::armed;
    deadline_ = deadline;
    killed_ = 0;
    set_timer(deadline);
    return 0;
  }

  void set_timer(std::int64_t deadline) const {
    itimerspec when{};
    when.it_value.tv_sec = deadline / second;
    when.it_value.tv_nsec = deadline % second;
    // A time of zero would mean never.
    if (deadline != 0 && when.it_value.tv_sec <= 0 && when.it_value.tv_nsec <= 0) when.it_value.tv_nsec = 1;
    timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
  }

  void say(Report report) const {
    report.state = state_;
    report.unlocked = locked_ ? 0 : 1;
    // An agent that does not listen, or is gone, changes nothing for us.
    if (agent_) send(socket_descriptor, &report, sizeof report, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  const char* directory_;
  Target target_;
  State state_ = State::idle;
  std::int64_t deadline_ = 0;
  bool leased_ = true;
  unsigned killed_ = 0;  // since it was armed
  bool agent_ = true;
  bool locked_ = false;
  int timer_ = -1;
  int signals_ = -1;
};

}  // namespace
}  // namespace regent::guard

int main(int count, char** arguments) {
  if (count != 3) {
    fputs("regent-guard is started by regent\n", stderr);
    return 2;
  }
  prctl(PR_SET_NAME, regent::guard::process_name);
  static regent::guard::Guard guard(arguments[1], arguments[2]);
  if (!guard.open()) return 1;
  guard.serve();
  return 0;
}
