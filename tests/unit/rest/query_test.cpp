#include "rest/query.h"

#include <gtest/gtest.h>

namespace regent::rest {
namespace {

TEST(Target, PathEndpointAndQuery) {
  const auto target = parse_target("//replica/x?lag=10%20MB&tag_a=b+c&empty=&flag&lag=2#part");
  EXPECT_EQ(target.path, "/replica/x");
  EXPECT_EQ(target.endpoint, "replica");
  ASSERT_EQ(target.query.size(), 3U);
  EXPECT_EQ(*target.find("lag"), "10 MB");
  EXPECT_EQ(*target.find("tag_a"), "b c");
  EXPECT_EQ(target.find("empty"), nullptr);
  EXPECT_EQ(parse_target("*").path, "*");
  EXPECT_EQ(parse_target("/").endpoint, "");
  EXPECT_EQ(parse_target("").path, "");
  EXPECT_EQ(*parse_target("/?a=%zz%4").find("a"), "%zz%4");
}

TEST(Values, Sizes) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("1048576"), 1048576U);
  EXPECT_EQ(parse_size("16MB"), 16U * 1048576);
  EXPECT_EQ(parse_size("1.5 kB"), 1536U);
  for (const char* bad : {"", "x", "-1", "10mb", "1e400", "nan", "1 MB x"}) EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Values, Seconds) {
  EXPECT_EQ(parse_seconds(Json(60)), Duration(60s));
  EXPECT_EQ(parse_seconds(Json("60")), Duration(60s));
  EXPECT_EQ(parse_seconds(Json("2min")), Duration(120s));
  EXPECT_EQ(parse_seconds(Json(-1)), Duration(-1s));
  EXPECT_FALSE(parse_seconds(Json("abc")));
  EXPECT_FALSE(parse_seconds(Json(1e300)));
  EXPECT_FALSE(parse_seconds(Json::array()));
}

TEST(Values, Truth) {
  const Json yes[] = {true, "on", "True", "yes", 1};
  const Json no[] = {false, "off", 0, 2, nullptr, Json::object()};
  for (const auto& value : yes) EXPECT_TRUE(is_true(&value)) << value;
  for (const auto& value : no) EXPECT_FALSE(is_true(&value)) << value;
  EXPECT_FALSE(is_true(nullptr));
}

}  // namespace
}  // namespace regent::rest
