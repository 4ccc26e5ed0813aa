#include "adapters/dcs/etcd3/session.h"

namespace regent::etcd3 {

Session::Session(std::shared_ptr<Gateway> gateway, std::string member_key, Duration ttl)
    : gateway_(std::move(gateway)), member_key_(std::move(member_key)) {
  set_ttl(ttl);
}

void Session::set_ttl(Duration ttl) {
  wanted_ = std::chrono::ceil<std::chrono::seconds>(ttl);
}

void Session::lost() {
  id_.clear();
  claims_.clear();
  member_stale_ = member_value_.has_value();
}

void Session::adopt(const Refreshed& lease) {
  id_ = lease.id;
  granted_ = lease.wanted;
  claims_.clear();
  member_stale_ = member_value_.has_value();
}

Task<Result<Refreshed>> Session::keep(Instant deadline) {
  if (id_.empty()) co_return fail(ErrorKind::not_found, "there is no session with etcd");
  const std::string id = id_;
  Json request = lease_id(id);
  auto answer = co_await gateway_->call("/lease/keepalive", std::move(request), deadline);
  if (!answer) {
    if (answer.error().kind == ErrorKind::not_found && id_ == id) lost();
    co_return tl::unexpected(answer.error());
  }
  const auto lease = read_keepalive(answer->body);
  if (!lease) co_return tl::unexpected(lease.error());
  if (lease->ttl <= Duration::zero()) {
    if (id_ == id) lost();
    co_return fail(ErrorKind::not_found, "the session with etcd has expired");
  }
  co_return Refreshed{id, answer->sent, lease->ttl, answer->header.term, granted_};
}

Task<Result<Refreshed>> Session::grant(Instant deadline) {
  const Duration wanted = wanted_;
  Json request = lease_grant(std::chrono::duration_cast<std::chrono::seconds>(wanted).count());
  auto answer = co_await gateway_->call("/lease/grant", std::move(request), deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  const auto lease = read_grant(answer->body);
  if (!lease) co_return tl::unexpected(lease.error());
  co_return Refreshed{lease->id, answer->sent, lease->ttl, answer->header.term, wanted};
}

Task<Result<Refreshed>> Session::ensure(bool may_replace, Instant deadline) {
  if (!id_.empty() && !(may_replace && wants_replacement())) {
    auto kept = co_await keep(deadline);
    if (kept || kept.error().kind != ErrorKind::not_found) {
      if (kept) {
        if (auto member = co_await keep_member(deadline); !member) co_return tl::unexpected(member.error());
      }
      co_return kept;
    }
  }
  auto made = co_await grant(deadline);
  if (!made) co_return made;
  adopt(*made);
  if (auto member = co_await keep_member(deadline); !member) co_return tl::unexpected(member.error());
  co_return made;
}

Task<Result<void>> Session::keep_member(Instant deadline) {
  if (!member_stale_ || !member_value_) co_return Result<void>();
  std::string value = *member_value_;
  co_return co_await write_member(std::move(value), deadline);
}

Task<Result<void>> Session::write_member(std::string value, Instant deadline) {
  member_value_ = value;
  for (int round = 0;; ++round) {
    if (id_.empty()) {
      auto made = co_await grant(deadline);
      if (!made) co_return tl::unexpected(made.error());
      adopt(*made);
    }
    Json request = put(member_key_, value, id_);
    auto answer = co_await gateway_->call("/kv/put", std::move(request), deadline);
    if (answer) {
      member_stale_ = false;
      co_return Result<void>();
    }
    if (answer.error().kind != ErrorKind::not_found || round > 0) co_return tl::unexpected(answer.error());
    lost();
  }
}

Task<Result<void>> Session::erase_member(Instant deadline) {
  member_value_.reset();
  member_stale_ = false;
  Json request = erase(member_key_);
  auto answer = co_await gateway_->call("/kv/deleterange", std::move(request), deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  co_return Result<void>();
}

Task<void> Session::revoke(Instant deadline) {
  if (id_.empty()) co_return;
  Json request = lease_id(id_);
  member_value_.reset();
  lost();
  // The second name of this call is the one every version knows.
  co_await gateway_->call("/kv/lease/revoke", std::move(request), deadline);
}

}  // namespace regent::etcd3
