#include "main/ctl_world.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "adapters/dcs/etcd3/etcd3.h"
#include "adapters/dcs/etcd3/gateway.h"
#include "adapters/dcs/etcd3/protocol.h"

namespace regent {
namespace {

// A person waits in front of it: a store that has not answered by then is down as far as they are concerned.
constexpr Duration store_patience = 5s;

template <class T>
Result<T> finish(boost::asio::io_context& io, Task<Result<T>> task) {
  std::optional<Result<T>> result;
  boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr problem, Result<T> value) {
    if (problem) std::rethrow_exception(problem);
    result = std::move(value);
  });
  io.restart();
  while (!result && io.run_one() > 0) {
  }
  if (!result) return fail(ErrorKind::failed, "the request ended without an answer");
  return std::move(*result);
}

class Etcd3Store : public ctl::Store {
 public:
  Etcd3Store(boost::asio::io_context& io, SystemClock& clock, etcd3::Options options, std::string prefix)
      : io_(io),
        clock_(clock),
        options_(std::move(options)),
        prefix_(std::move(prefix)),
        dcs_(make_etcd3(io.get_executor(), clock, options_, prefix_, MemberName("regentctl"))) {}

  Result<ClusterView> read() override { return finish(io_, dcs_->read(deadline())); }
  Result<Version> write(action::WriteKey write) override {
    return finish(io_, dcs_->write(std::move(write), deadline()));
  }
  Result<void> erase(action::DeleteKey erase) override {
    return finish(io_, dcs_->erase(std::move(erase), deadline()));
  }

  // Members never delete each other's keys, so their port cannot: this is the one place that does.
  Result<void> remove_cluster() override {
    etcd3::Gateway gateway(io_.get_executor(), clock_, options_);
    const auto answer = finish(io_, gateway.call("/kv/deleterange", etcd3::range_prefix(prefix_), deadline()));
    if (!answer) return tl::unexpected(answer.error());
    return {};
  }

 private:
  Instant deadline() const { return clock_.now() + store_patience; }

  boost::asio::io_context& io_;
  SystemClock& clock_;
  etcd3::Options options_;
  std::string prefix_;
  std::unique_ptr<Dcs> dcs_;
};

}  // namespace

void CtlWorld::configure(const CtlConfig& config) {
  TlsOptions tls;
  tls.ca_file = config.cacert;
  tls.cert_file = config.certfile;
  tls.key_file = config.keyfile;
  tls.key_password = config.keyfile_password;
  tls.verify = !config.insecure;
  http_ = std::make_unique<HttpClient>(io_.get_executor(), clock_, tls);
  authorization_ = config.username.empty() ? "" : basic_authorization(config.username, config.password);
}

Result<std::unique_ptr<ctl::Store>> CtlWorld::open(const LocalConfig& config) {
  if (!etcd3::is_etcd(config.store.kind)) {
    return fail(ErrorKind::invalid,
                fmt::format("The store {} is not supported by this version of Regent: use etcd3", config.store.kind));
  }
  auto options = etcd3::parse_options(config.store.section, config.store.kind);
  if (!options) return tl::unexpected(options.error());
  const std::string prefix = fmt::format("{}/{}/", config.service_namespace, config.scope);
  return std::make_unique<Etcd3Store>(io_, clock_, std::move(*options), prefix);
}

Result<ctl::HttpAnswer> CtlWorld::request(std::string method, std::string url, std::optional<std::string> body,
                                          Duration timeout) {
  const auto parsed = parse_url(url);
  if (!parsed) return tl::unexpected(parsed.error());
  HttpRequest request;
  request.method = std::move(method);
  request.target = parsed->target;
  request.keep_alive = false;
  if (!authorization_.empty()) request.headers.emplace_back("Authorization", authorization_);
  if (body) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = std::move(*body);
  }
  const auto answer = finish(io_, http_->request(parsed->endpoint, std::move(request), clock_.now() + timeout));
  if (!answer) return tl::unexpected(answer.error());
  return ctl::HttpAnswer{answer->status, answer->body};
}

}  // namespace regent
