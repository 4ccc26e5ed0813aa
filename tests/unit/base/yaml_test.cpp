// T31: YAML 1.1 as PyYAML reads and writes it. The expectations were taken from PyYAML 6.0.
#include "base/yaml.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace regent {
namespace {

Json parse(std::string_view text) {
  auto result = parse_yaml(text, "config.yml");
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message);
  return result ? *result : Json("not parsed");
}

std::string error_of(std::string_view text) {
  const auto result = parse_yaml(text, "config.yml");
  if (result) return "no error: " + to_compact(*result);
  EXPECT_EQ(result.error().kind, ErrorKind::invalid);
  return result.error().message;
}

TEST(ResolvePlainScalar, Booleans) {
  for (const auto* text : {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})
    EXPECT_EQ(resolve_plain_scalar(text), Json(true)) << text;
  for (const auto* text : {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})
    EXPECT_EQ(resolve_plain_scalar(text), Json(false)) << text;
  for (const auto* text : {"y", "n", "Y", "N", "oFF", "tRue", "t"}) EXPECT_EQ(resolve_plain_scalar(text), Json(text));
}

TEST(ResolvePlainScalar, Nulls) {
  for (const auto* text : {"", "~", "null", "Null", "NULL"}) EXPECT_TRUE(resolve_plain_scalar(text).is_null()) << text;
  for (const auto* text : {"nUll", "none", "nil"}) EXPECT_EQ(resolve_plain_scalar(text), Json(text));
}

TEST(ResolvePlainScalar, Integers) {
  const std::vector<std::pair<std::string, std::int64_t>> cases{
      {"0", 0},
      {"-0", 0},
      {"12", 12},
      {"+12", 12},
      {"-12", -12},
      {"010", 8},
      {"0o10", -1},
      {"00", 0},
      {"-010", -8},
      {"0x1F", 31},
      {"-0x1f", -31},
      {"0b101", 5},
      {"1_000", 1000},
      {"1__0", 10},
      {"1:30", 90},
      {"1:30:00", 5400},
      {"1:5", 65},
      {"-1:30", -90},
      {"1_0:30", 630},
      {"190:20:30", 685230},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()}};
  for (const auto& [text, value] : cases) {
    if (value == -1) {
      EXPECT_EQ(resolve_plain_scalar(text), Json(text)) << text;  // YAML 1.2's octal is a string in 1.1
    } else {
      EXPECT_TRUE(resolve_plain_scalar(text).is_number_integer()) << text;
      EXPECT_EQ(resolve_plain_scalar(text), Json(value)) << text;
    }
  }
  EXPECT_EQ(resolve_plain_scalar("18446744073709551615"), Json(18446744073709551615U));
  EXPECT_EQ(resolve_plain_scalar("99999999999999999999999"), Json(1e23));
}

TEST(ResolvePlainScalar, Floats) {
  const std::vector<std::pair<std::string, double>> cases{
      {"1.0", 1.0},      {"1.", 1.0},    {".5", 0.5},      {"-1.5", -1.5},          {"1_0.5_0", 10.5}, {"1.5e+3", 1500},
      {"1.5E-3", .0015}, {"1.e+5", 1e5}, {".5e+5", 50000}, {"10:20:30.5", 37230.5}, {"00.5", 0.5},     {"2.1", 2.1}};
  for (const auto& [text, value] : cases) {
    ASSERT_TRUE(resolve_plain_scalar(text).is_number_float()) << text;
    EXPECT_DOUBLE_EQ(resolve_plain_scalar(text).get<double>(), value) << text;
  }
  EXPECT_TRUE(std::isinf(resolve_plain_scalar("-.inf").get<double>()));
  EXPECT_TRUE(std::isnan(resolve_plain_scalar(".NaN").get<double>()));
}

