#include "adapters/dcs/etcd3/etcd3.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "adapters/dcs/etcd3/gateway.h"
#include "adapters/dcs/etcd3/protocol.h"
#include "adapters/dcs/etcd3/session.h"
#include "adapters/dcs/etcd3/watch.h"
#include "base/log.h"

namespace regent {

namespace asio = boost::asio;

namespace etcd3 {

namespace {

struct Written {
  TxnReply reply;
  bool repeated = false;
};

struct Keys {
  RangeReply reply;
  std::uint64_t connection = 0;
};

// However sure we are that nothing was missed.
constexpr Duration complete_interval = std::chrono::minutes(1);

RawKey raw_key(KeyValue kv, std::string_view prefix) {
  return RawKey{kv.key.substr(prefix.size()), std::move(kv.value), Version{kv.mod_revision}, std::move(kv.lease)};
}

// All keys as of the last read.
struct KnownKeys {
  Header header;
  std::uint64_t connection = 0;  // of all reads since the complete one
  Instant complete_at{};
  std::map<std::string, RawKey> keys;
  std::int64_t newest = 0;          // revision of the last change of one of them
  std::optional<ClusterView> view;  // what they say; empty: they were not read since they changed

  void replace(Keys& all, std::string_view prefix) {
    keys.clear();
    newest = 0;
    view.reset();
    for (KeyValue& kv : all.reply.kvs) put(std::move(kv), prefix);
    header = all.reply.header;
    connection = all.connection;
  }
  // False: a key was deleted, or this may be another history than the one we know; everything is to be read again. A
  // key that is there was either known or is among the changes; were one of them gone, there would be fewer.
  bool merge(Keys& changes, std::string_view prefix) {
    const Header& now = changes.reply.header;
    if (now.cluster_id != header.cluster_id || now.revision < header.revision) return false;
    // A backup restored under the old names has the same id, and may have caught up with the revision. But no member
    // lives through that (F34).
    if (changes.connection != connection) return false;
    if (!changes.reply.kvs.empty()) view.reset();
    for (KeyValue& kv : changes.reply.kvs) put(std::move(kv), prefix);
    header = now;
    return static_cast<std::int64_t>(keys.size()) == changes.reply.count;
  }
  const ClusterView& current_view() {
    if (!view) {
      std::vector<RawKey> all;
      all.reserve(keys.size());
      for (const auto& [path, key] : keys) all.push_back(key);
      view = parse_cluster_view(all, 0, 0);
    }
    view->store = header.cluster_id;
    view->revision = static_cast<std::uint64_t>(header.revision);
    view->term = header.term;
    return *view;
  }
  const RawKey* find(const std::string& path) const {
    const auto found = keys.find(path);
    return found == keys.end() ? nullptr : &found->second;
  }

 private:
  void put(KeyValue kv, std::string_view prefix) {
    RawKey key = raw_key(std::move(kv), prefix);
    newest = std::max(newest, key.version.value);
    keys.insert_or_assign(key.path, std::move(key));
  }
};

class Etcd3 final : public Etcd3Dcs {
 public:
  Etcd3(asio::any_io_executor executor, Clock& clock, Options options, std::string prefix, MemberName name,
        Duration ttl)
      : clock_(clock),
        prefix_(std::move(prefix)),
        name_(std::move(name)),
        gateway_(std::make_shared<Gateway>(executor, clock, std::move(options))),
        session_(gateway_, prefix_ + "members/" + name_.str(), ttl),
        watch_(std::make_shared<Watch>(executor, clock, gateway_, prefix_)) {
    gateway_->set_ttl(ttl);
  }
  ~Etcd3() override { watch_->stop(); }

  Task<Result<ClusterView>> read(Instant deadline) override;
  Task<Result<ClusterView>> look(Instant deadline) override;
  Result<void> reconfigure(const Json& section, std::string_view section_name) override;
  Task<void> changed(Instant until) override { return watch_->changed(until); }

  void set_ttl(Duration ttl) override {
    session_.set_ttl(ttl);
    gateway_->set_ttl(ttl);
  }
  Task<Result<void>> keep_session(Instant deadline) override;
  std::string session() const override { return session_.id(); }

  Task<Result<LeaseGrant>> acquire_leader(action::AcquireLeader lock, Instant deadline) override;
  bool takes_over() const override { return true; }
  Task<Result<LeaseGrant>> take_over(action::TakeOver take, Instant deadline) override;
  Task<Result<LeaseGrant>> renew_leader(Version version, Instant deadline) override;
  Task<Result<void>> release_leader(Version version, Instant deadline) override;

