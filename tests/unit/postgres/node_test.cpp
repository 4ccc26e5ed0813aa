// The adapter against a real PostgreSQL.
#include "adapters/postgres/node.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "adapters/os/process_table.h"
#include "postgres/server_support.h"

namespace regent::test {
namespace {

namespace fs = std::filesystem;

bool streams_on(const PostgresFacts& facts, std::uint32_t timeline) {
  return facts.server.is_known() && facts.server->replication_state == "streaming" &&
         facts.server->timeline.value == timeline;
}

class NodeTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { leave_root(); }

  void clone(Server& replica, Server& primary) {
    replica->set_config({{"ttl", 30}});
    replica.check(loop.run(replica->clone(primary.upstream(), loop.in(30s))), "clone");
  }

  Place place;
  Loop loop;
};

TEST_F(NodeTest, EmptyDirectoryIsSeenAsSuch) {
  Server n1(loop, place, "n1");
  const auto facts = n1.observe();
  EXPECT_EQ(facts.process, Process::stopped);
  EXPECT_EQ(facts.data.state, DataState::empty);
  EXPECT_FALSE(facts.server.is_known());
  EXPECT_EQ(facts.incarnation, 0U);
}

TEST_F(NodeTest, BootstrapMakesAPrimaryWithItsRoles) {
  Server n1(loop, place, "n1");
  n1.bootstrap();
  const auto facts = n1.observe();
  ASSERT_TRUE(facts.server.is_known()) << facts.server.why();
  EXPECT_EQ(facts.process, Process::running);
  EXPECT_EQ(facts.incarnation, 1U);
  EXPECT_FALSE(facts.server->in_recovery);
  EXPECT_EQ(facts.server->timeline.value, 1U);
  EXPECT_GT(facts.server->wal.value, 0U);
  EXPECT_EQ(facts.server->upstream.host, "");
  EXPECT_EQ(facts.data.state, DataState::valid);
  EXPECT_EQ(facts.data.system_id.str(), n1.sql("SELECT system_identifier FROM pg_control_system()"));
  EXPECT_EQ(facts.pending_restart, Json::object());
  EXPECT_EQ(n1.sql("SELECT rolname, rolsuper, rolcanlogin, rolreplication, left(rolpassword, 13) FROM pg_authid "
                   "WHERE rolname !~ '^pg_' ORDER BY 1"),
            "postgres|t|t|t|SCRAM-SHA-256\nreplicator|f|t|t|SCRAM-SHA-256\nrewinder|f|t|f|SCRAM-SHA-256");
  EXPECT_EQ(n1.sql("SELECT count(*) FROM pg_proc WHERE proacl::text ~ 'rewinder'"), "4");
  EXPECT_EQ(n1.sql("SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'Patroni%'"),
            "Patroni heartbeat");
  EXPECT_FALSE(fs::exists(n1.data("regent.incomplete")));
  EXPECT_EQ(contents(n1.data("patroni.dynamic.json")), R"({"ttl": 30})");
  EXPECT_TRUE(
      contents(n1.data("postmaster.opts"))
          .find("\"--cluster_name=demo\" \"--wal_level=replica\" \"--hot_standby=on\" \"--max_connections=100\" "
                "\"--max_wal_senders=10\" \"--max_prepared_transactions=0\" \"--max_locks_per_transaction=64\" "
                "\"--track_commit_timestamp=off\" \"--max_replication_slots=10\" \"--max_worker_processes=8\" "
                "\"--wal_log_hints=on\"") != std::string::npos);
  for (const char* name : {"postgresql.base.conf", "postgresql.conf.backup", "pg_hba.conf.backup"}) {
    EXPECT_TRUE(fs::exists(n1.data(name))) << name;
  }
  struct stat conf {};
  ASSERT_EQ(stat(n1.data("postgresql.conf").c_str(), &conf), 0);
  EXPECT_EQ(conf.st_mode & 0777U, 0600U);
}

TEST_F(NodeTest, ReplicaIsClonedStreamsAndIsPromoted) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  n1.check(loop.run(n1->create_slot("n2", loop.in(5s))), "slot");
  clone(n2, n1);
  auto facts = n2.observe();
  EXPECT_EQ(facts.data.state, DataState::valid);
  EXPECT_TRUE(facts.data.standby_signal);
  EXPECT_TRUE(facts.data.backup_label);
  n2.start(false, n1.upstream("n2"));
  facts = n2.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming");
  EXPECT_TRUE(facts.server->in_recovery);
  EXPECT_EQ(facts.server->upstream, (HostPort{"127.0.0.1", n1.config.postgres.port}));
  EXPECT_EQ(facts.server->upstream_slot, "n2");
  const auto seen = n1.observe();
  ASSERT_EQ(seen.server->replication.size(), 1U);
  EXPECT_EQ(seen.server->replication[0].application_name, "n2");
  EXPECT_EQ(seen.server->replication[0].usename, "replicator");
  ASSERT_EQ(seen.server->slots.size(), 1U);
  EXPECT_EQ(seen.server->slots[0].name, "n2");
  EXPECT_TRUE(seen.server->slots[0].active);
  EXPECT_EQ(contents(n2.config.postgres.pgpass),
            "127.0.0.1:" + n1.config.postgres.port + ":*:replicator:replicator-pw\n");
  EXPECT_EQ(loop.run(n1->drop_slot("n2", loop.in(5s))).error().kind, ErrorKind::conflict);

