#include "core/failsafe.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/situation.h"
#include "core/timeline.h"

namespace regent {

bool FailsafeRound::complete() const {
  return std::all_of(answers.begin(), answers.end(), [](const FailsafeAnswer& answer) { return answer.accepted; });
}

bool promised(const FailsafeFacts& facts, Instant now) {
  return facts.promise && now < facts.promise->until;
}

namespace {

// That the leader is on: as it says itself, else as its member key says.
Timeline asked_for(const Situation& s, const FailsafeRequest& request) {
  if (request.timeline.value > 0 || s.view == nullptr) return request.timeline;
  const Member* leader = s.view->member(request.name);
  return leader != nullptr ? leader->timeline.value_or(Timeline{}) : Timeline{};
}

// The newest timeline this member has heard of, or is on itself.
Timeline newest_known(const Situation& s) {
  Timeline newest = s.m.highest_timeline;
  if (s.view != nullptr) newest = std::max(newest, recorded_timeline(*s.view));
  if (s.server != nullptr && !s.standby) newest = std::max(newest, s.server->timeline);
  return newest;
}

// A leader asks for the first time while its key is there: it stops before that expires. Whoever asks when it is gone,
// and was promised nothing, is no leader that lost the store. An agent does not know what the one before it promised.
bool asks_too_late(const Situation& s, const AskedNow& here) {
  if (s.view == nullptr || s.view->leader.exists() || promised(here.failsafe, here.now)) return false;
  return here.now >= here.failsafe.agent_started + s.o.settings.ttl;
}

}  // namespace

std::string failsafe_refusal(const Situation& s, const FailsafeRequest& request, const AskedNow& here) {
  if (!s.o.settings.failsafe_mode) return "failsafe mode is off";
  if (request.name == s.o.self.name) return "a member does not ask itself";
  if (here.lease.held || here.acquiring || s.may_write) return "Running as a leader";
  if (s.view != nullptr && s.view->leader.exists() && s.view->leader.name != request.name) {
    return s.view->leader.name.str() + " holds the leader lock";
  }
  const auto& named = s.m.failsafe_members;
  if (!named.empty() && !named.contains(request.name.str())) {
    return "the failsafe key does not name " + request.name.str();
  }
  if (request.ttl > s.o.settings.ttl) {
    return fmt::format("it asks for {:.0f} s, which is more than the ttl of this cluster, {:.0f} s",
                       to_seconds(request.ttl), to_seconds(s.o.settings.ttl));
  }
  if (asks_too_late(s, here)) return "the store answers here, and the leader key is gone";
  // It was overtaken, and would take everybody back to a branch that ended (I5, I8).
  const Timeline asked = asked_for(s, request), newest = newest_known(s);
  if (asked.value > 0 && asked < newest) {
    return fmt::format("the cluster is on timeline {}, {} on {}", newest.value, request.name.str(), asked.value);
  }
  return {};
}

std::optional<Duration> may_have_promised(const Situation& s, Instant now) {
  const bool asked = s.o.settings.failsafe_mode && s.view != nullptr && s.view->failsafe.value.size() > 1;
  // A primary has never promised anything, nor has who holds the lease.
  if (!asked || s.primary || s.o.lease.held) return std::nullopt;
  const Duration left = s.o.failsafe.agent_started + s.o.settings.ttl - now;
  return left > Duration::zero() ? std::optional(left) : std::nullopt;
}

bool holds_back(const Situation& s, Instant now) {
  return promised(s.o.failsafe, now) || may_have_promised(s, now);
}

std::string print_failsafe_request(const FailsafeRequest& request) {
  Json body = Json::object();
  body["name"] = request.name.str();
  body["conn_url"] = request.conn_url;
  body["api_url"] = request.api_url;
  body["slots"] = Json::object();
  for (const auto& [name, position] : request.slots) body["slots"][name] = position;
  // An addition of ours: the promise must last as long as it is counted on, whatever the receiver's own ttl is.
  if (request.timeline.value > 0) body["timeline"] = request.timeline.value;
  if (request.ttl > Duration::zero()) body["ttl"] = to_seconds(request.ttl);
  return to_compact(body);
}

Result<FailsafeRequest> parse_failsafe_request(const Json& body) {
  const auto text = [&](std::string_view key) {
    const Json* value = find(body, key);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  };
  FailsafeRequest request;
  request.name = MemberName(text("name"));
  if (request.name.empty()) return fail(ErrorKind::invalid, "the failsafe request names no leader");
  request.conn_url = text("conn_url");
  request.api_url = text("api_url");
  if (const Json* slots = find(body, "slots"); slots != nullptr && slots->is_object()) {
    for (const auto& [name, position] : slots->items()) {
      if (position.is_number_unsigned()) request.slots[name] = position.get<std::uint64_t>();
    }
  }
  if (const Json* timeline = find(body, "timeline"); timeline != nullptr && timeline->is_number_unsigned()) {
    request.timeline.value = timeline->get<std::uint32_t>();
  }
  // Nobody leads for an hour on one answer: a wrong number must not silence this member for good.
  if (const Json* ttl = find(body, "ttl"); ttl != nullptr && ttl->is_number()) {
    request.ttl = from_seconds(std::clamp(ttl->get<double>(), 0.0, 3600.0));
  }
  return request;
}

}  // namespace regent
