#include "adapters/dcs/etcd3/protocol.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "adapters/net/base64.h"

namespace regent::etcd3 {

namespace {

// The gateway prints 64-bit integers as strings and leaves zeros out.
template <class Number>
Number number(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  if (value == nullptr) return 0;
  if (value->is_number_integer()) return value->get<Number>();
  if (!value->is_string()) return 0;
  const auto& text = value->get_ref<const std::string&>();
  Number parsed = 0;
  std::from_chars(text.data(), text.data() + text.size(), parsed);
  return parsed;
}

std::string text(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool flag(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

// The first key after all that start with `prefix`.
std::string end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty()) {
    if (static_cast<unsigned char>(end.back()) != 0xff) {
      ++end.back();
      return end;
    }
    end.pop_back();
  }
  return std::string(1, '\0');
}

Json put_op(std::string_view key, std::string_view value, std::string_view lease) {
  return Json{{"request_put", put(key, value, lease)}};
}

// Not serializable on purpose: a transaction without a linearizable range may be answered by a member that is cut off.
Json range_op(std::string_view key) {
  return Json{{"request_range", Json{{"key", to_base64(key)}}}};
}

Json compare(std::string_view key, Version expect) {
  Json condition{{"key", to_base64(key)}, {"result", "EQUAL"}};
  if (expect.absent()) {
    condition["target"] = "CREATE";
    condition["create_revision"] = "0";
  } else {
    condition["target"] = "MOD";
    condition["mod_revision"] = std::to_string(expect.value);
  }
  return condition;
}

Json txn(Json conditions, Json success, Json failure) {
  return Json{{"compare", std::move(conditions)}, {"success", std::move(success)}, {"failure", std::move(failure)}};
}

tl::unexpected<Error> shapeless(std::string_view what) {
  return fail(ErrorKind::failed, fmt::format("etcd's answer cannot be understood: {}", what));
}

Result<KeyValue> read_kv(const Json& object) {
  const auto key = from_base64(text(object, "key"));
  const auto value = from_base64(text(object, "value"));
  if (!key || !value || key->empty()) return shapeless("a key or value is no base64");
  KeyValue kv;
  kv.key = *key;
  kv.value = *value;
  kv.create_revision = number<std::int64_t>(object, "create_revision");
  kv.mod_revision = number<std::int64_t>(object, "mod_revision");
  if (const auto lease = number<std::int64_t>(object, "lease"); lease != 0) kv.lease = std::to_string(lease);
  return kv;
}

Result<LeaseReply> read_lease(const Json& object) {
  const auto header = read_header(object);
  if (!header) return tl::unexpected(header.error());
  LeaseReply reply;
  reply.header = *header;
  reply.id = std::to_string(number<std::int64_t>(object, "ID"));
  reply.ttl = std::chrono::seconds(number<std::int64_t>(object, "TTL"));
  return reply;
}

}  // namespace

Json range_prefix(std::string_view prefix) {
  return Json{{"key", to_base64(prefix)}, {"range_end", to_base64(end_of_prefix(prefix))}};
}

Json range_changes(std::string_view prefix, std::int64_t revision) {
  Json request = range_prefix(prefix);
  request["min_mod_revision"] = std::to_string(revision);
  return request;
}

Json put_if(std::string_view key, Version expect, std::string_view value, std::string_view lease) {
  return txn(Json::array({compare(key, expect)}), Json::array({put_op(key, value, lease)}),
             Json::array({range_op(key)}));
}

Json put_two_if(std::string_view key, Version expect, std::string_view value, std::string_view second_key,
                std::string_view second_value, std::string_view lease) {
  return txn(Json::array({compare(key, expect)}),
             Json::array({put_op(key, value, lease), put_op(second_key, second_value, lease)}),
             Json::array({range_op(key)}));
}

Json put_all_if(const std::vector<Replacement>& keys, std::string_view lease) {
  Json conditions = Json::array(), puts = Json::array();
  for (const Replacement& key : keys) {
    conditions.push_back(compare(key.key, key.expect));
    if (key.ours) {
      conditions.push_back(
          Json{{"key", to_base64(key.key)}, {"result", "EQUAL"}, {"target", "VALUE"}, {"value", to_base64(key.value)}});
    }
    puts.push_back(put_op(key.key, key.value, puts.empty() ? lease : std::string_view()));
  }
  return txn(std::move(conditions), std::move(puts), Json::array({range_op(keys.front().key)}));
}

Json delete_if(std::string_view key, Version expect) {
  Json deletion{{"request_delete_range", Json{{"key", to_base64(key)}}}};
  return txn(Json::array({compare(key, expect)}), Json::array({std::move(deletion)}), Json::array({range_op(key)}));
}

Json confirm(std::string_view key, Version expect) {
  return txn(Json::array({compare(key, expect)}), Json::array({range_op(key)}), Json::array({range_op(key)}));
}

Json put(std::string_view key, std::string_view value, std::string_view lease) {
  Json request{{"key", to_base64(key)}, {"value", to_base64(value)}};
  if (!lease.empty()) request["lease"] = lease;
  return request;
}

Json erase(std::string_view key) {
  return Json{{"key", to_base64(key)}};
}

Json lease_grant(std::int64_t ttl_seconds) {
  return Json{{"TTL", std::to_string(ttl_seconds)}};
}

Json lease_id(std::string_view id) {
  return Json{{"ID", id}};
}

Json watch_prefix(std::string_view prefix, std::int64_t start_revision) {
  Json create = range_prefix(prefix);
  create["start_revision"] = std::to_string(start_revision);
  create["progress_notify"] = true;
  return Json{{"create_request", std::move(create)}};
}

Json authenticate(std::string_view name, std::string_view password) {
  return Json{{"name", name}, {"password", password}};
}

Result<Header> read_header(const Json& reply) {
  const Json* object = find(reply, "header");
  if (object == nullptr || !object->is_object()) return shapeless("it has no header");
  Header header;
  header.cluster_id = number<std::uint64_t>(*object, "cluster_id");
  header.term = number<std::uint64_t>(*object, "raft_term");
  header.revision = number<std::int64_t>(*object, "revision");
  return header;
}

Result<RangeReply> read_range(const Json& reply) {
  const auto header = read_header(reply);
  if (!header) return tl::unexpected(header.error());
  RangeReply range{*header, {}, number<std::int64_t>(reply, "count")};
  if (const Json* kvs = find(reply, "kvs"); kvs != nullptr && kvs->is_array()) {
    for (const Json& object : *kvs) {
      auto kv = read_kv(object);
      if (!kv) return tl::unexpected(kv.error());
      range.kvs.push_back(std::move(*kv));
    }
  }
  return range;
}

Result<TxnReply> read_txn(const Json& reply) {
  const auto header = read_header(reply);
  if (!header) return tl::unexpected(header.error());
  TxnReply txn;
  txn.header = *header;
  txn.succeeded = flag(reply, "succeeded");
  const Json* responses = find(reply, "responses");
  if (responses == nullptr || !responses->is_array()) return txn;
  for (const Json& response : *responses) {
    const Json* range = find(response, "response_range");
    const Json* kvs = range != nullptr ? find(*range, "kvs") : nullptr;
    if (kvs == nullptr || !kvs->is_array() || kvs->empty()) continue;
    auto kv = read_kv(kvs->front());
    if (!kv) return tl::unexpected(kv.error());
    txn.found = std::move(*kv);
    break;
  }
  return txn;
}

Result<LeaseReply> read_grant(const Json& reply) {
  auto lease = read_lease(reply);
  if (lease && (lease->id == "0" || lease->ttl <= Duration::zero())) return shapeless("a lease without ID or TTL");
  return lease;
}

Result<LeaseReply> read_keepalive(const Json& reply) {
  const Json* result = find(reply, "result");
  if (result == nullptr) return shapeless("a keepalive without a result");
  return read_lease(*result);
}

Result<WatchMessage> read_watch(const Json& message) {
  if (const Json* error = find(message, "error")) {
    return fail(ErrorKind::failed, fmt::format("etcd ended the watch: {}", text(*error, "message")));
  }
  const Json* result = find(message, "result");
  if (result == nullptr) return shapeless("a watch message without a result");
  const auto header = read_header(*result);
  if (!header) return tl::unexpected(header.error());
  WatchMessage watch;
  watch.header = *header;
  watch.created = flag(*result, "created");
  watch.canceled = flag(*result, "canceled");
  watch.cancel_reason = text(*result, "cancel_reason");
  watch.compact_revision = number<std::int64_t>(*result, "compact_revision");
  if (const Json* events = find(*result, "events"); events != nullptr && events->is_array()) {
    for (const Json& object : *events) {
      const Json* kv_object = find(object, "kv");
      if (kv_object == nullptr) continue;
      auto kv = read_kv(*kv_object);
      if (!kv) return tl::unexpected(kv.error());
      watch.events.push_back(WatchEvent{std::move(*kv), text(object, "type") == "DELETE"});
    }
  }
  return watch;
}

Result<std::string> read_token(const Json& reply) {
  auto token = text(reply, "token");
  if (token.empty()) return shapeless("an authentication without a token");
  return token;
}

std::vector<std::string> read_client_urls(const Json& reply) {
  std::vector<std::string> urls;
  const Json* members = find(reply, "members");
  if (members == nullptr || !members->is_array()) return urls;
  for (const Json& member : *members) {
    const Json* own = find(member, "clientURLs");
    if (own == nullptr || !own->is_array()) continue;
    for (const Json& url : *own) {
      if (url.is_string()) urls.push_back(url.get<std::string>());
    }
  }
  return urls;
}

Result<std::string> read_api_prefix(const Json& reply) {
  const std::string version = text(reply, "etcdserver");
  int major = 0, minor = 0;
  const char* end = version.data() + version.size();
  const auto first = std::from_chars(version.data(), end, major);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.' ||
      std::from_chars(first.ptr + 1, end, minor).ec != std::errc()) {
    return shapeless("/version tells no version of etcd");
  }
  if (major > 3 || (major == 3 && minor >= 4)) return std::string("/v3");
  if (major < 3) return fail(ErrorKind::refused, fmt::format("etcd {} is too old: 3.0 or newer is needed", version));
  return std::string(minor == 3 ? "/v3beta" : "/v3alpha");
}

