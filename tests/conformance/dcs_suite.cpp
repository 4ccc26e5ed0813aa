#include "dcs_suite.h"

#include <optional>

namespace regent::testing {

void WatchSuite::settle(Dcs& watcher, Dcs& writer) {
  for (int i = 0; i < 100; ++i) {
    const auto now = view(watcher);
    const Instant asked = clock.now();
    action::WriteKey history{action::Key::history, "[]", now.history.version};
    const auto written = run(io, writer.write(history, soon()));
    ASSERT_TRUE(written) << written.error().message;
    run(io, watcher.changed(in(500ms)));
    if (clock.now() - asked < 400ms) return;
  }
  FAIL() << "the watch never woke";
}

namespace {

using action::DeleteKey;
using action::Key;
using action::WriteKey;
using std::chrono::seconds;

TEST_P(DcsSuite, EmptyClusterIsAValidView) {
  const auto n1 = member("n1");
  const ClusterView empty = view(*n1);
  EXPECT_FALSE(empty.leader.exists());
  EXPECT_FALSE(empty.initialize.exists());
  EXPECT_TRUE(empty.members.empty());
  EXPECT_TRUE(empty.problems.empty());
}

TEST_P(DcsSuite, OnlyOneAcquires) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  const Instant before = clock.now();
  const LeaseGrant grant = acquire(*n1);
  EXPECT_GE(grant.sent, before);
  EXPECT_LE(grant.sent, clock.now());
  EXPECT_GE(grant.ttl, seconds(30));
  EXPECT_EQ(grant.session, n1->session());
  const auto second = run(io, n2->acquire_leader({}, soon()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::conflict);
  const ClusterView seen = view(*n2);
  EXPECT_EQ(seen.leader.name, MemberName("n1"));
  EXPECT_EQ(seen.leader.version, grant.version);
  EXPECT_EQ(seen.leader.session, grant.session);
}

TEST_P(DcsSuite, RenewalMovesTheSendTimeAndKeepsTheKey) {
  const auto n1 = member("n1");
  const LeaseGrant first = acquire(*n1);
  const Instant between = clock.now();
  const auto second = run(io, n1->renew_leader(first.version, soon()));
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_GE(second->sent, between);
  EXPECT_EQ(second->version, first.version);
  EXPECT_EQ(second->session, first.session);
  EXPECT_EQ(view(*n1).leader.version, first.version);
}

TEST_P(DcsSuite, RenewalOfAKeyThatIsNotOursIsAConflict) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  const LeaseGrant old = acquire(*n1);
  ASSERT_TRUE(run(io, n1->release_leader(old.version, soon())));
  const auto gone = run(io, n1->renew_leader(old.version, soon()));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::conflict);
  acquire(*n2);
  const auto taken = run(io, n1->renew_leader(old.version, soon()));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, ErrorKind::conflict);
}

TEST_P(DcsSuite, AnExpiredSessionTakesItsKeysAlong) {
  const Duration ttl = store->shortest_ttl();
  const auto n1 = member("n1", ttl);
  const auto n2 = member("n2");
  ASSERT_TRUE(run(io, n1->write_member(R"({"state":"running","role":"primary"})", soon())));
  const LeaseGrant grant = acquire(*n1);
  ASSERT_NE(view(*n2).member(MemberName("n1")), nullptr);
  ASSERT_TRUE(wait_until(*n2, [](const ClusterView& now) { return !now.leader.exists(); }));
  // I4: nobody may get the key before the lease has ended by the holder's own account.
  EXPECT_GE(clock.now(), grant.sent + grant.ttl);
  EXPECT_EQ(view(*n2).member(MemberName("n1")), nullptr);
  acquire(*n2);
  const auto late = run(io, n1->renew_leader(grant.version, soon()));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::conflict);
}

