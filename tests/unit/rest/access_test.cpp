#include "rest/access.h"

#include <gtest/gtest.h>

#include "rest/snapshots_support.h"

namespace regent::rest {
namespace {

HttpRequest from(const std::string& peer) {
  HttpRequest request;
  request.peer = peer;
  return request;
}

std::string refused(const RestConfig& config, const HttpRequest& request, const Addresses& addresses = {}) {
  const auto snapshot = testing::leader();
  const auto response = refuse_access(config, snapshot.observation.cluster.get(), addresses, request, true);
  return response ? std::to_string(response->status) + " " + response->body : "allowed";
}

TEST(Access, Networks) {
  EXPECT_TRUE(in_network("127.0.0.1", "127.0.0.1"));
  EXPECT_TRUE(in_network("10.1.2.3", "10.1.0.0/16"));
  EXPECT_FALSE(in_network("10.2.2.3", "10.1.0.0/16"));
  EXPECT_TRUE(in_network("10.1.2.3", "0.0.0.0/0"));
  EXPECT_TRUE(in_network("10.1.2.127", "10.1.2.64/26"));
  EXPECT_FALSE(in_network("10.1.2.128", "10.1.2.64/26"));
  EXPECT_TRUE(in_network("::ffff:10.1.2.3", "10.1.2.0/24"));
  EXPECT_TRUE(in_network("fe80::1", "fe80::/10"));
  EXPECT_FALSE(in_network("::1", "127.0.0.0/8"));
  for (const char* nonsense : {"", "x", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/"}) {
    EXPECT_FALSE(in_network("10.0.0.1", nonsense)) << nonsense;
  }
  EXPECT_FALSE(in_network("", "0.0.0.0/0"));
}

TEST(Access, OpenWithoutConfiguration) {
  EXPECT_EQ(refused(RestConfig(), from("192.0.2.1")), "allowed");
}

TEST(Access, Allowlist) {
  RestConfig config;
  config.allowlist = {"192.0.2.0/24", "gate.example"};
  EXPECT_EQ(refused(config, from("192.0.2.1")), "allowed");
  EXPECT_EQ(refused(config, from("198.51.100.7")), "403 Access is denied");
  EXPECT_EQ(refused(config, from("198.51.100.7"), {{"gate.example", {"198.51.100.7"}}}), "allowed");
  EXPECT_EQ(refused(config, from("127.0.0.1")), "403 Access is denied");
  config.allowlist_include_members = true;  // all of them are at 127.0.0.1
  EXPECT_EQ(refused(config, from("127.0.0.1")), "allowed");
  EXPECT_EQ(names_to_resolve(config, nullptr), std::vector<std::string>{"gate.example"});
  const auto snapshot = testing::leader();
  EXPECT_TRUE(refuse_access(config, snapshot.observation.cluster.get(), {}, from("127.0.0.1"), false));
}

TEST(Access, BasicAuthentication) {
  RestConfig config;
  config.username = "u";
  config.password = "p";
  auto request = from("127.0.0.1");
  EXPECT_EQ(refused(config, request), "401 no auth header received");
  for (const char* wrong : {"Basic dTp4", "Bearer u", "Basic ???", "Basic ", "", "basic dTpw", "Basic dTpwdTpw"}) {
    request.authorization = wrong;
    EXPECT_EQ(refused(config, request), "401 not authenticated") << wrong;
  }
  request.authorization = "Basic dTpw";
  EXPECT_EQ(refused(config, request), "allowed");
  config.password = "password";
  request.authorization = "Basic dTpwYXNzd29yZA==";
  EXPECT_EQ(refused(config, request), "allowed");
  request.authorization.reset();
  const auto response = refuse_access(config, nullptr, {}, request, true);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->headers, (std::vector<std::pair<std::string, std::string>>{
                                   {"WWW-Authenticate", "Basic realm=\"Patroni\""}, {"Content-Type", "text/html"}}));
}

TEST(Access, AFailsafePromiseIsGivenToMembersOnly) {
  auto snapshot = testing::leader();
  ClusterView view = *snapshot.observation.cluster;
  for (auto& member : view.members) {
    member.api_url = "http://" + member.name.str() + ".example:8008/patroni";
    member.conn_url = "postgres://192.0.2.7:5432/postgres";
  }
  Addresses addresses;
  for (const auto& name : names_to_resolve(RestConfig(), &view, true)) addresses[name] = {"192.0.2.9"};
  EXPECT_EQ(addresses.size(), view.members.size());
  EXPECT_TRUE(names_to_resolve(RestConfig(), &view).empty());
  RestConfig config;
  EXPECT_FALSE(refuse_stranger(config, &view, addresses, from("192.0.2.9")));
  EXPECT_FALSE(refuse_stranger(config, &view, addresses, from("192.0.2.7")));
  const auto refused = refuse_stranger(config, &view, addresses, from("192.0.2.8"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 403);
  // Where a member is that has a name and no address nobody can tell.
  EXPECT_FALSE(refuse_stranger(config, &view, {}, from("192.0.2.8")));
  EXPECT_FALSE(refuse_stranger(config, nullptr, addresses, from("192.0.2.8")));
  // Whoever gets this far with credentials proved more.
  config.username = "u";
  EXPECT_FALSE(refuse_stranger(config, &view, addresses, from("192.0.2.8")));
}

TEST(Access, ClientCertificate) {
  RestConfig config;
  config.certfile = "server.pem";
  config.verify_client = "optional";
  auto request = from("127.0.0.1");
  EXPECT_EQ(refused(config, request), "403 client certificate required");
  request.client_certificate = true;
  EXPECT_EQ(refused(config, request), "allowed");
}

}  // namespace
}  // namespace regent::rest
