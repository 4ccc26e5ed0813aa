// What PostgreSQL's programs are told, and what they say.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "adapters/postgres/bootstrap.h"
#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/control_data.h"
#include "adapters/postgres/data_directory.h"
#include "adapters/postgres/monitor.h"
#include "adapters/postgres/options.h"
#include "adapters/postgres/rewind.h"
#include "adapters/postgres/timelines.h"
#include "adapters/postgres/wal_end.h"

namespace regent {
namespace {

using Strings = std::vector<std::string>;

const char* const control_text =
    "pg_control version number:            1300\n"
    "Database system identifier:           7300000000000000001\n"
    "Database cluster state:               shut down in recovery\n"
    "Latest checkpoint location:           0/3000060\n"
    "Latest checkpoint's REDO location:    0/3000028\n"
    "Latest checkpoint's TimeLineID:       2\n"
    "Minimum recovery ending location:     0/30000D8\n"
    "Min recovery ending loc's timeline:   3\n"
    "max_connections setting:              120\n"
    "max_prepared_xacts setting:           1\n"
    "WAL block size:                       8192\n"
    "Bytes per WAL segment:                16777216\n";

TEST(BranchTime, IsThatOfTheEndOfRecovery) {
  EXPECT_EQ(
      parse_branch_time("rmgr: XLOG        len (rec/tot):     42/    42, tx:          0, lsn: 0/04002638, prev "
                        "0/040025F0, desc: END_OF_RECOVERY tli 2; prev tli 1; time 2026-11-27 00:49:05.266641 UTC\n"),
      "2026-11-27 00:49:05.266641 UTC");
  EXPECT_EQ(
      parse_branch_time("desc: END_OF_RECOVERY tli 2; prev tli 1; time 2026-11-27 00:49:05 UTC; wal_level replica"),
      "2026-11-27 00:49:05 UTC");
  EXPECT_FALSE(parse_branch_time("desc: CHECKPOINT_SHUTDOWN redo 0/4000028; tli 2; prev tli 2; time 1"));
  EXPECT_FALSE(parse_branch_time(""));
}

TEST(ControlData, Read) {
  const auto data = parse_control_data(control_text, "/d");
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(data->system_id.str(), "7300000000000000001");
  EXPECT_TRUE(data->facts.clean_standby());
  EXPECT_FALSE(data->facts.clean_primary());
  EXPECT_EQ(data->facts.timeline.value, 2U);
  EXPECT_EQ(to_string(data->facts.checkpoint), "0/3000060");
  EXPECT_EQ(to_string(data->facts.min_recovery), "0/30000D8");
  EXPECT_EQ(data->facts.min_recovery_timeline.value, 3U);
  EXPECT_EQ(to_string(data->redo), "0/3000028");
  EXPECT_EQ(data->wal.segment, 16777216U);
  EXPECT_EQ(data->wal.page, 8192U);
  EXPECT_EQ(data->settings, (std::map<std::string, int>{{"max_connections", 120}, {"max_prepared_transactions", 1}}));
}

TEST(ControlData, DamageIsAnError) {
  const std::string text = control_text;
  EXPECT_FALSE(parse_control_data("", "/d").has_value());
  EXPECT_FALSE(parse_control_data(text.substr(0, 200), "/d").has_value());
  const auto warned = parse_control_data("WARNING: Calculated CRC checksum does not match\n" + text, "/d");
  ASSERT_FALSE(warned.has_value());
  EXPECT_EQ(warned.error().message,
            "the control file of /d is damaged or unreadable (pg_controldata reports a wrong checksum); restore it, or "
            "remove the directory to have it cloned again");
}

TEST(WalEnd, SegmentNames) {
  const auto segment = parse_segment_name("0000000200000001000000FE", 16U << 20U);
  ASSERT_TRUE(segment.has_value());
  EXPECT_EQ(segment->timeline.value, 2U);
  EXPECT_EQ(segment->number, 0x1FEU);
  EXPECT_FALSE(parse_segment_name("00000002.history", 16U << 20U));
  EXPECT_FALSE(parse_segment_name("0000000200000001000000FE.partial", 16U << 20U));
  EXPECT_FALSE(parse_segment_name("00000002000000010000zzFE", 16U << 20U));
}

TEST(WalEnd, ReadFromTheLastRestartPointOnTheNewestTimeline) {
  ControlData control;
  control.facts.timeline = Timeline{1};
  control.redo = Lsn{0x3000100};
  control.wal = {16U << 20U, 8192};
  const auto from = [&](const Strings& names) {
    const auto start = first_unread(names, control);
    return start ? fmt::format("{} {}", start->timeline.value, to_string(start->lsn)) : "";
  };
  EXPECT_EQ(from({"000000010000000000000002", "000000010000000000000003", "000000010000000000000004"}), "1 0/3000100");
  // The newer timeline begins later; its first segment repeats what came before it.
  EXPECT_EQ(from({"000000010000000000000003", "000000010000000000000004", "000000020000000000000004",
                  "000000020000000000000005", "00000002.history"}),
            "2 0/4000000");
  // Recovery would not go there: how far it gets nobody knows.
  EXPECT_EQ(from({"000000010000000000000003", "000000020000000000000004"}), "");
  EXPECT_EQ(from({"000000010000000000000002"}), "");
}

TEST(WalEnd, RecordsContinueBehindPageHeaders) {
  const WalFormat format{16U << 20U, 8192};
  EXPECT_EQ(to_string(end_of_record(Lsn{0x3000028}, 114, format)), "0/30000A0");
  EXPECT_EQ(to_string(end_of_record(Lsn{0x3001F00}, 0x100, format)), "0/3002000");
  EXPECT_EQ(to_string(end_of_record(Lsn{0x3001F00}, 0x101, format)), "0/3002020");
  EXPECT_EQ(to_string(end_of_record(Lsn{0x3FFFF00}, 0x108, format)), "0/4000030");
}

TEST(WalEnd, WhatPgWaldumpSays) {
  EXPECT_EQ(last_record_read("pg_waldump: error: error in WAL record at 0/DFEA058: invalid record length at 0/DFEA090: "
                             "wanted 24, got 0\n"),
            Lsn{0xDFEA058});
  EXPECT_FALSE(last_record_read("pg_waldump: error: could not find a valid record after 0/3000000"));
  EXPECT_EQ(total_length("rmgr: XLOG        len (rec/tot):    114/  8306, tx:          0, lsn: 0/03000028, prev ..."),
            8306U);
  EXPECT_FALSE(total_length(""));
}

TEST(Initdb, OptionsAsListOrMapping) {
  Strings problems;
  const Json list = {"data-checksums", {{"encoding", "UTF8"}}, "--no-sync", {{"pgdata", "/x"}}, "nosync"};
  EXPECT_EQ(initdb_arguments(&list, "/d", "postgres", true, problems),
            (Strings{"--pgdata=/d", "--username=postgres", "--pwfile=/dev/stdin", "--data-checksums", "--encoding=UTF8",
                     "--no-sync"}));
  EXPECT_EQ(problems, (Strings{"the initdb option pgdata is not allowed and is left out",
                               "the initdb option nosync is not allowed and is left out"}));
  const Json mapping = {{"locale", "C"}, {"data-checksums", true}, {"debug", false}};
  EXPECT_EQ(initdb_arguments(&mapping, "/d", "", false, problems),
            (Strings{"--pgdata=/d", "--locale=C", "--data-checksums"}));
}

TEST(BaseBackup, Options) {
  Strings problems;
  const Json list = {{{"max-rate", "1M"}}, {{"compress", "9"}}, {{"wal-method", "none"}}, "verbose"};
  EXPECT_EQ(basebackup_options(&list, problems), (Strings{"--max-rate=1M", "--verbose"}));
  EXPECT_EQ(problems.size(), 2U);
  const Json server_side = {{"compress", "server-zstd"}};
  EXPECT_EQ(basebackup_options(&server_side, problems), (Strings{"--compress=server-zstd"}));
  EXPECT_EQ(basebackup_options(nullptr, problems), Strings());
}

TEST(BaseBackup, Progress) {
  const auto progress = parse_progress("   123/22800 kB (0%), 0/1 tablespace\n 11264/22528 kB (50%), 0/1 tablespace\n");
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->done, 11U << 20U);
  EXPECT_EQ(progress_text(*progress, std::chrono::milliseconds(10)), "11 of 22 MB (50%)");
  EXPECT_EQ(progress_text(*progress, std::chrono::seconds(2)), "11 of 22 MB (50%), 6 MB/s, 2 s left");
  EXPECT_EQ(progress_text({64U << 20U, 0}, std::chrono::seconds(4)), "64 MB, 16 MB/s");
  EXPECT_FALSE(parse_progress("waiting for checkpoint"));
}

TEST(Method, ExtraKeysBecomeArguments) {
  EXPECT_EQ(method_arguments({{"command", "x"}, {"no_params", false}, {"stanza", "main"}, {"jobs", 4}}),
            (Strings{"--stanza=main", "--jobs=4"}));
}

TEST(Roles, Sql) {
  EXPECT_EQ(role_sql("o'brien", "REPLICATION", "SCRAM-SHA-256$x"),
            "DO $regent$\nBEGIN\n  SET LOCAL synchronous_commit = 'local';\n"
            "  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'o''brien') THEN\n"
            "    ALTER ROLE \"o'brien\" WITH LOGIN REPLICATION PASSWORD 'SCRAM-SHA-256$x';\n  ELSE\n"
            "    CREATE ROLE \"o'brien\" WITH LOGIN REPLICATION PASSWORD 'SCRAM-SHA-256$x';\n  END IF;\nEND\n$regent$");
  for (const std::string option : {"NOLOGIN", "nologin", "login", "Login"}) {
    const auto sql = role_sql("a", option, "");
    EXPECT_NE(sql.find("ALTER ROLE \"a\" WITH " + option + ";"), std::string::npos) << sql;
  }
}

TEST(Archive, CommandLine) {
  EXPECT_EQ(archive_command_line("cp %p /a/%f && echo 100%% %x", "/d/pg_wal/000", "000"),
            "cp /d/pg_wal/000 /a/000 && echo 100% %x");
}

TEST(Version, OfTheServer) {
  EXPECT_EQ(parse_server_version("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n"), 15);
  EXPECT_EQ(parse_server_version("postgres (PostgreSQL) 19beta1\n"), 19);
  EXPECT_EQ(parse_server_version("something else"), 0);
}

TEST(LocalAddress, SocketsNeedAnAbsolutePath) {
  EXPECT_EQ(local_address({"*", "5432", "/run/a, /run/b"}, true), (HostPort{"/run/a", "5432"}));
  EXPECT_EQ(local_address({"*", "5432", "., /run/b"}, true), (HostPort{"/run/b", "5432"}));
  // To libpq "." would be the name of a host.
  EXPECT_EQ(local_address({"10.0.0.1", "5432", "."}, true), (HostPort{"10.0.0.1", "5432"}));
  EXPECT_EQ(local_address({"10.0.0.1, localhost", "5432", ""}, true), (HostPort{"localhost", "5432"}));
  EXPECT_EQ(local_address({"", "5432", "/run"}, false), (HostPort{"/run", "5432"}));
  EXPECT_EQ(local_address({"", "5432", ""}, false), (HostPort{"localhost", "5432"}));
}

// Command lines are public.
TEST(PublicConninfo, HasNoSecrets) {
  EXPECT_EQ(public_conninfo({{"host", "h"}, {"password", "p"}, {"sslkey", "k"}, {"sslpassword", "q"}}),
            "host=h sslkey=k");
  Credentials credentials;
  credentials.password = "p";
  credentials.options["sslpassword"] = "q";
  Command command;
  add_secrets(command, credentials);
  EXPECT_EQ(command.environment.front(), (std::pair<std::string, std::string>("PGPASSWORD", "p")));
  ASSERT_EQ(command.secret_files.size(), 1U);
  EXPECT_EQ(command.secret_files.front().second, "[regent]\nsslpassword=q\n");
}

TEST(Doors, AreThoseOfTheRunningServer) {
  PidFile running;
  running.address = "10.0.0.5";
  running.socket_directory = "/run/a";
  const Doors configured{"10.0.0.5, localhost", "5432", "/run/a,/run/pg"};
  const auto serving = [&](const Doors& doors, bool pending) { return serving_doors(doors, running, pending); };
  // Nothing is known of a server that has not written its file.
  EXPECT_EQ(local_address(serving(configured, false), false), (HostPort{"localhost", "5432"}));
  running.port = "5433";
  EXPECT_EQ(local_address(serving(configured, false), false), (HostPort{"localhost", "5433"}));
  EXPECT_EQ(local_address(serving(configured, true), false), (HostPort{"10.0.0.5", "5433"}));
  // Another one comes first: it waits for a restart, whether the old one is still in the list or not.
  EXPECT_EQ(local_address(serving({"10.0.0.50", "5432", "/run/pg,/run/a"}, false), true), (HostPort{"/run/a", "5433"}));
  EXPECT_EQ(local_address(serving({"10.0.0.50", "5432", "/run/a/pg"}, false), true), (HostPort{"/run/a", "5433"}));
  EXPECT_EQ(local_address(serving({"10.0.0.50", "5432", "/run/a"}, false), false), (HostPort{"10.0.0.5", "5433"}));
  running.socket_directory.clear();
  EXPECT_EQ(local_address(serving(configured, false), true), (HostPort{"localhost", "5433"}));
}

TEST(PidFile, Read) {
  const auto file = parse_pid_file("4711\n/d\n1700000000\n5432\n/run\n127.0.0.1\n  123 456\nready   \n");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->pid, 4711);
  EXPECT_EQ(file->status, "ready");
  EXPECT_EQ(file->port, "5432");
  EXPECT_EQ(file->socket_directory, "/run");
  EXPECT_EQ(file->address, "127.0.0.1");
  EXPECT_EQ(parse_pid_file("4711\n/d\n")->status, "");
  EXPECT_FALSE(parse_pid_file("").has_value());
  EXPECT_FALSE(parse_pid_file("-3\n").has_value());
}

