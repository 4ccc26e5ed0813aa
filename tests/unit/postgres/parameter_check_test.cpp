#include "adapters/postgres/parameter_check.h"

#include <gtest/gtest.h>

#include <set>

#include "postgres/server_support.h"

namespace regent::test {
namespace {

using Texts = std::map<std::string, std::string>;

TEST(Complaints, AreFoundByTheNameInThem) {
  const Texts values{{"work_mem", "10XB"}, {"datestyle", "zzz"}, {"max_connections", "0"}, {"foo", "1"}, {"jit", "on"}};
  const auto found = complaints(
      "2026-11-27 09:11:34.047 GMT [1] LOG:  skipping missing configuration file \"/postgresql.auto.conf\"\n"
      "2026-11-27 09:11:34.047 GMT [1] LOG:  unrecognized configuration parameter \"foo\" in file \"/dev/stdin\" line "
      "3\n"
      "x LOG:  invalid value for parameter \"work_mem\": \"10XB\"\n"
      "x HINT:  Valid units for this parameter are \"B\" and \"kB\".\n"
      "x LOG:  0 is outside the valid range for parameter \"max_connections\" (1 .. 262143)\n"
      "x LOG:  invalid value for parameter \"DateStyle\": \"zzz\"\n"
      "x LOG:  invalid value for parameter \"another\": \"1\"\n"
      "x DETAIL:  Of another.\n"
      "x FATAL:  configuration file \"/dev/stdin\" contains errors\n",
      values);
  EXPECT_EQ(found,
            (Texts{{"work_mem",
                    "invalid value for parameter \"work_mem\": \"10XB\"; Valid units for this parameter "
                    "are \"B\" and \"kB\"."},
                   {"datestyle", "invalid value for parameter \"DateStyle\": \"zzz\""},
                   {"max_connections", "0 is outside the valid range for parameter \"max_connections\" (1 .. 262143)"},
                   {"foo", "unrecognized configuration parameter \"foo\""}}));
}

class ParameterCheck : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { leave_root(); }

  std::set<std::string> refused(const Json& parameters) {
    Server n1(loop, place, "n1");
    auto checking = n1->check_config({{"postgresql", {{"parameters", parameters}}}}, loop.in(30s));
    const auto found = loop.run(std::move(checking));
    EXPECT_TRUE(found) << (found ? "" : found.error().message);
    std::set<std::string> names;
    for (const auto& parameter : *found) names.insert(parameter.name);
    return names;
  }

  Place place;
  Loop loop;
};

TEST_F(ParameterCheck, AsksPostgresqlItself) {
  EXPECT_EQ(refused({{"foo_bar", 1},
                     {"work_mem", "10XB"},
                     {"shared_buffers", 0},
                     {"log_min_messages", "panic"},
                     {"log_destination", "csvlog"},
                     {"synchronous_standby_names", "ANY ( 1"},
                     {"two words", "x"},
                     {"max_connections", "10"},
                     {"port", 1},
                     {"my.extension", "whatever"},
                     {"shared_preload_libraries", {"a", "b"}},
                     {"archive_command", "cp %p\n /tmp/%f"},
                     {"jit", false},
                     {"zero_damaged_pages", "on"}}),
            (std::set<std::string>{"foo_bar", "work_mem", "shared_buffers", "synchronous_standby_names", "two words",
                                   "max_connections", "port"}));
}

// One value must not keep all the others from being used, nor the server from starting (F20).
TEST_F(ParameterCheck, WhatIsRefusedIsLeftOut) {
  Server n1(loop, place, "n1");
  const Json wanted = {{"work_mem", "many"}, {"foo_bar", "1"}, {"max_connections", 999999999}, {"jit", "off"}};
  n1.bootstrap({{"ttl", 30}, {"postgresql", {{"parameters", wanted}}}});
  const auto facts = n1.observe();
  ASSERT_EQ(facts.refused_parameters.size(), 3U);
  EXPECT_EQ(to_sentence(facts.refused_parameters[0]),
            "foo_bar = '1' in the dynamic configuration: unrecognized configuration parameter \"foo_bar\"");
  EXPECT_EQ(n1.sql("SHOW jit"), "off");
  EXPECT_EQ(n1.sql("SHOW max_connections"), "100");
  EXPECT_EQ(n1.sql("SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL"), "0");

  // What has no effect leaves all values as they are, when it comes and when it goes.
  for (const auto& [parameters, names] : std::map<std::string, std::size_t>{{R"({"port": 1})", 1}, {"{}", 0}}) {
    n1->set_config({{"postgresql", {{"parameters", Json::parse(parameters)}}}});
    ASSERT_TRUE(loop.run(n1->apply_config(loop.in(10s))));
    EXPECT_EQ(n1.observe().refused_parameters.size(), names) << parameters;
  }
}

}  // namespace
}  // namespace regent::test
