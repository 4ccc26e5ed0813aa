#include "sim/store.h"

#include <algorithm>
#include <utility>

namespace regent::sim {

Store::Store(World& world, Network& network)
    : world_(world), network_(network), up_(static_cast<std::size_t>(network.store_members()), true) {}

bool Store::serves(int member) const {
  if (!up_[static_cast<std::size_t>(member)]) return false;
  int reached = 0;
  for (int other = 0; other < network_.store_members(); ++other) {
    const bool up = up_[static_cast<std::size_t>(other)];
    if (up && network_.connected(network_.store_endpoint(member), network_.store_endpoint(other))) ++reached;
  }
  return reached * 2 > network_.store_members();
}

bool Store::any_serves() const {
  for (int member = 0; member < network_.store_members(); ++member) {
    if (serves(member)) return true;
  }
  return false;
}

void Store::set_up(int member, bool up) {
  up_[static_cast<std::size_t>(member)] = up;
  connectivity_changed();
}

void Store::connectivity_changed() {
  const bool led = any_serves();
  if (led && !led_) {
    ++term_;
    for (auto& [session, lease] : leases_) {
      lease.refreshed = world_.now();
      watch_expiry(session, lease.refreshed + lease.ttl);
    }
  }
  led_ = led;
}

std::string Store::grant(Duration ttl) {
  std::string session = fmt::format("{:x}", 0x1000 + ++last_session_);
  leases_[session] = Lease{ttl, world_.now()};
  watch_expiry(session, world_.now() + ttl);
  return session;
}

bool Store::keep_alive(const std::string& session) {
  auto it = leases_.find(session);
  if (it == leases_.end()) return false;
  it->second.refreshed = world_.now();
  return true;
}

// One event is on its way per lease; it looks again when the lease was refreshed meanwhile.
void Store::watch_expiry(const std::string& session, Duration at) {
  const Duration late = world_.rng().between(Duration{}, lateness_);
  world_.at(at + late, [this, session] {
    auto it = leases_.find(session);
    if (it == leases_.end() || !led_) return;
    const Duration due = it->second.refreshed + it->second.ttl;
    if (world_.now() < due) return watch_expiry(session, due);
    world_.trace("store: session {} expired", session);
    revoke(session, -1);
  });
}

void Store::revoke(const std::string& session, int by) {
  if (leases_.erase(session) == 0) return;
  std::vector<std::string> gone;
  for (const auto& [path, key] : keys_) {
    if (key.session == session) gone.push_back(path);
  }
  for (const auto& path : gone) erase(path, std::nullopt, by);
}

std::optional<Version> Store::put(const std::string& path, std::string value, std::optional<Version> expect,
                                  const std::string& session, int by) {
  if (!session.empty() && !session_lives(session)) return std::nullopt;
  const auto it = keys_.find(path);
  const Version current = it == keys_.end() ? Version{} : it->second.version;
  if (expect && *expect != current) return std::nullopt;
  std::optional<StoreKey> before;
  if (it != keys_.end()) before = it->second;
  put_back_.erase(path);
  StoreKey& key = keys_[path];
  key = StoreKey{std::move(value), Version{static_cast<std::int64_t>(++revision_)}, session};
  const Version version = key.version;
  tell(path, before ? &*before : nullptr, &key, by);
  return version;
}

std::optional<Version> Store::put_all(const std::vector<Replacement>& keys, const std::string& session, int by) {
  if (!session_lives(session)) return std::nullopt;
  for (const auto& key : keys) {
    const StoreKey* there = find(key.path);
    const Version current = there == nullptr ? Version{} : there->version;
    if (key.expect && *key.expect != current) return std::nullopt;
  }
  taking_over_ = std::any_of(keys.begin(), keys.end(), [](const Replacement& key) { return key.path == "sync"; });
  std::optional<Version> first;
  for (const auto& key : keys) {
    const auto version = put(key.path, key.value, std::nullopt, first ? "" : session, by);
    if (!first) first = version;
  }
  taking_over_ = false;
  return first;
}

bool Store::erase(const std::string& path, std::optional<Version> expect, int by) {
  const auto it = keys_.find(path);
  if (it == keys_.end() || (expect && *expect != it->second.version)) return false;
  const StoreKey before = it->second;
  put_back_.erase(path);
  keys_.erase(it);
  ++revision_;
  tell(path, &before, nullptr, by);
  return true;
}

struct Store::Backup {
  std::map<std::string, StoreKey> keys;
  std::map<std::string, Lease> leases;
  std::uint64_t revision = 0;
};

std::shared_ptr<const Store::Backup> Store::save() const {
  return std::make_shared<const Backup>(Backup{keys_, leases_, revision_});
}

void Store::restore(const Backup& backup, bool renumbered) {
  ++restored_;
  const auto before = std::exchange(keys_, backup.keys);
  leases_ = backup.leases;
  revision_ = backup.revision;
  if (renumbered) term_ -= 2;
  view_ = nullptr;
  for (auto& [session, lease] : leases_) {
    lease.refreshed = world_.now();
    watch_expiry(session, lease.refreshed + lease.ttl);
  }
  for (const auto& [path, key] : before) put_back_.emplace(path, key.value);
  for (const auto& [path, key] : keys_) put_back_.emplace(path, "");
  for (const auto& [path, key] : before) {
    if (find(path) == nullptr) tell(path, &key, nullptr, -1);
  }
  // What listeners do with it may change the keys.
  const auto now = keys_;
  for (const auto& [path, key] : now) {
    const auto old = before.find(path);
    const StoreKey* was = old == before.end() ? nullptr : &old->second;
    if (was == nullptr || was->value != key.value || was->session != key.session) tell(path, was, &key, -1);
  }
}

std::optional<std::string> Store::put_back_over(const std::string& path) const {
  const auto it = put_back_.find(path);
  return it == put_back_.end() ? std::nullopt : std::optional(it->second);
}

const StoreKey* Store::find(const std::string& path) const {
  const auto it = keys_.find(path);
  return it == keys_.end() ? nullptr : &it->second;
}

std::shared_ptr<const ClusterView> Store::view() {
  if (!view_ || view_revision_ != revision_ || view_->term != term_) {
    std::vector<RawKey> raw;
    raw.reserve(keys_.size());
    for (const auto& [path, key] : keys_) raw.push_back(RawKey{path, key.value, key.version, key.session});
    view_ = std::make_shared<const ClusterView>(parse_cluster_view(raw, revision_, term_));
    view_revision_ = revision_;
  }
  return view_;
}

void Store::tell(const std::string& path, const StoreKey* before, const StoreKey* after, int by) {
  for (const auto& listener : listeners_) listener(path, before, after, by);
}

}  // namespace regent::sim
