// list, topology, history, version, dsn, query against the cluster of the transcripts.
#include <gtest/gtest.h>

#include "ctl/ctl_support.h"

namespace regent::ctl {
namespace {

using testing::demo_table;
using testing::World;

TEST(List, ShowsTheConfiguredCluster) {
  World world;
  EXPECT_EQ(world.run({"list"}), 0);
  EXPECT_EQ(world.stdout_text, demo_table);
}

TEST(List, ShowsAClusterNobodyStarted) {
  World world;
  EXPECT_EQ(world.run({"list", "nosuch"}), 0);
  EXPECT_EQ(world.stdout_text,
            "+ Cluster: nosuch (uninitialized) --+-------------+-----+------------+-----+\n"
            "| Member | Host | Role | State | TL | Receive LSN | Lag | Replay LSN | Lag |\n"
            "+--------+------+------+-------+----+-------------+-----+------------+-----+\n"
            "+--------+------+------+-------+----+-------------+-----+------------+-----+\n");
}

TEST(List, ExtendedShowsEveryColumn) {
  World world;
  world.demo().put("members/n2",
                   R"({"conn_url":"postgres://127.0.0.1:5432/postgres","state":"stopped","role":"replica",)"
                   R"("pending_restart":true,"pending_restart_reason":{"max_connections":{"old_value":"100",)"
                   R"("new_value":"120"}},"scheduled_restart":{"schedule":"2100-01-01T00:00:00+00:00",)"
                   R"("postgres_version":"9.5.2"},"tags":{"nosync":true,"zone":"a"}})");
  world.demo().drop("members/n3");
  EXPECT_EQ(world.run({"list", "-e"}), 0);
  EXPECT_EQ(
      world.stdout_text,
      "+ Cluster: demo (7001) ---+---------+---------+----+-------------+-----+------------+-----+-----------------+"
      "---------------------------+----------------------------------------------+--------------+\n"
      "| Member | Host           | Role    | State   | TL | Receive LSN | Lag | Replay LSN | Lag | Pending restart |"
      " Pending restart reason    | Scheduled restart                            | Tags         |\n"
      "+--------+----------------+---------+---------+----+-------------+-----+------------+-----+-----------------+"
      "---------------------------+----------------------------------------------+--------------+\n"
      "| n1     | 127.0.0.1:5431 | Leader  | running |  1 |             |     |            |     |                 |"
      "                           |                                              | zone: a      |\n"
      "+--------+----------------+---------+---------+----+-------------+-----+------------+-----+-----------------+"
      "---------------------------+----------------------------------------------+--------------+\n"
      "| n2     | 127.0.0.1:5432 | Replica | stopped |    |     unknown |     |    unknown |     | *               |"
      " max_connections: 100->120 | 2100-01-01T00:00:00+00:00 if version < 9.5.2 | nosync: true |\n"
      "|        |                |         |         |    |             |     |            |     |                 |"
      "                           |                                              | zone: a      |\n"
      "+--------+----------------+---------+---------+----+-------------+-----+------------+-----+-----------------+"
      "---------------------------+----------------------------------------------+--------------+\n");
}

TEST(List, LeavesPortsOutWhereHostsTellMembersApart) {
  World world;
  for (int i = 1; i <= 3; ++i) {
    const auto n = std::to_string(i);
    world.demo().put("members/n" + n,
                     R"({"conn_url":"postgres://10.0.0.)" + n + R"(:5432/postgres","state":"running"})");
  }
  EXPECT_EQ(world.run({"list", "-f", "tsv"}), 0);
  EXPECT_EQ(world.stdout_text,
            "Cluster\tMember\tHost\tRole\tState\tTL\tReceive LSN\tReceive Lag\tReplay LSN\tReplay Lag\n"
            "demo\tn1\t10.0.0.1\tLeader\trunning\t\t\t\t\t\n"
            "demo\tn2\t10.0.0.2\tReplica\trunning\t\tunknown\t\tunknown\t\n"
            "demo\tn3\t10.0.0.3\tReplica\trunning\t\tunknown\t\tunknown\t\n");
}

TEST(List, OtherFormats) {
  World world;
  world.demo().drop("members/n3");
  EXPECT_EQ(world.run({"list", "-f", "json"}), 0);
  EXPECT_EQ(world.stdout_text,
            R"([{"Cluster": "demo", "Member": "n1", "Host": "127.0.0.1:5431", "Role": "Leader", "State": "running", )"
            R"("TL": 1, "Tags": {"zone": "a"}}, {"Cluster": "demo", "Member": "n2", "Host": "127.0.0.1:5432", )"
            R"("Role": "Replica", "State": "streaming", "TL": 1, "Receive LSN": "0/3000000", "Receive Lag": 0, )"
            R"("Replay LSN": "0/3000000", "Replay Lag": 0, "Tags": {"zone": "a"}}])"
            "\n");
  EXPECT_EQ(world.run({"list", "-f", "tsv"}), 0);
  EXPECT_EQ(world.stdout_text,
            "Cluster\tMember\tHost\tRole\tState\tTL\tReceive LSN\tReceive Lag\tReplay LSN\tReplay Lag\tTags\n"
            "demo\tn1\t127.0.0.1:5431\tLeader\trunning\t1\t\t\t\t\t{zone: a}\n"
            "demo\tn2\t127.0.0.1:5432\tReplica\tstreaming\t1\t0/3000000\t0\t0/3000000\t0\t{zone: a}\n");
  world.demo().drop("members/n2");
  EXPECT_EQ(world.run({"list", "-f", "yaml"}), 0);
  EXPECT_EQ(world.stdout_text,
            "- Cluster: demo\n  Host: 127.0.0.1:5431\n  Member: n1\n  Role: Leader\n  State: running\n  TL: 1\n"
            "  Tags:\n    zone: a\n\n");
}

TEST(List, ShowsLagRolesPauseAndTheScheduledSwitchover) {
  World world;
  auto& keys = world.demo();
  keys.put("status", R"({"optime":60331648})");
  keys.put("config", R"({"pause":true,"synchronous_mode":"quorum"})");
  keys.put("sync", R"({"leader":"n1","quorum":1,"sync_standby":"n2"})");
  keys.put("failover", R"({"leader":"n1","member":"n2","scheduled_at":"2100-01-01T00:00:00+00:00"})");
  EXPECT_EQ(world.run({"list"}), 0);
  EXPECT_EQ(
      world.stdout_text,
      "+ Cluster: demo (7001) ---+----------------+-----------+----+-------------+-----+------------+-----+---------+\n"
      "| Member | Host           | Role           | State     | TL | Receive LSN | Lag | Replay LSN | Lag | Tags    |\n"
      "+--------+----------------+----------------+-----------+----+-------------+-----+------------+-----+---------+\n"
      "| n1     | 127.0.0.1:5431 | Leader         | running   |  1 |             |     |            |     | zone: a |\n"
      "| n2     | 127.0.0.1:5432 | Quorum Standby | streaming |  1 |   0/3000000 |  10 |  0/3000000 |  10 | zone: a |\n"
      "| n3     | 127.0.0.1:5433 | Replica        | streaming |  1 |   0/3000000 |  10 |  0/3000000 |  10 | zone: a |\n"
      "+--------+----------------+----------------+-----------+----+-------------+-----+------------+-----+---------+\n"
      " Maintenance mode: on\n"
      " Switchover scheduled at: 2100-01-01T00:00:00+00:00\n"
      "                    from: n1\n"
      "                      to: n2\n");
}

// Nobody leads: each member says why, as far as it answers.
TEST(List, TellsWhyNobodyLeads) {
  World world;
  world.demo().drop("leader");
  world.answer(200, R"({"regent":{"sentence":"waiting","conditions":[{"name":"WatchdogFailed","detail":"no device"},)"
                    R"({"name":"NotACandidate","detail":"my WAL position is behind"}]}})");
  world.answer(200, R"({"state":"running","patroni":{"version":"3.0.2"}})");
  EXPECT_EQ(world.run({"list"}), 0);
  const auto notes = world.stdout_text.substr(world.stdout_text.find(" Nobody leads:"));
  EXPECT_EQ(notes.rfind(" Nobody leads:\n   n1: my WAL position is behind\n   n3: ", 0), 0U) << notes;
  world.stdout_text.clear();
  EXPECT_EQ(world.run({"list", "-f", "tsv"}), 0);
  EXPECT_EQ(world.stdout_text.find("Nobody leads"), std::string::npos);
}

TEST(List, OlderGenerationsHaveTheirColumns) {
  World world;
  world.config.compat = Generation::v3;
  world.demo().put("members/n2", R"({"conn_url":"postgres://127.0.0.1:5432/postgres","state":"running",)"
                                 R"("role":"replica","pending_restart":true})");
  world.demo().put("members/n3", R"({"conn_url":"postgres://127.0.0.1:5433/postgres","state":"running",)"
                                 R"("role":"replica","xlog_location":50331648})");
  EXPECT_EQ(world.run({"list"}), 0);
  EXPECT_EQ(world.stdout_text,
            "+ Cluster: demo ----------+---------+---------+----+-----------+-----------------+---------+\n"
            "| Member | Host           | Role    | State   | TL | Lag in MB | Pending restart | Tags    |\n"
            "+--------+----------------+---------+---------+----+-----------+-----------------+---------+\n"
            "| n1     | 127.0.0.1:5431 | Leader  | running |  1 |           |                 | zone: a |\n"
            "| n2     | 127.0.0.1:5432 | Replica | running |    |   unknown | *               |         |\n"
            "| n3     | 127.0.0.1:5433 | Replica | running |    |         0 |                 |         |\n"
            "+--------+----------------+---------+---------+----+-----------+-----------------+---------+\n");
  world.config.compat = Generation::v2_1;
  EXPECT_EQ(world.run({"list"}), 0);
  EXPECT_EQ(world.stdout_text.substr(0, world.stdout_text.find('\n')),
            "+ Cluster: demo (7001) ---+---------+---------+----+-----------+-----------------+---------+");
}

TEST(List, TimestampComesFirst) {
  World world;
  world.zone_minutes = 120;
  EXPECT_EQ(world.run({"list", "-t"}), 0);
  EXPECT_EQ(world.stdout_text, std::string("2024-08-28 21:39:26\n") + demo_table);
}

TEST(List, WatchClearsTheScreenEachTime) {
  World world;
  world.on_sleep = [&world] { world.demo().broken = "gone"; };
  EXPECT_EQ(world.run({"list", "-W"}), 1);
  EXPECT_EQ(world.stdout_text, std::string("<clear>") + demo_table + "<clear>");
  EXPECT_EQ(world.stderr_text, "Error: The store of the cluster did not answer: gone\n");
}

TEST(Topology, HangsReplicasBelowTheirUpstream) {
  World world;
  world.demo().put("members/n2", R"({"conn_url":"postgres://127.0.0.1:5432/postgres","state":"running",)"
                                 R"("role":"replica","tags":{"replicatefrom":"n3"}})");
  EXPECT_EQ(world.run({"topology"}), 0);
  // clang-format off
  EXPECT_EQ(
      world.stdout_text,
      "+ Cluster: demo (7001) ---+---------+-----------+----+-------------+-----+------------+-----+---------------------+\n"
      "| Member | Host           | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag | Tags                |\n"
      "+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+---------------------+\n"
      "| n1     | 127.0.0.1:5431 | Leader  | running   |  1 |             |     |            |     | {zone: a}           |\n"
      "| + n3   | 127.0.0.1:5433 | Replica | streaming |  1 |   0/3000000 |   0 |  0/3000000 |   0 | {zone: a}           |\n"
      "|   + n2 | 127.0.0.1:5432 | Replica | running   |    |     unknown |     |    unknown |     | {replicatefrom: n3} |\n"
      "+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+---------------------+\n");
  // clang-format on
}

TEST(Topology, ShowsMembersThatReplicateFromEachOther) {
  World world;
  world.demo().put("members/n2", R"({"state":"running","tags":{"replicatefrom":"n3"}})");
  world.demo().put("members/n3", R"({"state":"running","tags":{"replicatefrom":"n2"}})");
  EXPECT_EQ(world.run({"topology"}), 0);
  EXPECT_NE(world.stdout_text.find("| + n2 "), std::string::npos);
  EXPECT_NE(world.stdout_text.find("| + n3 "), std::string::npos);
}

TEST(Store, UnreachableIsOneSentence) {
  World world;
  world.demo().broken = "no endpoint of etcd answers";
  EXPECT_EQ(world.run({"list"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: The store of the cluster did not answer: no endpoint of etcd answers\n");
}

TEST(Config, FileThatIsNotThere) {
  World world;
  EXPECT_EQ(world.run({"-c", "/nonexistent.yml", "list"}), 1);
  EXPECT_EQ(world.stderr_text,
            "Error: Provided config file /nonexistent.yml not existing or no read rights. Check the -c/--config-file "
            "parameter\n");
  world.config_error = "c.yml: line 1 is wrong";
  EXPECT_EQ(world.run({"list"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: c.yml: line 1 is wrong\n");
  EXPECT_EQ(world.run({"list", "--help"}), 0);
}

TEST(Config, StoreOnTheCommandLineOrInTheEnvironmentWins) {
  World world;
  world.config.store.section["username"] = "u";
  EXPECT_EQ(world.run({"-d", "etcd3://h9:1/ns", "-k", "list"}), 0);
  EXPECT_EQ(to_compact(world.seen_config.store.section), R"({"username":"u","host":"h9:1"})");
  EXPECT_EQ(world.seen_config.service_namespace, "/ns");
  EXPECT_TRUE(world.seen_config.ctl.insecure);
  world.environment["DCS_URL"] = "nosuch://h";
  EXPECT_EQ(world.run({"list"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: Unknown dcs scheme: nosuch\n");
}

TEST(History, PrintsEveryFormat) {
  World world;
  world.demo().put("history", R"([[1,67109480,"no recovery target specified"],)"
                              R"([2,67109999,"x","2024-01-01T00:00:00+00:00","n2"]])");
  EXPECT_EQ(world.run({"history"}), 0);
  EXPECT_EQ(world.stdout_text,
            "+----+----------+------------------------------+---------------------------+------------+\n"
            "| TL |      LSN | Reason                       | Timestamp                 | New Leader |\n"
            "+----+----------+------------------------------+---------------------------+------------+\n"
            "|  1 | 67109480 | no recovery target specified |                           |            |\n"
            "|  2 | 67109999 | x                            | 2024-01-01T00:00:00+00:00 | n2         |\n"
            "+----+----------+------------------------------+---------------------------+------------+\n");
  EXPECT_EQ(world.run({"history", "-f", "json"}), 0);
  EXPECT_EQ(world.stdout_text,
            R"([{"TL": 1, "LSN": 67109480, "Reason": "no recovery target specified", "Timestamp": "", )"
            R"("New Leader": ""}, {"TL": 2, "LSN": 67109999, "Reason": "x", "Timestamp": "2024-01-01T00:00:00+00:00", )"
            R"("New Leader": "n2"}])"
            "\n");
}

TEST(Version, AsksMembers) {
  World world;
  EXPECT_EQ(world.run({"version"}), 0);
  EXPECT_EQ(world.stdout_text, "patronictl version 4.1.4\n");
  world.answer(200, R"({"server_version": 150020, "patroni": {"version": "4.1.4", "name": "n2"}})");
  EXPECT_EQ(world.run({"version", "demo", "n2"}), 0);
  EXPECT_EQ(world.stdout_text, "patronictl version 4.1.4\n\nn2: Patroni 4.1.4 PostgreSQL 15.20\n");
  EXPECT_EQ(world.sent.at(0).url, "http://127.0.0.1:8002/patroni");
  EXPECT_EQ(world.run({"version", "demo", "n3"}), 1);
  EXPECT_EQ(world.stdout_text, "patronictl version 4.1.4\n\nn3: failed to get version: connection refused\n");
  world.program = "regentctl";
  EXPECT_EQ(world.run({"version"}), 0);
  EXPECT_EQ(world.stdout_text, "regentctl version 0.1.0\n");
}

TEST(Dsn, FindsMembersByRoleOrName) {
  World world;
  EXPECT_EQ(world.run({"dsn"}), 0);
  EXPECT_EQ(world.stdout_text, "host=127.0.0.1 port=5431\n");
  EXPECT_EQ(world.run({"dsn", "-r", "replica"}), 0);
  EXPECT_EQ(world.stdout_text, "host=127.0.0.1 port=5432\n");
  EXPECT_EQ(world.run({"dsn", "-m", "n3"}), 0);
  EXPECT_EQ(world.stdout_text, "host=127.0.0.1 port=5433\n");
  EXPECT_EQ(world.run({"dsn", "-m", "n9"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: Can not find a suitable member\n");
  EXPECT_EQ(world.run({"dsn", "-r", "standby-leader"}), 1);
  EXPECT_EQ(world.run({"dsn", "-m", "n1", "-r", "replica"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: --role and --member are mutually exclusive options\n");
}

TEST(Query, PrintsRows) {
  World world;
  world.rows.emplace_back(QueryRows{{"a", "b"}, {{1, nullptr}, {2, true}}});
  EXPECT_EQ(world.run({"query", "-c", "SELECT", "-U", "u", "-d", "db"}), 0);
  EXPECT_EQ(world.stdout_text, "a\tb\n1\tNone\n2\tTrue\n");
  EXPECT_EQ(world.targets.at(0).port, "5431");
  EXPECT_EQ(world.targets.at(0).username, "u");
  EXPECT_EQ(world.targets.at(0).dbname, "db");
  world.files["q.sql"] = "SELECT 2";
  world.rows.emplace_back(QueryRows{{"pg_is_in_recovery"}, {{true}}});
  world.rows.emplace_back(QueryRows{{"three"}, {{3}}});
  EXPECT_EQ(world.run({"query", "-f", "q.sql", "-r", "replica", "--format", "json"}), 0);
  EXPECT_EQ(world.stdout_text, "[{\"three\": 3}]\n");
  EXPECT_EQ(world.queries.back(), "SELECT 2");
}

TEST(Query, SaysWhatWentWrongAndExitsZero) {
  World world;
  world.rows.emplace_back(fail(ErrorKind::failed, "42601"));
  EXPECT_EQ(world.run({"query", "-c", "SELEC"}), 0);
  EXPECT_EQ(world.stdout_text, "2024-08-28 19:39:26\tERROR, SQLSTATE: 42601\n");
  EXPECT_EQ(world.run({"query", "-c", "SELECT 1", "-m", "n9"}), 0);
  EXPECT_EQ(world.stdout_text, "2024-08-28 19:39:26\tNo connection to member n9 is available\n");
  world.rows.emplace_back(QueryRows{{"pg_is_in_recovery"}, {{false}}});
  EXPECT_EQ(world.run({"query", "-c", "SELECT 1", "-r", "replica"}), 0);
  EXPECT_EQ(world.stdout_text, "2024-08-28 19:39:26\tNo connection to role=replica is available\n");
  EXPECT_EQ(world.run({"query"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: You need to specify either --command or --file\n");
  EXPECT_EQ(world.run({"query", "-f", "/nonexistent"}), 2);
  EXPECT_EQ(world.stderr_text,
            "Usage: patronictl query [OPTIONS] [CLUSTER_NAME]\nTry 'patronictl query --help' for help.\n\n"
            "Error: Invalid value for '--file' / '-f': '/nonexistent': No such file or directory\n");
}

}  // namespace
}  // namespace regent::ctl
