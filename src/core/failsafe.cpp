#include "core/failsafe.h"

#include <algorithm>

namespace regent {

bool FailsafeRound::complete() const {
  return std::all_of(answers.begin(), answers.end(), [](const FailsafeAnswer& answer) { return answer.accepted; });
}

bool promised(const FailsafeFacts& facts, Instant now) {
  return facts.promise && now < facts.promise->until;
}

std::string print_failsafe_request(const FailsafeRequest& request) {
  Json body = Json::object();
  body["name"] = request.name.str();
  body["conn_url"] = request.conn_url;
  body["api_url"] = request.api_url;
  body["slots"] = Json::object();
  for (const auto& [name, position] : request.slots) body["slots"][name] = position;
  // An addition of ours: the promise must last as long as it is counted on, whatever the receiver's own ttl is.
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
  // Nobody leads for an hour on one answer: a wrong number must not silence this member for good.
  if (const Json* ttl = find(body, "ttl"); ttl != nullptr && ttl->is_number()) {
    request.ttl = from_seconds(std::clamp(ttl->get<double>(), 0.0, 3600.0));
  }
  return request;
}

}  // namespace regent
