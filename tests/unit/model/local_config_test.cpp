#include "model/local_config.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/host.h"
#include "base/yaml.h"
#include "model/settings.h"

namespace regent {
namespace {

namespace fs = std::filesystem;

using Environment = std::map<std::string, std::string>;

constexpr std::string_view minimal = R"(
scope: shop
name: db1
etcd3:
  hosts: [10.1.0.1:2379, 10.1.0.2:2379]
restapi:
  listen: 10.1.0.11:8008
  connect_address: 10.1.0.11:8008
postgresql:
  listen: 10.1.0.11:5432
  connect_address: 10.1.0.11:5432
  data_dir: /srv/pg/data
  authentication:
    superuser: {username: postgres, password: s}
    replication: {username: replicator, password: r}
)";

// The minimal configuration with a change laid over it, both YAML.
Json changed(std::string_view change) {
  Json document = *parse_yaml(minimal, "minimal");
  merge_patch(document, *parse_yaml(change, "change"));
  return document;
}

LocalConfig accept(std::string_view change) {
  auto config = parse_local_config(changed(change), "config.yml");
  EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().message);
  return config ? *config : LocalConfig();
}

std::string refuse(std::string_view change) {
  const auto config = parse_local_config(changed(change), "config.yml");
  if (config) return "accepted";
  EXPECT_EQ(config.error().kind, ErrorKind::invalid);
  return config.error().message;
}

bool has_warning(const LocalConfig& config, std::string_view part) {
  return std::any_of(config.warnings.begin(), config.warnings.end(),
                     [&](const std::string& warning) { return warning.find(part) != std::string::npos; });
}

std::string all_warnings(const LocalConfig& config) {
  std::string out;
  for (const auto& warning : config.warnings) out += warning + "\n";
  return out;
}

class LocalConfigFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "regent-config-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string write(const std::string& name, std::string_view text) const {
    const auto path = directory_ / name;
    std::ofstream(path) << text;
    return path;
  }

  fs::path directory_;
};

TEST(LocalConfig, Minimal) {
  const auto config = accept("{}");
  EXPECT_EQ(config.name.str(), "db1");
  EXPECT_EQ(config.scope, "shop");
  EXPECT_EQ(config.service_namespace, "/service");
  EXPECT_EQ(config.compat, Generation::v4);
  EXPECT_EQ(config.store.kind, "etcd3");
  EXPECT_EQ(config.store.section["hosts"].size(), 2U);
  EXPECT_EQ(config.rest.listen_host, "10.1.0.11");
  EXPECT_EQ(config.rest.listen_port, 8008);
  EXPECT_EQ(config.rest.connect_address, "10.1.0.11:8008");
  EXPECT_FALSE(config.rest.tls());
  EXPECT_EQ(config.postgres.listen_addresses, "10.1.0.11");
  EXPECT_EQ(config.postgres.port, "5432");
  EXPECT_EQ(config.postgres.connect_address, (HostPort{"10.1.0.11", "5432"}));
  EXPECT_EQ(config.postgres.data_dir, "/srv/pg/data");
  EXPECT_EQ(config.postgres.config_dir, "/srv/pg/data");
  EXPECT_EQ(config.postgres.superuser.username, "postgres");
  EXPECT_EQ(config.postgres.replication.password, "r");
  EXPECT_EQ(config.postgres.rewind.username, "postgres");
  EXPECT_TRUE(config.postgres.pgpass.ends_with("/pgpass"));
  EXPECT_EQ(config.log.file_count, 4U);
  EXPECT_EQ(all_warnings(config), "");
}

TEST(LocalConfig, ListenForms) {
  struct Case {
    std::string listen, addresses, port;
  };
  for (const auto& [listen, addresses, port] :
       {Case{"127.0.0.1,::1:5433", "127.0.0.1,::1", "5433"}, Case{"*:5432", "*", "5432"},
        Case{"0.0.0.0", "0.0.0.0", "5432"}, Case{"[::1]:6000", "::1", "6000"}, Case{"[::1]", "::1", "5432"},
        Case{"::1", "::1", "5432"}, Case{"fe80::1:5432", "fe80::1", "5432"},
        Case{"10.0.0.1, 10.0.0.2:5432", "10.0.0.1,10.0.0.2", "5432"}, Case{":5432", "*", "5432"},
        Case{"db1", "db1", "5432"}}) {
    const auto config = accept("{postgresql: {listen: '" + listen + "'}}");
    EXPECT_EQ(config.postgres.listen_addresses, addresses) << listen;
    EXPECT_EQ(config.postgres.port, port) << listen;
  }
  EXPECT_EQ(refuse("{postgresql: {listen: '10.0.0.1:99999'}}"),
            "config.yml: postgresql.listen \"10.0.0.1:99999\" is not an address; write host:port, e.g. 0.0.0.0:5432");
  EXPECT_NE(refuse("{restapi: {listen: 'a:b:c'}}"), "accepted");
  EXPECT_NE(refuse("{restapi: {listen: 'a,b:8008'}}"), "accepted");
}

