// etcd: the common suite, and what only etcd has.
#include "adapters/dcs/etcd3/etcd3.h"

#include <fmt/format.h>

#include "adapters/net/base64.h"
#include "dcs_suite.h"
#include "etcd_server.h"
#include "proxy.h"

namespace regent::testing {
namespace {

using action::Key;
using action::WriteKey;
using std::chrono::seconds;

std::unique_ptr<Dcs> connect(boost::asio::io_context& io, Clock& clock, const Json& section, const std::string& name,
                             Duration ttl = seconds(30)) {
  auto made = make_etcd3(io.get_executor(), clock, section, "/service/demo/", MemberName(name), ttl);
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

class EtcdStore final : public Store {
 public:
  std::unique_ptr<Dcs> connect(boost::asio::any_io_executor executor, Clock& clock, MemberName name,
                               Duration ttl) override {
    const Json section{{"hosts", cluster_.hosts()}};
    auto made = make_etcd3(executor, clock, section, "/service/demo/", std::move(name), ttl);
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }
  Duration shortest_ttl() const override { return seconds(2); }

 private:
  EtcdCluster cluster_{1};
};

std::unique_ptr<Store> etcd_store() {
  return std::make_unique<EtcdStore>();
}

INSTANTIATE_TEST_SUITE_P(Etcd3, DcsSuite, ::testing::Values(&etcd_store));
INSTANTIATE_TEST_SUITE_P(Etcd3, WatchSuite, ::testing::Values(&etcd_store));

class Etcd3Test : public ::testing::Test {
 protected:
  Instant in(Duration time) const { return clock.now() + time; }
  Instant soon() const { return in(seconds(10)); }

  boost::asio::io_context io;
  SystemClock clock;
};

// T5, T8: what Patroni reads and writes.
TEST_F(Etcd3Test, KeysLieWherePatroniPutsThem) {
  EtcdCluster etcd(1);
  const auto n1 = connect(io, clock, Json{{"host", etcd.address(0)}}, "n1");
  ASSERT_TRUE(run(io, n1->write_member("{}", soon())));
  const auto grant = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(grant);
  const Json range = etcd.post("/kv/range", Json{{"key", to_base64("/")}, {"range_end", to_base64("0")}});
  std::map<std::string, std::string> found, leases;
  for (const Json& kv : range["kvs"]) {
    const std::string key = *from_base64(kv["key"].get<std::string>());
    found[key] = *from_base64(kv["value"].get<std::string>());
    leases[key] = kv["lease"].get<std::string>();
  }
  const std::map<std::string, std::string> expected = {{"/service/demo/leader", "n1"},
                                                       {"/service/demo/members/n1", "{}"}};
  EXPECT_EQ(found, expected);
  EXPECT_EQ(leases["/service/demo/leader"], grant->session);
  EXPECT_EQ(leases["/service/demo/members/n1"], grant->session);
}

// A file of the manuals names the section of an API that today's servers have no more.
TEST_F(Etcd3Test, TheSectionOfTheOldApiIsServedWhereNobodyElseCanServeIt) {
  const auto section_etcd = [this](const EtcdCluster& etcd) {
    auto made = make_etcd3(io.get_executor(), clock, Json{{"host", etcd.address(0)}}, "/service/demo/",
                           MemberName("n1"), seconds(30), "etcd");
    return std::move(*made);
  };
  EtcdCluster today(1);
  const auto n1 = section_etcd(today);
  EXPECT_TRUE(run(io, n1->acquire_leader({}, soon())));

  EtcdCluster old(1, nullptr, {"--enable-v2"});
  const auto n2 = section_etcd(old);
  const auto refused = run(io, n2->acquire_leader({}, in(seconds(2))));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("serves the v2 API, which the section etcd means"), std::string::npos)
      << refused.error().message;
}

// Debian's, with a configuration file that does not switch it on.
TEST_F(Etcd3Test, AServerWithoutTheGatewayIsToldApart) {
  EtcdCluster etcd(1, nullptr, {"--enable-grpc-gateway=false"});
  const auto n1 = connect(io, clock, Json{{"host", etcd.address(0)}}, "n1");
  const auto seen = run(io, n1->read(in(seconds(2))));
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().kind, ErrorKind::unreachable);
  EXPECT_NE(seen.error().message.find("enable-grpc-gateway: true"), std::string::npos) << seen.error().message;
}

// F47: a member that accepts connections and says nothing costs its share of the deadline, not all of it.
TEST_F(Etcd3Test, AFrozenMemberCostsOnlyPartOfTheDeadline) {
  EtcdCluster etcd(3);
  const auto n1 = connect(io, clock, Json{{"hosts", etcd.hosts()}}, "n1");
  const auto grant = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(grant) << grant.error().message;
  for (std::size_t frozen = 0; frozen < 3; ++frozen) {
    etcd.freeze(frozen);
    // The rest may have to elect a leader first.
    const Instant deadline = in(seconds(15));
    const auto renewed = run(io, n1->renew_leader(grant->version, deadline));
    EXPECT_TRUE(renewed) << renewed.error().message;
    EXPECT_LT(clock.now(), deadline + 500ms);
    const auto seen = run(io, n1->read(in(seconds(15))));
    EXPECT_TRUE(seen) << seen.error().message;
    etcd.thaw(frozen);
  }
}

TEST_F(Etcd3Test, LearnsTheOtherMembersFromTheCluster) {
  EtcdCluster etcd(3);
  const auto n1 = connect(io, clock, Json{{"host", etcd.address(0)}}, "n1");
  ASSERT_TRUE(run(io, n1->read(soon())));
  // The watch's housekeeping asks for the members.
  run(io, n1->changed(in(seconds(1))));
  etcd.kill(0);
  const auto seen = run(io, n1->read(in(seconds(15))));
  EXPECT_TRUE(seen) << seen.error().message;
}

// A key that is freed wakes whoever waits for it, hundreds of times, and also after restarts of the store (F30, F33).
TEST_F(Etcd3Test, EveryFreedKeyWakes) {
  EtcdCluster etcd(1);
  const Json section{{"host", etcd.address(0)}};
  const auto leader = connect(io, clock, section, "n1");
  const auto waiter = connect(io, clock, section, "n2");
  Duration longest{};
  for (int round = 0; round < 300; ++round) {
    if (round % 60 == 30) etcd.restart(0);
    const auto grant = run(io, leader->acquire_leader({}, in(seconds(20))));
    ASSERT_TRUE(grant) << grant.error().message;
    const auto before = run(io, waiter->read(in(seconds(20))));
    ASSERT_TRUE(before) << before.error().message;
    ASSERT_TRUE(before->leader.exists());
    Instant woke{};
    bool done = false;
    const Instant until = in(seconds(20));
    const auto wait = [&]() -> Task<void> {
      // News of the acquisition itself may come first.
      for (bool there = true; there && clock.now() < until;) {
        co_await waiter->changed(until);
        woke = clock.now();
        auto look = waiter->read(until);
        const auto now = co_await std::move(look);
        there = !now || now->leader.exists();
      }
      done = true;
    };
    boost::asio::co_spawn(io, wait, [](std::exception_ptr) {});
    io.run_one_for(1ms);
    ASSERT_TRUE(run(io, leader->release_leader(grant->version, in(seconds(20)))));
    const Instant freed = clock.now();
    while (!done) io.run_one_for(20ms);
    ASSERT_LT(woke, until) << "round " << round;
    longest = std::max(longest, woke - freed);
  }
  RecordProperty("longest_ms", std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(longest).count()));
}

