#include "adapters/net/url.h"

#include <gtest/gtest.h>

#include "adapters/net/base64.h"

namespace regent {
namespace {

TEST(Url, PartsAndDefaults) {
  const auto url = parse_url("https://bob:p%40ss@db.example:8443/patroni?lag=1", 0);
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_TRUE(url->endpoint.tls);
  EXPECT_EQ(url->endpoint.host, "db.example");
  EXPECT_EQ(url->endpoint.port, 8443);
  EXPECT_EQ(url->target, "/patroni?lag=1");
  EXPECT_EQ(url->username, "bob");
  EXPECT_EQ(url->password, "p@ss");

  EXPECT_EQ(parse_url("http://h")->endpoint.port, 80);
  EXPECT_EQ(parse_url("https://h")->endpoint.port, 443);
  EXPECT_EQ(parse_url("HTTP://h", 2379)->endpoint.port, 2379);
  EXPECT_EQ(parse_url("http://h")->target, "/");
}

TEST(Url, Ipv6StandsInBrackets) {
  const auto url = parse_url("http://[::1]:8008/x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->endpoint.host, "::1");
  EXPECT_EQ(to_string(url->endpoint), "http://[::1]:8008");
  EXPECT_FALSE(parse_url("http://::1:8008/"));
}

TEST(Url, NonsenseIsRefusedWithASentence) {
  for (const char* text : {"", "h:1", "ftp://h", "http://", "http://h:", "http://h:0", "http://h:70000", "http://h:1x",
                           "http://[::1", "http://a b/"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().kind, ErrorKind::invalid);
    EXPECT_NE(url.error().message.find("is no address"), std::string::npos);
  }
}

TEST(Url, EndpointOfTheConfiguration) {
  EXPECT_EQ(*parse_endpoint("10.0.0.1", false, 2379), (Endpoint{false, "10.0.0.1", 2379}));
  EXPECT_EQ(*parse_endpoint("10.0.0.1:1", true, 2379), (Endpoint{true, "10.0.0.1", 1}));
  EXPECT_EQ(*parse_endpoint("https://e1", false, 2379), (Endpoint{true, "e1", 2379}));
  EXPECT_FALSE(parse_endpoint(":2379", false, 2379));
}

TEST(Base64, KnownTexts) {
  const std::pair<const char*, const char*> pairs[] = {{"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
                                                       {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"~~?", "fn4/"}};
  for (const auto& [plain, encoded] : pairs) {
    EXPECT_EQ(to_base64(plain), encoded);
    EXPECT_EQ(from_base64(encoded), plain);
  }
}

TEST(Base64, EveryByteSurvives) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
}

TEST(Base64, NonsenseIsRefused) {
  for (const char* text : {"a", "ab", "abc", "====", "a=bc", "ab!=", "ab\n="}) {
    EXPECT_FALSE(from_base64(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace regent