TEST(LocalConfig, ConnectAddressDefaults) {
  auto config =
      accept("{restapi: {connect_address: null}, postgresql: {listen: '[fd00::5]:5432', connect_address: null}}");
  EXPECT_EQ(config.rest.connect_address, "10.1.0.11:8008");
  EXPECT_EQ(config.postgres.connect_address, (HostPort{"fd00::5", "5432"}));
  EXPECT_TRUE(has_warning(config, "restapi.connect_address is not defined; other nodes are told 10.1.0.11:8008"));

  config = accept("{restapi: {listen: '*:9000', connect_address: 10.1.0.11}}");
  EXPECT_EQ(config.rest.listen_host, "*");
  EXPECT_EQ(config.rest.connect_address, "10.1.0.11:9000");

  config = accept("{restapi: {listen: '0.0.0.0:8008', connect_address: null}}");
  EXPECT_NE(config.rest.connect_address, "0.0.0.0:8008");  // the name of this host, whatever it is
  EXPECT_TRUE(config.rest.connect_address.ends_with(":8008"));

  config = accept("{postgresql: {connect_address: '0.0.0.0:5432'}}");
  EXPECT_TRUE(has_warning(config, "where no other node can connect to"));
}

TEST(LocalConfig, WordsThatYamlReadsAsNumbersOrBooleans) {
  const auto config = accept(R"(
name: 7
scope: 12
postgresql:
  authentication:
    superuser: {password: 12345}
    replication: {password: 1.5}
  use_unix_socket: 'yes'
log: {file_num: '7', max_queue_size: "50", mode: '0640'}
compat: 2.1
)");
  EXPECT_EQ(config.name.str(), "7");
  EXPECT_EQ(config.scope, "12");
  EXPECT_EQ(config.postgres.superuser.password, "12345");
  EXPECT_EQ(config.postgres.replication.password, "1.5");
  EXPECT_TRUE(config.postgres.use_unix_socket);
  EXPECT_EQ(config.log.file_count, 7U);
  EXPECT_EQ(config.log.queue_size, 50U);
  EXPECT_EQ(config.log.file_mode, 0640U);
  EXPECT_EQ(config.compat, Generation::v2_1);
  EXPECT_EQ(
      refuse("{postgresql: {authentication: {superuser: {password: yes}}}}"),
      "config.yml: postgresql.authentication.superuser.password \"true\" is not a string; YAML reads this word as a "
      "boolean, put it in quotes");
}

TEST(LocalConfig, NamespacesHaveOneSlashInFront) {
  EXPECT_EQ(accept("namespace: db").service_namespace, "/db");
  EXPECT_EQ(accept("namespace: /a//b/").service_namespace, "/a/b");
  EXPECT_EQ(accept("namespace: /").service_namespace, "");
}

TEST(LocalConfig, ANodeWithoutANameIsCalledLikeItsMachine) {
  EXPECT_EQ(accept("name: null").name.str(), host_name());
}

TEST(LocalConfig, RequiredKeys) {
  EXPECT_EQ(refuse("scope: null"),
            "config.yml: scope is not defined; write the name of the cluster, the same on every node");
  EXPECT_EQ(refuse("name: ''"), "config.yml: name is not defined; write a name no other node of this cluster has");
  EXPECT_EQ(refuse("etcd3: null"),
            "config.yml: one of consul, etcd, etcd3, exhibitor, kubernetes, raft, zookeeper is not defined; write the "
            "section of the store this cluster uses");
  EXPECT_EQ(refuse("etcd3: {hosts: null}"),
            "config.yml: etcd3.hosts is not defined; write one of host, hosts, url, proxy or srv");
  EXPECT_EQ(refuse("postgresql: {data_dir: null}"),
            "config.yml: postgresql.data_dir is not defined; write the path of the data directory");
  EXPECT_EQ(refuse("restapi: null"),
            "config.yml: restapi is not defined; write at least `listen` and `connect_address` below it");
  EXPECT_EQ(
      refuse("postgresql: {authentication: {replication: null}}"),
      "config.yml: postgresql.authentication.replication is not defined; write `username` and `password` below it");
}

