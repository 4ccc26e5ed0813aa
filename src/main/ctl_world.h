// The store and the REST API for the control tool: the agent's adapters, each call run to its end before the next.
#pragma once

#include <boost/asio/io_context.hpp>

#include "adapters/net/http_client.h"
#include "adapters/os/clock.h"
#include "ctl/context.h"

namespace regent {

class CtlWorld : public ctl::Stores, public ctl::Http {
 public:
  // Credentials and certificates of the `ctl` section.
  void configure(const CtlConfig& config);

  Result<std::unique_ptr<ctl::Store>> open(const LocalConfig& config) override;
  Result<ctl::HttpAnswer> request(std::string method, std::string url, std::optional<std::string> body,
                                  Duration timeout) override;

 private:
  SystemClock clock_;  // outlives the work of io_
  boost::asio::io_context io_;
  std::unique_ptr<HttpClient> http_;
  std::string authorization_;
};

}  // namespace regent
