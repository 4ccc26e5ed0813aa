// The words of etcd's JSON gateway: requests built and replies read, without any I/O.
// Threading: pure functions. Errors: failed, for a reply that has not the shape of one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/cluster_view.h"

namespace regent::etcd3 {

struct Header {
  std::uint64_t cluster_id = 0;
  std::uint64_t term = 0;
  std::int64_t revision = 0;
};

struct KeyValue {
  std::string key;
  std::string value;
  std::int64_t create_revision = 0;
  std::int64_t mod_revision = 0;
  std::string lease;  // decimal; empty: none
};

struct RangeReply {
  Header header;
  std::vector<KeyValue> kvs;
  std::int64_t count = 0;  // of all keys in the range, also of those that were not asked for
};

struct TxnReply {
  Header header;
  bool succeeded = false;
  std::optional<KeyValue> found;  // what the range of the branch taken saw
};

struct LeaseReply {
  Header header;
  std::string id;
  Duration ttl{};  // zero: there is no such lease
};

struct WatchEvent {
  KeyValue kv;
  bool erased = false;

  bool created() const { return !erased && kv.create_revision == kv.mod_revision; }
};

struct WatchMessage {
  Header header;
  bool created = false;
  bool canceled = false;
  std::string cancel_reason;
  std::int64_t compact_revision = 0;
  std::vector<WatchEvent> events;
};

// gRPC's status as the gateway tells it.
enum class Grpc : int {
  unknown = 2,
  invalid_argument = 3,
  not_found = 5,
  permission_denied = 7,
  failed_precondition = 9,
  out_of_range = 11,
  unavailable = 14,
  unauthenticated = 16,
};

struct Refusal {
  Grpc code = Grpc::unknown;
  std::string message;
};

// --- requests ---
Json range_prefix(std::string_view prefix);
// Only what was written at `revision` or later.
Json range_changes(std::string_view prefix, std::int64_t revision);
// One key at exactly `expect` (absent: it must not exist) is put or deleted; otherwise the reply tells what is there.
Json put_if(std::string_view key, Version expect, std::string_view value, std::string_view lease);
// The same, and a second key is put along with it.
Json put_two_if(std::string_view key, Version expect, std::string_view value, std::string_view second_key,
                std::string_view second_value, std::string_view lease);
// All of them, each at exactly its own version, or nothing is put; only the first hangs on the lease, and the reply
// tells what is in its place otherwise.
struct Replacement {
  std::string key;
  Version expect;
  std::string value;
  bool ours = false;  // of another incarnation: the value that is there must be this one already
};
Json put_all_if(const std::vector<Replacement>& keys, std::string_view lease);
Json delete_if(std::string_view key, Version expect);
// Is the key still at `expect`? Linearizable: the reply carries the key in both cases.
Json confirm(std::string_view key, Version expect);
Json put(std::string_view key, std::string_view value, std::string_view lease);
Json erase(std::string_view key);
Json lease_grant(std::int64_t ttl_seconds);
Json lease_id(std::string_view id);  // keepalive and revoke
Json watch_prefix(std::string_view prefix, std::int64_t start_revision);
Json authenticate(std::string_view name, std::string_view password);

// --- replies ---
Result<Header> read_header(const Json& reply);
Result<RangeReply> read_range(const Json& reply);
Result<TxnReply> read_txn(const Json& reply);
Result<LeaseReply> read_grant(const Json& reply);
Result<LeaseReply> read_keepalive(const Json& reply);
Result<WatchMessage> read_watch(const Json& message);
Result<std::string> read_token(const Json& reply);
// The client URLs of all members that have some.
std::vector<std::string> read_client_urls(const Json& reply);
// From GET /version: "/v3", "/v3beta" or "/v3alpha".
Result<std::string> read_api_prefix(const Json& reply);

// The body of a reply whose HTTP status is not 200, or the `error` of a stream.
Refusal read_refusal(int http_status, std::string_view body);
// The token is missing, expired or older than a change of users: a new one helps.
bool wants_new_token(const Refusal& refusal);

// Cuts a stream of messages, one JSON document per line, as its pieces arrive.
class Lines {
 public:
  void add(std::string_view piece) { pending_.append(piece); }
  std::optional<std::string> next();

 private:
  std::string pending_;
};

}  // namespace regent::etcd3
