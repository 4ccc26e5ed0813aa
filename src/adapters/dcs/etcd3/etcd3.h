// The store etcd v3, in Patroni's layout: `<prefix>leader`, `<prefix>members/<name>`, ... (compat §1.13, §1.14).
// See ports/dcs.h for threading and errors.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "adapters/dcs/etcd3/options.h"
#include "base/strong.h"
#include "ports/clock.h"
#include "ports/dcs.h"

namespace regent {

class Etcd3Dcs : public Dcs {
 public:
  // Addresses, credentials and certificates of a section that was read again. Error: invalid, nothing changes.
  virtual Result<void> reconfigure(const Json& section, std::string_view section_name) = 0;
};

// `prefix` is "/service/<scope>/". The clock must outlive the executor's work.
std::unique_ptr<Etcd3Dcs> make_etcd3(boost::asio::any_io_executor executor, Clock& clock, etcd3::Options options,
                                     std::string prefix, MemberName name, Duration ttl = std::chrono::seconds(30));

// The same from the `etcd3` section. Error: invalid.
Result<std::unique_ptr<Etcd3Dcs>> make_etcd3(boost::asio::any_io_executor executor, Clock& clock, const Json& section,
                                             std::string prefix, MemberName name,
                                             Duration ttl = std::chrono::seconds(30),
                                             std::string_view section_name = "etcd3");

}  // namespace regent