TEST_P(DcsSuite, ALostSessionComesBackWithTheMemberKey) {
  const Duration ttl = store->shortest_ttl();
  const auto n1 = member("n1", ttl);
  const auto n2 = member("n2");
  ASSERT_TRUE(run(io, n1->write_member(R"({"state":"running","role":"replica"})", soon())));
  const std::string old = n1->session();
  ASSERT_TRUE(wait_until(*n2, [](const ClusterView& now) { return now.members.empty(); }));
  ASSERT_TRUE(run(io, n1->keep_session(soon())));
  EXPECT_NE(n1->session(), old);
  const ClusterView now = view(*n2);
  ASSERT_NE(now.member(MemberName("n1")), nullptr);
  EXPECT_EQ(now.member(MemberName("n1"))->session, n1->session());
}

TEST_P(DcsSuite, KeepingTheSessionKeepsTheMemberKey) {
  const Duration ttl = store->shortest_ttl();
  const auto n1 = member("n1", ttl);
  ASSERT_TRUE(run(io, n1->write_member(R"({"state":"running","role":"replica"})", soon())));
  const std::string session = n1->session();
  const Instant until = in(2 * ttl);
  while (clock.now() < until) {
    ASSERT_TRUE(run(io, n1->keep_session(soon())));
    run(io, clock.sleep_until(in(ttl / 4)));
  }
  EXPECT_EQ(n1->session(), session);
  EXPECT_NE(view(*n1).member(MemberName("n1")), nullptr);
}

TEST_P(DcsSuite, ReleaseFreesTheKeyAtOnce) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  const LeaseGrant grant = acquire(*n1);
  ASSERT_TRUE(run(io, n1->release_leader(grant.version, soon())));
  EXPECT_FALSE(view(*n2).leader.exists());
  const LeaseGrant other = acquire(*n2);
  // The old one cannot release what is not its own any more.
  const auto again = run(io, n1->release_leader(grant.version, soon()));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
  EXPECT_EQ(view(*n1).leader.version, other.version);
}

TEST_P(DcsSuite, TakesOverItsOwnKeyOfAnEarlierIncarnation) {
  auto crashed = member("n1");
  const LeaseGrant old = acquire(*crashed);
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  const auto blind = run(io, n1->acquire_leader({}, soon()));
  ASSERT_FALSE(blind);
  EXPECT_EQ(blind.error().kind, ErrorKind::conflict);
  const auto foreign = run(io, n2->acquire_leader({.expect = old.version}, soon()));
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().kind, ErrorKind::conflict);
  const LeaseGrant grant = acquire(*n1, old.version);
  EXPECT_NE(grant.session, old.session);
  EXPECT_NE(grant.version, old.version);
  EXPECT_EQ(view(*n2).leader.session, grant.session);
  EXPECT_TRUE(run(io, n1->renew_leader(grant.version, soon())));
  const auto older = run(io, crashed->renew_leader(old.version, soon()));
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().kind, ErrorKind::conflict);
}

// A timeline number is given to one only: with the lock, or neither (I8, F62).
TEST_P(DcsSuite, TakesATimelineWithTheLockOrNeither) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  const auto first = run(io, n1->acquire_leader({.ticket = ticket(2)}, soon()));
  ASSERT_TRUE(first) << first.error().message;
  const ClusterView taken = view(*n2);
  EXPECT_EQ(taken.leader.name, MemberName("n1"));
  EXPECT_EQ(taken.timelines.value, (TimelineCounter{Timeline{2}, Timeline{1}}));
  EXPECT_TRUE(taken.problems.empty());
  // It outlives the reign.
  ASSERT_TRUE(run(io, n1->release_leader(first->version, soon())));
  ASSERT_EQ(view(*n2).timelines.version, taken.timelines.version);
  // Decided on before n1 led: the lock is free again, and the number is gone.
  const auto late = run(io, n2->acquire_leader({.ticket = ticket(2)}, soon()));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::conflict);
  EXPECT_FALSE(view(*n1).leader.exists());
  const auto next = run(io, n2->acquire_leader({.ticket = ticket(3, taken.timelines.version)}, soon()));
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(view(*n1).timelines.value.ticket, Timeline{3});
  // The lock is held: its number is not taken either.
  const auto held = run(io, n1->acquire_leader({.ticket = ticket(4, view(*n1).timelines.version)}, soon()));
  ASSERT_FALSE(held);
  EXPECT_EQ(view(*n1).timelines.value.ticket, Timeline{3});
  EXPECT_EQ(view(*n1).leader.name, MemberName("n2"));
}