TEST(LocalConfig, AMissingKeyIsLookedForAmongTheUnknownOnes) {
  Json document = changed("{}");
  document["postgresq1"] = document["postgresql"];
  document.erase("postgresql");
  const auto config = parse_local_config(document, "config.yml");
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().message,
            "config.yml: postgresql is not defined; postgresq1 is not known and has no effect; is it postgresql?");
}

TEST(LocalConfig, WrongTypes) {
  EXPECT_EQ(refuse("postgresql: x"),
            "config.yml: postgresql \"x\" is not a dictionary; write a mapping of keys below it");
  EXPECT_EQ(refuse("etcd3: {hosts: 5}"),
            "config.yml: etcd3.hosts \"5\" is not a list; write `[a, b]` or one item per line");
  EXPECT_EQ(refuse("restapi: {listen: 8008}"),
            "config.yml: restapi.listen \"8008\" is not an address; write host:port, e.g. 10.0.0.1:8008");
  EXPECT_EQ(refuse("log: {level: loud}"),
            "config.yml: log.level \"loud\" is not a level; write DEBUG, INFO, WARNING, ERROR or CRITICAL");
  EXPECT_EQ(refuse("compat: 5"), "config.yml: compat \"5\" is not a generation of Patroni; write 2.1, 3 or 4");
  EXPECT_EQ(refuse("name: a/b"), "config.yml: name \"a/b\" must not contain a slash");
  EXPECT_EQ(refuse("zookeeper: {hosts: 'a:2181'}"),
            "config.yml: etcd3 and zookeeper cannot be used together; keep the section of the store this cluster uses");
}

TEST(LocalConfig, SuperuserMayBeMissing) {
  const auto config = accept("postgresql: {authentication: {superuser: null}}");
  EXPECT_EQ(config.postgres.superuser.username, "");
  EXPECT_TRUE(has_warning(config, "postgresql.authentication.superuser is not defined; the role named like"));
}

TEST(LocalConfig, RoleOptionsArePassedOn) {
  const auto config =
      accept("postgresql: {authentication: {rewind: {username: rw, password: x, sslmode: verify-full, sslcrl: /c}}}");
  EXPECT_EQ(config.postgres.rewind.username, "rw");
  EXPECT_EQ(config.postgres.rewind.options,
            (std::map<std::string, std::string>{{"sslmode", "verify-full"}, {"sslcrl", "/c"}}));
}

TEST(LocalConfig, UnknownKeysAreNamedAndTolerated) {
  const auto config = accept(R"(
ttl: 30
metrics: {enabled: true}
postgresq1: {listen: x}
postgresql: {datadir: /x, create_replica_methods: [wal_g, basebackup], wal_g: {command: fetch}}
bootstrap: {method: mine, mine: {command: x}, dsc: {}}
tags: {zone: a}
)");
  EXPECT_TRUE(has_warning(config, "config.yml: ttl has no effect here; it belongs to the dynamic configuration"));
  EXPECT_TRUE(has_warning(config, "config.yml: metrics is not known and has no effect"));
  EXPECT_TRUE(has_warning(config, "postgresq1 is not known and has no effect; is it postgresql?"));
  EXPECT_TRUE(has_warning(config, "postgresql.datadir is not known and has no effect; is it data_dir?"));
  EXPECT_TRUE(has_warning(config, "bootstrap.dsc is not known and has no effect"));
  EXPECT_EQ(config.warnings.size(), 5U) << all_warnings(config);
}