// What somebody beside the loop reads, the loop hears of all the same.
TEST_F(Etcd3Test, ALookBesideTheLoopHidesNothingFromIt) {
  EtcdCluster etcd(1);
  const Json section{{"host", etcd.address(0)}};
  const auto n1 = connect(io, clock, section, "n1");
  const auto n2 = connect(io, clock, section, "n2");
  ASSERT_TRUE(run(io, n2->read(soon())));
  run(io, n2->changed(in(200ms)));
  ASSERT_TRUE(run(io, n1->acquire_leader({}, soon())));
  const auto seen = run(io, n2->look(soon()));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->leader.name.str(), "n1");
  const Instant asked = clock.now();
  run(io, n2->changed(in(seconds(10))));
  EXPECT_LT(clock.now() - asked, seconds(5));
  const auto again = run(io, n2->read(soon()));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->leader.name.str(), "n1");
}

TEST_F(Etcd3Test, NobodyThereIsUnreachableByTheDeadline) {
  const std::string hosts = fmt::format("127.0.0.1:{},127.0.0.1:{}", free_port(), free_port());
  const auto n1 = connect(io, clock, Json{{"hosts", hosts}}, "n1");
  const Instant start = clock.now();
  const auto seen = run(io, n1->read(in(seconds(1))));
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().kind, ErrorKind::unreachable);
  EXPECT_LT(clock.now() - start, seconds(3));
  const auto grant = run(io, n1->acquire_leader({}, in(500ms)));
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().kind, ErrorKind::unreachable);
}