// The same for the own key of an earlier incarnation.
TEST_P(DcsSuite, RetakesItsOwnKeyWithATimeline) {
  const auto crashed = member("n1");
  const LeaseGrant old = acquire(*crashed);
  const auto n1 = member("n1");
  const auto stale = run(io, n1->acquire_leader({old.version, ticket(2, Version{1})}, soon()));
  ASSERT_FALSE(stale);
  EXPECT_EQ(view(*n1).leader.version, old.version);
  const auto again = run(io, n1->acquire_leader({old.version, ticket(2)}, soon()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(view(*n1).timelines.value.ticket, Timeline{2});
  // A counter that a person broke can be replaced (F40).
  const auto broken = run(io, n1->write(WriteKey{Key::timelines, "seven", view(*n1).timelines.version}, soon()));
  ASSERT_TRUE(broken);
  EXPECT_EQ(view(*n1).problems.size(), 1U);
  EXPECT_EQ(view(*n1).timelines.version, *broken);
}

// Leader key and /sync together, each at the version that was read, or nothing (I5, I7, I11).
TEST_P(DcsSuite, TakesOverLeaderAndSyncTogetherOrNotAtAll) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  const LeaseGrant old = acquire(*n1);
  const std::string confirmed = R"({"leader":"n1","sync_standby":"n2"})", mine = R"({"leader":"n2","sync_standby":""})";
  const auto sync = run(io, n1->write(WriteKey{Key::sync, confirmed, Version{}}, soon()));
  ASSERT_TRUE(sync) << sync.error().message;
  const auto refused = [&](Version leader, Version at) {
    const auto taken = run(io, n2->take_over(action::TakeOver{leader, at, mine, ticket(2)}, soon()));
    const ClusterView now = view(*n2);
    return !taken && now.leader.name == MemberName("n1") && now.leader.version == old.version &&
           now.sync.value.leader == MemberName("n1");
  };
  if (!n2->takes_over()) {
    EXPECT_TRUE(refused(old.version, *sync));
    return;
  }
  // The leader changed /sync since.
  const auto changed = run(io, n1->write(WriteKey{Key::sync, confirmed, *sync}, soon()));
  ASSERT_TRUE(changed);
  EXPECT_TRUE(refused(old.version, *sync));
  // Another leader, or the same one in another reign.
  EXPECT_TRUE(refused(Version{old.version.value - 1}, *changed));
  EXPECT_TRUE(refused(Version{}, *changed));
  EXPECT_TRUE(run(io, n1->renew_leader(old.version, soon())));

  const Instant before = clock.now();
  const auto taken = run(io, n2->take_over(action::TakeOver{old.version, *changed, mine, ticket(2)}, soon()));
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_GE(taken->sent, before);
  EXPECT_EQ(taken->session, n2->session());
  const ClusterView after = view(*n1);
  EXPECT_EQ(after.leader.name, MemberName("n2"));
  EXPECT_EQ(after.leader.version, taken->version);
  EXPECT_EQ(after.leader.session, taken->session);
  EXPECT_EQ(after.sync.value.leader, MemberName("n2"));
  EXPECT_NE(after.sync.version, *changed);
  EXPECT_EQ(after.timelines.value.ticket, Timeline{2});
  EXPECT_TRUE(run(io, n2->renew_leader(taken->version, soon())));
  // The old leader hears of it with the first thing it does.
  const auto renewed = run(io, n1->renew_leader(old.version, soon()));
  ASSERT_FALSE(renewed);
  EXPECT_EQ(renewed.error().kind, ErrorKind::conflict);
  const auto late = run(io, n1->write(WriteKey{Key::sync, confirmed, *changed}, soon()));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::conflict);
  const auto again = run(io, n2->take_over(action::TakeOver{old.version, *changed, mine, ticket(2)}, soon()));
  EXPECT_TRUE(again) << "the key is ours: an answer that got lost would be read like this";
}

