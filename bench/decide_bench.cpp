// What one decision costs, on the two observations an agent sees nearly always.
#include <benchmark/benchmark.h>

#include "core/decide.h"

namespace regent {
namespace {

Observation observation_of(bool leading, int members) {
  Observation o;
  o.now = Instant(std::chrono::hours(1));
  o.self.name = MemberName("n1");
  o.self.conn_url = "postgres://n1.example:5432/postgres";
  o.self.api_url = "http://n1.example:8008/patroni";
  ClusterView view;
  view.initialize = {"7000000000000000000", Version{1}};
  view.config = {Json::parse(R"({"ttl":30,"loop_wait":10})"), Version{2}};
  view.leader = {MemberName(leading ? "n1" : "n2"), Version{3}, leading ? "s1" : "s2"};
  view.status = {Status{Lsn{0x3000000}, {}, {}, {}}, Version{4}};
  for (int i = 1; i <= members; ++i) {
    Member member;
    member.name = MemberName("n" + std::to_string(i));
    member.conn_url = "postgres://" + member.name.str() + ".example:5432/postgres";
    member.state = PgState::running;
    member.role = member.name == view.leader.name ? Role::primary : Role::replica;
    member.timeline = Timeline{1};
    member.session = "s" + std::to_string(i);
    view.members.push_back(member);
  }
  o.cluster = Fact<ClusterView>::known(view, o.now);
  o.lease = {leading, "s1", Version{3}, o.now, std::chrono::seconds(30)};
  o.postgres.process = Process::running;
  o.postgres.data.state = DataState::valid;
  o.postgres.data.system_id = SystemId("7000000000000000000");
  ServerFacts server;
  server.in_recovery = !leading;
  server.timeline = Timeline{1};
  server.wal = Lsn{0x3000100};
  server.replication_state = leading ? "" : "streaming";
  server.upstream = {"n2.example", "5432"};
  server.upstream_slot = "n1";
  o.postgres.server = Fact<ServerFacts>::known(server, o.now);
  o.local_history = Fact<History>::known({}, o.now);
  return o;
}

void decide_as(benchmark::State& state, bool leading) {
  const auto observation = observation_of(leading, static_cast<int>(state.range(0)));
  Memory memory = decide(observation, Memory{}).memory;
  memory.rejoin = Rejoin::clean;
  memory.rejoin_leader = MemberName("n2");
  memory.rejoin_timeline = Timeline{1};
  for (auto _ : state) benchmark::DoNotOptimize(decide(observation, memory));
}

BENCHMARK_CAPTURE(decide_as, leader, true)->Arg(3)->Arg(50)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(decide_as, replica, false)->Arg(3)->Arg(50)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace regent

BENCHMARK_MAIN();