  n1.stop();
  n2.check(loop.run(n2->promote({}, loop.in(10s))), "promote");
  n2.check(loop.run(n2->checkpoint(loop.in(10s))), "checkpoint");
  facts = n2.observe();
  ASSERT_TRUE(facts.server.is_known()) << facts.server.why();
  EXPECT_FALSE(facts.server->in_recovery);
  EXPECT_EQ(facts.server->timeline.value, 2U);
  EXPECT_FALSE(facts.data.standby_signal);
  const auto history = loop.run(n2->local_history(Timeline{2}, loop.in(5s)));
  ASSERT_TRUE(history.has_value());
  ASSERT_EQ(history->size(), 1U);
  const action::GatherUpstreamHistory question{.source = n2.upstream(), .via = {}, .since = {}};
  const auto upstream = loop.run(n1->upstream_history(question, loop.in(5s)));
  ASSERT_TRUE(upstream.has_value()) << upstream.error().message;
  EXPECT_FALSE(upstream->in_recovery);
  EXPECT_EQ(upstream->timeline.value, 2U);
  EXPECT_EQ(upstream->history, *history);
}

TEST_F(NodeTest, ReplicaFollowsANewLeaderAcrossTimelines) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2"), n3(loop, place, "n3");
  n1.bootstrap();
  clone(n2, n1);
  clone(n3, n1);
  n2.start(false, n1.upstream());
  n3.start(false, n1.upstream());
  n3.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming from n1");
  n2.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming from n1");
  n1.stop();
  n2.check(loop.run(n2->promote({}, loop.in(10s))), "promote");
  n3.check(loop.run(n3->follow(n2.upstream(), loop.in(5s))), "follow");
  n3.observe_until([](const auto& f) { return streams_on(f, 2); }, "streaming from n2 on timeline 2");
  n2.sql("CREATE TABLE x AS SELECT 1 AS y");
  const auto end = n2.observe().server->wal;
  n3.observe_until([&](const auto& f) { return f.server.is_known() && f.server->replayed >= end; }, "all replayed");
  // The leader dies before a restart point: the replica still tells the timeline it is on, also to a new agent.
  n2.check(loop.run(n2->kill_tree(loop.in(10s))), "kill");
  n3.observe_until([](const auto& f) { return f.server.is_known() && f.server->replication_state.empty(); }, "alone");
  n3.adopt();
  const auto facts = n3.observe();
  ASSERT_TRUE(facts.server.is_known()) << facts.server.why();
  EXPECT_EQ(facts.server->timeline.value, 2U);
}