TEST(ResolvePlainScalar, WhatLooksLikeANumberAndIsText) {
  for (const auto* text :
       {"1e3",   "1.5e3",     ".5e5",           "-.5",       "+.5",   "08",  "0xg", "0b2", "_1", "1:60",
        "01:30", "127.0.0.1", "127.0.0.1:5432", ".",         "..",    "-",   "+",   "1:",  ":1", "1.2.3",
        "100MB", "7/1",       "2024-01-02",     "0/3000060", "-.nan", "16GB"})
    EXPECT_EQ(resolve_plain_scalar(text), Json(text)) << text;
}

TEST(ParseYaml, QuotedScalarsAreText) {
  EXPECT_EQ(parse("a: 'yes'\nb: \"5\"\nc: ''\nd: 'it''s'\ne: \"x\\ty\""),
            (Json{{"a", "yes"}, {"b", "5"}, {"c", ""}, {"d", "it's"}, {"e", "x\ty"}}));
}

TEST(ParseYaml, TagsDecideTheType) {
  EXPECT_EQ(parse("a: !!str 5\nb: !!int '7'\nc: !!float 5\nd: !!bool 'yes'\ne: !!str on\nf: !!null x"),
            (Json{{"a", "5"}, {"b", 7}, {"c", 5.0}, {"d", true}, {"e", "on"}, {"f", nullptr}}));
  EXPECT_EQ(error_of("a: !secret x"), "config.yml is not valid YAML at line 1, column 4: unknown tag !secret");
  EXPECT_EQ(error_of("a: !!int x"),
            "config.yml is not valid YAML at line 1, column 4: \"x\" is no value of type !!int");
}

TEST(ParseYaml, EmptyDocumentsAreNull) {
  for (const auto* text : {"", "---\n", "# only a comment\n", "~"}) EXPECT_TRUE(parse(text).is_null()) << text;
}

TEST(ParseYaml, KeepsTheOrderOfKeysAndTheLastOfEqualOnes) {
  EXPECT_EQ(to_compact(parse("z: 1\na: 2\nz: 3\n")), R"({"z":3,"a":2})");
}

TEST(ParseYaml, KeysAreTextAsWritten) {
  EXPECT_EQ(to_compact(parse("5432: a\non: b\n2.50: c\n")), R"({"5432":"a","on":"b","2.50":"c"})");
  EXPECT_EQ(error_of("? [a]\n: b\n"),
            "config.yml is not valid YAML at line 1, column 3: a list or mapping cannot be a key");
}

TEST(ParseYaml, BlockScalarsAndFoldedText) {
  EXPECT_EQ(parse("a: |\n  x\n  y\nb: >-\n  x\n  y\n\n  z\nc: one\n  two\n"),
            (Json{{"a", "x\ny\n"}, {"b", "x y\nz"}, {"c", "one two"}}));
}

TEST(ParseYaml, Aliases) {
  EXPECT_EQ(parse("a: &x [1, 2]\nb: *x\n"), (Json{{"a", {1, 2}}, {"b", {1, 2}}}));
  EXPECT_EQ(parse("&k a: 1\nb: *k\n"), (Json{{"a", 1}, {"b", "a"}}));
  EXPECT_EQ(error_of("a: &x [*x]"),
            "config.yml is not valid YAML at line 1, column 8: an alias refers to the node it stands in");
}

TEST(ParseYaml, AliasesCannotFillTheMemory) {
  std::string text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto before = "*l" + std::to_string(i - 1);
    text += "l" + std::to_string(i) + ": &l" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += before + (k == 9 ? "]\n" : ", ");
  }
  EXPECT_NE(error_of(text).find("the document is too large"), std::string::npos);
}

