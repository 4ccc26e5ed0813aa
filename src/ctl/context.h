// What the control tool needs from the world, as small interfaces: the store, the members' REST API, PostgreSQL and the
// terminal. Commands see nothing else, so tests run them against fakes.
//
// Threading: one thread; calls block, each for a bounded time. Errors: Result<T>; unreachable and timeout mean that
// nothing is known about the effect (F32).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "core/decision.h"
#include "model/cluster_view.h"
#include "model/local_config.h"

namespace regent::ctl {

// The keys of one cluster.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<ClusterView> read() = 0;
  virtual Result<Version> write(action::WriteKey write) = 0;
  virtual Result<void> erase(action::DeleteKey erase) = 0;
  // Every key below the cluster's prefix.
  virtual Result<void> remove_cluster() = 0;
};

// The store of the configuration, by cluster name.
class Stores {
 public:
  virtual ~Stores() = default;
  virtual Result<std::unique_ptr<Store>> open(const LocalConfig& config) = 0;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// Sends credentials and the client certificate of the `ctl` section (T25).
class Http {
 public:
  virtual ~Http() = default;
  virtual Result<HttpAnswer> request(std::string method, std::string url, std::optional<std::string> body,
                                     Duration timeout) = 0;
};

struct QueryTarget {
  std::string host, port;
  std::optional<std::string> username, password, dbname;
};

// The answer of PostgreSQL to `query`. A refused statement is an answer too: `failure` is its SQLSTATE or text.
struct QueryRows {
  std::vector<std::string> columns;
  std::vector<std::vector<Json>> rows;
};

class Session {
 public:
  virtual ~Session() = default;
  virtual Result<QueryRows> run(const std::string& sql) = 0;
};

class Databases {
 public:
  virtual ~Databases() = default;
  virtual Result<std::unique_ptr<Session>> connect(const QueryTarget& target) = 0;
};

class Terminal {
 public:
  virtual ~Terminal() = default;
  virtual void out(const std::string& text) = 0;
  virtual void err(const std::string& text) = 0;
  // One line of standard input without its end; nullopt at the end of the input. `hidden`: no echo.
  virtual std::optional<std::string> read_line(bool hidden) = 0;
  virtual std::string read_all() = 0;
  virtual Result<std::string> read_file(const std::string& path) = 0;
  virtual bool interactive() const = 0;  // standard output is a terminal
  virtual void clear() = 0;
  virtual void page(const std::string& text) = 0;
  // The text after the person's editor closed; `name` becomes part of the temporary file's name.
  virtual Result<std::string> edit(const std::string& text, const std::string& name) = 0;
  virtual void sleep(Duration time) = 0;
  virtual WallTime now() = 0;
  // Minutes that local time is ahead of UTC at `at`.
  virtual std::chrono::minutes zone_offset(WallTime at) = 0;
};

// Why a command ended early. The text is what goes to standard error.
struct Stop {
  int code = 1;
  std::string text;
};
template <class T>
using Outcome = tl::expected<T, Stop>;
using Status = Outcome<void>;

// "Error: <message>", exit code 1.
inline tl::unexpected<Stop> refuse(const std::string& message) {
  return tl::unexpected<Stop>(Stop{1, "Error: " + message + "\n"});
}
inline tl::unexpected<Stop> abort_command() {
  return tl::unexpected<Stop>(Stop{1, "Aborted!\n"});
}

struct Context {
  Stores& stores;
  Http& http;
  Databases& databases;
  Terminal& terminal;
  std::string program = "regentctl";  // what it was called as
  std::string own_version;            // Regent's
  LocalConfig config;
  int failures = 0;          // actions that were refused; they decide the exit code with --strict only (T3)
  bool unreachable = false;  // a member did not answer: never exit code 0

  Generation generation() const { return config.compat; }
  void line(const std::string& text) { terminal.out(text + "\n"); }
  // An action did not succeed: said, counted, and the command goes on.
  void failed(const std::string& text) {
    ++failures;
    line(text);
  }
  void warn(const std::string& text) { terminal.err(text + "\n"); }
};

// One cluster, its store open.
struct Cluster {
  std::string name;
  std::unique_ptr<Store> store;
  ClusterView view;

  Status refresh();
};

// Opens and reads. A store that does not answer is one sentence and exit code 1.
Outcome<Cluster> open_cluster(Context& context, const std::string& name, std::optional<int> group);

}  // namespace regent::ctl