// F62: numbers are left out, and everybody follows.
TEST_F(NodeTest, PromotionTakesTheTimelineItIsGiven) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2"), n3(loop, place, "n3");
  n1.bootstrap();
  clone(n2, n1);
  clone(n3, n1);
  n2.start(false, n1.upstream());
  n3.start(false, n1.upstream());
  n2.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming from n1");
  n3.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming from n1");
  n1.stop();
  n2.check(loop.run(n2->promote(Timeline{4}, loop.in(10s))), "promote");
  EXPECT_EQ(n2.observe().server->timeline.value, 4U);
  n3.check(loop.run(n3->follow(n2.upstream(), loop.in(5s))), "follow");
  n3.observe_until([](const auto& f) { return streams_on(f, 4); }, "streaming from n2 on timeline 4");
  const auto history = loop.run(n3->local_history(Timeline{4}, loop.in(5s)));
  ASSERT_TRUE(history.has_value());
  ASSERT_EQ(history->size(), 1U);
  const Lsn fork = history->back().switch_lsn;
  const auto began = loop.run(n2->branch_time(Timeline{4}, fork, loop.in(5s)));
  ASSERT_TRUE(began.has_value()) << began.error().message;
  EXPECT_TRUE(began->ends_with(" UTC")) << *began;
  EXPECT_EQ(loop.run(n3->branch_time(Timeline{4}, fork, loop.in(5s))), *began);
  EXPECT_FALSE(loop.run(n3->branch_time(Timeline{3}, fork, loop.in(5s))).has_value());
  // A copy has none of the older files: it makes them, or nobody could follow it from an older timeline.
  n3.stop();
  n3.check(loop.run(n3->remove_data(job::RemoveData{}, loop.in(10s))), "remove");
  clone(n3, n2);
  EXPECT_FALSE(fs::exists(n3.data("pg_wal/00000003.history")));
  n3.start(false, n2.upstream());
  n3.observe_until([](const auto& f) { return streams_on(f, 4); }, "streaming again");
  EXPECT_TRUE(fs::exists(n3.data("pg_wal/00000003.history")));
}

// F62: the files of a promotion that did not take place do not keep a standby from opening.
TEST_F(NodeTest, AStandbyOpensAfterAPromotionThatDidNotTakePlace) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  clone(n2, n1);
  n2.start(false, n1.upstream());
  n2.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming");
  n2.stop();
  for (const char* name : {"pg_wal/00000002.history", "pg_wal/00000003.history"}) std::ofstream(n2.data(name));
  n2.start(false, n1.upstream());
  n2.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming again");
  EXPECT_FALSE(fs::exists(n2.data("pg_wal/00000002.history")));
}

// Two promotions from one position: the same number, the same place, and pg_rewind sees no difference (F62).
TEST_F(NodeTest, TwinTimelinesDifferInTheirFirstRecord) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2"), n3(loop, place, "n3");
  n1.bootstrap();
  clone(n2, n1);
  clone(n3, n1);
  n2.start(false, n1.upstream());
  n3.start(false, n1.upstream());
  n2.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming from n1");
  n3.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming from n1");
  n1.stop();
  n2.check(loop.run(n2->promote({}, loop.in(10s))), "promote");
  n3.check(loop.run(n3->promote({}, loop.in(10s))), "promote");
  const auto one = loop.run(n2->local_history(Timeline{2}, loop.in(5s)));
  const auto other = loop.run(n3->local_history(Timeline{2}, loop.in(5s)));
  ASSERT_TRUE(one && other);
  EXPECT_EQ(*one, *other);
  const auto began = loop.run(n2->branch_time(Timeline{2}, one->back().switch_lsn, loop.in(5s)));
  const auto twin = loop.run(n3->branch_time(Timeline{2}, one->back().switch_lsn, loop.in(5s)));
  ASSERT_TRUE(began && twin);
  EXPECT_NE(*began, *twin);
}

