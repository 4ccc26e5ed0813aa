// The lease of this process and the member key on it: member and leader key hang on the same lease (T5).
// Threading: the control loop's thread. Errors: as of Gateway.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "adapters/dcs/etcd3/gateway.h"

namespace regent::etcd3 {

// A lease that etcd has just granted or prolonged.
struct Refreshed {
  std::string id;
  Instant sent;  // before the request that did it (I4)
  Duration ttl{};
  std::uint64_t term = 0;  // of the member that answered
  Duration wanted{};       // what was asked for when the lease was made
};

class Session {
 public:
  Session(std::shared_ptr<Gateway> gateway, std::string member_key, Duration ttl);

  const std::string& id() const { return id_; }
  void set_ttl(Duration ttl);
  // Whether a new lease is wanted and nothing would be lost by leaving this one.
  bool wants_replacement() const { return !id_.empty() && granted_ != wanted_ && claims_.empty(); }

  // Prolongs the lease. not_found: it is gone, and id() is empty from here on.
  Task<Result<Refreshed>> keep(Instant deadline);
  // Prolongs the lease, or makes a new one with the member key on it when there is none, or when another length is
  // wanted and the caller has nothing that hangs on the old one.
  Task<Result<Refreshed>> ensure(bool may_replace, Instant deadline);
  // A new lease beside the current one.
  Task<Result<Refreshed>> grant(Instant deadline);
  // `lease` is the session from now on; the member key follows with the next ensure() or keep_member().
  void adopt(const Refreshed& lease);
  void lost();

  Task<Result<void>> write_member(std::string value, Instant deadline);
  Task<Result<void>> erase_member(Instant deadline);
  // Puts the member key on the current lease if it is not there.
  Task<Result<void>> keep_member(Instant deadline);
  const std::optional<std::string>& member_value() const { return member_value_; }
  const std::string& member_key() const { return member_key_; }
  void member_moved() { member_stale_ = false; }

  // Keys that must go with this session and therefore hold it (F73).
  void claim(const std::string& key) { claims_.insert(key); }
  void unclaim(const std::string& key) { claims_.erase(key); }

  Task<void> revoke(Instant deadline);

 private:
  std::shared_ptr<Gateway> gateway_;
  std::string member_key_;
  std::string id_;
  Duration wanted_{};   // whole seconds
  Duration granted_{};  // what was wanted when the lease in use was made
  std::optional<std::string> member_value_;
  bool member_stale_ = false;  // the member key is not on the current lease
  std::set<std::string> claims_;
};

}  // namespace regent::etcd3
