// One libpq connection on the loop: nothing blocks, host names are resolved by Asio's resolver thread (F48).
// Threading: the loop's thread. Errors: refused when the server said no, unreachable when nobody answered.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/os/waiting.h"
#include "adapters/postgres/quoting.h"
#include "base/result.h"
#include "ports/clock.h"
#include "ports/task.h"

struct pg_conn;

namespace regent {

using Row = std::vector<std::optional<std::string>>;
using Rows = std::vector<Row>;

class Connection {
 public:
  Connection() = default;

  // The error message of a server that is up but does not accept connections yet or any more ends with its SQLSTATE,
  // see cannot_connect_now().
  static Task<Result<Connection>> open(ConnectionOptions options, Clock& clock, Instant deadline);

  // One statement; the rows of its last result. After a timeout the connection is closed: the server may still be at
  // it.
  Task<Result<Rows>> query(std::string sql, Clock& clock, Instant deadline);

  bool is_open() const { return connection_ != nullptr; }
  void close() {
    connection_.reset();
    socket_ = WatchedFd();
  }
  int server_version() const;  // e.g. 150020; 0 when closed

  // The password as the server stores it, so that the server never sees, and never logs, the password itself.
  Result<std::string> encrypt_password(const std::string& password, const std::string& user,
                                       const std::string& algorithm) const;

 private:
  struct Closer {
    void operator()(pg_conn* connection) const;
  };
  static Task<Result<Connection>> connect(ConnectionOptions options);
  Task<Result<Rows>> run(std::string sql);

  std::unique_ptr<pg_conn, Closer> connection_;
  WatchedFd socket_;  // of an established connection
};

// SQLSTATE 57P03: the server starts up, recovers or shuts down.
bool cannot_connect_now(const Error& error);

}  // namespace regent
