// Commands that change something: by REST, else by the store (T25), with the prompts scripts know (T28).
#include <gtest/gtest.h>

#include "ctl/ctl_support.h"

namespace regent::ctl {
namespace {

using testing::demo_table;
using testing::World;

std::string shown(const std::string& rest) {
  return std::string(demo_table) + rest;
}
std::string topology(const std::string& rest) {
  return "Current cluster topology\n" + shown(rest);
}

TEST(Switchover, ByRestToTheLeader) {
  World world;
  world.answer(200, "Successfully switched over to \"n2\"");
  EXPECT_EQ(world.run({"switchover", "demo", "--force", "--leader", "n1", "--candidate", "n2"}), 0);
  ASSERT_EQ(world.sent.size(), 1u);
  EXPECT_EQ(world.sent[0].method, "POST");
  EXPECT_EQ(world.sent[0].url, "http://127.0.0.1:8001/switchover");
  EXPECT_EQ(world.sent[0].body, R"({"leader": "n1", "candidate": "n2"})");
  EXPECT_EQ(world.stdout_text,
            topology("2024-08-28 19:39:26.35252 Successfully switched over to \"n2\"\n") + demo_table);
}

TEST(Switchover, AsksForEverything) {
  World world;
  world.input = {"", "n2", "2100-01-01T00:00", "y"};
  world.zone_minutes = 120;
  world.answer(202, "Switchover scheduled");
  EXPECT_EQ(world.run({"switchover"}), 0);
  EXPECT_EQ(world.stdout_text,
            topology("Primary [n1]: Candidate ['n2', 'n3'] []: When should the switchover take place (e.g. "
                     "2024-08-28T22:39 )  [now]: Are you sure you want to schedule switchover of cluster demo at "
                     "2100-01-01T00:00:00+02:00, demoting current leader n1? [y/N]: "
                     "2024-08-28 21:39:26.35252 Switchover scheduled\n") +
                demo_table);
  EXPECT_EQ(world.sent.at(0).body,
            R"({"leader": "n1", "candidate": "n2", "scheduled_at": "2100-01-01T00:00:00+02:00"})");
}

struct RefusedCase {
  std::vector<std::string> words;
  std::deque<std::string> input;
  const char* error;
};
class Refused : public ::testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, BeforeAnythingIsSent) {
  World world;
  world.input = GetParam().input;
  EXPECT_EQ(world.run(GetParam().words), 1);
  EXPECT_EQ(world.stderr_text, GetParam().error);
  EXPECT_TRUE(world.sent.empty());
  EXPECT_EQ(world.demo().value("failover"), "<absent>");
  EXPECT_FALSE(world.demo().removed);
}

const RefusedCase refused_cases[] = {
    {{"switchover", "--force", "--leader", "n2"}, {}, "Error: Member n2 is not the leader of cluster demo\n"},
    {{"switchover", "--force", "--candidate", "n9"},
     {},
     "Error: Member n9 does not exist in cluster demo or is tagged as nofailover\n"},
    {{"switchover", "--force", "--candidate", "n1"}, {}, "Error: Member n1 is already the leader of cluster demo\n"},
    {{"switchover", "--force", "--scheduled", "rubbish"},
     {},
     "Error: Unable to parse scheduled timestamp (rubbish). It should be in an unambiguous format (e.g. ISO 8601)\n"},
    {{"switchover", "nosuch", "--force"}, {}, "Error: This cluster has no leader\n"},
    {{"switchover"}, {}, "Aborted!\n"},
    {{"switchover"}, {"n1", "n2", "now", "n"}, "Error: Aborting switchover\n"},
    {{"switchover"}, {"n1", "", "2100-01-01T00:00", "n"}, "Error: Aborting scheduled switchover\n"},
    {{"failover", "--force"}, {}, "Error: Failover could be performed only to a specific candidate\n"},
    {{"failover"}, {""}, "Error: Failover could be performed only to a specific candidate\n"},
    {{"failover"}, {"n2", "n"}, "Error: Aborting failover\n"},
    {{"failover", "nosuch", "--force", "--candidate", "a"}, {}, "Error: No candidates found to failover to\n"},
    {{"restart", "demo", "n9", "--force"}, {}, "Error: No 'any' among provided members\n"},
    {{"restart", "demo", "n1", "-r", "replica", "--force"}, {}, "Error: No replica among provided members\n"},
    {{"restart", "demo", "n2"}, {"now", "n"}, "Error: Aborted restart\n"},
    {{"restart", "demo", "n2"}, {"2100-01-01T00:00", "n"}, "Error: Aborted scheduled restart\n"},
    {{"restart", "demo", "n2", "--force", "--pg-version", "9.6"},
     {},
     "Error: Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: 9.6\n"},
    {{"restart", "demo", "n2", "--force", "--pg-version", "x"}, {}, "Error: Invalid PostgreSQL version: x\n"},
    {{"reload", "nosuch", "--force"}, {}, "Error: nosuch cluster doesn't have any members\n"},
    {{"restart", "demo", "-r", "standby-leader"}, {}, "Error: demo cluster doesn't have any members\n"},
    {{"reload", "demo"}, {"n"}, "Error: Aborted reload\n"},
    {{"reinit", "demo", "n1", "--force"}, {}, "Error: No replica among provided members\n"},
    {{"reinit", "demo"}, {""}, "Error:  is not a member of cluster\n"},
    {{"reinit", "demo", "n2"}, {"n"}, "Error: Aborted reinitialize\n"},
    {{"remove", "demo"}, {}, "Aborted!\n"},
    {{"remove", "demo"}, {"nosuch"}, "Error: Cluster names specified do not match\n"},
    {{"remove", "demo"}, {"demo", "no"}, "Error: You did not exactly type \"Yes I am aware\"\n"},
    {{"remove", "demo"},
     {"demo", "Yes I am aware", "n9"},
     "Error: You did not specify the current leader of the cluster\n"},
    {{"resume"}, {}, "Error: Cluster is not paused\n"},
    {{"edit-config", "-s", "loop_wait", "--force"}, {}, "Error: Invalid parameter setting loop_wait\n"},
    {{"edit-config", "nosuch", "-s", "a=1"}, {}, "Error: The config key does not exist in the cluster nosuch\n"},
};
INSTANTIATE_TEST_SUITE_P(Commands, Refused, ::testing::ValuesIn(refused_cases));

TEST(Switchover, RefusedByTheMemberExitsZeroUnlessStrict) {
  World world;
  const std::string text =
      topology("Switchover failed, details: 412, candidate name does not match with sync_standby\n");
  world.answer(412, "candidate name does not match with sync_standby");
  EXPECT_EQ(world.run({"switchover", "--force"}), 0);
  EXPECT_EQ(world.stdout_text, text);
  world.answer(412, "candidate name does not match with sync_standby");
  EXPECT_EQ(world.run({"--strict", "switchover", "--force"}), 1);
  EXPECT_EQ(world.stdout_text, text);
}

TEST(Switchover, GoesToTheStoreWhenTheLeaderCannotBeReached) {
  World world;
  EXPECT_EQ(world.run({"switchover", "--force", "--candidate", "n2"}), 0);
  EXPECT_EQ(world.stderr_text, "WARNING: connection refused\n");
  EXPECT_EQ(
      world.stdout_text,
      topology("2024-08-28 19:39:26.35252 Could not switchover using Patroni api, falling back to DCS\n") + demo_table);
  EXPECT_EQ(world.demo().value("failover"), R"({"leader":"n1","member":"n2"})");
}

TEST(Switchover, OfUnknownOutcomeIsNotRequestedTwice) {
  World world;
  world.answers.emplace_back(fail(ErrorKind::timeout, "no answer in time"));
  EXPECT_EQ(world.run({"switchover", "--force", "--candidate", "n2"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: The status of the switchover is unknown: no answer in time\n");
  EXPECT_EQ(world.demo().value("failover"), "<absent>");
}

TEST(Switchover, CannotBeScheduledInPause) {
  World world;
  world.demo().put("config", R"({"pause":true})");
  EXPECT_EQ(world.run({"switchover", "--force", "--scheduled", "2100-01-01T00:00Z"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: Can't schedule switchover in the paused state\n");
}

TEST(Failover, WithoutALeaderAsksTheCandidate) {
  World world;
  world.demo().drop("leader");
  world.input = {"y"};
  world.answer(200, "Successfully failed over to \"n3\"");
  EXPECT_EQ(world.run({"failover", "--candidate", "n3"}), 0);
  EXPECT_EQ(world.sent.at(0).url, "http://127.0.0.1:8003/failover");
  EXPECT_EQ(world.sent.at(0).body, R"({"candidate": "n3"})");
  EXPECT_NE(world.stdout_text.find("Are you sure you want to failover cluster demo? [y/N]: "), std::string::npos);
}

TEST(Failover, ToAnAsynchronousNodeAsksOnceMore) {
  World world;
  world.demo().put("config", R"({"synchronous_mode":true})");
  world.demo().put("sync", R"({"leader":"n1","sync_standby":"n2"})");
  world.input = {"n"};
  EXPECT_EQ(world.run({"failover", "--candidate", "n3"}), 1);
  EXPECT_NE(world.stdout_text.find("Are you sure you want to failover to the asynchronous node n3? [y/N]: "),
            std::string::npos);
  EXPECT_EQ(world.stderr_text, "Error: Aborting failover\n");
}

TEST(Restart, AsksAndReportsEachMember) {
  World world;
  world.input = {"now", "y", ""};
  world.answer(200, "restarted successfully");
  world.answer(503, "restart conditions are not satisfied");
  EXPECT_EQ(world.run({"restart", "demo", "-r", "replica"}), 0);
  EXPECT_EQ(world.stdout_text,
            shown("When should the restart take place (e.g. 2024-08-28T20:39)  [now]: Are you sure you want to restart "
                  "members n2, n3? [y/N]: Restart if the PostgreSQL version is less than provided (e.g. 9.5.2)  []: "
                  "Success: restart on member n2\n"
                  "Failed: restart for member n3, status code=503, (restart conditions are not satisfied)\n"));
  EXPECT_EQ(world.sent.at(0).body, "{}");
}

// Standbys may not have less of it than the primary has.
TEST(Restart, TheOrderIsWhatHotStandbysNeed) {
  for (const auto& [value, first, last] : {std::tuple{"80", "n1", "n3"}, std::tuple{"120", "n2", "n1"}}) {
    World world;
    const auto pending = fmt::format(
        R"(,"pending_restart":true,"pending_restart_reason":{{"max_connections":{{"old_value":"100","new_value":"{}"}}}}}})",
        value);
    for (int i = 1; i <= 3; ++i) {
      world.demo().put(
          fmt::format("members/n{}", i),
          fmt::format(R"({{"conn_url":"postgres://127.0.0.1:543{0}/postgres","state":"running","role":"{1}",)"
                      R"("api_url":"http://127.0.0.1:800{0}/patroni")",
                      i, i == 1 ? "primary" : "replica") +
              pending);
      world.answer(200, "restarted");
    }
    EXPECT_EQ(world.run({"restart", "demo", "--force"}), 0);
    const auto names = world.stdout_text.substr(world.stdout_text.find("Success:"));
    EXPECT_EQ(names.find(fmt::format("Success: restart on member {}", first)), 0U) << names;
    EXPECT_EQ(names.rfind("Success: restart on member"), names.find(fmt::format("Success: restart on member {}", last)))
        << names;
  }
}

TEST(Restart, FiltersAndSchedules) {
  World world;
  EXPECT_EQ(world.run({"restart", "demo", "n2", "--force", "--pending"}), 0);
  EXPECT_EQ(world.stdout_text, demo_table);
  world.answer(202, "Restart scheduled");
  EXPECT_EQ(world.run({"restart", "demo", "n2", "--force", "--scheduled", "2100-01-01T00:00+02:00", "--timeout", "60",
                       "--pg-version", "9.5.2"}),
            0);
  EXPECT_EQ(world.stdout_text, shown("Success: restart scheduled on member n2\n"));
  EXPECT_EQ(world.sent.at(0).body,
            R"({"postgres_version": "9.5.2", "schedule": "2100-01-01T00:00:00+02:00", "timeout": "60"})");
  world.answer(409, "");
  EXPECT_EQ(world.run({"restart", "demo", "n2", "--force"}), 0);
  EXPECT_EQ(world.stdout_text, shown("Failed: another restart is already scheduled on member n2\n"));
}

TEST(Restart, AnyTakesOneMember) {
  World world;
  world.answer(200, "");
  EXPECT_EQ(world.run({"restart", "demo", "--any", "-r", "replica", "--force"}), 0);
  EXPECT_EQ(world.sent.size(), 1u);
}

TEST(Reload, GoesOnAfterAMemberThatDoesNotAnswer) {
  World world;
  world.answers.emplace_back(fail(ErrorKind::unreachable, "no route"));
  world.answer(202, "reload scheduled");
  world.answer(401, "no auth header received");
  EXPECT_EQ(world.run({"reload", "demo", "--force"}), 1);
  EXPECT_EQ(world.stdout_text, shown("Failed: reload for member n1: no route\n"
                                     "Reload request received for member n2 and will be processed within 2 seconds\n"
                                     "Failed: reload for member n3, status code=401, (no auth header received)\n"));
}

TEST(Reinit, WaitsUntilTheMemberIsThere) {
  World world;
  world.answer(200, "reinitialize started");
  world.answer(200, R"({"state": "creating replica"})");
  world.answer(200, R"({"state": "running"})");
  EXPECT_EQ(world.run({"reinit", "demo", "n2", "--force", "--wait", "--from-leader"}), 0);
  EXPECT_EQ(world.stdout_text, shown("Success: reinitialize for member n2\n"
                                     "Waiting for reinitialize to complete on: n2\n"
                                     "Reinitialize is completed on: n2\n"));
  EXPECT_EQ(world.sent.at(0).body, R"({"force": true, "from_leader": true})");
  EXPECT_EQ(world.sleeps, 2);
}

TEST(Reinit, OffersToCancelTheOneInProgress) {
  World world;
  world.input = {"n2", "y", "y"};
  world.answer(503, "reinitialize already in progress");
  world.answer(200, "reinitialize started");
  EXPECT_EQ(world.run({"reinit", "demo"}), 0);
  EXPECT_EQ(world.stdout_text,
            shown("Which member do you want to reinitialize [n2, n3]? []: Are you sure you want to reinitialize "
                  "members n2? [y/N]: Failed: reinitialize for member n2, status code=503, (reinitialize already in "
                  "progress)\nDo you want to cancel it and reinitialize anyway? [y/N]: "
                  "Success: reinitialize for member n2\n"));
  EXPECT_EQ(world.sent.at(1).body, R"({"force": true})");
}

TEST(Flush, DeletesScheduledRestarts) {
  World world;
  world.demo().put("members/n2", R"({"api_url":"http://127.0.0.1:8002/patroni","scheduled_restart":{"schedule":"x"}})");
  world.answer(200, "scheduled restart deleted");
  EXPECT_EQ(world.run({"flush", "demo", "restart", "--force"}), 0);
  ASSERT_EQ(world.sent.size(), 1u);
  EXPECT_EQ(world.sent[0].method, "DELETE");
  EXPECT_EQ(world.sent[0].url, "http://127.0.0.1:8002/restart");
  EXPECT_NE(world.stdout_text.find("No scheduled restart for member n1\n"
                                   "Success: flush scheduled restart for member n2\n"
                                   "No scheduled restart for member n3\n"),
            std::string::npos);
}

TEST(Flush, DeletesTheScheduledSwitchoverByRestOrInTheStore) {
  World world;
  EXPECT_EQ(world.run({"flush", "demo", "switchover"}), 0);
  EXPECT_EQ(world.stdout_text, "No pending scheduled switchover\n");
  world.demo().put("failover", R"({"leader":"n1","scheduled_at":"2100-01-01T00:00:00+00:00"})");
  world.answer(200, "scheduled switchover deleted");
  EXPECT_EQ(world.run({"flush", "demo", "switchover"}), 0);
  EXPECT_EQ(world.stdout_text, "Success: scheduled switchover deleted\n");
  EXPECT_EQ(world.run({"flush", "demo", "switchover"}), 0);
  EXPECT_EQ(world.stdout_text, "2024-08-28 19:39:26.35252 Could not find any accessible member of cluster demo\n");
  EXPECT_EQ(world.demo().value("failover"), "{}");
}

TEST(Pause, AsksTheFirstMemberThatAnswersAndWaits) {
  World world;
  world.answers.emplace_back(fail(ErrorKind::unreachable, "no route"));
  world.answer(200, "{}");
  world.on_sleep = [&world] {
    for (const auto* name : {"n1", "n2", "n3"}) {
      world.demo().put("members/" + std::string(name), R"({"api_url":"http://127.0.0.1:8001/patroni","pause":true})",
                       std::string(1, name[1]));
    }
  };
  EXPECT_EQ(world.run({"pause", "--wait"}), 0);
  EXPECT_EQ(world.stdout_text,
            "'pause' request sent, waiting until it is recognized by all nodes\n"
            "Success: cluster management is paused\n");
  EXPECT_EQ(world.stderr_text, "WARNING: no route\nWARNING: Member n1 is not accessible\n");
  EXPECT_EQ(world.sent.at(1).method, "PATCH");
  EXPECT_EQ(world.sent.at(1).url, "http://127.0.0.1:8002/config");
  EXPECT_EQ(world.sent.at(1).body, R"({"pause": true})");
  EXPECT_EQ(world.sleeps, 1);
  world.answers.clear();
  EXPECT_EQ(world.run({"pause"}), 1);
  EXPECT_EQ(world.stderr_text.substr(world.stderr_text.rfind("Error")),
            "Error: Can not find accessible cluster member\n");
  world.demo().put("config", R"({"pause":true})");
  EXPECT_EQ(world.run({"pause"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: Cluster is already paused\n");
  world.answer(200, "{}");
  EXPECT_EQ(world.run({"resume"}), 0);
  EXPECT_EQ(world.sent.at(0).body, R"({"pause": null})");
  EXPECT_EQ(world.stdout_text, "Success: cluster management is resumed\n");
}

TEST(ShowConfig, PrintsYaml) {
  World world;
  EXPECT_EQ(world.run({"show-config"}), 0);
  EXPECT_EQ(world.stdout_text,
            "loop_wait: 2\npostgresql:\n  parameters:\n    max_connections: 100\nretry_timeout: 5\nttl: 20\n\n");
  EXPECT_EQ(world.run({"show-config", "nosuch"}), 0);
  EXPECT_EQ(world.stdout_text, "");
}

TEST(EditConfig, SetsValues) {
  World world;
  EXPECT_EQ(world.run({"edit-config", "-s", "loop_wait=3", "--force"}), 0);
  EXPECT_EQ(world.stdout_text,
            "--- \n+++ \n@@ -1,4 +1,4 @@\n-loop_wait: 2\n+loop_wait: 3\n postgresql:\n   parameters:\n"
            "     max_connections: 100\nConfiguration changed\n");
  EXPECT_EQ(world.demo().value("config"),
            R"({"ttl":20,"loop_wait":3,"retry_timeout":5,"postgresql":{"parameters":{"max_connections":100}}})");
  EXPECT_EQ(world.run({"edit-config", "-s", "loop_wait=3", "--force"}), 0);
  EXPECT_EQ(world.stdout_text, "Not changed\n");
  EXPECT_EQ(world.run({"edit-config", "-q", "--force", "-s", "custom.a.b=[1, 2]", "-p", "pg_stat.x=on", "-p",
                       "max_connections="}),
            0);
  EXPECT_EQ(world.stdout_text, "Warning: custom is not known and has no effect\nConfiguration changed\n");
  EXPECT_EQ(world.demo().value("config"),
            R"({"ttl":20,"loop_wait":3,"retry_timeout":5,"postgresql":{"parameters":{"pg_stat.x":true}},)"
            R"("custom":{"a":{"b":[1,2]}}})");
}

// A member that is no Patroni asks PostgreSQL first (F20).
TEST(EditConfig, DoesNotWriteWhatPostgresqlRefuses) {
  World world;
  world.demo().put("members/n2", R"({"conn_url":"postgres://127.0.0.1:5432/postgres","state":"running",)"
                                 R"("api_url":"http://127.0.0.1:8002/patroni","role":"replica","regent":"0.1.0"})");
  const auto before = world.demo().value("config");
  world.answer(400, "postgresql.parameters: work_mem = 'x': invalid value");
  EXPECT_EQ(world.run({"edit-config", "-q", "--force", "-p", "work_mem=x"}), 1);
  EXPECT_EQ(world.stderr_text,
            "Error: The configuration was not changed: postgresql.parameters: work_mem = 'x': invalid value; "
            "--force-invalid insists\n");
  ASSERT_EQ(world.sent.size(), 1U);
  EXPECT_EQ(world.sent[0].method, "PUT");
  EXPECT_EQ(world.sent[0].url, "http://127.0.0.1:8002/config?dry_run=true");
  EXPECT_EQ(world.demo().value("config"), before);
  EXPECT_EQ(world.run({"edit-config", "-q", "--force", "--force-invalid", "-p", "work_mem=x"}), 0);
  EXPECT_NE(world.demo().value("config"), before);
  // Nobody can be asked: the members leave out what PostgreSQL refuses.
  EXPECT_EQ(world.run({"edit-config", "-q", "--force", "-p", "work_mem=y"}), 0);
}

TEST(EditConfig, ReadsFilesAndStandardInput) {
  World world;
  world.all_input = "postgresql:\n  parameters:\n    work_mem: 7MB\n";
  EXPECT_EQ(world.run({"edit-config", "-q", "--apply", "-"}), 0);
  EXPECT_EQ(world.stdout_text, "Use --force option to apply changes\n");
  EXPECT_EQ(world.run({"edit-config", "-q", "--apply", "-", "--force"}), 0);
  EXPECT_EQ(world.demo().value("config"),
            R"({"ttl":20,"loop_wait":2,"retry_timeout":5,"postgresql":{"parameters":{"max_connections":100,)"
            R"("work_mem":"7MB"}}})");
  world.files["new.yml"] = "{ttl: 30}";
  EXPECT_EQ(world.run({"edit-config", "-q", "--replace", "new.yml", "--force"}), 0);
  EXPECT_EQ(world.demo().value("config"), R"({"ttl":30})");
  world.all_input = "[1]\n";
  EXPECT_EQ(world.run({"edit-config", "--replace", "-", "--force"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: - does not hold a mapping of settings\n");
  EXPECT_EQ(world.run({"edit-config", "--apply", "/nonexistent", "--force"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: '/nonexistent': No such file or directory\n");
}

TEST(EditConfig, OpensAnEditor) {
  World world;
  world.edited = std::string("zzz: 23\n");
  world.input = {"y"};
  EXPECT_EQ(world.run({"edit-config"}), 0);
  EXPECT_EQ(world.stdout_text,
            "--- \n+++ \n@@ -4,3 +4,4 @@\n     max_connections: 100\n retry_timeout: 5\n ttl: 20\n+zzz: 23\n"
            "Warning: zzz is not known and has no effect\n"
            "Apply these changes? [y/N]: Configuration changed\n");
  world.edited = fail(ErrorKind::failed, "Editor exited with return code 1");
  EXPECT_EQ(world.run({"edit-config"}), 1);
  EXPECT_EQ(world.stderr_text, "Error: Editor exited with return code 1\n");
}

TEST(EditConfig, LosesAgainstAChangeMeanwhile) {
  World world;
  world.files["f"] = "ttl: 33";
  // The answer to the question is when the other change arrives.
  world.edited = std::string("a: 1\n");
  struct LateChange : World {
    std::optional<std::string> read_line(bool) override {
      demo().put("config", R"({"ttl":99})");
      return "y";
    }
  } late;
  late.edited = std::string("a: 1\n");
  EXPECT_EQ(late.run({"edit-config"}), 1);
  EXPECT_EQ(late.stderr_text, "Error: Config modification aborted due to concurrent changes\n");
  EXPECT_EQ(late.demo().value("config"), R"({"ttl":99})");
}

TEST(Remove, DeletesEverythingAfterThreeAnswers) {
  World world;
  world.input = {"demo", "Yes I am aware", "n1"};
  EXPECT_EQ(world.run({"remove", "demo"}), 0);
  EXPECT_EQ(world.stdout_text,
            shown("Please confirm the cluster name to remove: You are about to remove all information in DCS for demo, "
                  "please type: \"Yes I am aware\": This cluster currently is healthy. Please specify the leader name "
                  "to continue: "));
  EXPECT_TRUE(world.demo().removed);
}

}  // namespace
}  // namespace regent::ctl