// F10, F59: after a start PostgreSQL tells how far it has replayed, not what it holds and may have confirmed. What lies
// on the disk is read, also where replay is to wait for an hour.
TEST_F(NodeTest, APositionAfterARestartIsWhatLiesOnTheDisk) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  clone(n2, n1);
  n2.start(false, n1.upstream());
  n2.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming");
  n2.sql("CHECKPOINT");
  n2->set_config({{"ttl", 30}, {"postgresql", {{"recovery_conf", {{"recovery_min_apply_delay", "1h"}}}}}});
  ASSERT_TRUE(loop.run(n2->apply_config(loop.in(5s))).has_value());
  n1.sql("CREATE TABLE received AS SELECT generate_series(1, 1000) AS x");
  const auto end = n1.observe().server->wal;
  auto facts =
      n2.observe_until([&](const auto& f) { return f.server.is_known() && f.server->received >= end; }, "all received");
  EXPECT_TRUE(facts.server->wal_known);
  EXPECT_LT(facts.server->replayed->value, end.value);
  const auto held = facts.server->wal;
  n1.check(loop.run(n1->kill_tree(loop.in(10s))), "kill");
  n2.check(loop.run(n2->kill_tree(loop.in(10s))), "kill");

  n2.start(false, Upstream{});
  facts = n2.observe();
  ASSERT_TRUE(facts.server.is_known()) << facts.server.why();
  EXPECT_FALSE(facts.server->wal_known && facts.server->wal < held) << to_string(facts.server->wal);
  facts =
      n2.observe_until([](const auto& f) { return f.server.is_known() && f.server->wal_known; }, "the end is known");
  EXPECT_LT(facts.server->replayed->value, end.value);
  // A record whose end did not arrive is none.
  EXPECT_LE(facts.server->wal, held);
  EXPECT_LT(bytes_between(facts.server->wal, held), 8192U);
  const auto known = facts.server->wal;
  // A second agent on the same server finds out for itself.
  n2.adopt();
  facts = n2.observe_until([](const auto& f) { return f.server.is_known() && f.server->wal_known; }, "known again");
  EXPECT_EQ(to_string(facts.server->wal), to_string(known));
  n2.check(loop.run(n2->promote({}, loop.in(10s))), "promote");
  EXPECT_EQ(n2.sql("SELECT count(*) FROM received"), "1000");
}

TEST_F(NodeTest, ReplayThatHasNothingMoreToReadKnowsItsPosition) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  clone(n2, n1);
  auto config = n2.config;
  config.postgres.bin_name["pg_waldump"] = "no-such-program";
  n2->set_local_config(config);
  n2.start(false, Upstream{});
  const auto facts =
      n2.observe_until([](const auto& f) { return f.server.is_known() && f.server->wal_known; }, "known");
  EXPECT_EQ(facts.server->wal, facts.server->replayed);
}

// The WAL that its backup ends with is nowhere: it starts for ever, and tells what it waits for.
TEST_F(NodeTest, AReplicaThatCannotBecomeConsistentTellsWhatItWaitsFor) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  clone(n2, n1);
  std::string missing;
  for (const auto& entry : std::filesystem::directory_iterator(n2.data("pg_wal"))) {
    const auto name = entry.path().filename().string();
    if (name.size() != 24) continue;
    missing = missing.empty() ? name : std::min(missing, name);
    std::filesystem::remove(entry.path());
  }
  ASSERT_FALSE(missing.empty());
  const auto started = loop.run(n2->start(job::Start{.as_primary = false, .upstream = {}}, loop.in(300ms)));
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().kind, ErrorKind::timeout) << started.error().message;
  const auto facts = n2.observe_until([](const auto& f) { return f.server.why().find("waiting") != std::string::npos; },
                                      "what it waits for");
  EXPECT_EQ(facts.process, Process::starting);
  EXPECT_EQ(facts.server.why(), "PostgreSQL is starting up: waiting for " + missing);
  n2.check(loop.run(n2->kill_tree(loop.in(10s))), "kill");
}