TEST_F(Etcd3Test, AMinorityIsNotBelieved) {
  EtcdCluster etcd(3);
  const auto n1 = connect(io, clock, Json{{"hosts", etcd.hosts()}}, "n1");
  const auto grant = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(grant);
  etcd.freeze(1);
  etcd.freeze(2);
  const auto seen = run(io, n1->read(in(seconds(3))));
  EXPECT_FALSE(seen);
  const auto renewed = run(io, n1->renew_leader(grant->version, in(seconds(3))));
  ASSERT_FALSE(renewed);
  EXPECT_NE(renewed.error().kind, ErrorKind::conflict);
  etcd.thaw(1);
  etcd.thaw(2);
  const auto again = run(io, n1->renew_leader(grant->version, in(seconds(20))));
  EXPECT_TRUE(again) << again.error().message;
}

// F32: applied, and the answer is lost.
class LostReply : public Etcd3Test {
 protected:
  LostReply() { n1 = connect(io, clock, Json{{"proxy", fmt::format("http://127.0.0.1:{}", proxy.port())}}, "n1"); }

  EtcdCluster etcd{1};
  Proxy proxy{io, etcd.port(0)};
  std::unique_ptr<Dcs> n1;
};

TEST_F(LostReply, OfAnAcquireIsReadAgain) {
  ASSERT_TRUE(run(io, n1->keep_session(soon())));
  proxy.lose_reply_to("request_put");
  const auto grant = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(grant) << grant.error().message;
  EXPECT_TRUE(proxy.lost_one());
  const auto seen = run(io, n1->read(soon()));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->leader.version, grant->version);
  EXPECT_EQ(seen->leader.session, grant->session);
}

TEST_F(LostReply, OfAnAcquireThatSomebodyElseWonIsAConflict) {
  const auto n2 = connect(io, clock, Json{{"host", etcd.address(0)}}, "n2");
  ASSERT_TRUE(run(io, n2->acquire_leader({}, soon())));
  ASSERT_TRUE(run(io, n1->keep_session(soon())));
  proxy.lose_reply_to("request_put");
  const auto grant = run(io, n1->acquire_leader({}, soon()));
  EXPECT_TRUE(proxy.lost_one());
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().kind, ErrorKind::conflict);
}

// F62: the lock and its number are there together, whatever became of the answer.
TEST_F(LostReply, OfAnAcquisitionWithATimelineIsReadAgain) {
  ASSERT_TRUE(run(io, n1->keep_session(soon())));
  proxy.lose_reply_to("request_put");
  const auto grant = run(io, n1->acquire_leader({.ticket = ticket(2)}, soon()));
  ASSERT_TRUE(grant) << grant.error().message;
  EXPECT_TRUE(proxy.lost_one());
  const auto seen = run(io, n1->read(soon()));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->leader.version, grant->version);
  EXPECT_EQ(seen->timelines.value.ticket, Timeline{2});
  EXPECT_EQ(seen->timelines.version, grant->version);
}

// An answer that came after another attempt had given up: the lock is ours, and the number is the first attempt's,
// which the counter tells.
TEST_F(LostReply, OfAnEarlierAcquisitionTellsItsOwnTimeline) {
  ASSERT_TRUE(run(io, n1->acquire_leader({.ticket = ticket(2)}, soon())));
  const auto grant = run(io, n1->acquire_leader({.ticket = ticket(3)}, soon()));
  ASSERT_TRUE(grant) << grant.error().message;
  const auto seen = run(io, n1->read(soon()));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->timelines.value.ticket, Timeline{2});
}