  Task<Result<Version>> write(action::WriteKey write, Instant deadline) override;
  Task<Result<void>> erase(action::DeleteKey erase, Instant deadline) override;
  Task<Result<void>> write_member(std::string value, Instant deadline) override;
  Task<Result<void>> erase_member(Instant deadline) override;
  Task<void> close(Instant deadline) override;

 private:
  Task<Result<Keys>> range(Json request, Instant deadline);
  // Makes what is known true again; one read of the same keys at a time.
  Task<Result<Header>> refresh(KnownKeys& known, Instant deadline);
  void tell_watch();
  Task<Result<Written>> txn(Json request, Instant deadline);
  // Puts all of these keys, the leader key first, or none.
  Task<Result<LeaseGrant>> win_leader(std::vector<Replacement> keys, Instant deadline);
  Task<LeaseGrant> move_leader(LeaseGrant held, Instant deadline);

  std::string leader_key() const { return prefix_ + "leader"; }
  // The key carries our name on the lease of this very process: nobody else can have written it (F32).
  bool is_ours(const std::optional<KeyValue>& found) const {
    return found && found->value == name_.str() && !session_.id().empty() && found->lease == session_.id();
  }
  tl::unexpected<Error> not_ours(const std::optional<KeyValue>& found) const {
    Error error{ErrorKind::conflict, "the leader key is gone"};
    if (found) error.message = fmt::format("the leader key belongs to {}", found->value);
    if (found && found->value != name_.str()) error.holder = found->value;
    return tl::unexpected<Error>(std::move(error));
  }

  tl::unexpected<Error> not_won(const std::optional<KeyValue>& found, Version expect) const {
    const Version there = found ? Version{found->mod_revision} : Version{};
    if (there != expect) return not_ours(found);
    return fail(ErrorKind::conflict, "a key that goes with the leader key was changed by somebody else");
  }
  Replacement counter(action::Ticket ticket) const {
    return {prefix_ + std::string(to_string(action::Key::timelines)), ticket.expect, std::move(ticket.value)};
  }