TEST(ParseYaml, MergeKeys) {
  // Explicit keys win over merged ones, and merged ones come first.
  EXPECT_EQ(to_compact(parse("b: &x {p: 1, q: 2}\nc:\n  q: 3\n  <<: *x\n  r: 4\n")),
            R"({"b":{"p":1,"q":2},"c":{"p":1,"q":3,"r":4}})");
  // Of a list of mappings the earlier ones win.
  const auto listed = parse("b: &x {p: 1}\nd: &y {p: 2, z: 9}\nc:\n  k: 0\n  <<: [*x, *y]\n");
  EXPECT_EQ(listed["c"], (Json{{"p", 1}, {"z", 9}, {"k", 0}}));
  // In quotes it is a key like any other.
  EXPECT_EQ(parse("'<<': {a: 1}"), (Json{{"<<", {{"a", 1}}}}));
  EXPECT_EQ(error_of("c:\n  <<: 5\n"),
            "config.yml is not valid YAML at line 2, column 7: `<<` merges a mapping or a list of mappings only");
}

TEST(ParseYaml, FlowStyle) {
  EXPECT_EQ(parse("['h1:2379', h2:2379, http://h3:2379]"), (Json{"h1:2379", "h2:2379", "http://h3:2379"}));
  EXPECT_EQ(parse("{a: b, c: {d: off}}"), (Json{{"a", "b"}, {"c", {{"d", false}}}}));
}

TEST(ParseYaml, ErrorsNameFileAndLine) {
  EXPECT_EQ(error_of("scope: [demo\n"), "config.yml is not valid YAML at line 2, column 1: a `[` is not closed");
  EXPECT_EQ(error_of("a: 1\nb: c: d\n"),
            "config.yml is not valid YAML at line 2, column 5: a colon is not expected here; text that holds one needs "
            "quotes");
  EXPECT_EQ(error_of("a: 1\n  b: 2\n").substr(0, 34), "config.yml is not valid YAML at li");
  EXPECT_EQ(error_of("a: 1\nb: *nope\n"),
            "config.yml is not valid YAML at line 2, column 4: the referenced anchor is not defined");
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n"), "config.yml is not valid YAML: it holds more than one document");
}