TEST_F(NodeTest, FormerPrimaryIsRewound) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  clone(n2, n1);
  n2.start(false, n1.upstream());
  n2.observe_until([](const auto& f) { return streams_on(f, 1); }, "streaming");
  // n1 dies with WAL that n2 never got.
  n2.stop();
  n1.sql("CREATE TABLE lost AS SELECT generate_series(1, 1000) AS x");
  n1.check(loop.run(n1->kill_tree(loop.in(10s))), "kill");
  n2.start(false, Upstream{});
  n2.check(loop.run(n2->promote({}, loop.in(10s))), "promote");
  n2.sql("CREATE TABLE kept AS SELECT 1 AS x");
  n2.check(loop.run(n2->checkpoint(loop.in(10s))), "checkpoint");

  auto facts = n1.observe();
  ASSERT_TRUE(facts.data.control.has_value());
  EXPECT_EQ(facts.data.control->state, "in production");
  n1.check(loop.run(n1->rewind(n2.upstream(), loop.in(30s))), "rewind");
  facts = n1.observe();
  EXPECT_FALSE(facts.data.rewind_marker);
  EXPECT_TRUE(facts.data.standby_signal);
  n1.start(false, n2.upstream());
  n1.observe_until([](const auto& f) { return streams_on(f, 2); }, "streaming on timeline 2");
  EXPECT_EQ(n1.sql("SELECT count(*) FROM kept"), "1");
  EXPECT_EQ(n1.sql("SELECT to_regclass('lost') IS NULL"), "t");
  EXPECT_EQ(n1.sql("SHOW port"), n1.config.postgres.port);
}

// F69: what a rewind needs and is not there keeps it from beginning, and is no failure of pg_rewind.
TEST_F(NodeTest, ARewindThatLacksSomethingHasNotBegun) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  clone(n2, n1);
  n1.stop();
  const auto nobody = loop.run(n1->rewind(n2.upstream(), loop.in(30s)));
  ASSERT_FALSE(nobody.has_value());
  EXPECT_EQ(nobody.error().kind, ErrorKind::not_begun) << nobody.error().message;
  n2.start(false, {});
  const auto standby = loop.run(n1->rewind(n2.upstream(), loop.in(30s)));
  ASSERT_FALSE(standby.has_value());
  EXPECT_EQ(standby.error().kind, ErrorKind::not_begun) << standby.error().message;
  EXPECT_FALSE(n1.observe().data.rewind_marker);
}

// I5: a copy says that it is one until it was seen to have caught up.
TEST_F(NodeTest, ACopyIsMarkedUntilItHasCaughtUp) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  clone(n2, n1);
  EXPECT_FALSE(n1.observe().data.copied);
  EXPECT_TRUE(n2.observe().data.copied);
  n2.check(loop.run(n2->forget_copy(loop.in(10s))), "forget copy");
  EXPECT_FALSE(n2.observe().data.copied);
  n2.check(loop.run(n2->forget_copy(loop.in(10s))), "forget copy again");
}