TEST_F(LostReply, OfATakeoverIsReadAgain) {
  const auto n2 = connect(io, clock, Json{{"host", etcd.address(0)}}, "n2");
  const auto held = run(io, n2->acquire_leader({}, soon()));
  ASSERT_TRUE(held);
  const auto sync = run(io, n2->write(WriteKey{Key::sync, R"({"leader":"n2"})", Version{}}, soon()));
  ASSERT_TRUE(sync);
  ASSERT_TRUE(run(io, n1->keep_session(soon())));
  proxy.lose_reply_to("request_put");
  const action::TakeOver take{held->version, *sync, R"({"leader":"n1"})", ticket(2)};
  const auto grant = run(io, n1->take_over(take, soon()));
  ASSERT_TRUE(grant) << grant.error().message;
  EXPECT_TRUE(proxy.lost_one());
  const auto seen = run(io, n1->read(soon()));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->leader.name, MemberName("n1"));
  EXPECT_EQ(seen->leader.version, grant->version);
  EXPECT_EQ(seen->leader.session, grant->session);
  EXPECT_EQ(seen->sync.value.leader, MemberName("n1"));
  EXPECT_EQ(seen->timelines.value.ticket, Timeline{2});
}

TEST_F(LostReply, OfATakeoverThatCameTooLateIsAConflict) {
  const auto n2 = connect(io, clock, Json{{"host", etcd.address(0)}}, "n2");
  const auto held = run(io, n2->acquire_leader({}, soon()));
  ASSERT_TRUE(held);
  const auto sync = run(io, n2->write(WriteKey{Key::sync, R"({"leader":"n2"})", Version{}}, soon()));
  ASSERT_TRUE(sync);
  ASSERT_TRUE(run(io, n2->write(WriteKey{Key::sync, R"({"leader":"n2","quorum":1})", *sync}, soon())));
  ASSERT_TRUE(run(io, n1->keep_session(soon())));
  proxy.lose_reply_to("request_put");
  const auto grant =
      run(io, n1->take_over(action::TakeOver{held->version, *sync, R"({"leader":"n1"})", ticket(2)}, soon()));
  EXPECT_TRUE(proxy.lost_one());
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().kind, ErrorKind::conflict);
  const auto seen = run(io, n1->read(soon()));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->leader.version, held->version);
  EXPECT_EQ(seen->sync.value.leader, MemberName("n2"));
}

TEST_F(LostReply, OfARenewalIsAskedAgain) {
  const auto grant = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(grant);
  proxy.lose_reply_to("/lease/keepalive");
  const auto renewed = run(io, n1->renew_leader(grant->version, soon()));
  EXPECT_TRUE(renewed) << renewed.error().message;
  EXPECT_TRUE(proxy.lost_one());
}

TEST_F(LostReply, OfWritesErasesAndReleasesCountsOnce) {
  proxy.lose_reply_to("request_put");
  const auto written = run(io, n1->write(WriteKey{Key::sync, R"({"leader":"n1"})", Version{}}, soon()));
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_TRUE(proxy.lost_one());
  const auto seen = run(io, n1->read(soon()));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->sync.version, *written);

  proxy.lose_reply_to("request_delete_range");
  EXPECT_TRUE(run(io, n1->erase(action::DeleteKey{Key::sync, *written}, soon())));

  const auto grant = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(grant);
  proxy.lose_reply_to("request_delete_range");
  EXPECT_TRUE(run(io, n1->release_leader(grant->version, soon())));
  const auto after = run(io, n1->read(soon()));
  ASSERT_TRUE(after);
  EXPECT_FALSE(after->leader.exists());
  EXPECT_FALSE(after->sync.exists());
}