  Clock& clock_;
  std::string prefix_;
  MemberName name_;
  std::shared_ptr<Gateway> gateway_;
  Session session_;
  std::shared_ptr<Watch> watch_;
  KnownKeys known_;                     // by the loop
  KnownKeys looked_;                    // by look()
  bool leading_ = false;                // the leader key hangs on the session, as far as we were told
  std::optional<Refreshed> moving_to_;  // the lease of a move of the leader key whose outcome is unknown
};

Task<Result<Written>> Etcd3::txn(Json request, Instant deadline) {
  auto answer = co_await gateway_->call("/kv/txn", std::move(request), deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  auto reply = read_txn(answer->body);
  if (!reply) co_return tl::unexpected(reply.error());
  co_return Written{std::move(*reply), answer->repeated};
}

Task<Result<Keys>> Etcd3::range(Json request, Instant deadline) {
  auto answer = co_await gateway_->call("/kv/range", std::move(request), deadline);
  if (!answer) co_return tl::unexpected(answer.error());
  auto reply = read_range(answer->body);
  if (!reply) co_return tl::unexpected(reply.error());
  co_return Keys{std::move(*reply), answer->connection};
}

// Every member reads all keys in every cycle: what did not change since the last time is not sent again.
Task<Result<Header>> Etcd3::refresh(KnownKeys& known, Instant deadline) {
  if (known.header.revision > 0 && clock_.now() - known.complete_at < complete_interval) {
    auto changes = co_await range(range_changes(prefix_, known.header.revision + 1), deadline);
    if (!changes) co_return tl::unexpected(changes.error());
    if (known.merge(*changes, prefix_)) co_return known.header;
    known = {};
  }
  auto all = co_await range(range_prefix(prefix_), deadline);
  if (!all) co_return tl::unexpected(all.error());
  known.replace(*all, prefix_);
  known.complete_at = clock_.now();
  co_return known.header;
}

Task<Result<ClusterView>> Etcd3::read(Instant deadline) {
  auto header = co_await refresh(known_, deadline);
  if (!header) co_return tl::unexpected(header.error());
  tell_watch();
  co_return known_.current_view();
}

// The watch is not told: what it would not report any more, the loop would hear of too late.
Task<Result<ClusterView>> Etcd3::look(Instant deadline) {
  auto header = co_await refresh(looked_, deadline);
  if (!header) co_return tl::unexpected(header.error());
  co_return looked_.current_view();
}

Result<void> Etcd3::reconfigure(const Json& section, std::string_view section_name) {
  auto options = etcd3::parse_options(section, section_name);
  if (!options) return tl::unexpected(options.error());
  gateway_->reconfigure(std::move(*options));
  return {};
}

void Etcd3::tell_watch() {
  std::string leader;
  if (const auto* key = known_.find("leader"); key != nullptr && key->value != name_.str()) {
    leader = "members/" + key->value;
  }
  const auto* said = known_.find(leader);
  watch_->read(known_.header, known_.newest, std::move(leader), said == nullptr ? std::string_view() : said->value);
}

Task<Result<void>> Etcd3::keep_session(Instant deadline) {
  auto kept = co_await session_.ensure(!leading_, deadline);
  if (!kept) co_return tl::unexpected(kept.error());
  co_return Result<void>();
}

Task<Result<LeaseGrant>> Etcd3::acquire_leader(action::AcquireLeader lock, Instant deadline) {
  std::vector<Replacement> keys{{leader_key(), lock.expect, name_.str(), !lock.expect.absent()}};
  if (lock.ticket) keys.push_back(counter(std::move(*lock.ticket)));
  return win_leader(std::move(keys), deadline);
}

Task<Result<LeaseGrant>> Etcd3::take_over(action::TakeOver take, Instant deadline) {
  std::vector<Replacement> keys{{leader_key(), take.leader, name_.str()},
                                {prefix_ + "sync", take.sync, std::move(take.value)},
                                counter(std::move(take.ticket))};
  return win_leader(std::move(keys), deadline);
}

Task<Result<LeaseGrant>> Etcd3::win_leader(std::vector<Replacement> keys, Instant deadline) {
  for (int round = 0;; ++round) {
    auto fresh = co_await session_.ensure(true, deadline);
    if (!fresh) co_return tl::unexpected(fresh.error());
    Json attempt = put_all_if(keys, fresh->id);
    auto written = co_await txn(std::move(attempt), deadline);
    if (!written) {
      // The lease ended between the two calls.
      if (written.error().kind == ErrorKind::not_found && round == 0) {
        session_.lost();
        continue;
      }
      co_return tl::unexpected(written.error());
    }
    const TxnReply& reply = written->reply;
    if (!reply.succeeded && !is_ours(reply.found)) co_return not_won(reply.found, keys.front().expect);
    leading_ = true;
    const Version version{reply.succeeded ? reply.header.revision : reply.found->mod_revision};
    if (reply.header.term == fresh->term) co_return LeaseGrant{fresh->id, version, fresh->sent, fresh->ttl};
    // There was an election between the two: what the old leader of etcd said about the lease does not count.
    co_return co_await renew_leader(version, deadline);
  }
}

Task<Result<LeaseGrant>> Etcd3::renew_leader(Version version, Instant deadline) {
  while (true) {
    auto kept = co_await session_.keep(deadline);
    if (!kept) {
      if (kept.error().kind != ErrorKind::not_found) co_return tl::unexpected(kept.error());
      leading_ = false;
      co_return fail(ErrorKind::conflict, "the session with etcd has expired, and the leader key with it");
    }
    Json request = confirm(leader_key(), version);
    auto confirmed = co_await txn(std::move(request), deadline);
    if (!confirmed) co_return tl::unexpected(confirmed.error());
    const TxnReply& reply = confirmed->reply;
    const bool moved = moving_to_ && reply.found && reply.found->lease == moving_to_->id;
    if (moved && reply.found->value == name_.str()) {
      // The move to a lease of another length had no answer, but it took place: from here on that lease counts.
      session_.adopt(*moving_to_);
      moving_to_.reset();
      version = Version{reply.found->mod_revision};
      continue;
    }
    if (!reply.succeeded || !is_ours(reply.found)) {
      leading_ = false;
      co_return not_ours(reply.found);
    }
    // A keepalive that an outvoted leader of etcd answered prolonged nothing (F29): both answers must be of one term.
    if (reply.header.term != kept->term) continue;
    LeaseGrant grant{kept->id, version, kept->sent, kept->ttl};
    if (session_.wants_replacement()) grant = co_await move_leader(grant, deadline);
    // A member key that could not follow must not cost the lease that is confirmed.
    co_await session_.keep_member(deadline);
    co_return grant;
  }
}

// Puts the leader key on a lease of the wanted length. Whatever fails: what is held stays held.
Task<LeaseGrant> Etcd3::move_leader(LeaseGrant held, Instant deadline) {
  auto made = co_await session_.grant(deadline);
  if (!made) co_return held;
  const auto member = session_.member_value();
  Json request = member ? put_two_if(leader_key(), held.version, name_.str(), session_.member_key(), *member, made->id)
                        : put_if(leader_key(), held.version, name_.str(), made->id);
  moving_to_ = *made;
  auto written = co_await txn(std::move(request), deadline);
  if (!written || !written->reply.succeeded || written->reply.header.term != made->term) co_return held;
  moving_to_.reset();
  session_.adopt(*made);
  if (member) session_.member_moved();
  co_return LeaseGrant{made->id, Version{written->reply.header.revision}, made->sent, made->ttl};
}

Task<Result<void>> Etcd3::release_leader(Version version, Instant deadline) {
  Json request = delete_if(leader_key(), version);
  auto written = co_await txn(std::move(request), deadline);
  if (!written) co_return tl::unexpected(written.error());
  leading_ = false;
  if (written->reply.succeeded) co_return Result<void>();
  // Our own first attempt did it.
  if (written->repeated && !written->reply.found) co_return Result<void>();
  co_return not_ours(written->reply.found);
}

Task<Result<Version>> Etcd3::write(action::WriteKey write, Instant deadline) {
  const std::string key = prefix_ + std::string(to_string(write.key));
  for (int round = 0;; ++round) {
    std::string lease;
    if (write.on_session) {
      if (session_.id().empty()) {
        if (auto made = co_await session_.ensure(!leading_, deadline); !made) co_return tl::unexpected(made.error());
      }
      lease = session_.id();
    }
    Json request = put_if(key, write.expect, write.value, lease);
    auto written = co_await txn(std::move(request), deadline);
    if (!written) {
      if (write.on_session && written.error().kind == ErrorKind::not_found && round == 0) {
        session_.lost();
        continue;
      }
      co_return tl::unexpected(written.error());
    }
    const TxnReply& reply = written->reply;
    const bool was_ours =
        written->repeated && reply.found && reply.found->value == write.value && reply.found->lease == lease;
    if (!reply.succeeded && !was_ours) {
      co_return fail(ErrorKind::conflict, fmt::format("{} was changed by somebody else", key));
    }
    if (write.on_session) {
      session_.claim(key);
    } else {
      session_.unclaim(key);
    }
    co_return Version{reply.succeeded ? reply.header.revision : reply.found->mod_revision};
  }
}

Task<Result<void>> Etcd3::erase(action::DeleteKey erase, Instant deadline) {
  const std::string key = prefix_ + std::string(to_string(erase.key));
  Json request = delete_if(key, erase.expect);
  auto written = co_await txn(std::move(request), deadline);
  if (!written) co_return tl::unexpected(written.error());
  if (!written->reply.succeeded && !(written->repeated && !written->reply.found)) {
    co_return fail(ErrorKind::conflict, fmt::format("{} was changed by somebody else", key));
  }
  session_.unclaim(key);
  co_return Result<void>();
}

Task<Result<void>> Etcd3::write_member(std::string value, Instant deadline) {
  return session_.write_member(std::move(value), deadline);
}

Task<Result<void>> Etcd3::erase_member(Instant deadline) {
  return session_.erase_member(deadline);
}

Task<void> Etcd3::close(Instant deadline) {
  watch_->stop();
  co_await session_.revoke(deadline);
  co_await watch_->stopped(deadline);
}

}  // namespace

}  // namespace etcd3

std::unique_ptr<Etcd3Dcs> make_etcd3(asio::any_io_executor executor, Clock& clock, etcd3::Options options,
                                     std::string prefix, MemberName name, Duration ttl) {
  return std::make_unique<etcd3::Etcd3>(std::move(executor), clock, std::move(options), std::move(prefix),
                                        std::move(name), ttl);
}

Result<std::unique_ptr<Etcd3Dcs>> make_etcd3(asio::any_io_executor executor, Clock& clock, const Json& section,
                                             std::string prefix, MemberName name, Duration ttl,
                                             std::string_view section_name) {
  auto options = etcd3::parse_options(section, section_name);
  if (!options) return tl::unexpected(options.error());
  return make_etcd3(std::move(executor), clock, std::move(*options), std::move(prefix), std::move(name), ttl);
}

}  // namespace regent