TEST(Startup, TellsWhatItIsAt) {
  EXPECT_EQ(startup_activity("postgres: demo: startup recovering 00000001000000000000000A"),
            "recovering 00000001000000000000000A");
  EXPECT_EQ(startup_activity("postgres: startup waiting for 00000001000000000000000A   "),
            "waiting for 00000001000000000000000A");
  EXPECT_EQ(startup_activity("postgres: startup : startup recovering 000000010000000000000001"),
            "recovering 000000010000000000000001");
  EXPECT_EQ(startup_activity("postgres: demo: startup "), "");
  EXPECT_EQ(startup_activity("postgres: demo: walwriter "), "");
  EXPECT_EQ(startup_activity("startup recovering"), "");
  EXPECT_EQ(startup_activity(""), "");
}

TEST(Monitor, ReplicaAnswer) {
  const auto answer = parse_answer(R"({"replica":true,"system_id":"73","timeline":null,"control_timeline":4,"wal":null,
    "received":"0/5000000","replayed":"0/6000000","replayed_at":1700000000.25,"paused":true,"receiver":null,
    "restore_command":"cp %f %p","conninfo":"host=10.0.0.1 port=5433 user=r","slot":"n2","version":150020,
    "started":1600000000.5,"synchronous_standby_names":"","replication":null,
    "slots":[{"slot_name":"l","slot_type":"logical","active":false,"temporary":false,"plugin":"pgoutput","database":"d",
      "restart_lsn":"0/1","confirmed_flush_lsn":"0/2","xmin":null,"catalog_xmin":"730","wal_status":"lost"}],
    "loaded":"1600000001.25","settings":{"max_connections":["100",null,"integer",false,null]}})");
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  const auto& facts = answer->facts;
  EXPECT_TRUE(facts.in_recovery);
  EXPECT_TRUE(answer->timeline_is_old);
  EXPECT_EQ(facts.timeline.value, 4U);
  EXPECT_EQ(to_string(facts.wal), "0/6000000");
  EXPECT_EQ(to_rest_time(*facts.replayed_at), "2023-11-14 22:13:20.250000+00:00");
  EXPECT_TRUE(facts.replay_paused);
  EXPECT_EQ(facts.replication_state, "in archive recovery");
  EXPECT_EQ(facts.upstream, (HostPort{"10.0.0.1", "5433"}));
  EXPECT_EQ(facts.upstream_slot, "n2");
  SlotRow slot;
  slot.name = "l";
  slot.physical = false;
  slot.plugin = "pgoutput";
  slot.database = "d";
  slot.restart_lsn = Lsn{1};
  slot.confirmed_flush_lsn = Lsn{2};
  slot.has_xmin = slot.lost = true;
  slot.catalog_xmin = 730;
  slot.wal_status = "lost";
  EXPECT_EQ(facts.slots, std::vector<SlotRow>{slot});
  ASSERT_NE(answer->settings, nullptr);
  EXPECT_EQ(answer->settings->at("max_connections").value, "100");
  EXPECT_EQ(answer->settings_of, "1600000001.25");
  EXPECT_NE(monitoring_query(answer->settings_of).find("IS DISTINCT FROM '1600000001.25'"), std::string::npos);
}

TEST(Monitor, SettingsThatAreKnownAreNotToldAgain) {
  const auto answer = parse_answer(R"({"replica":false,"version":150020,"loaded":"1600000001.25","settings":null})");
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->settings, nullptr);
}

TEST(Monitor, NonsenseIsAnError) {
  EXPECT_FALSE(parse_answer("").has_value());
  EXPECT_FALSE(parse_answer("{}").has_value());
}

}  // namespace
}  // namespace regent