// I11: a write is conditional on the version of the snapshot its decision was made from.
TEST_P(DcsSuite, WritesCompareTheVersionOfTheSnapshot) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  const auto created = run(io, n1->write(WriteKey{Key::config, R"({"ttl":30})", Version{}}, soon()));
  ASSERT_TRUE(created) << created.error().message;
  const auto twice = run(io, n2->write(WriteKey{Key::config, R"({"ttl":31})", Version{}}, soon()));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().kind, ErrorKind::conflict);

  const ClusterView snapshot = view(*n1);
  EXPECT_EQ(snapshot.config.version, *created);
  EXPECT_EQ(to_compact(snapshot.config.value), R"({"ttl":30})");
  const auto updated = run(io, n2->write(WriteKey{Key::config, R"({"ttl":40})", snapshot.config.version}, soon()));
  ASSERT_TRUE(updated);
  const auto late = run(io, n1->write(WriteKey{Key::config, R"({"ttl":50})", snapshot.config.version}, soon()));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::conflict);
  EXPECT_EQ(to_compact(view(*n1).config.value), R"({"ttl":40})");
}

TEST_P(DcsSuite, ErasesCompareTheVersionToo) {
  const auto n1 = member("n1");
  const auto first = run(io, n1->write(WriteKey{Key::failover, R"({"leader":"a"})", Version{}}, soon()));
  ASSERT_TRUE(first);
  const auto second = run(io, n1->write(WriteKey{Key::failover, R"({"leader":"b"})", *first}, soon()));
  ASSERT_TRUE(second);
  const auto stale = run(io, n1->erase(DeleteKey{Key::failover, *first}, soon()));
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().kind, ErrorKind::conflict);
  EXPECT_TRUE(view(*n1).failover.exists());
  ASSERT_TRUE(run(io, n1->erase(DeleteKey{Key::failover, *second}, soon())));
  EXPECT_FALSE(view(*n1).failover.exists());
}

// F73: the claim of a bootstrap must not outlive the one who bootstraps.
TEST_P(DcsSuite, AClaimGoesWithItsSession) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  const auto claim = run(io, n1->write(WriteKey{Key::initialize, "", Version{}, true}, soon()));
  ASSERT_TRUE(claim) << claim.error().message;
  EXPECT_TRUE(view(*n2).initialize.exists());
  run(io, n1->close(soon()));
  EXPECT_FALSE(view(*n2).initialize.exists());
  const auto other = run(io, n2->write(WriteKey{Key::initialize, "", Version{}, true}, soon()));
  ASSERT_TRUE(other);
  const auto final = run(io, n2->write(WriteKey{Key::initialize, "7", *other, false}, soon()));
  ASSERT_TRUE(final);
  run(io, n2->close(soon()));
  EXPECT_EQ(view(*member("n3")).initialize.value, "7");
}

TEST_P(DcsSuite, CloseTakesMemberAndLeaderKeyAlong) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  ASSERT_TRUE(run(io, n1->write_member(R"({"state":"running","role":"primary"})", soon())));
  acquire(*n1);
  run(io, n1->close(soon()));
  EXPECT_TRUE(n1->session().empty());
  const ClusterView after = view(*n2);
  EXPECT_FALSE(after.leader.exists());
  EXPECT_TRUE(after.members.empty());
}