// T19
TEST(LocalConfig, OldSpellingsAreReadAsTheNewOnes) {
  const auto config = accept(R"(
restapi: {auth: 'admin:pw:1'}
bootstrap: {post_init: /x.sh, users: {app: {password: p}}}
postgresql: {create_replica_method: [wal_e], wal_e: {command: x, no_master: 1}}
)");
  EXPECT_EQ(config.rest.username, "admin");
  EXPECT_EQ(config.rest.password, "pw:1");
  EXPECT_EQ(config.ctl.username, "admin");
  EXPECT_EQ(config.bootstrap["post_bootstrap"], "/x.sh");
  EXPECT_EQ(config.postgres.section["create_replica_methods"], Json::array({"wal_e"}));
  EXPECT_EQ(config.postgres.section["wal_e"], (Json{{"command", "x"}, {"no_leader", 1}}));
  EXPECT_TRUE(has_warning(config, "bootstrap.users is a key of Patroni before 4.0"));
  EXPECT_TRUE(has_warning(config, "postgresql.wal_e.no_master"));
  EXPECT_EQ(config.warnings.size(), 2U) << all_warnings(config);
}

TEST(LocalConfig, RestAndCtl) {
  const auto config = accept(R"(
restapi:
  certfile: /c.pem
  authentication: {username: u, password: p}
  verify_client: optional
  allowlist: 10.0.0.0/8, ops.example.org
  http_extra_headers: {X-Frame-Options: SAMEORIGIN}
ctl: {authentication: {username: c, password: 1}, insecure: on, cacert: /ca.pem}
)");
  EXPECT_TRUE(config.rest.tls());
  EXPECT_EQ(config.rest.verify_client, "optional");
  EXPECT_EQ(config.rest.allowlist, (std::vector<std::string>{"10.0.0.0/8", "ops.example.org"}));
  EXPECT_EQ(config.rest.http_extra_headers.at("X-Frame-Options"), "SAMEORIGIN");
  EXPECT_EQ(config.ctl.username, "c");
  EXPECT_EQ(config.ctl.password, "1");
  EXPECT_TRUE(config.ctl.insecure);
  EXPECT_EQ(config.ctl.certfile, "");  // T25: not taken over from restapi
}

TEST(LocalConfig, LinesOfTheLogHaveTheFormOfPythonsLogging) {
  using Fields = std::vector<std::pair<std::string, std::string>>;
  const auto plain = accept("log: {format: '%(levelname)s %(message)s', dateformat: '%H:%M'}").log.line;
  EXPECT_EQ(plain.format, "%(levelname)s %(message)s");
  EXPECT_EQ(plain.date_format, "%H:%M");
  const auto json =
      accept("log: {type: json, format: [message, levelname: severity], static_fields: {app: x}}").log.line;
  EXPECT_EQ(json.fields, (Fields{{"message", "message"}, {"levelname", "severity"}}));
  EXPECT_EQ(json.static_fields, (Json{{"app", "x"}}));
  EXPECT_EQ(accept("log: {type: json, format: '%(message)s'}").log.line.fields, (Fields{{"message", "message"}}));
  // Whatever is wrong with it, the agent runs.
  const log::LineForm standard;
  for (const auto* wrong : {"{format: '%(nosuch)s'}", "{format: message}", "{format: [message]}", "{format: 7}",
                            "{type: json, format: []}", "{type: json, format: [{message: 1}]}"}) {
    const auto config = accept(fmt::format("log: {}", wrong));
    EXPECT_EQ(config.log.line.format, standard.format) << wrong;
    EXPECT_EQ(config.log.line.fields, standard.fields) << wrong;
    EXPECT_TRUE(has_warning(config, "log.format")) << wrong;
  }
  EXPECT_EQ(accept("log: {format: '%(filename)s:%(lineno)d %(message)s'}").log.line.format,
            "%(filename)s:%(lineno)d %(message)s");
}

TEST(LocalConfig, CitusIsRefusedByName) {
  EXPECT_EQ(refuse("citus: {group: 0, database: a}"),
            "config.yml: citus \"{\"group\": 0, \"database\": \"a\"}\" is not supported; remove the section");
  accept("citus: {}");
}

TEST(LocalConfig, TruthWordsAreTheSameEverywhere) {
  const auto config = accept("{tags: {nofailover: 'On', nosync: 'YES', clonefrom: 0}, ctl: {insecure: 'TRUE'}}");
  EXPECT_TRUE(config.tags.nofailover);
  EXPECT_TRUE(config.tags.nosync);
  EXPECT_FALSE(config.tags.clonefrom);
  EXPECT_TRUE(config.ctl.insecure);
  EXPECT_TRUE(parse_settings(Json{{"pause", "On"}, {"failsafe_mode", "YES"}}).pause);
}