Refusal read_refusal(int http_status, std::string_view body) {
  Refusal refusal;
  const auto document = parse_json(body, "etcd's error");
  const Json* object = document ? &*document : nullptr;
  // {"error": "text", "code": 14, "message": "text"}, and in streams {"error": {"grpc_code": 14, "message": "text"}}.
  if (const Json* nested = object != nullptr ? find(*object, "error") : nullptr;
      nested != nullptr && nested->is_object()) {
    object = nested;
  }
  if (object != nullptr && object->is_object()) {
    const int code = number<int>(*object, find(*object, "grpc_code") != nullptr ? "grpc_code" : "code");
    if (code != 0) refusal.code = static_cast<Grpc>(code);
    refusal.message = text(*object, "message");
    if (refusal.message.empty()) refusal.message = text(*object, "error");
  }
  if (refusal.message.empty()) refusal.message = fmt::format("HTTP status {}", http_status);
  return refusal;
}

bool wants_new_token(const Refusal& refusal) {
  if (refusal.code == Grpc::unauthenticated) return true;
  const auto says = [&](std::string_view part) { return refusal.message.find(part) != std::string::npos; };
  return says("invalid auth token") || says("user name is empty") || says("revision in header is old") ||
         says("auth: token");
}

std::optional<std::string> Lines::next() {
  const auto end = pending_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = pending_.substr(0, end);
  pending_.erase(0, end + 1);
  return line;
}

}  // namespace regent::etcd3