TEST(ParseYaml, DeepNestingIsAnErrorNotACrash) {
  EXPECT_NE(error_of(std::string(100'000, '[')).find("config.yml is not valid YAML"), std::string::npos);
}

TEST(ToYaml, BlockStyleWithSortedKeys) {
  const Json config{{"ttl", 20},
                    {"loop_wait", 2},
                    {"postgresql", {{"use_slots", true}, {"parameters", {{"max_connections", 100}}}}},
                    {"slots", Json::object()},
                    {"pg_hba", {"local all all trust", "host all all 0.0.0.0/0 md5"}},
                    {"nothing", nullptr},
                    {"list", Json::array()}};
  EXPECT_EQ(to_yaml(config),
            "list: []\n"
            "loop_wait: 2\n"
            "nothing: null\n"
            "pg_hba:\n"
            "- local all all trust\n"
            "- host all all 0.0.0.0/0 md5\n"
            "postgresql:\n"
            "  parameters:\n"
            "    max_connections: 100\n"
            "  use_slots: true\n"
            "slots: {}\n"
            "ttl: 20\n");
}

TEST(ToYaml, ListsInLists) {
  EXPECT_EQ(to_yaml(Json::array({Json{{"Member", "n1"}, {"Cluster", "demo"}, {"Tags", {{"zone", "a"}}}}})),
            "- Cluster: demo\n  Member: n1\n  Tags:\n    zone: a\n");
  EXPECT_EQ(to_yaml(Json::array({1, Json::array({2, Json::array({3, 4})})})), "- 1\n- - 2\n  - - 3\n    - 4\n");
  EXPECT_EQ(to_yaml(Json{{"a", Json::array({Json{{"b", Json::array({1})}}})}}), "a:\n- b:\n  - 1\n");
  EXPECT_EQ(to_yaml(Json::array()), "[]\n");
  EXPECT_EQ(to_yaml(Json::object()), "{}\n");
}

TEST(ToYaml, TextThatWouldReadAsSomethingElseIsQuoted) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"5", "'5'"},
      {"on", "'on'"},
      {"null", "'null'"},
      {"~", "'~'"},
      {"", "''"},
      {"1.5", "'1.5'"},
      {"1e3", "1e3"},
      {"1:30", "'1:30'"},
      {"010", "'010'"},
      {"<<", "'<<'"},
      {"=", "'='"},
      {"2024-01-02", "'2024-01-02'"},
      {"2024-08-28T19:39:26.352526+00:00", "'2024-08-28T19:39:26.352526+00:00'"},
      {"2024-08-28 19:39", "2024-08-28 19:39"},
      {"a: b", "'a: b'"},
      {"a:b", "a:b"},
      {"x #y", "'x #y'"},
      {"x#y", "x#y"},
      {"#x", "'#x'"},
      {"- a", "'- a'"},
      {"-a", "-a"},
      {"*", "'*'"},
      {"@x", "'@x'"},
      {"%p", "'%p'"},
      {"cp %p /x/%f", "cp %p /x/%f"},
      {"it's", "it's"},
      {"'x'", "'''x'''"},
      {"a ", "'a '"},
      {" a", "' a'"},
      {"a\nb", "'a\n\n  b'"},
      {"a\tb", "\"a\\tb\""},
      {"[x]", "'[x]'"},
      {"\x01", "\"\\x01\""},
      {"中文", "中文"},
      {"back\\slash", "back\\slash"}};
  for (const auto& [text, printed] : cases) {
    EXPECT_EQ(to_yaml(Json{{"k", text}}), "k: " + printed + "\n");
    EXPECT_EQ(parse(to_yaml(Json{{"k", text}})), (Json{{"k", text}}));
  }
}

TEST(ToYaml, Numbers) {
  EXPECT_EQ(to_yaml(Json{{"a", 1.0}, {"b", 1e16}, {"c", 1e-5}, {"d", 0.1}, {"e", -7}, {"f", 1e300}}),
            "a: 1.0\nb: 1.0e+16\nc: 1.0e-05\nd: 0.1\ne: -7\nf: 1.0e+300\n");
}

TEST(ToYaml, RootScalarsEndTheDocument) {
  EXPECT_EQ(to_yaml(Json("a")), "a\n...\n");
  EXPECT_EQ(to_yaml(Json(nullptr)), "null\n...\n");
  EXPECT_EQ(to_yaml(Json("5")), "'5'\n");
}

TEST(ToYaml, LongTextFoldsAfterTwoHundredColumns) {
  std::string words;
  for (int i = 0; i < 60; ++i) words += i == 0 ? "word" : " word";
  const auto printed = to_yaml(Json{{"k", words}});
  EXPECT_EQ(printed.find('\n'), 202U);
  EXPECT_EQ(printed.substr(202, 8), "\n  word ");
  EXPECT_EQ(parse(printed), (Json{{"k", words}}));
}

TEST(ToYaml, KeysThatAreNotSimple) {
  EXPECT_EQ(to_yaml(Json{{"", 1}, {"5", 2}}), "? ''\n: 1\n'5': 2\n");
  EXPECT_EQ(to_yaml(Json{{std::string(123, 'x'), 1}}), "? " + std::string(123, 'x') + "\n: 1\n");
}

TEST(ToYamlFlow, OneLine) {
  EXPECT_EQ(to_yaml_flow(Json{{"zone", "a"}}), "{zone: a}");
  EXPECT_EQ(to_yaml_flow(Json{{"b", {1, "x,y"}}, {"a", nullptr}}), "{a: null, b: [1, 'x,y']}");
  EXPECT_EQ(to_yaml_flow(Json{{"k", std::string(300, 'x') + " y"}}), "{k: " + std::string(300, 'x') + " y}");
  EXPECT_EQ(to_yaml_flow(Json("a")), "a");
  EXPECT_EQ(to_yaml_flow(Json::object()), "{}");
}

}  // namespace
}  // namespace regent
