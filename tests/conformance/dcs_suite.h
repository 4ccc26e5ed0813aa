// What every store must do to stand behind ports/dcs.h. A store joins by an INSTANTIATE_TEST_SUITE_P(Name, DcsSuite,
// ...).
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "adapters/os/clock.h"
#include "net/run_task.h"
#include "ports/dcs.h"

namespace regent::testing {

// A running store, empty, of this test alone.
class Store {
 public:
  virtual ~Store() = default;

  virtual std::unique_ptr<Dcs> connect(boost::asio::any_io_executor executor, Clock& clock, MemberName name,
                                       Duration ttl) = 0;
  // The shortest lease the store grants: the tests wait for it to end.
  virtual Duration shortest_ttl() const = 0;
};

// Timeline `number`, when the counter is at `expect`.
inline action::Ticket ticket(std::uint32_t number, Version expect = {}) {
  return {Timeline{number}, print_timelines({Timeline{number}, Timeline{1}}), expect};
}

using StoreMaker = std::unique_ptr<Store> (*)();

class DcsSuite : public ::testing::TestWithParam<StoreMaker> {
 protected:
  DcsSuite() : store(GetParam()()) {}

  std::unique_ptr<Dcs> member(const std::string& name, Duration ttl = std::chrono::seconds(30)) {
    return store->connect(io.get_executor(), clock, MemberName(name), ttl);
  }
  Instant in(Duration time) const { return clock.now() + time; }
  Instant soon() const { return in(std::chrono::seconds(10)); }

  ClusterView view(Dcs& dcs) {
    auto result = run(io, dcs.read(soon()));
    if (!result) throw std::runtime_error("read: " + result.error().message);
    return *result;
  }
  LeaseGrant acquire(Dcs& dcs, Version expect = {}) {
    auto grant = run(io, dcs.acquire_leader({.expect = expect}, soon()));
    if (!grant) throw std::runtime_error("acquire: " + grant.error().message);
    return *grant;
  }
  // Reads until `done` says so; false when that takes too long.
  template <class Done>
  bool wait_until(Dcs& dcs, Done done, Duration limit = std::chrono::seconds(20)) {
    const Instant until = in(limit);
    while (clock.now() < until) {
      if (done(view(dcs))) return true;
      run(io, clock.sleep_until(in(50ms)));
    }
    return false;
  }

  boost::asio::io_context io;
  SystemClock clock;
  std::unique_ptr<Store> store;
};

class WatchSuite : public DcsSuite {
 protected:
  // Returns when the watch of `watcher` has shown that it works.
  void settle(Dcs& watcher, Dcs& writer);
};

}  // namespace regent::testing