TEST_F(LostReply, ForTheWholeDeadlineIsNeitherYesNorNo) {
  ASSERT_TRUE(run(io, n1->keep_session(soon())));
  proxy.swallow_replies(true);
  const auto grant = run(io, n1->acquire_leader({}, in(seconds(2))));
  ASSERT_FALSE(grant);
  EXPECT_EQ(grant.error().kind, ErrorKind::unreachable);
  proxy.swallow_replies(false);
  // What was unknown then is found out now.
  const auto again = run(io, n1->acquire_leader({}, soon()));
  EXPECT_TRUE(again) << again.error().message;
}

void enable_authentication(EtcdCluster& etcd) {
  etcd.post("/auth/user/add", Json{{"name", "root"}, {"password", "secret"}});
  etcd.post("/auth/user/grant", Json{{"user", "root"}, {"role", "root"}});
  etcd.post("/auth/enable", Json::object());
}

TEST_F(Etcd3Test, LogsInWhenEtcdWantsIt) {
  EtcdCluster etcd(1);
  const Json with_password{{"host", etcd.address(0)}, {"username", "root"}, {"password", "secret"}};
  const auto n1 = connect(io, clock, with_password, "n1");
  // Not enabled yet: the password is simply not used.
  const auto before = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(before) << before.error().message;
  enable_authentication(etcd);
  const auto renewed = run(io, n1->renew_leader(before->version, soon()));
  ASSERT_TRUE(renewed) << renewed.error().message;
  ASSERT_TRUE(run(io, n1->write_member("{}", soon())));

  // F39: a change of the password makes every token of the user invalid; the next call gets a new one.
  const Json login = etcd.post("/auth/authenticate", Json{{"name", "root"}, {"password", "secret"}});
  etcd.post("/auth/user/changepw", Json{{"name", "root"}, {"password", "secret"}}, login.at("token"));
  const auto after_change = run(io, n1->renew_leader(before->version, soon()));
  ASSERT_TRUE(after_change) << after_change.error().message;

  const auto nobody = connect(io, clock, Json{{"host", etcd.address(0)}}, "n3");
  const auto refused = run(io, nobody->read(in(seconds(2))));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  const Json wrong{{"host", etcd.address(0)}, {"username", "root"}, {"password", "wrong"}};
  const auto stranger = connect(io, clock, wrong, "n4");
  const auto rejected = run(io, stranger->read(in(seconds(2))));
  ASSERT_FALSE(rejected);
  EXPECT_EQ(rejected.error().kind, ErrorKind::refused);
  EXPECT_EQ(rejected.error().message.find("wrong"), std::string::npos) << "no password in messages";
}

TEST_F(Etcd3Test, SpeaksTlsWithAClientCertificate) {
  TemporaryDirectory directory;
  const Certificates certificates(directory.path());
  EtcdCluster etcd(1, &certificates);
  Json section{{"host", etcd.address(0)},
               {"protocol", "https"},
               {"cacert", certificates.authority},
               {"cert", certificates.client},
               {"key", certificates.client_key}};
  const auto n1 = connect(io, clock, section, "n1");
  const auto grant = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(grant) << grant.error().message;
  EXPECT_TRUE(run(io, n1->renew_leader(grant->version, soon())));

  Json by_name = section;
  by_name["host"] = fmt::format("localhost:{}", etcd.port(0));
  const auto n2 = connect(io, clock, by_name, "n2");
  EXPECT_TRUE(run(io, n2->read(soon())));

  Json untrusted = section;
  untrusted.erase("cacert");
  const auto n3 = connect(io, clock, untrusted, "n3");
  const auto refused = run(io, n3->read(in(seconds(2))));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused) << refused.error().message;

  Json anonymous = section;
  anonymous.erase("cert");
  anonymous.erase("key");
  const auto n4 = connect(io, clock, anonymous, "n4");
  EXPECT_FALSE(run(io, n4->read(in(seconds(2)))));

  Json missing = section;
  missing["cacert"] = directory.path() + "/absent.crt";
  const auto n5 = connect(io, clock, missing, "n5");
  const auto unusable = run(io, n5->read(in(seconds(2))));
  ASSERT_FALSE(unusable);
  EXPECT_NE(unusable.error().message.find("absent.crt"), std::string::npos) << unusable.error().message;
}

