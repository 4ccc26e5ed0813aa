#include "adapters/postgres/parameters.h"

#include <gtest/gtest.h>

#include "adapters/postgres/units.h"

namespace regent {
namespace {

const ServerIdentity identity{"127.0.0.1", "5432", "demo"};

TEST(Parameters, SharedOnesComeFromTheDynamicConfigurationOnly) {
  const Json dynamic = {{"max_connections", 200},
                        {"max_wal_senders", "2"},
                        {"hot_standby", false},
                        {"port", 1},
                        {"wal_level", "hot_standby"}};
  const Json local = {
      {"max_connections", 300}, {"wal_log_hints", false}, {"work_mem", "5MB"}, {"listen_addresses", "*"}};
  const auto values = effective_parameters(dynamic, local, identity, 15).values;
  EXPECT_EQ(values.at("max_connections"), "200");
  EXPECT_EQ(values.at("max_wal_senders"), "10");  // below the minimum of 3
  EXPECT_EQ(values.at("hot_standby"), "on");
  EXPECT_EQ(values.at("port"), "5432");
  EXPECT_EQ(values.at("listen_addresses"), "127.0.0.1");
  EXPECT_EQ(values.at("wal_level"), "replica");
  EXPECT_EQ(values.at("wal_log_hints"), "on");
  EXPECT_EQ(values.at("work_mem"), "5MB");
}

TEST(Parameters, LocalWinsOverDynamicForTheRest) {
  const auto values =
      effective_parameters({{"work_mem", "1MB"}, {"jit", true}, {"gone", nullptr}}, {{"work_mem", "2MB"}}, identity, 15)
          .values;
  EXPECT_EQ(values.at("work_mem"), "2MB");
  EXPECT_EQ(values.at("jit"), "on");
  EXPECT_EQ(values.count("gone"), 0U);
}

TEST(Parameters, ListsAreJoined) {
  const auto values =
      effective_parameters({{"shared_preload_libraries", {"a", "b"}}}, Json::object(), identity, 15).values;
  EXPECT_EQ(values.at("shared_preload_libraries"), "a,b");
}

TEST(Parameters, WhatDoesNotCountIsNamed) {
  const auto reasons = without_effect({{"max_connections", 10},
                                       {"max_wal_senders", 5},
                                       {"wal_keep_size", "1MB"},
                                       {"hot_standby", "off"},
                                       {"cluster_name", "x"},
                                       {"wal_level", "minimal"},
                                       {"track_commit_timestamp", "perhaps"},
                                       {"work_mem", "whatever"}});
  EXPECT_EQ(reasons, (std::map<std::string, std::string>{
                         {"max_connections", "it must be a number of at least 25"},
                         {"wal_keep_size", "it must be a number of at least 16MB"},
                         {"hot_standby", "it is always on"},
                         {"cluster_name", "it follows from the local configuration of each member"},
                         {"wal_level", "it must be replica or logical"},
                         {"track_commit_timestamp", "it must be on or off"}}));
}

TEST(Parameters, OnesThatAreLeftOut) {
  ServerParameters parameters{{{"max_connections", "many"}, {"work_mem", "many"}}};
  leave_out(parameters, "max_connections");
  leave_out(parameters, "work_mem");
  EXPECT_EQ(parameters.values, (std::map<std::string, std::string>{{"max_connections", "100"}}));
}

TEST(Parameters, RecoverySettingsAreNone) {
  const auto values =
      effective_parameters({{"primary_conninfo", "host=x"}}, {{"restore_command", "x"}}, identity, 15).values;
  EXPECT_EQ(values.count("primary_conninfo"), 0U);
  EXPECT_EQ(values.count("restore_command"), 0U);
}

TEST(Parameters, WalKeepHasTwoNames) {
  EXPECT_EQ(effective_parameters({}, {}, identity, 12).values.at("wal_keep_segments"), "8");
  EXPECT_EQ(effective_parameters({}, {}, identity, 12).values.count("wal_keep_size"), 0U);
  EXPECT_EQ(effective_parameters({{"wal_keep_size", "1GB"}}, {}, identity, 13).values.at("wal_keep_size"), "1GB");
  EXPECT_EQ(effective_parameters({{"wal_keep_size", "1MB"}}, {}, identity, 13).values.at("wal_keep_size"), "128MB");
}

TEST(Parameters, CommandLineIsInPatronisOrder) {
  std::string line;
  for (const auto& [name, value] : effective_parameters({}, {}, identity, 15).command_line()) {
    line += "--" + name + "=" + value + " ";
  }
  EXPECT_EQ(line,
            "--listen_addresses=127.0.0.1 --port=5432 --cluster_name=demo --wal_level=replica --hot_standby=on "
            "--max_connections=100 --max_wal_senders=10 --max_prepared_transactions=0 --max_locks_per_transaction=64 "
            "--track_commit_timestamp=off --max_replication_slots=10 --max_worker_processes=8 --wal_log_hints=on ");
}

TEST(Parameters, StandbyTakesTheLargerValue) {
  auto parameters = effective_parameters({{"max_connections", 90}}, {}, identity, 15);
  raise_for_standby(parameters, {{"max_connections", 120}, {"max_worker_processes", 4}});
  EXPECT_EQ(parameters.values.at("max_connections"), "120");
  EXPECT_EQ(parameters.values.at("max_worker_processes"), "8");
}

TEST(Parameters, PendingRestart) {
  const auto wanted = effective_parameters({{"max_connections", 90}},
                                           {{"shared_buffers", "64MB"}, {"huge_pages", "OFF"}}, identity, 15);
  const std::map<std::string, RunningSetting> running{
      {"max_connections", {"120", "", "integer", false, ""}},
      {"shared_buffers", {"4096", "8kB", "integer", true, "64MB"}},
      {"huge_pages", {"off", "", "enum", false, ""}},
      {"wal_level", {"replica", "", "enum", false, ""}},
      {"wal_log_hints", {"on", "", "bool", false, ""}},
      {"shared_preload_libraries", {"pg_stat_statements", "", "string", true, ""}},
      {"data_directory", {"/data", "", "string", false, ""}}};
  EXPECT_EQ(to_compact(pending_restart_reason(wanted, running)),
            R"({"max_connections":{"old_value":"120","new_value":"90"},)"
            R"("shared_buffers":{"old_value":"32MB","new_value":"64MB"},)"
            R"("shared_preload_libraries":{"old_value":"pg_stat_statements","new_value":""}})");
}

TEST(Units, SameValueInDifferentWords) {
  EXPECT_TRUE(same_setting("16384", "128MB", {"integer", "8kB"}));
  EXPECT_TRUE(same_setting("60000", "1min", {"integer", "ms"}));
  EXPECT_FALSE(same_setting("16384", "129MB", {"integer", "8kB"}));
  EXPECT_FALSE(same_setting("5", "5 apples", {"integer", "ms"}));
  EXPECT_TRUE(same_setting("0.1", "0.10", {"real", ""}));
  EXPECT_TRUE(same_setting("on", "TRUE", {"bool", ""}));
  EXPECT_FALSE(same_setting("on", "o", {"bool", ""}));
  EXPECT_TRUE(same_setting("replica", "hot_standby", {"enum", ""}));
  EXPECT_FALSE(same_setting("a", "A", {"string", ""}));
}

TEST(Units, Shown) {
  EXPECT_EQ(show_setting("16384", {"integer", "8kB"}), "128MB");
  EXPECT_EQ(show_setting("1GB", {"integer", "8kB"}), "1GB");
  EXPECT_EQ(show_setting("1500", {"integer", "ms"}), "1500ms");
  EXPECT_EQ(show_setting("3600", {"integer", "s"}), "1h");
  EXPECT_EQ(show_setting("-1", {"integer", "kB"}), "-1");
  EXPECT_EQ(show_setting("100", {"integer", ""}), "100");
}

}  // namespace
}  // namespace regent
