// Synchronous replication: the texts of the setting, and every way from one configuration to another with whatever can
// go wrong at every point of it (I5, I7, F32, F65).
#include "core/sync.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace regent {
namespace {

SyncNames names(std::string_view text) {
  const auto parsed = parse_sync_names(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(SyncNames{});
}

TEST(SyncNames, ArePrintedAsPatroniDoes) {
  for (const auto* text : {"", "n2", "2 (n2,n3)", "ANY 1 (n2,n3)", "ANY 2 (n2,n3)", "ANY 1 (n2)", "*", "ANY 1 (*)",
                           "\"node-1\"", "2 (\"any\",n2)", "\"First\"", "\"a\"\"b\"", "1 (a,b)", "\"2nd\""}) {
    EXPECT_EQ(print_sync_names(names(text)), text);
  }
}

TEST(SyncNames, AreReadInEveryFormOfPostgresql) {
  EXPECT_EQ(names("FIRST 2 (a, b , c)"), (SyncNames{SyncNames::Kind::priority, 2, {"a", "b", "c"}}));
  EXPECT_EQ(names("any 1(A,b)"), (SyncNames{SyncNames::Kind::quorum, 1, {"A", "b"}}));
  EXPECT_EQ(names(" s1 , s2 "), (SyncNames{SyncNames::Kind::priority, 1, {"s1", "s2"}}));
  EXPECT_EQ(names("*, a"), (SyncNames{SyncNames::Kind::priority, 1, {"*", "a"}}));
  for (const auto* wrong : {"2 (a", "ANY (a)", "first", "a b", "ANY 0 (a)", "\"a", ",", "2 ()", "a,", "1a"}) {
    EXPECT_FALSE(parse_sync_names(wrong)) << wrong;
  }
}

TEST(SyncNames, DoNotTellCasesApart) {
  EXPECT_TRUE(names("N2").names.contains("n2"));
  EXPECT_TRUE(overlap(names("N2"), Electable{{"n2"}, 0}));
}

TEST(Overlap, IsTheArithmeticOfTheInvariant) {
  EXPECT_TRUE(overlap(names("n2"), {{"n2"}, 0}));
  EXPECT_FALSE(overlap(names("n2"), {{"n2", "n3"}, 0}));
  EXPECT_TRUE(overlap(names("2 (n2,n3)"), {{"n2"}, 0}));
  EXPECT_TRUE(overlap(names("ANY 1 (n2,n3)"), {{"n2", "n3"}, 1}));
  EXPECT_FALSE(overlap(names("ANY 1 (n2,n3)"), {{"n2", "n3"}, 0}));
  EXPECT_TRUE(overlap(names(""), {{}, 0})) << "nobody can be elected";
  EXPECT_FALSE(overlap(names(""), {{"n2"}, 0}));
  EXPECT_FALSE(overlap(names("*"), {{"n2"}, 0}));
}

// A cluster in which everything is possible that an agent cannot rule out. Standbys hold WAL up to a number; a commit
// is acknowledged as soon as the server's setting lets it be.
class Bench {
 public:
  struct Config {
    SyncMode mode = SyncMode::on;
    std::size_t count = 1;
    bool strict = false;
    NameSet fit{"n2", "n3", "n4"};  // who streams and may be synchronous
  };

  Config config;

  // One cycle of the leader. What becomes of its write?
  enum class Fate { done, reply_lost, delayed, lost };
  void cycle(Fate fate) {
    const auto step = next_sync_step(picture());
    if (const auto* write = std::get_if<sync_step::Publish>(&step)) {
      publish(write->state, fate);
    } else if (std::holds_alternative<sync_step::Unpublish>(step)) {
      publish(std::nullopt, fate);
    } else if (const auto* set = std::get_if<sync_step::SetNames>(&step)) {
      if (fate == Fate::lost) return;
      file_ = set->names;
      // Else the file is written and the signal did not get through. What is given back is always seen to.
      if (fate != Fate::delayed || !file_) reload();
    }
  }
  bool at_rest() {
    const auto step = next_sync_step(picture());
    return std::holds_alternative<sync_step::Nothing>(step);
  }

  // --- what happens to it ---
  void agent_restarts() { fenced_ = false, watch_.reset(); }
  void server_restarts() { reload(), watch_.reset(); }
  void late_write_arrives() {
    if (late_ && late_->version == version_) apply(late_->state);
    late_.reset();
  }
  void replicate(const std::string& name) {
    if (config.fit.contains(name)) flushed_[name] = wal_;
    acknowledge();
  }
  void write() {
    ++wal_;
    acknowledge();
  }

  const std::optional<SyncState>& published() const { return state_; }
  std::string setting() const { return print_sync_names(effective_); }

  // I5 and I7: whoever may be elected has every acknowledged commit.
  ::testing::AssertionResult safe() {
    if (config.mode == SyncMode::off || !state_) return ::testing::AssertionSuccess();
    const auto who = electable(*state_);
    const std::vector<std::string> voters(who.voters.begin(), who.voters.end());
    for (unsigned bits = 0; bits < 1U << voters.size(); ++bits) {
      std::uint64_t best = 0;
      std::size_t votes = 0;
      for (std::size_t i = 0; i < voters.size(); ++i) {
        if ((bits >> i & 1U) == 0) continue;
        ++votes;
        best = std::max(best, flushed_[voters[i]]);
      }
      if (votes == who.quorum + 1 && best < acknowledged_) {
        return ::testing::AssertionFailure()
               << "commits up to " << acknowledged_ << " are acknowledged, but " << print_sync(*state_)
               << " can elect somebody with " << best << "; the setting is '" << setting() << "'";
      }
    }
    return ::testing::AssertionSuccess();
  }

 private:
  struct Late {
    int version;
    std::optional<SyncState> state;
  };

  SyncPicture picture() {
    SyncPicture out;
    out.me = MemberName("n1");
    out.mode = config.mode;
    out.strict = config.strict;
    out.count = config.count;
    out.published = state_.has_value();
    out.state = state_.value_or(SyncState{});
    out.effective = effective_;
    out.effective_text = setting();
    out.file = file_;
    out.fenced = fenced_;
    if (watch_ != setting()) watch_ = setting(), since_ = wal_;
    for (const auto& name : config.fit) {
      if (config.mode == SyncMode::on && out.wanted.size() == config.count) break;
      out.wanted.insert(name);
      if (flushed_[name] >= since_) out.ready.insert(name);
    }
    return out;
  }
  void publish(std::optional<SyncState> state, Fate fate) {
    fenced_ = fate == Fate::done;
    if (fate == Fate::delayed) late_ = Late{version_, state};
    if (fate == Fate::done || fate == Fate::reply_lost) apply(std::move(state));
  }
  void apply(std::optional<SyncState> state) {
    state_ = std::move(state);
    ++version_;
  }
  void reload() {
    effective_ = names(file_.value_or(""));
    acknowledge();
  }
  void acknowledge() {
    std::vector<std::uint64_t> confirmed;
    for (const auto& name : config.fit) {
      if (effective_.anybody() || effective_.names.contains(name)) confirmed.push_back(flushed_[name]);
    }
    std::sort(confirmed.rbegin(), confirmed.rend());
    if (effective_.kind == SyncNames::Kind::nobody) {
      acknowledged_ = wal_;
    } else if (confirmed.size() >= effective_.needed) {
      acknowledged_ = std::max(acknowledged_, confirmed[effective_.needed - 1]);
    }
  }

  std::optional<SyncState> state_;
  int version_ = 0;
  std::optional<Late> late_;
  SyncNames effective_;
  std::optional<std::string> file_;
  bool fenced_ = false;
  std::optional<std::string> watch_;
  std::uint64_t since_ = 0;
  std::uint64_t wal_ = 1, acknowledged_ = 0;
  std::map<std::string, std::uint64_t> flushed_;
};

using Fate = Bench::Fate;

std::vector<Bench::Config> configurations() {
  std::vector<Bench::Config> out;
  const std::vector<NameSet> sets{{"n2", "n3", "n4"}, {"n2", "n3"}, {"n4"}, {}};
  for (const auto& fit : sets) {
    out.push_back({SyncMode::off, 1, false, fit});
    for (const auto mode : {SyncMode::on, SyncMode::quorum}) {
      out.push_back({mode, 1, false, fit});
      out.push_back({mode, 2, false, fit});
      out.push_back({mode, 1, true, fit});
    }
  }
  return out;
}

std::string text_of(const Bench::Config& config) {
  return fmt::format("mode {} count {} strict {} standbys {}", static_cast<int>(config.mode), config.count,
                     config.strict, config.fit.size());
}

// Clients and standbys go on; the worst is a client that writes before each standby catches up.
void life_goes_on(Bench& bench) {
  bench.write();
  bench.replicate("n4");
  bench.write();
  bench.replicate("n2");
  bench.replicate("n3");
}

// Returns how many cycles it took; -1 when it never came to rest.
int settle(Bench& bench) {
  for (int cycles = 0; cycles < 30; ++cycles) {
    EXPECT_TRUE(bench.safe());
    if (bench.at_rest()) return cycles;
    bench.cycle(Fate::done);
    EXPECT_TRUE(bench.safe());
    life_goes_on(bench);
  }
  return -1;
}

void expect_goal(const Bench& bench) {
  SyncPicture goal;
  goal.mode = bench.config.mode;
  goal.count = bench.config.count;
  goal.strict = bench.config.strict;
  for (const auto& name : bench.config.fit) {
    if (goal.mode == SyncMode::on && goal.wanted.size() == goal.count) break;
    goal.wanted.insert(name);
  }
  if (goal.mode == SyncMode::off) {
    EXPECT_FALSE(bench.published());
    EXPECT_EQ(bench.setting(), "");
    return;
  }
  EXPECT_EQ(bench.setting(), print_sync_names(wanted_names(goal)));
  ASSERT_TRUE(bench.published());
  EXPECT_EQ(electable(*bench.published()), wanted_electable(goal));
}

// Leader and standby together: while both are down nobody else has what may elect (F67).
TEST(SyncNames, OfOneStandbyLetNobodyElseBeElected) {
  EXPECT_TRUE(overlap(names("n2"), {{"n2"}, 0}));
  EXPECT_FALSE(overlap(names("n2"), {{"n3"}, 0}));
}

// Every transition, interrupted at every prefix in every way, is safe all the time and still arrives.
// All subsets of so many names.
std::vector<NameSet> subsets(const NameSet& names, std::size_t size) {
  const std::vector<std::string> all(names.begin(), names.end());
  std::vector<NameSet> out;
  for (unsigned bits = 0; bits < 1U << all.size(); ++bits) {
    NameSet some;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((bits >> i & 1U) != 0) some.insert(all[i]);
    }
    if (some.size() == size) out.push_back(some);
  }
  return out;
}

bool meet(const NameSet& one, const NameSet& other) {
  return std::any_of(one.begin(), one.end(), [&](const std::string& name) { return other.contains(name); });
}

// ADR 11. The last leader was n1, n2 is elected. Whoever is elected after it has what n1 acknowledged, and what n2 did.
TEST(Succession, KeepsWhatBothLeadersAcknowledged) {
  for (std::size_t standbys = 1; standbys <= 5; ++standbys) {
    NameSet voters;
    for (std::size_t i = 0; i < standbys; ++i) voters.insert(fmt::format("n{}", i + 2));
    for (std::size_t quorum = 0; quorum < standbys; ++quorum) {
      const auto heirs = succeed(sync_state(MemberName("n1"), {voters, quorum}), MemberName("n2"));
      EXPECT_FALSE(heirs.voters.contains("n2"));
      EXPECT_TRUE(heirs.voters.contains("n1"));
      EXPECT_FALSE(heirs.nobody());
      for (const auto& elect : subsets(heirs.voters, heirs.quorum + 1)) {
        for (auto have : subsets(voters, standbys - quorum)) {
          have.insert("n1");
          EXPECT_TRUE(meet(elect, have)) << standbys << " standbys, quorum " << quorum;
        }
      }
      for (const auto mode : {SyncMode::on, SyncMode::quorum}) EXPECT_TRUE(overlap(names_for(heirs, mode), heirs));
    }
  }
}

TEST(Succession, IsForThoseWhoWereElected) {
  const auto sync = sync_state(MemberName("n1"), {{"n2", "n3"}, 1});
  EXPECT_TRUE(succeed(sync, MemberName("n4")).nobody());
  EXPECT_TRUE(succeed({}, MemberName("n2")).nobody());
  EXPECT_TRUE(succeed(sync_state(MemberName("n1"), {}), MemberName("n1")).nobody());
  // Its own: it goes on where it left off.
  EXPECT_EQ(succeed(sync, MemberName("n1")), electable(sync));
}

TEST(Succession, IsClaimedAndBoundBeforeThePromotion) {
  SyncPicture picture;
  picture.me = MemberName("n2");
  picture.mode = SyncMode::quorum;
  picture.published = true;
  picture.state = sync_state(MemberName("n1"), {{"n2", "n3"}, 1});
  picture.effective_text = "";
  const auto claim = next_step_to_promotion(picture);
  ASSERT_TRUE(std::holds_alternative<sync_step::Publish>(claim));
  picture.state = std::get<sync_step::Publish>(claim).state;
  EXPECT_EQ(print_sync(picture.state), R"({"leader":"n2","quorum":1,"sync_standby":"n1,n3"})");
  const auto bind = next_step_to_promotion(picture);
  ASSERT_TRUE(std::holds_alternative<sync_step::SetNames>(bind));
  EXPECT_EQ(std::get<sync_step::SetNames>(bind).names, "ANY 1 (n1,n3)");
  picture.file = picture.effective_text = "ANY 1 (n1,n3)";
  picture.effective = *parse_sync_names("ANY 1 (n1,n3)");
  // As long as a process may not know of it, a commit could pass.
  EXPECT_TRUE(std::holds_alternative<sync_step::Wait>(next_step_to_promotion(picture)));
  picture.noticed = true;
  EXPECT_TRUE(std::holds_alternative<sync_step::Nothing>(next_step_to_promotion(picture)));
  // Promoted: nobody streams yet, and somebody is about to.
  picture.expects = true;
  EXPECT_TRUE(std::holds_alternative<sync_step::Wait>(next_sync_step(picture)));
}

TEST(SyncTransitions, AreSafeFromEveryPrefix) {
  enum class Trouble { none, agent, server, reply, late, unsent };
  int ways = 0;
  for (const auto& from : configurations()) {
    for (const auto& to : configurations()) {
      for (const auto trouble :
           {Trouble::none, Trouble::agent, Trouble::server, Trouble::reply, Trouble::late, Trouble::unsent}) {
        for (int prefix = 0; prefix < 8; ++prefix) {
          Bench bench;
          bench.config = from;
          ASSERT_GE(settle(bench), 0) << text_of(from);
          bench.config = to;
          bool over = false;
          for (int cycle = 0; cycle < prefix && !over; ++cycle) {
            over = bench.at_rest();
            bench.cycle(Fate::done);
            ASSERT_TRUE(bench.safe()) << text_of(from) << " to " << text_of(to);
            life_goes_on(bench);
          }
          if (over) break;
          if (trouble == Trouble::reply) bench.cycle(Fate::reply_lost);
          if (trouble == Trouble::late) bench.cycle(Fate::delayed);
          if (trouble == Trouble::unsent) bench.cycle(Fate::lost);
          if (trouble == Trouble::agent) bench.agent_restarts();
          if (trouble == Trouble::server) bench.server_restarts();
          ASSERT_TRUE(bench.safe());
          life_goes_on(bench);
          if (trouble == Trouble::late) {
            bench.cycle(Fate::done);
            bench.late_write_arrives();
            ASSERT_TRUE(bench.safe());
            life_goes_on(bench);
          }
          ASSERT_GE(settle(bench), 0) << text_of(from) << " to " << text_of(to) << " after " << prefix << " cycles";
          expect_goal(bench);
          ++ways;
          if (::testing::Test::HasFailure()) return;
        }
      }
    }
  }
  EXPECT_GT(ways, 5'000);
}

// The same without a plan: whatever happens in whatever order.
TEST(SyncTransitions, AreSafeInEveryOrderOfEvents) {
  const auto all = configurations();
  std::mt19937 random(1);  // the same walks every time
  const auto pick = [&](unsigned sides) { return random() % sides; };
  for (int walk = 0; walk < 3000; ++walk) {
    Bench bench;
    bench.config = all[pick(static_cast<unsigned>(all.size()))];
    // Switching the mode off gives the promise up; that is another test.
    if (bench.config.mode == SyncMode::off) continue;
    for (int event = 0; event < 150; ++event) {
      switch (pick(10)) {
        case 0: {
          auto next = all[pick(static_cast<unsigned>(all.size()))];
          if (next.mode != SyncMode::off) bench.config = next;
          break;
        }
        case 1:
          bench.agent_restarts();
          break;
        case 2:
          bench.server_restarts();
          break;
        case 3:
          bench.late_write_arrives();
          break;
        case 4:
          bench.write();
          break;
        case 5:
        case 6:
          bench.replicate(fmt::format("n{}", 2 + pick(3)));
          break;
        default:
          bench.cycle(static_cast<Fate>(pick(2) == 0 ? 0 : pick(4)));
          break;
      }
      ASSERT_TRUE(bench.safe()) << "walk " << walk << ", event " << event << ", " << text_of(bench.config);
    }
    bench.late_write_arrives();
    ASSERT_GE(settle(bench), 0) << "walk " << walk;
    expect_goal(bench);
  }
}

}  // namespace
}  // namespace regent
