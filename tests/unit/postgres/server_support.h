// Real PostgreSQL servers for tests: directories, ports and processes of their own, gone at the end.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "adapters/os/clock.h"
#include "adapters/postgres/node.h"

namespace regent::test {

// Newest PostgreSQL installed on this machine.
std::string bin_dir();
// PostgreSQL refuses to run as root: the rest of this process is user postgres then.
void leave_root();
std::string free_port();

// A directory in /tmp that is removed at the end.
class Place {
 public:
  Place();
  ~Place();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One loop that runs coroutines to their end.
class Loop {
 public:
  template <class T>
  T run(Task<T> task) {
    std::optional<T> value;
    std::exception_ptr failure;
    boost::asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error, T result) {
      failure = error;
      value = std::move(result);
    });
    context_.restart();
    context_.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
  }
  void run(Task<void> task);

  boost::asio::io_context& context() { return context_; }
  SystemClock clock;
  Instant in(Duration duration) const { return clock.now() + duration; }

 private:
  boost::asio::io_context context_;
};

// A member of the cluster `demo` with its server; the server is killed at the end.
class Server {
 public:
  Server(Loop& loop, const Place& place, std::string name);
  ~Server();

  PostgresNode& node() { return *node_; }
  PostgresNode* operator->() { return node_.get(); }
  // A second agent on the same directory, as after a restart of the agent.
  void adopt();

  // Each of them fails the test with the error.
  void bootstrap(const Json& dynamic = {{"ttl", 30}});
  void start(bool as_primary, const Upstream& upstream = {});
  void stop();
  PostgresFacts observe();
  // Observes until the condition holds; fails the test after 20 s.
  PostgresFacts observe_until(const std::function<bool(const PostgresFacts&)>& condition, const char* what);
  void check(const Result<void>& result, const char* what);

  std::string sql(const std::string& text);
  Upstream upstream(const std::string& slot = "") const;
  pid_t postmaster() const;
  std::string data(const std::string& name) const { return config.postgres.data_dir + "/" + name; }

  LocalConfig config;

 private:
  Loop& loop_;
  std::unique_ptr<PostgresNode> node_;
};

std::string contents(const std::string& path);

}  // namespace regent::test
