// Tables, option errors, help and differences, letter by letter.
#include <gtest/gtest.h>

#include "ctl/commands.h"
#include "ctl/ctl_support.h"
#include "ctl/sequence.h"
#include "ctl/table.h"

namespace regent::ctl {
namespace {

using testing::World;

Table small_table() {
  Table table;
  table.columns = {"Cluster", "Name", "Lag"};
  table.rows = {{"demo", "n1", 0}, {"demo", "n2", 12345}};
  table.right = {2};
  table.skip_first = true;
  table.title = "Cluster: demo";
  return table;
}

TEST(Table, TitleStandsInTheTopRuleAndIsCutToItsWidth) {
  Table table = small_table();
  EXPECT_EQ(render(table, "pretty"),
            "+ Cluster: demo+\n"
            "| Name |   Lag |\n"
            "+------+-------+\n"
            "| n1   |     0 |\n"
            "| n2   | 12345 |\n"
            "+------+-------+\n");
}

TEST(Table, CellsOfSeveralLinesSeparateAllRows) {
  Table table;
  table.columns = {"A", "B"};
  table.rows = {{"1", "x\nyy"}, {"2", "z"}};
  EXPECT_EQ(render(table, "pretty"),
            "+---+----+\n"
            "| A | B  |\n"
            "+---+----+\n"
            "| 1 | x  |\n"
            "|   | yy |\n"
            "+---+----+\n"
            "| 2 | z  |\n"
            "+---+----+\n");
}

TEST(Table, WithoutRowsHasTwoRules) {
  Table table;
  table.columns = {"TL", "LSN"};
  EXPECT_EQ(render(table, "pretty"), "+----+-----+\n| TL | LSN |\n+----+-----+\n+----+-----+\n");
  EXPECT_EQ(render(table, "json"), "[]\n");
  EXPECT_EQ(render(table, "yaml"), "[]\n\n");
  EXPECT_EQ(render(table, "tsv"), "TL\tLSN\n");
}

TEST(Table, OtherFormatsUsePythonsWords) {
  Table table;
  table.columns = {"a", "b", "c"};
  table.rows = {{nullptr, true, 1.5}};
  EXPECT_EQ(render(table, "tsv", ";"), "a;b;c\nNone;True;1.5\n");
  EXPECT_EQ(render(table, "json"), "[{\"a\": null, \"b\": true, \"c\": 1.5}]\n");
  EXPECT_EQ(render(table, "yaml"), "- a: null\n  b: true\n  c: 1.5\n\n");
}

TEST(Table, WidthCountsCharacters) {
  Table table;
  table.columns = {"A"};
  table.rows = {{"\xC3\xA9t\xC3\xA9"}, {"four"}};
  EXPECT_EQ(render(table, "pretty"), "+------+\n| A    |\n+------+\n| \xC3\xA9t\xC3\xA9  |\n| four |\n+------+\n");
}

TEST(UnifiedDiff, ShowsThreeLinesOfContext) {
  EXPECT_EQ(unified_diff("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\nE\nf\n"),
            "--- \n+++ \n@@ -2,5 +2,5 @@\n b\n c\n d\n-e\n+E\n f\n");
  EXPECT_EQ(unified_diff("a\n", "a\nb\n"), "--- \n+++ \n@@ -1 +1,2 @@\n a\n+b\n");
  EXPECT_EQ(unified_diff("a\n", ""), "--- \n+++ \n@@ -1 +0,0 @@\n-a\n");
  EXPECT_EQ(unified_diff("same\n", "same\n"), "");
}

TEST(UnifiedDiff, DistantChangesMakeTwoHunks) {
  std::string before;
  std::string after;
  for (int i = 0; i < 20; ++i) {
    before += std::to_string(i) + "\n";
    after += (i == 2 || i == 17 ? "x" : std::to_string(i)) + std::string("\n");
  }
  EXPECT_EQ(unified_diff(before, after),
            "--- \n+++ \n@@ -1,6 +1,6 @@\n 0\n 1\n-2\n+x\n 3\n 4\n 5\n"
            "@@ -15,6 +15,6 @@\n 14\n 15\n 16\n-17\n+x\n 18\n 19\n");
}

struct UsageCase {
  std::vector<std::string> words;
  const char* text;
};

class Usage : public ::testing::TestWithParam<UsageCase> {};

TEST_P(Usage, IsWhatTheOtherToolSays) {
  World world;
  EXPECT_EQ(world.run(GetParam().words), 2);
  EXPECT_EQ(world.stderr_text, GetParam().text);
  EXPECT_EQ(world.stdout_text, "");
}

#define LIST_USAGE \
  "Usage: patronictl list [OPTIONS] [CLUSTER_NAMES]...\nTry 'patronictl list --help' for help.\n\nError: "
#define FLUSH_USAGE                                                    \
  "Usage: patronictl flush [OPTIONS] CLUSTER_NAME [MEMBER_NAMES]...\n" \
  "                        {restart|switchover}\n"                     \
  "Try 'patronictl flush --help' for help.\n\nError: "
#define GLOBAL_USAGE "Usage: patronictl [OPTIONS] COMMAND [ARGS]...\nTry 'patronictl --help' for help.\n\nError: "

const UsageCase usage_cases[] = {
    {{"list", "-f", "xml"},
     LIST_USAGE "Invalid value for '--format' / '-f': 'xml' is not one of 'pretty', 'tsv', 'json', 'yaml', 'yml'.\n"},
    {{"list", "--nosuch"}, LIST_USAGE "No such option: --nosuch\n"},
    {{"list", "--forc"}, LIST_USAGE "No such option: --forc Did you mean --format?\n"},
    {{"list", "-x"}, LIST_USAGE "No such option: -x\n"},
    {{"list", "-w", "abc"}, LIST_USAGE "Invalid value for '-w' / '--watch': 'abc' is not a valid float.\n"},
    {{"list", "--group", "x"}, LIST_USAGE "Invalid value for '--group': 'x' is not a valid integer.\n"},
    {{"list", "-f"}, "Error: Option '-f' requires an argument.\n"},
    {{"switchover", "--leader"}, "Error: Option '--leader' requires an argument.\n"},
    {{"restart", "demo", "--force=3"}, "Error: Option '--force' does not take a value.\n"},
    {{"dsn", "a", "b"},
     "Usage: patronictl dsn [OPTIONS] [CLUSTER_NAME]\nTry 'patronictl dsn --help' for help.\n\n"
     "Error: Got unexpected extra argument (b)\n"},
    {{"dsn", "-r", "master"},
     "Usage: patronictl dsn [OPTIONS] [CLUSTER_NAME]\nTry 'patronictl dsn --help' for help.\n\n"
     "Error: Invalid value for '--role' / '-r': 'master' is not one of 'leader', 'primary', 'standby-leader', "
     "'replica', 'standby', 'any'.\n"},
    {{"restart"},
     "Usage: patronictl restart [OPTIONS] CLUSTER_NAME [MEMBER_NAMES]...\n"
     "Try 'patronictl restart --help' for help.\n\nError: Missing argument 'CLUSTER_NAME'.\n"},
    {{"flush"}, FLUSH_USAGE "Missing argument 'CLUSTER_NAME'.\n"},
    {{"flush", "demo"},
     FLUSH_USAGE "Missing argument '{restart|switchover}'. Choose from:\n\trestart,\n\tswitchover\n"},
    {{"flush", "demo", "foo"},
     FLUSH_USAGE "Invalid value for '{restart|switchover}': 'foo' is not one of 'restart', 'switchover'.\n"},
    {{}, GLOBAL_USAGE "Missing command.\n"},
    {{"-x", "list"}, GLOBAL_USAGE "No such option: -x\n"},
    {{"nosuch"}, GLOBAL_USAGE "No such command 'nosuch'.\n"},
    {{"paused"}, GLOBAL_USAGE "No such command 'paused'. Did you mean 'pause'?\n"},
    {{"rewind"}, GLOBAL_USAGE "No such command 'rewind'. Did you mean 'reinit'?\n"},
    {{"configure"},
     GLOBAL_USAGE "No such command 'configure'. It was removed; the configuration file is written by hand.\n"},
};
INSTANTIATE_TEST_SUITE_P(Errors, Usage, ::testing::ValuesIn(usage_cases));

TEST(Help, OfTheWholeTool) {
  World world;
  EXPECT_EQ(world.run({"--help"}), 0);
  EXPECT_EQ(world.stdout_text,
            "Usage: patronictl [OPTIONS] COMMAND [ARGS]...\n"
            "\n"
            "  Command-line interface for interacting with Patroni.\n"
            "\n"
            "Options:\n"
            "  -c, --config-file TEXT     Configuration file\n"
            "  -d, --dcs-url, --dcs TEXT  The DCS connect url\n"
            "  -k, --insecure             Allow connections to SSL sites without certs\n"
            "  --help                     Show this message and exit.\n"
            "\n"
            "Commands:\n"
            "  demote-cluster   Demote cluster to a standby cluster\n"
            "  dsn              Generate a dsn for the provided member, defaults to a...\n"
            "  edit-config      Edit cluster configuration\n"
            "  failover         Failover to a replica\n"
            "  flush            Discard scheduled events\n"
            "  history          Show the history of failovers/switchovers\n"
            "  list             List the Patroni members for a given Patroni\n"
            "  pause            Disable auto failover\n"
            "  promote-cluster  Promote cluster, make it run standalone\n"
            "  query            Query a Patroni PostgreSQL member\n"
            "  reinit           Reinitialize cluster member\n"
            "  reload           Reload cluster member configuration\n"
            "  remove           Remove cluster from DCS\n"
            "  restart          Restart cluster member\n"
            "  resume           Resume auto failover\n"
            "  show-config      Show cluster configuration\n"
            "  switchover       Switchover to a replica\n"
            "  topology         Prints ASCII topology for given cluster\n"
            "  version          Output version of patronictl command or a running...\n");
}

TEST(Help, OwnNameShowsOwnOptions) {
  World world;
  world.program = "regentctl";
  EXPECT_EQ(world.run({"--help"}), 0);
  EXPECT_NE(world.stdout_text.find("  --strict                   Exit with 1 when a member refuses an action\n"),
            std::string::npos);
}

TEST(Help, WrapsLongTextsBesideTheOptions) {
  World world;
  EXPECT_EQ(world.run({"edit-config", "--help"}), 0);
  EXPECT_EQ(world.stdout_text,
            "Usage: patronictl edit-config [OPTIONS] [CLUSTER_NAME]\n"
            "\n"
            "  Edit cluster configuration\n"
            "\n"
            "Options:\n"
            "  --group INTEGER  Citus group\n"
            "  -q, --quiet      Do not show changes\n"
            "  -s, --set TEXT   Set specific configuration value. Can be specified multiple\n"
            "                   times\n"
            "  -p, --pg TEXT    Set specific PostgreSQL parameter value. Shorthand for -s\n"
            "                   postgresql.parameters. Can be specified multiple times\n"
            "  --apply TEXT     Apply configuration from file. Use - for stdin.\n"
            "  --replace TEXT   Apply configuration from file, replacing existing\n"
            "                   configuration. Use - for stdin.\n"
            "  --force-invalid  Change it although PostgreSQL would refuse a parameter\n"
            "  --force          Do not ask for confirmation at any point\n"
            "  --help           Show this message and exit.\n");
}

TEST(Help, PutsLongOptionsOnLinesOfTheirOwn) {
  World world;
  EXPECT_EQ(world.run({"flush", "--help"}), 0);
  EXPECT_EQ(world.stdout_text,
            "Usage: patronictl flush [OPTIONS] CLUSTER_NAME [MEMBER_NAMES]...\n"
            "                        {restart|switchover}\n"
            "\n"
            "  Discard scheduled events\n"
            "\n"
            "Options:\n"
            "  --group INTEGER                 Citus group\n"
            "  -r, --role [leader|primary|standby-leader|replica|standby|any]\n"
            "                                  Flush only members with this role\n"
            "  --force                         Do not ask for confirmation at any point\n"
            "  --help                          Show this message and exit.\n");
}

TEST(Help, OfOlderGenerationsKnowsTheirWords) {
  World world;
  world.config.compat = Generation::v3;
  EXPECT_EQ(world.run({"switchover", "--help"}), 0);
  EXPECT_NE(world.stdout_text.find("  --leader, --primary, --master TEXT\n"), std::string::npos);
  EXPECT_EQ(world.run({"dsn", "-r", "master"}), 0);
  EXPECT_EQ(world.stdout_text, "host=127.0.0.1 port=5431\n");
}

TEST(StoreUrl, NamesKindHostsAndNamespace) {
  const auto one = parse_store_url("etcd3://10.0.0.1:2379/service2/");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->store.kind, "etcd3");
  EXPECT_EQ(to_compact(one->store.section), R"({"host":"10.0.0.1:2379"})");
  EXPECT_EQ(one->service_namespace, "/service2");

  const auto two = parse_store_url("etcd3://h1:1,h2");
  ASSERT_TRUE(two);
  EXPECT_EQ(to_compact(two->store.section), R"({"hosts":["h1:1","h2:2379"]})");
  EXPECT_EQ(two->service_namespace, "");

  EXPECT_EQ(parse_store_url("localhost:8500")->store.kind, "consul");
  EXPECT_EQ(parse_store_url("localhost:12345")->store.kind, "etcd3");
  EXPECT_EQ(parse_store_url("etcd3://")->store.section["host"], "localhost:2379");
  EXPECT_EQ(parse_store_url("nosuch://h").error().message, "Unknown dcs scheme: nosuch");
}

}  // namespace
}  // namespace regent::ctl
