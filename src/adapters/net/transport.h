// A connected byte stream, plain or TLS, behind an interface without Asio's stream templates: HTTP is written once for
// both.
//
// Threading: the thread of the executor. Errors:
// - unreachable: there is no connection: unknown name, refused, nothing heard in time;
// - refused: TLS said no (certificate, key, protocol);
// - invalid: a certificate or key file cannot be used;
// - timeout, failed: a connected stream broke or ran into its deadline.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/net/tls_options.h"
#include "adapters/net/url.h"
#include "base/time.h"
#include "ports/clock.h"
#include "ports/task.h"

namespace regent {

class Transport {
 public:
  virtual ~Transport() = default;

  // Bytes read into `buffer`; 0 at the end of the stream. The buffer must outlive the call.
  virtual Task<Result<std::size_t>> read_some(char* buffer, std::size_t size) = 0;
  virtual Task<Result<void>> write(std::string bytes) = 0;
  // Whether an idle connection is still worth a request: the other side has neither closed it nor said anything.
  virtual bool idle_and_open() = 0;
  // Ends pending calls with an error.
  virtual void close() = 0;
};

// Closes a transport at a deadline, so that whatever waits for it ends (F47).
class DeadlineGuard {
 public:
  DeadlineGuard(boost::asio::any_io_executor executor, std::weak_ptr<Transport> transport, Instant deadline);
  ~DeadlineGuard();
  DeadlineGuard(const DeadlineGuard&) = delete;
  DeadlineGuard& operator=(const DeadlineGuard&) = delete;

  bool expired() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

struct TlsContext;

// Makes connections. Remembers addresses, so that a broken resolver does not take a store away that we know (F48).
class Connector {
 public:
  Connector(boost::asio::any_io_executor executor, const Clock& clock, TlsOptions tls);
  ~Connector();

  // Tries every address the host resolves to (T34), each with its share of the time that is left.
  Task<Result<std::shared_ptr<Transport>>> connect(Endpoint endpoint, Instant deadline);

 private:
  struct Address;
  struct Known;

  Task<Result<std::vector<Address>>> resolve(std::string host, Instant deadline);
  Task<Result<std::shared_ptr<Transport>>> connect_one(Endpoint endpoint, Address address, Instant deadline);
  Result<std::shared_ptr<TlsContext>> tls_context();

  boost::asio::any_io_executor executor_;
  const Clock& clock_;
  TlsOptions tls_;
  std::shared_ptr<TlsContext> tls_context_;
  std::map<std::string, Known> known_;
};

}  // namespace regent
