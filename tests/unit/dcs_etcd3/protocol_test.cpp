#include "adapters/dcs/etcd3/protocol.h"

#include <gtest/gtest.h>

namespace regent::etcd3 {
namespace {

Json json(const char* text) {
  return *parse_json(text, "test");
}

TEST(Protocol, RangeOfAPrefix) {
  // "/service/demo/" to "/service/demo0"
  EXPECT_EQ(to_compact(range_prefix("/service/demo/")),
            R"({"key":"L3NlcnZpY2UvZGVtby8=","range_end":"L3NlcnZpY2UvZGVtbzA="})");
}

TEST(Protocol, CreateOnlyPut) {
  EXPECT_EQ(to_compact(put_if("k", Version{}, "v", "7")),
            R"({"compare":[{"key":"aw==","result":"EQUAL","target":"CREATE","create_revision":"0"}],)"
            R"("success":[{"request_put":{"key":"aw==","value":"dg==","lease":"7"}}],)"
            R"("failure":[{"request_range":{"key":"aw=="}}]})");
}

TEST(Protocol, ReplacingPutComparesTheVersionRead) {
  const Json request = put_if("k", Version{12}, "v", "");
  EXPECT_EQ(to_compact(request["compare"]), R"([{"key":"aw==","result":"EQUAL","target":"MOD","mod_revision":"12"}])");
  EXPECT_FALSE(request["success"][0]["request_put"].contains("lease"));
}

TEST(Protocol, RetakingAlsoComparesTheName) {
  const Json request = put_all_if({{"k", Version{12}, "n1", true}}, "7");
  ASSERT_EQ(request["compare"].size(), 2u);
  EXPECT_EQ(to_compact(request["compare"][1]), R"({"key":"aw==","result":"EQUAL","target":"VALUE","value":"bjE="})");
}

TEST(Protocol, SeveralKeysArePutOnlyTogether) {
  const Json request = put_all_if({{"leader", Version{}, "n1"}, {"count", Version{7}, "3"}}, "9");
  ASSERT_EQ(request["compare"].size(), 2u);
  EXPECT_EQ(request["compare"][0]["target"], "CREATE");
  EXPECT_EQ(request["compare"][1]["mod_revision"], "7");
  ASSERT_EQ(request["success"].size(), 2u);
  EXPECT_EQ(request["success"][0]["request_put"]["lease"], "9");
  EXPECT_FALSE(request["success"][1]["request_put"].contains("lease"));
  ASSERT_EQ(request["failure"].size(), 1u);
}

// F29: a transaction without a linearizable range is answered from the member's own, maybe old, data.
TEST(Protocol, ConfirmationReadsLinearizablyInBothBranches) {
  const Json request = confirm("k", Version{12});
  for (const char* branch : {"success", "failure"}) {
    ASSERT_EQ(request[branch].size(), 1u);
    ASSERT_TRUE(request[branch][0].contains("request_range"));
    EXPECT_FALSE(request[branch][0]["request_range"].contains("serializable"));
  }
}

TEST(Protocol, ReadsARange) {
  const auto range = read_range(json(
      R"({"header":{"cluster_id":"14841639068965178418","revision":"9","raft_term":"2"},)"
      R"("kvs":[{"key":"YS9i","create_revision":"3","mod_revision":"8","version":"2","value":"bjE=","lease":"77"},)"
      R"({"key":"YS9j","create_revision":"4","mod_revision":"4","version":"1"}],"count":"2"})"));
  ASSERT_TRUE(range) << range.error().message;
  EXPECT_EQ(range->header.cluster_id, 14841639068965178418u);
  EXPECT_EQ(range->header.revision, 9);
  EXPECT_EQ(range->header.term, 2u);
  ASSERT_EQ(range->kvs.size(), 2u);
  EXPECT_EQ(range->kvs[0].key, "a/b");
  EXPECT_EQ(range->kvs[0].value, "n1");
  EXPECT_EQ(range->kvs[0].mod_revision, 8);
  EXPECT_EQ(range->kvs[0].lease, "77");
  EXPECT_EQ(range->kvs[1].value, "");
  EXPECT_EQ(range->kvs[1].lease, "");
}

TEST(Protocol, ReadsTransactions) {
  const auto lost = read_txn(json(R"({"header":{"revision":"9"},"responses":[{"response_range":{"header":{},"kvs":)"
                                  R"([{"key":"aw==","mod_revision":"8","value":"bjI=","lease":"5"}],"count":"1"}}]})"));
  ASSERT_TRUE(lost);
  EXPECT_FALSE(lost->succeeded);
  ASSERT_TRUE(lost->found.has_value());
  EXPECT_EQ(lost->found->value, "n2");
  const auto won = read_txn(json(R"({"header":{"revision":"10"},"succeeded":true,"responses":[{"response_put":{}}]})"));
  ASSERT_TRUE(won);
  EXPECT_TRUE(won->succeeded);
  EXPECT_FALSE(won->found.has_value());
}

TEST(Protocol, KeepaliveOfALeaseThatIsGone) {
  const auto gone = read_keepalive(json(R"({"result":{"header":{"revision":"1"},"ID":"12345"}})"));
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->ttl, Duration::zero());
  const auto alive = read_keepalive(json(R"({"result":{"header":{"revision":"1"},"ID":"12345","TTL":"30"}})"));
  ASSERT_TRUE(alive);
  EXPECT_EQ(alive->ttl, std::chrono::seconds(30));
  EXPECT_FALSE(read_grant(json(R"({"header":{"revision":"1"},"ID":"12345"})")));
}

TEST(Protocol, WatchMessages) {
  const auto message =
      read_watch(json(R"({"result":{"header":{"revision":"9"},"events":[{"kv":{"key":"YQ==","create_revision":"9",)"
                      R"("mod_revision":"9","value":"YQ=="}},{"type":"DELETE","kv":{"key":"Yg==","mod_revision":"9"}},)"
                      R"({"kv":{"key":"Yw==","create_revision":"2","mod_revision":"9"}}]}})"));
  ASSERT_TRUE(message);
  ASSERT_EQ(message->events.size(), 3u);
  EXPECT_TRUE(message->events[0].created());
  EXPECT_TRUE(message->events[1].erased);
  EXPECT_FALSE(message->events[1].created());
  EXPECT_FALSE(message->events[2].created());
  const auto compacted =
      read_watch(json(R"({"result":{"header":{"revision":"9"},"canceled":true,"compact_revision":"5"}})"));
  ASSERT_TRUE(compacted);
  EXPECT_TRUE(compacted->canceled);
  EXPECT_EQ(compacted->compact_revision, 5);
  EXPECT_FALSE(read_watch(json(R"({"error":{"grpc_code":14,"message":"etcdserver: no leader"}})")));
}

TEST(Protocol, ApiByVersion) {
  EXPECT_EQ(*read_api_prefix(json(R"({"etcdserver":"3.6.1"})")), "/v3");
  EXPECT_EQ(*read_api_prefix(json(R"({"etcdserver":"3.4.23"})")), "/v3");
  EXPECT_EQ(*read_api_prefix(json(R"({"etcdserver":"3.3.25"})")), "/v3beta");
  EXPECT_EQ(*read_api_prefix(json(R"({"etcdserver":"3.2.9"})")), "/v3alpha");
  EXPECT_EQ(*read_api_prefix(json(R"({"etcdserver":"4.0.0"})")), "/v3");
  EXPECT_FALSE(read_api_prefix(json(R"({"etcdserver":"2.3.8"})")));
  EXPECT_FALSE(read_api_prefix(json(R"({"version":"1"})")));
}

TEST(Protocol, Refusals) {
  const auto lease = read_refusal(404, R"({"error":"x","message":"etcdserver: requested lease not found","code":5})");
  EXPECT_EQ(lease.code, Grpc::not_found);
  EXPECT_EQ(lease.message, "etcdserver: requested lease not found");
  // A path that the server does not know is not a lease that does not exist.
  EXPECT_EQ(read_refusal(404, "404 page not found\n").code, Grpc::unknown);
  EXPECT_EQ(read_refusal(200, R"({"error":{"grpc_code":14,"http_code":503,"message":"no leader"}})").code,
            Grpc::unavailable);
  EXPECT_TRUE(wants_new_token(read_refusal(401, R"({"message":"etcdserver: invalid auth token","code":16})")));
  EXPECT_TRUE(wants_new_token(read_refusal(400, R"({"message":"etcdserver: user name is empty","code":3})")));
  EXPECT_FALSE(wants_new_token(read_refusal(403, R"({"message":"etcdserver: permission denied","code":7})")));
}

TEST(Protocol, NonsenseIsAnErrorNotACrash) {
  for (const char* text : {"{}", "[]", "null", "7", R"({"header":7})", R"({"header":{},"kvs":[{"key":"!"}]})",
                           R"({"header":{},"kvs":[7]})"}) {
    EXPECT_FALSE(read_range(json(text))) << text;
  }
  EXPECT_FALSE(read_keepalive(json("{}")));
  EXPECT_FALSE(read_watch(json("[1]")));
  EXPECT_TRUE(read_client_urls(json(R"({"members":[1,{"clientURLs":[2]},{}]})")).empty());
}

TEST(Protocol, LinesArriveInPieces) {
  Lines lines;
  lines.add("{\"a\"");
  EXPECT_FALSE(lines.next().has_value());
  lines.add(":1}\n{}\n{");
  EXPECT_EQ(lines.next(), "{\"a\":1}");
  EXPECT_EQ(lines.next(), "{}");
  EXPECT_FALSE(lines.next().has_value());
}

}  // namespace
}  // namespace regent::etcd3