// F69: whatever pg_rewind removes, the marker stays, and the directory cannot be started.
TEST_F(NodeTest, AnUnfinishedRewindKeepsItsMarker) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  clone(n2, n1);
  n2.start(false, n1.upstream());
  n1.stop();
  n2.check(loop.run(n2->promote({}, loop.in(10s))), "promote");
  n2.check(loop.run(n2->checkpoint(loop.in(10s))), "checkpoint");
  n1.start(true);
  n1.sql("CREATE TABLE lost AS SELECT 1 AS x");
  n1.stop();
  const auto stub = place.path() + "/dying_rewind";
  auto config = n1.config;
  config.postgres.bin_name["pg_rewind"] = "../../../../.." + stub;
  n1->set_local_config(config);
  const auto rewind_with = [&](const std::string& script) {
    std::ofstream(stub) << "#!/bin/sh\n" << script << "\nkill -9 $$\n";
    fs::permissions(stub, fs::perms::owner_all);
    const auto rewound = loop.run(n1->rewind(n2.upstream(), loop.in(30s)));
    ASSERT_FALSE(rewound.has_value());
    EXPECT_NE(rewound.error().message.find("killed by signal 9"), std::string::npos) << rewound.error().message;
    EXPECT_TRUE(n1.observe().data.rewind_marker);
  };
  // Before it changes the first file nothing is unfinished; and what it could not ask for may be there another time.
  const auto refused_with = [&](const std::string& words, ErrorKind kind) {
    std::ofstream(stub) << "#!/bin/sh\necho 'pg_rewind: " << words << "' >&2\nexit 1\n";
    fs::permissions(stub, fs::perms::owner_all);
    const auto rewound = loop.run(n1->rewind(n2.upstream(), loop.in(30s)));
    ASSERT_FALSE(rewound.has_value());
    EXPECT_EQ(rewound.error().kind, kind) << rewound.error().message;
    EXPECT_NE(rewound.error().message.find(words), std::string::npos) << rewound.error().message;
    EXPECT_FALSE(n1.observe().data.rewind_marker) << words;
  };
  refused_with("error: connection to server at \"127.0.0.1\" failed: FATAL: no more connections", ErrorKind::not_begun);
  refused_with("error: could not find common ancestor of the source and target cluster timelines", ErrorKind::failed);
  rewind_with("");
  EXPECT_FALSE(n1.observe().data.backup_label);
  rewind_with(bin_dir() + "/pg_rewind \"$@\"");
  EXPECT_TRUE(n1.observe().data.backup_label);  // the second try has done its work
  for (const bool as_primary : {false, true}) {
    const auto started = loop.run(n1->start(job::Start{as_primary, n2.upstream()}, loop.in(10s)));
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error().message, "a rewind of the data directory did not finish");
  }
}

// F21: SIGHUP comes when it comes, also while a question is under way.
TEST_F(NodeTest, ANewConfigurationDoesNotTouchAQuestionThatIsUnderWay) {
  Server n1(loop, place, "n1");
  n1.bootstrap();
  for (int steps = 1;; ++steps) {
    std::optional<PostgresFacts> facts;
    boost::asio::co_spawn(loop.context(), n1->observe(loop.in(10s)),
                          [&](std::exception_ptr, PostgresFacts seen) { facts = std::move(seen); });
    loop.context().restart();
    for (int i = 0; i < steps && !facts; ++i) loop.context().run_one();
    if (facts) break;
    n1->set_local_config(n1.config);
    loop.context().run();
    ASSERT_TRUE(facts && facts->server.is_known()) << "after " << steps << " steps";
  }
}

// F01: a new agent finds the running server.
TEST_F(NodeTest, ARunningServerIsAdopted) {
  Server n1(loop, place, "n1");
  n1.bootstrap();
  const auto pid = n1.postmaster();
  n1.adopt();
  auto facts = n1.observe();
  EXPECT_EQ(facts.process, Process::running);
  EXPECT_TRUE(facts.server.is_known()) << facts.server.why();
  EXPECT_EQ(facts.incarnation, 1U);
  EXPECT_EQ(loop.run(n1->start(job::Start{true, {}}, loop.in(5s))).error().kind, ErrorKind::conflict);
  EXPECT_EQ(n1.postmaster(), pid);
  const auto changed = loop.run(n1->apply_config(loop.in(5s)));
  ASSERT_TRUE(changed.has_value());
  EXPECT_FALSE(*changed);
}

