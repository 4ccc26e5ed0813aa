// One accepted client of the REST server: its bytes, plain or TLS.
//
// Threading: the thread of the io_context, one call at a time. No call has a deadline of its own: close() ends the one
// that waits (F06).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "adapters/os/unique_fd.h"
#include "base/result.h"
#include "model/local_config.h"
#include "ports/task.h"

namespace regent {

class ClientStream {
 public:
  virtual ~ClientStream() = default;

  // False: this client is none of ours, or went away.
  virtual Task<bool> handshake() = 0;
  // At least one byte; 0 at the end of what the client sends; nullopt when the connection broke or was closed. The
  // buffer must outlive the call.
  virtual Task<std::optional<std::size_t>> read_some(char* bytes, std::size_t size) = 0;
  // Everything, or false.
  virtual Task<bool> write(std::string_view bytes) = 0;
  // How much of a last answer the kernel took without waiting. It may keep the end of it back for the end of the
  // connection, so that both leave in one packet: when it took everything, close next.
  virtual std::size_t send_last(std::string_view bytes) = 0;
  // Says that we are done, and waits for the client to close, so that no reset overtakes the answer.
  virtual Task<void> say_goodbye() = 0;
  virtual bool has_certificate() const = 0;
  virtual void close() = 0;
};

// `client` does not block.
std::unique_ptr<ClientStream> plain_stream(boost::asio::io_context& io, boost::asio::ip::tcp family, UniqueFd client);
std::unique_ptr<ClientStream> tls_stream(boost::asio::io_context& io, boost::asio::ip::tcp family, UniqueFd client,
                                         boost::asio::ssl::context& context);

// invalid: a file or a setting that cannot be used.
Result<void> load_certificates(boost::asio::ssl::context& context, const RestConfig& config);

}  // namespace regent
