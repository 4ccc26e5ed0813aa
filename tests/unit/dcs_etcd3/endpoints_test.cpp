#include "adapters/dcs/etcd3/endpoints.h"

#include <gtest/gtest.h>

#include "adapters/dcs/etcd3/options.h"
#include "adapters/dcs/etcd3/watch.h"

namespace regent::etcd3 {
namespace {

Endpoint at(std::uint16_t port) {
  return Endpoint{false, "h", port};
}

TEST(Endpoints, StaysWithTheOneThatAnswers) {
  Endpoints endpoints({at(1), at(2), at(3)});
  EXPECT_EQ(endpoints.current(), at(1));
  endpoints.failed(at(1));
  EXPECT_EQ(endpoints.order(), (std::vector<Endpoint>{at(2), at(3), at(1)}));
  endpoints.succeeded(at(3));
  EXPECT_EQ(endpoints.current(), at(3));
  endpoints.failed(at(2));  // not the current one: somebody has moved on already
  EXPECT_EQ(endpoints.current(), at(3));
  endpoints.failed(at(3));
  EXPECT_EQ(endpoints.current(), at(1));
}

TEST(Endpoints, AdoptsTheClustersAddressesAndKeepsTheConfigured) {
  Endpoints endpoints({at(1), at(2)});
  endpoints.succeeded(at(2));
  EXPECT_TRUE(endpoints.adopt({at(2), at(7)}));
  EXPECT_EQ(endpoints.current(), at(2));
  EXPECT_EQ(endpoints.order(), (std::vector<Endpoint>{at(2), at(7), at(1)}));
  EXPECT_FALSE(endpoints.adopt({at(7), at(2)}));
  // A current one that is gone from the list is given up.
  endpoints.succeeded(at(7));
  EXPECT_TRUE(endpoints.adopt({}));
  EXPECT_EQ(endpoints.current(), at(1));
}

TEST(Endpoints, ABlackHoleCostsItsShareOnly) {
  using std::chrono::seconds;
  EXPECT_EQ(attempt_time(seconds(9), 3), seconds(3));
  EXPECT_EQ(attempt_time(seconds(6), 1), seconds(3));
  EXPECT_EQ(attempt_time(seconds(1), 10), Duration(500ms));
  EXPECT_EQ(attempt_time(100ms, 3), Duration(100ms));
}

TEST(Witness, OldTermsAreRefused) {
  const Duration ttl = std::chrono::seconds(30);
  Witness witness;
  const Instant start{std::chrono::seconds(1000)};
  EXPECT_TRUE(witness.accept(Header{1, 5, 10}, start, ttl));
  EXPECT_TRUE(witness.accept(Header{1, 6, 11}, start, ttl));
  const auto stale = witness.accept(Header{1, 5, 12}, start + ttl, ttl);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().kind, ErrorKind::refused);
  EXPECT_TRUE(witness.accept(Header{1, 6, 11}, start, ttl));
}

// F34: a backup restored under the old names keeps the id of the cluster and begins at a low term.
TEST(Witness, AnOlderTermOnlyAfterTheKnownOneWasSilent) {
  const Duration ttl = std::chrono::seconds(30);
  Witness witness;
  const Instant start{std::chrono::seconds(1000)};
  EXPECT_TRUE(witness.accept(Header{1, 6, 50}, start, ttl));
  // Whoever was left behind may ask as often as he likes: only an answer that is accepted counts.
  for (int i = 1; i <= 30; ++i) EXPECT_FALSE(witness.accept(Header{1, 2, 9}, start + std::chrono::seconds(i), ttl));
  EXPECT_TRUE(witness.accept(Header{1, 2, 10}, start + std::chrono::seconds(31), ttl));
  EXPECT_EQ(witness.term(), 2u);
  EXPECT_FALSE(witness.accept(Header{1, 1, 10}, start + std::chrono::seconds(32), ttl));
  EXPECT_TRUE(witness.accept(Header{1, 6, 51}, start + std::chrono::seconds(33), ttl));
  EXPECT_FALSE(witness.accept(Header{1, 2, 11}, start + std::chrono::seconds(34), ttl));
}

TEST(Witness, AnotherClusterOnlyAfterTheKnownOneWasSilent) {
  const Duration ttl = std::chrono::seconds(30);
  Witness witness;
  const Instant start{std::chrono::seconds(1000)};
  EXPECT_TRUE(witness.accept(Header{1, 5, 10}, start, ttl));
  EXPECT_FALSE(witness.accept(Header{2, 9, 10}, start + std::chrono::seconds(29), ttl));
  EXPECT_TRUE(witness.accept(Header{2, 2, 3}, start + std::chrono::seconds(31), ttl));
  EXPECT_FALSE(witness.accept(Header{1, 5, 10}, start + std::chrono::seconds(32), ttl));
}

TEST(Options, HostsInEverySpelling) {
  const std::vector<Endpoint> two = {{false, "a", 1}, {false, "b", 2379}};
  for (const char* section : {R"({"hosts": "a:1,b"})", R"({"hosts": "'a:1', 'b'"})", R"({"hosts": ["a:1", "b:2379"]})",
                              R"({"hosts": ["http://a:1", "b"]})"}) {
    const auto options = parse_options(*parse_json(section, "test"));
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->endpoints, two) << section;
    EXPECT_TRUE(options->discover);
  }
  const auto secure = parse_options(*parse_json(
      R"({"host": "a", "protocol": "https", "cacert": "ca", "cert": "c", "key": "k", "username": "u", "password": 7})",
      ""));
  ASSERT_TRUE(secure) << secure.error().message;
  EXPECT_EQ(secure->endpoints, (std::vector<Endpoint>{{true, "a", 2379}}));
  EXPECT_EQ(secure->tls.ca_file + secure->tls.cert_file + secure->tls.key_file, "cack");
  EXPECT_EQ(secure->username + secure->password, "u7");
  const auto url = parse_options(*parse_json(R"({"url": "https://u:p@a:5", "hosts": "ignored:1"})", ""));
  ASSERT_TRUE(url);
  EXPECT_EQ(url->endpoints, (std::vector<Endpoint>{{true, "a", 5}}));
  EXPECT_EQ(url->username + url->password, "up");
  const auto proxy = parse_options(*parse_json(R"({"proxy": "http://p:5", "hosts": "ignored:1"})", ""));
  ASSERT_TRUE(proxy);
  EXPECT_FALSE(proxy->discover);
  EXPECT_EQ(proxy->endpoints, (std::vector<Endpoint>{{false, "p", 5}}));
}

TEST(Options, ErrorsNameTheKey) {
  const std::pair<const char*, const char*> cases[] = {{R"({})", "etcd3.hosts"},
                                                       {R"({"hosts": []})", "etcd3.hosts"},
                                                       {R"({"hosts": 7})", "etcd3.hosts"},
                                                       {R"({"hosts": "a:x"})", "etcd3.hosts"},
                                                       {R"({"host": "a:0"})", "etcd3.host"},
                                                       {R"({"url": "a:1"})", "etcd3.url"},
                                                       {R"({"srv": "x"})", "etcd3.srv"},
                                                       {R"({"host": "a", "protocol": "ftp"})", "etcd3.protocol"},
                                                       {R"({"host": "a", "key": "k"})", "etcd3.key"},
                                                       {R"("a:1")", "etcd3"}};
  for (const auto& [section, key] : cases) {
    const auto options = parse_options(*parse_json(section, "test"));
    ASSERT_FALSE(options) << section;
    EXPECT_EQ(options.error().kind, ErrorKind::invalid);
    EXPECT_NE(options.error().message.find(key), std::string::npos) << options.error().message;
  }
}

TEST(Watch, PositionsAreNoNewsOfTheLeader) {
  const auto first = lasting_part(R"({"state":"running","role":"primary","xlog_location":1,"timeline":1})");
  EXPECT_EQ(first, lasting_part(R"({"state":"running","role":"primary","xlog_location":2,"timeline":1})"));
  EXPECT_NE(first, lasting_part(R"({"state":"starting","role":"primary","xlog_location":2,"timeline":1})"));
  EXPECT_EQ(lasting_part("rubbish"), "rubbish");
}

TEST(Watch, OnlyWhatDecisionsDependOnWakes) {
  const WatchEvent changed{KeyValue{"k", "v", 1, 2, ""}, false};
  const WatchEvent created{KeyValue{"k", "v", 2, 2, ""}, false};
  const WatchEvent erased{KeyValue{"k", "", 0, 2, ""}, true};
  for (const char* key : {"leader", "failover", "config", "sync", "initialize", "history", "failsafe"}) {
    EXPECT_TRUE(wakes(key, changed)) << key;
    EXPECT_TRUE(wakes(key, erased)) << key;
  }
  EXPECT_FALSE(wakes("status", changed));
  EXPECT_FALSE(wakes("optime/leader", created));
  EXPECT_FALSE(wakes("members/n1", changed));
  EXPECT_TRUE(wakes("members/n1", created));
  EXPECT_TRUE(wakes("members/n1", erased));
}

}  // namespace
}  // namespace regent::etcd3
