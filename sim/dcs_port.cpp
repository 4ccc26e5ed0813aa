#include "sim/dcs_port.h"

namespace regent::sim {

using namespace std::chrono_literals;

namespace {

const char* const leader_path = "leader";
const char* const counter_path = "regent/timeline";

}  // namespace

DcsPort::DcsPort(Parts parts)
    : p_(std::move(parts)),
      witness_(std::make_shared<Witness>(Witness{p_.store.restored(), p_.world.now()})),
      endpoint_(std::make_shared<int>(
          static_cast<int>(p_.world.rng().below(static_cast<std::uint64_t>(p_.network.store_members()))))) {}

// ------------------------------------------------------------------------------------------------- transport

bool DcsPort::Witness::accept(int by, Duration now, Duration ttl) {
  if (by != restored && now - heard <= ttl) return false;
  restored = by;
  heard = now;
  return true;
}

template <class R>
void DcsPort::attempt(std::shared_ptr<Wait<Result<R>>> wait, std::shared_ptr<const std::function<R()>> apply,
                      Duration until, bool repeatable) {
  World& world = p_.world;
  Network& network = p_.network;
  Store& store = p_.store;
  const StoreLink& link = p_.link;
  const int node = p_.node;
  const int member = *endpoint_;
  const int remote = network.store_endpoint(member);
  const Duration ttl = ttl_;
  world.after(network.latency() + store.processing_delay(), [=, witness = witness_, &world, &network, &store, &link] {
    if (!network.passes(node, remote) || !store.serves(member)) return;
    const R result = (*apply)();
    if (world.rng().chance(link.lose_reply)) {
      world.trace("n{}: a reply of the store is lost", node + 1);
      return;
    }
    world.after(network.latency(), [=, by = store.restored(), &world, &network] {
      if (!network.passes(remote, node) || !witness->accept(by, world.now(), ttl)) return;
      wait->complete(Result<R>(result));
    });
  });
  // A member that does not answer is left for the next one; only what may be applied twice is sent again.
  const Duration left = until - world.now();
  const Duration patience = repeatable ? std::min(left, std::max<Duration>(left / 3, 1s)) : left;
  world.after(patience, [this, wait, apply, until, repeatable, &world, endpoint = endpoint_, member,
                         members = network.store_members()] {
    if (wait->done()) return;
    if (*endpoint == member) *endpoint = (member + 1) % members;
    if (repeatable && world.now() + 1ms < until) {
      attempt<R>(wait, apply, until, repeatable);
    } else {
      wait->complete(fail(ErrorKind::timeout, "the store did not answer in time"));
    }
  });
}

template <class R>
Task<Result<R>> DcsPort::call(std::function<R()> apply, Instant deadline, bool repeatable) {
  const Duration until = p_.clock.when(deadline);
  auto shared = std::make_shared<const std::function<R()>>(std::move(apply));
  auto start = [this, shared, until, repeatable](std::shared_ptr<Wait<Result<R>>> wait) {
    attempt<R>(wait, shared, until, repeatable);
  };
  Result<R> cancelled = fail(ErrorKind::cancelled, "cancelled");
  auto result = co_await wait_for<Result<R>>(p_.process, start, cancelled);
  co_return result;
}

// ------------------------------------------------------------------------------------------------ read, watch

Task<Result<ClusterView>> DcsPort::read(Instant deadline) {
  using View = std::shared_ptr<const ClusterView>;
  changed_ = false;
  Store* store = &p_.store;
  std::function<View()> apply = [store] { return store->view(); };
  auto answer = co_await call<View>(apply, deadline, true);
  if (!answer) co_return tl::unexpected(answer.error());
  p_.listener.view_read(p_.node, *answer);
  co_return **answer;
}

void DcsPort::notify() {
  if (p_.link.watch_silent) return;
  changed_ = true;
  if (watcher_) watcher_->complete(true);
}

Task<void> DcsPort::changed(Instant until) {
  if (changed_) co_return;
  auto start = [this, until](std::shared_ptr<Wait<bool>> wait) {
    if (changed_) return wait->complete(true);
    watcher_ = wait;
    p_.world.at(p_.clock.when(until), [wait] { wait->complete(true); });
  };
  co_await wait_for<bool>(p_.process, start, false);
}

// ---------------------------------------------------------------------------------------------------- session

Task<Result<void>> DcsPort::ensure_session(Instant deadline) {
  Store* store = &p_.store;
  if (!session_.empty()) {
    const std::string session = session_;
    std::function<bool()> refresh = [store, session] { return store->keep_alive(session); };
    auto alive = co_await call<bool>(refresh, deadline, true);
    if (!alive) co_return tl::unexpected(alive.error());
    if (*alive) co_return Result<void>{};
    session_.clear();
  }
  const Duration ttl = ttl_;
  std::function<std::string()> make = [store, ttl] { return store->grant(ttl); };
  auto session = co_await call<std::string>(make, deadline, true);
  if (!session) co_return tl::unexpected(session.error());
  session_ = *session;
  session_ttl_ = ttl;
  co_return Result<void>{};
}

Task<Result<void>> DcsPort::keep_session(Instant deadline) {
  return ensure_session(deadline);
}

LeaseGrant DcsPort::grant(Version version, Instant sent) {
  LeaseGrant grant;
  grant.session = session_;
  grant.version = version;
  grant.sent = sent;
  grant.ttl = session_ttl_;
  p_.listener.lease_confirmed(p_.node, grant);
  return grant;
}

// ----------------------------------------------------------------------------------------------------- leader

Task<Result<DcsPort::LeaderSeen>> DcsPort::look_at_leader(Instant deadline) {
  Store* store = &p_.store;
  const std::string name = p_.name.str();
  const std::string session = session_;
  std::function<LeaderSeen()> look = [store, name, session] {
    const StoreKey* key = store->find(leader_path);
    if (key == nullptr) return LeaderSeen{};
    return LeaderSeen{key->value == name && key->session == session, key->version, key->value};
  };
  return call<LeaderSeen>(look, deadline, true);
}

Task<Result<LeaseGrant>> DcsPort::take_leader(Put put_key, Instant deadline) {
  if (!session_.empty() && session_ttl_ != ttl_) session_.clear();
  const Instant sent = p_.clock.boot();
  auto ready = co_await ensure_session(deadline);
  if (!ready) co_return tl::unexpected(ready.error());
  Store* store = &p_.store;
  const std::string session = session_;
  using Written = std::optional<Version>;
  std::function<Written()> put = [store, session, put_key] { return put_key(*store, session); };
  // Half of the time is left to find out what became of a write without an answer.
  const Instant half = p_.clock.boot() + (deadline - p_.clock.boot()) / 2;
  auto written = co_await call<Written>(put, half, false);
  if (written && *written) co_return grant(**written, sent);
  if (written) co_return fail(ErrorKind::conflict, "the leader key is taken");
  if (written.error().kind == ErrorKind::cancelled) co_return tl::unexpected(written.error());
  auto seen = co_await look_at_leader(deadline);
  if (seen && seen->mine) co_return grant(seen->version, sent);
  co_return fail(ErrorKind::timeout, "the store did not answer in time");
}

Task<Result<LeaseGrant>> DcsPort::put_leader(std::vector<Store::Replacement> keys, Instant deadline) {
  for (const auto& key : keys) {
    if (key.expect) p_.listener.write_requested(p_.node, key.path, *key.expect);
  }
  return take_leader([keys = std::move(keys), node = p_.node](
                         Store& store, const std::string& session) { return store.put_all(keys, session, node); },
                     deadline);
}

Task<Result<LeaseGrant>> DcsPort::acquire_leader(action::AcquireLeader lock, Instant deadline) {
  std::vector<Store::Replacement> keys{{leader_path, p_.name.str(), lock.expect}};
  if (lock.ticket) keys.push_back({counter_path, lock.ticket->value, lock.ticket->expect});
  return put_leader(std::move(keys), deadline);
}

Task<Result<LeaseGrant>> DcsPort::seize_leader(action::AcquireLeader lock, Instant deadline) {
  std::vector<Store::Replacement> keys{{leader_path, p_.name.str(), std::nullopt}};
  if (lock.ticket) keys.push_back({counter_path, lock.ticket->value, std::nullopt});
  return put_leader(std::move(keys), deadline);
}

Task<Result<LeaseGrant>> DcsPort::take_over(action::TakeOver take, Instant deadline) {
  std::vector<Store::Replacement> keys{{leader_path, p_.name.str(), take.leader},
                                       {"sync", take.value, take.sync},
                                       {counter_path, take.ticket.value, take.ticket.expect}};
  return put_leader(std::move(keys), deadline);
}

Task<Result<LeaseGrant>> DcsPort::take_over_blindly(action::TakeOver take, Instant deadline) {
  std::vector<Store::Replacement> keys{{leader_path, p_.name.str(), take.leader},
                                       {"sync", take.value, std::nullopt},
                                       {counter_path, take.ticket.value, take.ticket.expect}};
  return put_leader(std::move(keys), deadline);
}

Task<Result<LeaseGrant>> DcsPort::renew_leader(Version version, Instant deadline) {
  const Instant sent = p_.clock.boot();
  Store* store = &p_.store;
  const std::string session = session_;
  std::function<bool()> refresh = [store, session] { return store->keep_alive(session); };
  auto alive = co_await call<bool>(refresh, deadline, true);
  if (!alive) co_return tl::unexpected(alive.error());
  if (!*alive) {
    session_.clear();
    co_return fail(ErrorKind::conflict, "the session has expired");
  }
  auto seen = co_await look_at_leader(deadline);
  if (!seen) co_return tl::unexpected(seen.error());
  if (!seen->mine || seen->version != version) {
    Error error{ErrorKind::conflict, "the leader key is not ours"};
    if (seen->holder != p_.name.str()) error.holder = seen->holder;
    co_return tl::unexpected<Error>(std::move(error));
  }
  co_return grant(version, sent);
}

Task<Result<void>> DcsPort::release_leader(Version version, Instant deadline) {
  p_.listener.release_requested(p_.node);
  Store* store = &p_.store;
  const int node = p_.node;
  std::function<bool()> erase = [store, version, node] { return store->erase(leader_path, version, node); };
  auto erased = co_await call<bool>(erase, deadline, false);
  if (!erased) co_return tl::unexpected(erased.error());
  if (!*erased) co_return fail(ErrorKind::conflict, "the leader key is not ours");
  co_return Result<void>{};
}

// ------------------------------------------------------------------------------------------------- other keys

Task<Result<Version>> DcsPort::write(action::WriteKey write, Instant deadline) {
  p_.listener.write_requested(p_.node, std::string(to_string(write.key)), write.expect);
  if (write.on_session) {
    auto ready = co_await ensure_session(deadline);
    if (!ready) co_return tl::unexpected(ready.error());
  }
  Store* store = &p_.store;
  const int node = p_.node;
  const std::string path(to_string(write.key));
  const std::string session = write.on_session ? session_ : std::string();
  const std::string value = write.value;
  const Version expect = write.expect;
  using Written = std::optional<Version>;
  std::function<Written()> put = [store, path, value, expect, session, node] {
    return store->put(path, value, expect, session, node);
  };
  auto written = co_await call<Written>(put, deadline, false);
  if (!written) co_return tl::unexpected(written.error());
  if (!*written) co_return fail(ErrorKind::conflict, path + " has changed");
  co_return **written;
}

Task<Result<void>> DcsPort::erase(action::DeleteKey erase, Instant deadline) {
  const std::string path(to_string(erase.key));
  p_.listener.write_requested(p_.node, path, erase.expect);
  Store* store = &p_.store;
  const int node = p_.node;
  const Version expect = erase.expect;
  std::function<bool()> apply = [store, path, expect, node] { return store->erase(path, expect, node); };
  auto erased = co_await call<bool>(apply, deadline, false);
  if (!erased) co_return tl::unexpected(erased.error());
  if (!*erased) co_return fail(ErrorKind::conflict, path + " has changed");
  co_return Result<void>{};
}

Task<Result<void>> DcsPort::write_member(std::string value, Instant deadline) {
  if (session_.empty()) {
    auto ready = co_await ensure_session(deadline);
    if (!ready) co_return tl::unexpected(ready.error());
  }
  Store* store = &p_.store;
  const int node = p_.node;
  const std::string path = "members/" + p_.name.str();
  const std::string session = session_;
  std::function<bool()> put = [store, path, value, session, node] {
    return store->put(path, value, std::nullopt, session, node).has_value();
  };
  auto written = co_await call<bool>(put, deadline, true);
  if (!written) co_return tl::unexpected(written.error());
  if (!*written) {
    session_.clear();
    co_return fail(ErrorKind::failed, "the session has expired");
  }
  co_return Result<void>{};
}

Task<Result<void>> DcsPort::erase_member(Instant deadline) {
  Store* store = &p_.store;
  const int node = p_.node;
  const std::string path = "members/" + p_.name.str();
  std::function<bool()> apply = [store, path, node] { return store->erase(path, std::nullopt, node); };
  auto erased = co_await call<bool>(apply, deadline, true);
  if (!erased) co_return tl::unexpected(erased.error());
  co_return Result<void>{};
}

Task<void> DcsPort::close(Instant deadline) {
  if (session_.empty()) co_return;
  Store* store = &p_.store;
  const int node = p_.node;
  const std::string session = session_;
  std::function<bool()> apply = [store, session, node] {
    store->revoke(session, node);
    return true;
  };
  co_await call<bool>(apply, deadline, true);
  session_.clear();
}

}  // namespace regent::sim
