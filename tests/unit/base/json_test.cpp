// What is refused before anything walks it.
#include "base/json.h"

#include <gtest/gtest.h>

namespace regent {
namespace {

std::string nested(int levels) {
  return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
}

// A request of 80 kB used up the stack of whoever printed it.
TEST(Json, DeepDocumentsAreRefused) {
  EXPECT_TRUE(parse_json(nested(100), "x"));
  const auto deep = parse_json(nested(101), "the request body");
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().kind, ErrorKind::invalid);
  EXPECT_EQ(deep.error().message, "the request body is nested more than 100 levels deep");
  EXPECT_FALSE(parse_json(nested(40'000), "x"));
  // Brackets in texts are none.
  EXPECT_TRUE(parse_json(R"({"a": "\"[[)" + std::string(200, '{') + R"("})", "x"));
}

}  // namespace
}  // namespace regent