TEST_P(DcsSuite, MemberKeysAreWrittenAndErased) {
  const auto n1 = member("n1");
  ASSERT_TRUE(run(io, n1->write_member(R"({"state":"starting","role":"replica"})", soon())));
  ASSERT_TRUE(run(io, n1->write_member(R"({"state":"running","role":"replica"})", soon())));
  const ClusterView now = view(*n1);
  ASSERT_EQ(now.members.size(), 1u);
  EXPECT_EQ(now.members[0].state, PgState::running);
  EXPECT_EQ(now.members[0].session, n1->session());
  ASSERT_TRUE(run(io, n1->erase_member(soon())));
  EXPECT_TRUE(view(*n1).members.empty());
}

TEST_P(DcsSuite, ANewTtlReachesALeaderWithoutLosingTheKey) {
  const auto n1 = member("n1", seconds(30));
  ASSERT_TRUE(run(io, n1->write_member(R"({"state":"running","role":"primary"})", soon())));
  LeaseGrant grant = acquire(*n1);
  n1->set_ttl(seconds(60));
  for (int i = 0; i < 3 && grant.ttl < seconds(60); ++i) {
    const auto renewed = run(io, n1->renew_leader(grant.version, soon()));
    ASSERT_TRUE(renewed) << renewed.error().message;
    grant = *renewed;
  }
  EXPECT_GE(grant.ttl, seconds(60));
  EXPECT_TRUE(run(io, n1->renew_leader(grant.version, soon())));
  const ClusterView now = view(*n1);
  EXPECT_EQ(now.leader.session, grant.session);
  EXPECT_EQ(now.leader.version, grant.version);
  ASSERT_NE(now.member(MemberName("n1")), nullptr);
  EXPECT_EQ(now.member(MemberName("n1"))->session, grant.session);
}

Task<bool> note(Dcs& dcs, Instant until, bool& woken) {
  co_await dcs.changed(until);
  woken = true;
  co_return true;
}

TEST_P(WatchSuite, WakesWhenTheLeaderKeyGoes) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  const LeaseGrant grant = acquire(*n1);
  settle(*n2, *n1);
  ASSERT_TRUE(view(*n2).leader.exists());
  bool woken = false;
  boost::asio::co_spawn(io, note(*n2, in(seconds(20)), woken), [](std::exception_ptr, bool) {});
  const Instant released = clock.now();
  ASSERT_TRUE(run(io, n1->release_leader(grant.version, soon())));
  while (!woken && clock.now() < released + seconds(20)) io.run_one_for(100ms);
  EXPECT_TRUE(woken);
  EXPECT_LT(clock.now() - released, seconds(5));
  // The change is still news until it is read.
  const Instant before = clock.now();
  run(io, n2->changed(in(seconds(20))));
  EXPECT_LT(clock.now() - before, seconds(5));
  EXPECT_FALSE(view(*n2).leader.exists());
}

TEST_P(WatchSuite, SleepsThroughStatusAndMemberRefreshes) {
  const auto n1 = member("n1");
  const auto n2 = member("n2");
  ASSERT_TRUE(run(io, n1->write_member(R"({"state":"running","role":"replica"})", soon())));
  settle(*n2, *n1);
  view(*n2);
  bool woken = false;
  const Instant until = in(seconds(1));
  boost::asio::co_spawn(io, note(*n2, until, woken), [](std::exception_ptr, bool) {});
  ASSERT_TRUE(run(io, n1->write(WriteKey{Key::status, R"({"optime":7})", Version{}}, soon())));
  ASSERT_TRUE(run(io, n1->write_member(R"({"state":"running","role":"replica","timeline":2})", soon())));
  while (!woken) io.run_one_for(100ms);
  EXPECT_GE(clock.now(), until);
}

}  // namespace

}  // namespace regent::testing
