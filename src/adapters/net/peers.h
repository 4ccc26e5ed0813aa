// The REST API of the other members, Regent's or Patroni's of any generation (T1).
// Threading: the control loop's thread. Errors: none; a member that cannot be asked or understood is not reachable
// (F44).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/net/tls_options.h"
#include "model/local_config.h"
#include "ports/clock.h"
#include "ports/peers.h"

namespace regent {

struct PeersOptions {
  std::string username, password;
  TlsOptions tls;
};

// As `ctl` and `restapi` say (T25). A peer's certificate is checked when `ctl.cacert` names an authority:
// `restapi.cafile` alone speaks of those who ask us.
PeersOptions peers_options(const CtlConfig& ctl, const RestConfig& rest);

class RestPeers : public Peers {
 public:
  // From the next question on.
  virtual void reconfigure(PeersOptions options) = 0;
};

std::unique_ptr<RestPeers> make_peers(boost::asio::any_io_executor executor, const Clock& clock, PeersOptions options);

}  // namespace regent
