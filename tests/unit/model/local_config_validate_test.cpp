// --validate-config (compat §1.26).
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/yaml.h"
#include "model/local_config.h"

namespace regent {
namespace {

namespace fs = std::filesystem;

using Lines = std::vector<std::string>;

class ValidateConfig : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "regent-validate-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(directory_); }

  // A valid configuration with `change` laid over it.
  Lines validate(std::string_view change, bool ignore_listen_port = true) const {
    Json document = *parse_yaml(R"(
scope: shop
name: db1
etcd3: {host: '10.1.0.1:2379'}
restapi: {listen: '127.0.0.1:8008', connect_address: '10.1.0.11:8008'}
postgresql:
  listen: 127.0.0.1:5432
  connect_address: 10.1.0.11:5432
  authentication:
    superuser: {username: postgres, password: s}
    replication: {username: replicator, password: r}
)",
                                "base");
    document["postgresql"]["data_dir"] = (directory_ / "data").string();
    merge_patch(document, *parse_yaml(change, "change"));
    const auto path = directory_ / "config.yml";
    std::ofstream(path) << to_yaml(document);
    return validate_config_source(path, {}, ignore_listen_port);
  }

  fs::path directory_;
};

TEST_F(ValidateConfig, NothingToComplainAbout) {
  EXPECT_EQ(validate("{}"), Lines{});
}

TEST_F(ValidateConfig, EveryProblemAtOnceInPatronisForm) {
  EXPECT_EQ(
      validate(R"(
scope: null
postgresql: {data_dir: null}
bootstrap: {dcs: {ttl: abc, loop_wait: -1, postgresql: 1, synchronous_mode: maybe}}
tags: {nofailover: maybe}
watchdog: {mode: sometimes}
)"),
      (Lines{"scope  is not defined.", "postgresql.data_dir  is not defined.",
             "bootstrap.dcs.postgresql 1 is not a dictionary",
             "watchdog.mode sometimes didn't pass validation: Wrong value", "tags.nofailover maybe is not a boolean",
             "bootstrap.dcs.ttl abc didn't pass validation: Wrong value",
             "bootstrap.dcs.loop_wait -1 didn't pass validation: Wrong value",
             "bootstrap.dcs.synchronous_mode maybe didn't pass validation: Wrong value"}));
}

// Whatever the start would warn about is no secret of the start.
TEST_F(ValidateConfig, WhatNobodyReadsAndWhatWouldBeReplacedByADefault) {
  const auto lines = validate(R"(
restapi: {server_tokens: minimal}
nosuch: 1
tags: {nofailover: true, failover_priority: 1}
bootstrap: {dcs: {primary_hang_policy: banana, synchronous_takeover_after: soon, primary_race_backoff: never, other: 1}}
)");
  const auto has = [&](std::string_view part) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(part) != std::string::npos; });
  };
  for (const char* part : {"nosuch", "bootstrap.dcs.primary_hang_policy", "bootstrap.dcs.synchronous_takeover_after",
                           "bootstrap.dcs.primary_race_backoff", "bootstrap.dcs.other", "restapi.server_tokens has no",
                           "tags.nofailover true cannot be used together"}) {
    EXPECT_TRUE(has(part)) << part;
  }
}

TEST_F(ValidateConfig, SectionsOfTheWrongType) {
  EXPECT_EQ(validate("postgresql: x"), (Lines{"postgresql x is not a dictionary"}));
  EXPECT_EQ(validate("restapi: null"), (Lines{"restapi  is not defined."}));
  EXPECT_EQ(validate("postgresql: {authentication: {superuser: null}}"),
            (Lines{"postgresql.authentication.superuser  is not defined."}));
}

TEST_F(ValidateConfig, ConnectAddressMustBeReachableByOthers) {
  EXPECT_EQ(validate("restapi: {connect_address: 'localhost:8008'}"),
            (Lines{"restapi.connect_address localhost:8008 didn't pass validation: must not contain \"127.0.0.1\", "
                   "\"0.0.0.0\", \"*\", \"::1\", \"localhost\""}));
  EXPECT_EQ(validate("postgresql: {connect_address: null}"), (Lines{"postgresql.connect_address  is not defined."}));
  // It runs all the same, so the daemon only warns.
}

TEST_F(ValidateConfig, TagsThatExcludeEachOther) {
  EXPECT_EQ(validate("tags: {nofailover: true, failover_priority: 2}"),
            (Lines{"tags.nofailover true cannot be used together with tags.failover_priority"}));
  EXPECT_EQ(validate("tags: {failover_priority: 0, nosync: yes}"), Lines{});
}

TEST_F(ValidateConfig, WordsMayBeBooleansToYaml) {
  EXPECT_EQ(validate("watchdog: {mode: off}\nbootstrap: {dcs: {synchronous_mode: on}}"), Lines{});
}

TEST_F(ValidateConfig, Directories) {
  EXPECT_EQ(validate("postgresql: {bin_dir: /nonexistent}"),
            (Lines{"postgresql.bin_dir  Directory '/nonexistent' does not exist."}));
  const auto data = directory_ / "data";
  fs::create_directory(data);
  EXPECT_EQ(validate("{}"), Lines{});
  std::ofstream(data / "something") << "x";
  EXPECT_EQ(validate("{}"), (Lines{"postgresql.data_dir " + data.string() +
                                   " didn't pass validation: doesn't look like a valid data directory"}));
  std::ofstream(data / "PG_VERSION") << "14\n";
  EXPECT_EQ(validate("{}"), Lines{});
}

TEST_F(ValidateConfig, DataOfAnotherMajorVersion) {
  const auto data = directory_ / "data";
  const auto bin = directory_ / "15" / "bin";
  fs::create_directories(bin);
  fs::create_directory(data);
  std::ofstream(data / "PG_VERSION") << "14\n";
  for (const auto* name : {"pg_ctl", "initdb", "pg_controldata", "pg_basebackup", "pg_isready"}) {
    std::ofstream(bin / name) << "#!/bin/sh\n";
    fs::permissions(bin / name, fs::perms::owner_all);
  }
  EXPECT_EQ(
      validate("postgresql: {bin_dir: '" + bin.string() + "'}"),
      (Lines{"postgresql.bin_dir " + bin.string() + " does not contain 'postgres'",
             "postgresql.data_dir " + data.string() +
                 " didn't pass validation: data directory version 14 doesn't match with 'postgres' binary version "
                 "15"}));
}

TEST_F(ValidateConfig, PortsInUse) {
  const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(taken, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(taken, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(taken, 1), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto port = std::to_string(ntohs(address.sin_port));
  const auto change = "{restapi: {listen: '127.0.0.1:" + port + "'}, postgresql: {listen: '127.0.0.1:0'}}";
  EXPECT_EQ(validate(change, false), (Lines{"restapi.listen 127.0.0.1:" + port + " didn't pass validation: Port " +
                                            port + " is already in use."}));
  EXPECT_EQ(validate(change, true), Lines{});
  ::close(taken);
}

TEST_F(ValidateConfig, BrokenSources) {
  EXPECT_EQ(validate_config_source("/nonexistent.yml", {}, true),
            (Lines{"cannot read /nonexistent.yml: No such file or directory"}));
}

}  // namespace
}  // namespace regent
