#include "core/peer_status.h"

#include <algorithm>

#include "core/election.h"
#include "core/failsafe.h"
#include "core/portrait.h"
#include "core/situation.h"

namespace regent {
namespace {

// A member that has not seen the store for so long does not see it: more than a default ttl.
constexpr std::int64_t store_silence_s = 30;

std::optional<std::uint64_t> unsigned_of(const Json* value) {
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  const auto number = value->get<std::int64_t>();
  if (number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

std::string string_of(const Json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool true_of(const Json* value) {
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

Version version_of(const Json* value) {
  return Version{static_cast<std::int64_t>(unsigned_of(value).value_or(0))};
}

bool failed(const WatchdogFacts& watchdog) {
  return watchdog.mode == FenceMode::required && (!watchdog.usable || watchdog.state == WatchdogFacts::State::failed);
}

void tell_server(const ServerFacts& server, const ClusterView* view, PeerAnswer& own) {
  own.running = true;
  own.in_recovery = server.in_recovery;
  own.timeline = server.timeline;
  own.wal = server.wal;
  if (!server.in_recovery) return;
  own.let_go = server.let_go();
  if (!own.let_go) own.upstream = server.upstream.host + ":" + server.upstream.port;
  if (server.replication_state == "streaming") own.streams_from = own.upstream;
  if (view == nullptr) return;
  own.leader_version = view->leader.version;
  own.sync_version = view->sync.version;
}

Json print_restored(const RestoredStore& restored) {
  const StoreMark& before = restored.before;
  Json out = Json::object();
  out["store"] = before.store;
  out["term"] = before.term;
  out["revision"] = before.revision;
  out["leader"] = before.leader.str();
  out["sync"] = print_sync(before.sync);
  out["status"] = print_status(before.status);
  out["failsafe"] = before.failsafe;
  out["ticket"] = before.ticket.value;
  out["leader_key"] = restored.leader_key.value;
  out["sync_key"] = restored.sync_key.value;
  return out;
}

std::optional<RestoredStore> parse_restored(const Json* value) {
  if (value == nullptr || !value->is_object()) return std::nullopt;
  auto sync = parse_sync(string_of(find(*value, "sync")));
  if (!sync) return std::nullopt;
  RestoredStore out;
  out.before.store = unsigned_of(find(*value, "store")).value_or(0);
  out.before.term = unsigned_of(find(*value, "term")).value_or(0);
  out.before.revision = unsigned_of(find(*value, "revision")).value_or(0);
  out.before.leader = MemberName(string_of(find(*value, "leader")));
  out.before.sync = std::move(*sync);
  if (auto status = parse_status(string_of(find(*value, "status")))) out.before.status = std::move(*status);
  if (const Json* failsafe = find(*value, "failsafe"); failsafe != nullptr && failsafe->is_object()) {
    for (const auto& [name, url] : failsafe->items()) out.before.failsafe[name] = string_of(&url);
  }
  out.before.ticket = Timeline{static_cast<std::uint32_t>(unsigned_of(find(*value, "ticket")).value_or(0))};
  out.leader_key = version_of(find(*value, "leader_key"));
  out.sync_key = version_of(find(*value, "sync_key"));
  return out;
}

Json print_led(const LedStore& led) {
  Json out = Json::object();
  out["store"] = led.store;
  out["revision"] = led.revision;
  out["leader_key"] = led.leader_key.value;
  out["sync_key"] = led.sync_key.value;
  return out;
}

std::optional<LedStore> parse_led(const Json* value) {
  if (value == nullptr || !value->is_object()) return std::nullopt;
  return LedStore{unsigned_of(find(*value, "store")).value_or(0), unsigned_of(find(*value, "revision")).value_or(0),
                  version_of(find(*value, "leader_key")), version_of(find(*value, "sync_key"))};
}

void parse_regent(const Json& regent, PeerAnswer& answer) {
  answer.instance = string_of(find(regent, "instance"));
  answer.holds_back = true_of(find(regent, "failsafe_holds_back"));
  answer.refuses = find(regent, "refuses") != nullptr;
  answer.upstream = string_of(find(regent, "upstream"));
  const Json* upstream = find(regent, "upstream");
  answer.let_go = upstream == nullptr || upstream->is_null();
  answer.streams_from = string_of(find(regent, "streams_from"));
  const Json* known = find(regent, "position_known");
  answer.wal_known = known == nullptr || !known->is_boolean() || known->get<bool>();
  answer.leader_version = version_of(find(regent, "leader_version"));
  answer.sync_version = version_of(find(regent, "sync_version"));
  answer.restored_store = parse_restored(find(regent, "restored_store"));
  answer.led_store = parse_led(find(regent, "led_store"));
}

}  // namespace

PeerAnswer own_status(const Snapshot& snapshot, const std::string& instance, Instant now) {
  const Observation& o = snapshot.observation;
  const Situation s = survey(o, snapshot.decision.memory);
  PeerAnswer own;
  own.name = o.self.name;
  own.reachable = true;
  own.own_name = o.self.name.str();
  own.instance = instance;
  // As the state "stopped" tells it.
  own.down = portrait(s).state == PgState::stopped;
  if (const auto* server = o.postgres.server.get()) tell_server(*server, o.cluster.get(), own);
  own.wal_known = !own.running || (o.postgres.server->wal_known && !lacks_votes(s));
  own.nofailover = !o.self.tags.may_lead();
  own.failover_priority = o.self.tags.failover_priority;
  own.watchdog_failed = failed(o.fences.watchdog);
  own.has_dcs = o.cluster.is_known();
  own.refuses = !snapshot.decision.refuses.empty();
  own.holds_back = holds_back(s, now);
  // Instants are of this machine.
  own.restored_store = snapshot.decision.memory.restored_store;
  if (own.restored_store) {
    own.restored_store->found = own.restored_store->led_since = {};
    own.restored_store->led_by = {};
    own.restored_store->before.versions.clear();
  }
  own.led_store = snapshot.decision.memory.led_store;
  return own;
}

void print_peer_status(const PeerAnswer& own, Json& out) {
  if (!own.instance.empty()) out["instance"] = own.instance;
  // Other members count this one's position in an election of synchronous standbys once nothing can move it any more.
  if (own.running && own.in_recovery) {
    out["upstream"] = own.let_go ? Json() : Json(own.upstream);
    if (!own.streams_from.empty()) out["streams_from"] = own.streams_from;
    if (!own.wal_known) out["position_known"] = false;
    // What it says about itself holds for as long as these are the versions.
    if (own.has_dcs) {
      out["leader_version"] = own.leader_version.value;
      out["sync_version"] = own.sync_version.value;
    }
  }
  if (own.holds_back) out["failsafe_holds_back"] = true;
  if (own.restored_store) out["restored_store"] = print_restored(*own.restored_store);
  if (own.led_store) out["led_store"] = print_led(*own.led_store);
}

PeerAnswer unreachable_peer(MemberName name, std::string why) {
  PeerAnswer answer;
  answer.name = std::move(name);
  answer.why = std::move(why);
  return answer;
}

PeerAnswer parse_peer_status(MemberName name, std::string_view body, std::optional<std::int64_t> its_clock) {
  const auto document = parse_json(body, "the answer of " + name.str());
  if (!document) return unreachable_peer(std::move(name), document.error().message);
  const std::string state = string_of(find(*document, "state"));
  if (state.empty()) return unreachable_peer(std::move(name), "its answer is no status document: it lacks \"state\"");

  PeerAnswer answer;
  answer.name = std::move(name);
  answer.reachable = true;
  answer.running = parse_state(state) == PgState::running;
  answer.down = parse_state(state) == PgState::stopped;
  const auto role = parse_role(string_of(find(*document, "role")));
  answer.in_recovery = role != Role::primary;
  if (const Json* xlog = find(*document, "xlog")) {
    if (const auto location = unsigned_of(find(*xlog, "location"))) {
      // Only a server out of recovery has a write position: this tells more than a word.
      answer.in_recovery = false;
      answer.wal = Lsn{*location};
    } else {
      const auto received = unsigned_of(find(*xlog, "received_location"));
      const auto replayed = unsigned_of(find(*xlog, "replayed_location"));
      answer.wal = Lsn{std::max(received.value_or(0), replayed.value_or(0))};
    }
  }
  answer.timeline = Timeline{static_cast<std::uint32_t>(unsigned_of(find(*document, "timeline")).value_or(0))};
  if (const Json* published = find(*document, "tags")) {
    const Tags tags = parse_tags(*published);
    answer.nofailover = !tags.may_lead();
    answer.failover_priority = tags.failover_priority;
  }
  if (const Json* patroni = find(*document, "patroni")) answer.own_name = string_of(find(*patroni, "name"));
  if (const Json* regent = find(*document, "regent")) parse_regent(*regent, answer);
  answer.watchdog_failed = true_of(find(*document, "watchdog_failed"));
  const auto seen = unsigned_of(find(*document, "dcs_last_seen"));
  if (seen && its_clock) answer.has_dcs = *its_clock - static_cast<std::int64_t>(*seen) <= store_silence_s;
  return answer;
}

}  // namespace regent