// F12: the postmaster dies alone; its backends go before a new one starts.
TEST_F(NodeTest, TheDeathOfThePostmasterIsNoticedAndRecovered) {
  Server n1(loop, place, "n1");
  n1.bootstrap();
  n1.observe();
  const auto begin = loop.clock.now();
  kill(n1.postmaster(), SIGKILL);
  loop.run(n1->changed(loop.in(10s)));
  EXPECT_LT(loop.clock.now() - begin, 5s);
  auto facts = n1.observe_until([](const auto& f) { return f.process == Process::stopped; }, "stopped");
  ASSERT_TRUE(facts.data.control.has_value()) << facts.data.why;
  EXPECT_EQ(facts.data.control->state, "in production");
  n1.start(true);
  facts = n1.observe();
  EXPECT_EQ(facts.incarnation, 2U);
  ASSERT_TRUE(facts.server.is_known()) << facts.server.why();
  n1.stop();
  facts = n1.observe();
  ASSERT_TRUE(facts.data.control.has_value());
  EXPECT_TRUE(facts.data.control->clean_primary());
}

// F13: old connections still work when the postmaster does not.
TEST_F(NodeTest, AFrozenPostmasterIsUnknownNotHealthy) {
  Server n1(loop, place, "n1");
  n1.bootstrap();
  n1.observe();
  const auto pid = n1.postmaster();
  kill(pid, SIGSTOP);
  const auto facts = n1.observe_until([](const auto& f) { return !f.server.is_known(); }, "unknown");
  EXPECT_EQ(facts.process, Process::running);
  EXPECT_EQ(facts.server.why(), "the postmaster is stopped by a signal");
  const auto stopped = loop.run(n1->stop(StopMode::fast, loop.in(300ms)));
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().kind, ErrorKind::timeout);
  n1.check(loop.run(n1->kill_tree(loop.in(10s))), "kill");
  EXPECT_EQ(n1.observe().process, Process::stopped);
}

TEST_F(NodeTest, AChangedParameterWaitsForARestart) {
  Server n1(loop, place, "n1");
  n1.bootstrap();
  n1->set_config({{"ttl", 30}, {"postgresql", {{"parameters", {{"max_connections", 120}, {"work_mem", "5MB"}}}}}});
  const auto changed = loop.run(n1->apply_config(loop.in(5s)));
  ASSERT_TRUE(changed.has_value()) << changed.error().message;
  EXPECT_TRUE(*changed);
  const auto facts = n1.observe();
  EXPECT_EQ(to_compact(facts.pending_restart), R"({"max_connections":{"old_value":"100","new_value":"120"}})");
  EXPECT_EQ(n1.sql("SHOW work_mem"), "5MB");
  n1.stop();
  n1.start(true);
  EXPECT_EQ(n1.observe().pending_restart, Json::object());
  EXPECT_EQ(n1.sql("SHOW max_connections"), "120");
}

// T14: a replica takes the primary's larger values from the control file, and says that a restart is due.
TEST_F(NodeTest, AReplicaRaisesWhatItsPrimaryHad) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  n1->set_config({{"postgresql", {{"parameters", {{"max_connections", 120}}}}}});
  n1.stop();
  n1.start(true);
  clone(n2, n1);
  n2.start(false, n1.upstream());
  EXPECT_EQ(n2.sql("SHOW max_connections"), "120");
  EXPECT_EQ(to_compact(n2.observe().pending_restart), R"({"max_connections":{"old_value":"120","new_value":"100"}})");
}