// F30: the stream breaks with the member it hangs on, and goes on elsewhere where it ended.
TEST_F(Etcd3Test, TheWatchSurvivesItsMember) {
  EtcdCluster etcd(3);
  const auto watcher = connect(io, clock, Json{{"hosts", etcd.hosts(0)}}, "n1");
  const auto writer = connect(io, clock, Json{{"hosts", etcd.hosts(1)}}, "n2");
  ASSERT_TRUE(run(io, watcher->read(soon())));
  run(io, watcher->changed(in(500ms)));
  etcd.kill(0);
  const auto written = run(io, writer->write(WriteKey{Key::config, "{}", Version{}}, in(seconds(20))));
  ASSERT_TRUE(written) << written.error().message;
  const Instant start = clock.now();
  run(io, watcher->changed(in(seconds(25))));
  EXPECT_LT(clock.now() - start, seconds(20));
}

// F34: the id stays, the term begins again.
TEST_F(Etcd3Test, ARestoredBackupIsTheStoreAfterATtlOfSilence) {
  EtcdCluster etcd(1);
  etcd.restart(0);
  etcd.restart(0);
  const Json section{{"hosts", etcd.hosts()}};
  const auto n1 = connect(io, clock, section, "n1", seconds(3));
  const auto first = run(io, n1->write(WriteKey{Key::config, "{}", Version{}}, soon()));
  ASSERT_TRUE(first) << first.error().message;
  const std::string backup = etcd.save();
  ASSERT_TRUE(run(io, n1->write(WriteKey{Key::config, R"({"lost":1})", *first}, soon())));
  const auto before = run(io, n1->read(soon()));
  ASSERT_TRUE(before) << before.error().message;
  run(io, n1->changed(in(500ms)));
  etcd.restore(backup);

  const auto early = run(io, n1->read(in(seconds(1))));
  ASSERT_FALSE(early) << "no older term than in the store before: " << early->term;
  const auto after = run(io, n1->read(in(seconds(20))));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_LT(after->term, before->term);
  EXPECT_EQ(after->config.value, Json::object());
  const auto grant = run(io, n1->acquire_leader({.expect = after->leader.version}, soon()));
  ASSERT_TRUE(grant) << grant.error().message;

  // The watch had waited for a revision that is far away now.
  ASSERT_TRUE(run(io, n1->read(soon())));
  const auto n2 = connect(io, clock, section, "n2");
  for (int round = 0;; ++round) {
    ASSERT_LT(round, 100) << "the watch never woke";
    const auto seen = run(io, n1->read(soon()));
    ASSERT_TRUE(seen) << seen.error().message;
    ASSERT_TRUE(run(io, n2->write(WriteKey{Key::config, "{}", seen->config.version}, soon())));
    const Instant asked = clock.now();
    run(io, n1->changed(in(500ms)));
    if (clock.now() - asked < 400ms) break;
  }
}

// F34: nothing but the restart of its members tells that a store has another history by now.
TEST_F(Etcd3Test, ARestoredBackupThatCaughtUpIsNotMixedWithWhatWasKnown) {
  EtcdCluster etcd(1);
  const Json section{{"hosts", etcd.hosts()}};
  const auto n1 = connect(io, clock, section, "n1");
  const auto first = run(io, n1->write(WriteKey{Key::config, "{}", Version{}}, soon()));
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(run(io, n1->write(WriteKey{Key::history, "[]", Version{}}, soon())));
  const std::string backup = etcd.save();
  ASSERT_TRUE(run(io, n1->write(WriteKey{Key::config, R"({"lost":1})", *first}, soon())));
  const auto before = run(io, n1->read(soon()));
  ASSERT_TRUE(before) << before.error().message;
  etcd.restore(backup);

  const auto n2 = connect(io, clock, section, "n2");
  for (std::uint64_t revision = 0; revision <= before->revision;) {
    const auto seen = run(io, n2->read(soon()));
    ASSERT_TRUE(seen) << seen.error().message;
    ASSERT_TRUE(run(io, n2->write(WriteKey{Key::history, "[]", seen->history.version}, soon())));
    revision = seen->revision;
  }
  const auto after = run(io, n1->read(soon()));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_GT(after->revision, before->revision);
  EXPECT_EQ(after->config.value, Json::object());
}

}  // namespace
}  // namespace regent::testing