TEST(LocalConfig, TheKerberosServiceGoesToEveryConnection) {
  const auto config = accept("postgresql: {krbsrvname: db}");
  EXPECT_EQ(config.postgres.superuser.options.at("krbsrvname"), "db");
  EXPECT_EQ(config.postgres.replication.options.at("krbsrvname"), "db");
  EXPECT_EQ(config.postgres.rewind.options.at("krbsrvname"), "db");
}

TEST(LocalConfig, TheDocumentMustBeAMapping) {
  EXPECT_EQ(parse_local_config(Json::array(), "c.yml").error().message,
            "c.yml does not contain a dict; write keys such as `scope: demo`");
}

TEST_F(LocalConfigFile, FileWithTheEnvironmentOverIt) {
  const auto path = write("patroni.yml", minimal);
  const auto config = load_local_config(path, {{"PATRONI_NAME", "db7"},
                                               {"PATRONI_POSTGRESQL_DATA_DIR", "/other/"},
                                               {"PATRONI_SUPERUSER_PASSWORD", "0123"},
                                               {"PATRONI_REPLICATION_SSLMODE", "require"},
                                               {"PATRONI_ETCD3_HOSTS", "'h1:2379','h2:2379'"},
                                               {"PATRONI_POSTGRESQL_BIN_PG_CTL", "pg_ctl15"},
                                               {"PATRONI_COMPAT", "3"},
                                               {"PATRONI_SCOPE", ""},
                                               {"UNRELATED", "x"},
                                               {"PATRONI_NONSENSE", "x"}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->name.str(), "db7");
  EXPECT_EQ(config->scope, "shop");
  EXPECT_EQ(config->postgres.data_dir, "/other");
  EXPECT_EQ(config->postgres.superuser.username, "postgres");
  EXPECT_EQ(config->postgres.superuser.password, "0123");  // text stays text
  EXPECT_EQ(config->postgres.replication.options.at("sslmode"), "require");
  EXPECT_EQ(config->store.section["hosts"], (Json{"h1:2379", "h2:2379"}));
  EXPECT_EQ(config->postgres.bin_name.at("pg_ctl"), "pg_ctl15");
  EXPECT_EQ(config->compat, Generation::v3);
  ASSERT_EQ(config->warnings.size(), 1U) << all_warnings(*config);
  EXPECT_EQ(config->warnings[0], "the environment variable PATRONI_NONSENSE is not known and has no effect");
}

TEST_F(LocalConfigFile, DirectoryIsMergedInNameOrder) {
  write("10-base.yml", minimal);
  write("20-local.yml", "name: db2\npostgresql:\n  data_dir: /d2\n  parameters: {work_mem: 4MB}\n");
  write("30-last.yml", "postgresql:\n  parameters: {max_connections: 50}\n");
  write("40-ignored.yaml", "name: never\n");
  write(".hidden.yml", "name: never\n");
  const auto config = load_local_config(directory_, {});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->name.str(), "db2");
  EXPECT_EQ(config->postgres.data_dir, "/d2");
  EXPECT_EQ(config->postgres.listen_addresses, "10.1.0.11");
  EXPECT_EQ(config->postgres.section["parameters"], (Json{{"work_mem", "4MB"}, {"max_connections", 50}}));
}

TEST_F(LocalConfigFile, WhatCannotBeReadIsNamed) {
  const auto message = [](const std::string& path, const Environment& environment = {}) {
    const auto config = load_local_config(path, environment);
    return config ? std::string("accepted") : config.error().message;
  };
  EXPECT_EQ(message("/nonexistent.yml"), "cannot read /nonexistent.yml: No such file or directory");
  EXPECT_EQ(message(directory_), directory_.string() + " holds no *.yml file; put the configuration there");
  const auto broken = write("broken.yml", "scope: demo\nname: [x\n");
  EXPECT_EQ(message(broken), broken + " is not valid YAML at line 3, column 1: a `[` is not closed");
  const auto list = write("list.yml", "- a\n");
  EXPECT_EQ(message(list), list + " does not contain a dict; write keys such as `scope: demo`");
  const auto empty = write("empty.yml", "");
  EXPECT_EQ(message(empty), empty + " does not contain a dict; write keys such as `scope: demo`");
  EXPECT_EQ(message(""),
            "there is no configuration; name a file or directory, or set PATRONI_CONFIGURATION or single PATRONI_ "
            "variables");
  EXPECT_EQ(message("", {{"PATRONI_CONFIGURATION", "{"}}).substr(0, 40), "PATRONI_CONFIGURATION is not valid YAML ");
}