// F72: a clone that died half way is never taken for data.
TEST_F(NodeTest, AnInterruptedCloneIsIncomplete) {
  Server n1(loop, place, "n1"), n2(loop, place, "n2");
  n1.bootstrap();
  n1.sql("CREATE TABLE big AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
  auto config = n2.config;
  config.postgres.section["basebackup"] = {{{"max-rate", "1M"}}, {{"checkpoint", "fast"}}, "no-sync"};
  n2->set_local_config(config);
  const auto cloned = loop.run(n2->clone(n1.upstream(), loop.in(8s)));
  ASSERT_FALSE(cloned.has_value());
  EXPECT_EQ(cloned.error().kind, ErrorKind::timeout);
  const auto facts = n2.observe();
  EXPECT_EQ(facts.data.state, DataState::incomplete);
  EXPECT_EQ(facts.process, Process::stopped);
  n2.check(loop.run(n2->remove_data(job::RemoveData{}, loop.in(10s))), "remove");
  EXPECT_EQ(n2.observe().data.state, DataState::empty);
}

// F58: unknown is not empty.
TEST_F(NodeTest, DamagedOrForeignDataIsUnknown) {
  Server n1(loop, place, "n1");
  n1.bootstrap();
  n1.stop();
  ASSERT_EQ(n1.observe().data.state, DataState::valid);
  fs::resize_file(n1.data("global/pg_control"), 100);
  auto facts = n1.observe();
  EXPECT_EQ(facts.data.state, DataState::unknown);
  EXPECT_NE(facts.data.why.find(n1.config.postgres.data_dir), std::string::npos) << facts.data.why;
  std::ofstream(n1.data("PG_VERSION")) << "9\n";
  facts = n1.observe();
  EXPECT_EQ(facts.data.state, DataState::unknown);
  EXPECT_NE(facts.data.why.find("was made by PostgreSQL 9, but postgresql.bin_dir holds PostgreSQL"), std::string::npos)
      << facts.data.why;
  fs::permissions(n1.config.postgres.data_dir, fs::perms::none);
  facts = n1.observe();
  EXPECT_EQ(facts.data.state, DataState::unknown);
  fs::permissions(n1.config.postgres.data_dir, fs::perms::owner_all);
}

TEST_F(NodeTest, FailedDataIsMovedAside) {
  Server n1(loop, place, "n1");
  n1.bootstrap();
  n1.stop();
  n1.check(loop.run(n1->remove_data(job::RemoveData{.failure = "initdb failed", .counts = true}, loop.in(10s))),
           "remove");
  EXPECT_TRUE(fs::exists(n1.config.postgres.data_dir + ".failed/PG_VERSION"));
  EXPECT_EQ(n1.observe().data.state, DataState::empty);
}

// F71: the end of WAL of a crashed primary is found offline, and it stays a standby afterwards.
TEST_F(NodeTest, CrashRecoveryEndsCleanly) {
  Server n1(loop, place, "n1");
  n1.bootstrap();
  n1.check(loop.run(n1->kill_tree(loop.in(10s))), "kill");
  n1.check(loop.run(n1->crash_recovery(loop.in(20s))), "crash recovery");
  const auto facts = n1.observe();
  ASSERT_TRUE(facts.data.control.has_value());
  EXPECT_EQ(facts.data.control->state, "shut down");
  EXPECT_TRUE(facts.data.standby_signal);
}

// T18, F80: a newer callback ends the older one with everything it started.
TEST_F(NodeTest, ANewCallbackKillsTheOldOne) {
  Server n1(loop, place, "n1");
  const auto log = place.path() + "/hooks", hook = place.path() + "/hook";
  std::ofstream(hook) << "#!/bin/sh\necho \"$@\" >>" << log << "\n[ $1 != on_start ] || sleep 1000\necho end $1 >>"
                      << log << "\n";
  fs::permissions(hook, fs::perms::owner_all);
  auto config = n1.config;
  config.postgres.section["callbacks"] = {{"on_start", hook}, {"on_role_change", hook}};
  n1->set_local_config(config);
  const auto wait_for_text = [&](const std::string& text) {
    const auto end = loop.in(10s);
    while (contents(log) != text && loop.clock.now() < end) loop.run(loop.clock.sleep_until(loop.in(5ms)));
    EXPECT_EQ(contents(log), text);
  };
  n1->run_callback("on_start", "replica");
  wait_for_text("on_start replica demo\n");
  n1->run_callback("on_stop", "replica");  // not configured
  n1->run_callback("on_role_change", "primary");
  wait_for_text("on_start replica demo\non_role_change primary demo\nend on_role_change\n");
}

}  // namespace
}  // namespace regent::test