// T20
TEST(LocalConfigEnvironment, WholeConfigurationInOneVariable) {
  const auto config =
      load_local_config("", {{"PATRONI_CONFIGURATION", std::string(minimal)}, {"PATRONI_NAME", "ignored"}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->name.str(), "db1");
}

TEST(LocalConfigEnvironment, SingleVariablesOnly) {
  const auto config = load_local_config("", {{"PATRONI_SCOPE", "shop"},
                                             {"PATRONI_NAME", "010"},
                                             {"PATRONI_NAMESPACE", "/db/"},
                                             {"PATRONI_LOGLEVEL", "WARNING"},
                                             {"PATRONI_LOG_LEVEL", "debug"},
                                             {"PATRONI_LOG_FILE_NUM", "9"},
                                             {"PATRONI_ZOOKEEPER_HOSTS", "z1:2181, z2:2181"},
                                             {"PATRONI_ZOOKEEPER_USE_SSL", "on"},
                                             {"PATRONI_ZOOKEEPER_SET_ACLS", "CN=a: [ALL], CN=b: [READ]"},
                                             {"PATRONI_RESTAPI_LISTEN", "0.0.0.0:8008"},
                                             {"PATRONI_RESTAPI_CONNECT_ADDRESS", "db1:8008"},
                                             {"PATRONI_RESTAPI_HTTP_EXTRA_HEADERS", "A: b, C: d"},
                                             {"PATRONI_RESTAPI_ALLOWLIST", "- 10.0.0.1\n- 10.0.0.2"},
                                             {"PATRONI_POSTGRESQL_LISTEN", "0.0.0.0:5432"},
                                             {"PATRONI_POSTGRESQL_CONNECT_ADDRESS", "db1:5432"},
                                             {"PATRONI_POSTGRESQL_DATA_DIR", "/d"},
                                             {"PATRONI_SUPERUSER_USERNAME", "postgres"},
                                             {"PATRONI_REPLICATION_USERNAME", "rep"},
                                             {"PATRONI_admin_PASSWORD", "secret"},
                                             {"PATRONI_admin_OPTIONS", "createrole, createdb"}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->name.str(), "010");
  EXPECT_EQ(config->service_namespace, "/db");
  EXPECT_EQ(config->log.level, log::Level::debug);
  EXPECT_EQ(config->log.file_count, 9U);
  EXPECT_EQ(config->store.kind, "zookeeper");
  EXPECT_EQ(config->store.section["hosts"], (Json{"z1:2181", "z2:2181"}));
  EXPECT_EQ(config->store.section["use_ssl"], true);
  EXPECT_EQ(config->store.section["set_acls"]["CN=b"], Json::array({"READ"}));
  EXPECT_EQ(config->rest.http_extra_headers.at("C"), "d");
  EXPECT_EQ(config->rest.allowlist, (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(config->bootstrap["users"]["admin"],
            (Json{{"options", {"createrole", "createdb"}}, {"password", "secret"}}));
}

TEST(LocalConfigEnvironment, ErrorsNameTheEnvironment) {
  const auto config = load_local_config("", {{"PATRONI_NAME", "n1"}});
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().message,
            "the environment: scope is not defined; write the name of the cluster, the same on every node");
}

TEST_F(LocalConfigFile, CtlNeedsTheStoreOnly) {
  const auto config = load_ctl_config(write("ctl.yml", "etcd3: {host: 'e:2379'}\nctl: {insecure: true}\n"), {});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->scope, "");
  EXPECT_EQ(config->store.kind, "etcd3");
  EXPECT_TRUE(config->ctl.insecure);
  EXPECT_TRUE(load_ctl_config(write("full.yml", minimal), {}).has_value());
  EXPECT_EQ(load_ctl_config(write("none.yml", "scope: x\n"), {}).error().message.substr(directory_.string().size()),
            "/none.yml: one of consul, etcd, etcd3, exhibitor, kubernetes, raft, zookeeper is not defined; write the "
            "section of the store this cluster uses");
}

}  // namespace
}  // namespace regent
