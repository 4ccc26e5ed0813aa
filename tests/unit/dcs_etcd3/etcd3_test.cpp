// The store against a scripted gateway: answers that a healthy etcd does not give.
#include "adapters/dcs/etcd3/etcd3.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <map>

#include "adapters/net/base64.h"
#include "net/run_task.h"

namespace regent {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::seconds;
using testing::run;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

struct Reply {
  int status = 200;
  std::string body;
};

// Answers each path by a function; counts the calls.
struct FakeEtcd {
  explicit FakeEtcd(asio::io_context& io) : acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
  tcp::acceptor acceptor;
  std::map<std::string, std::function<Reply(const std::string& request)>> paths;
  std::map<std::string, int> calls;
  std::string endless;  // the path whose answer is begun and never ended

  static Task<void> talk(tcp::socket socket, std::shared_ptr<FakeEtcd> self) {
    std::string buffer;
    while (true) {
      const auto [error, count] =
          co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer), "\r\n\r\n", as_result);
      if (error) co_return;
      const std::string head = buffer.substr(0, count);
      buffer.erase(0, count);
      std::size_t length = 0;
      if (const auto at = head.find("Content-Length: "); at != head.npos) length = std::stoul(head.substr(at + 16));
      if (length > buffer.size()) {
        const std::size_t missing = length - buffer.size();
        const auto [broken, more] =
            co_await asio::async_read(socket, asio::dynamic_buffer(buffer), asio::transfer_exactly(missing), as_result);
        if (broken) co_return;
      }
      const std::string request = head + buffer.substr(0, length);
      buffer.erase(0, length);
      const auto start = head.find(' ') + 1;
      const std::string path = head.substr(start, head.find(' ', start) - start);
      ++self->calls[path];
      const auto answer = self->paths.find(path);
      const Reply reply = answer == self->paths.end() ? Reply{404, "404 page not found"} : answer->second(request);
      const std::size_t told = path == self->endless ? std::size_t{1} << 30 : reply.body.size();
      const std::string text =
          fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", reply.status, told, reply.body);
      co_await asio::async_write(socket, asio::buffer(text), as_result);
    }
  }
  static Task<void> accept(std::shared_ptr<FakeEtcd> self) {
    while (true) {
      auto [error, socket] = co_await self->acceptor.async_accept(as_result);
      if (error) co_return;
      asio::co_spawn(self->acceptor.get_executor(), talk(std::move(socket), self), [](std::exception_ptr) {});
    }
  }
};

std::string header(int term, int cluster = 1) {
  return fmt::format(R"("header":{{"cluster_id":"{}","revision":"5","raft_term":"{}"}})", cluster, term);
}

class ScriptedEtcd : public ::testing::Test {
 protected:
  ScriptedEtcd() {
    first = start();
    second = start();
  }

  std::shared_ptr<FakeEtcd> start() {
    auto fake = std::make_shared<FakeEtcd>(io);
    fake->paths["/version"] = [](const std::string&) { return Reply{200, R"({"etcdserver":"3.5.9"})"}; };
    answer(*fake, "/v3/lease/grant", [this] { return "{" + header(term) + R"(,"ID":"77","TTL":"30"})"; });
    answer(*fake, "/v3/lease/keepalive",
           [this] { return R"({"result":{)" + header(keepalive_term()) + R"(,"ID":"77","TTL":"30"}})"; });
    answer(*fake, "/v3/kv/range", [this] { return "{" + header(term) + "}"; });
    // The leader key is ours, at version 5.
    answer(*fake, "/v3/kv/txn", [this] {
      return "{" + header(term) + R"(,"succeeded":true,"responses":[{"response_range":{"kvs":[{"key":"aw==",)" +
             R"("value":"bjE=","mod_revision":"5","lease":"77"}]}}]})";
    });
    asio::co_spawn(io, FakeEtcd::accept(fake), [](std::exception_ptr) {});
    return fake;
  }
  static void answer(FakeEtcd& fake, const std::string& path, std::function<std::string()> body) {
    fake.paths[path] = [body](const std::string&) { return Reply{200, body()}; };
  }
  int keepalive_term() {
    if (old_keepalives == 0) return term;
    --old_keepalives;
    return term++;  // the election comes right after it
  }

  std::unique_ptr<Dcs> connect(Json more = Json::object()) {
    Json section{{"hosts", fmt::format("127.0.0.1:{},127.0.0.1:{}", first->acceptor.local_endpoint().port(),
                                       second->acceptor.local_endpoint().port())}};
    section.update(more);
    auto made = make_etcd3(io.get_executor(), clock, section, "/service/demo/", MemberName("n1"));
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }
  Instant soon() const { return clock.now() + seconds(10); }

  asio::io_context io;
  struct : SystemClock {
    Instant now() const override { return SystemClock::now() + ahead; }
    Duration ahead{};
  } clock;
  int term = 5;
  int old_keepalives = 0;  // so many are answered in the term before the election
  std::shared_ptr<FakeEtcd> first, second;
};

// F29: an outvoted leader of etcd prolongs a lease that the new one has never heard of.
TEST_F(ScriptedEtcd, ARenewalCountsOnlyWithinOneTerm) {
  const auto n1 = connect();
  const auto grant = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(grant) << grant.error().message;
  old_keepalives = 1;
  const int before = first->calls["/v3/lease/keepalive"];
  const Instant asked = clock.now();
  const auto renewed = run(io, n1->renew_leader(Version{5}, soon()));
  ASSERT_TRUE(renewed) << renewed.error().message;
  EXPECT_EQ(first->calls["/v3/lease/keepalive"] - before, 2);
  EXPECT_GE(renewed->sent, asked);
}

TEST_F(ScriptedEtcd, AnAcquireAcrossAnElectionIsConfirmedOnceMore) {
  const auto n1 = connect();
  ASSERT_TRUE(run(io, n1->keep_session(soon())));
  old_keepalives = 1;
  const auto grant = run(io, n1->acquire_leader({}, soon()));
  ASSERT_TRUE(grant) << grant.error().message;
  EXPECT_EQ(first->calls["/v3/lease/keepalive"], 2);
}

// F29: whoever was left behind is passed over.
TEST_F(ScriptedEtcd, AMemberOfAnOlderTermIsPassedOver) {
  const auto n1 = connect();
  ASSERT_TRUE(run(io, n1->read(soon())));
  answer(*first, "/v3/kv/range", [] { return "{" + header(4) + "}"; });
  const auto seen = run(io, n1->read(soon()));
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_EQ(seen->term, 5u);
  // Another connection: what is known from the first is not built upon.
  EXPECT_EQ(second->calls["/v3/kv/range"], 2);
  answer(*second, "/v3/kv/range", [] { return "{" + header(3) + "}"; });
  const auto nobody = run(io, n1->read(clock.now() + seconds(1)));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, ErrorKind::refused);
}

TEST_F(ScriptedEtcd, AnotherClusterIsNotTheStoreWeKnow) {
  const auto n1 = connect();
  ASSERT_TRUE(run(io, n1->read(soon())));
  answer(*first, "/v3/kv/range", [] { return "{" + header(9, 2) + "}"; });
  ASSERT_TRUE(run(io, n1->read(soon())));
  EXPECT_EQ(second->calls["/v3/kv/range"], 2);
}

// F34: a backup restored under the old names: the same id, a lower term.
TEST_F(ScriptedEtcd, ARestoredBackupIsAcceptedAfterATtlOfSilence) {
  const auto n1 = connect();
  ASSERT_TRUE(run(io, n1->read(soon())));
  term = 2;
  const auto too_early = run(io, n1->read(clock.now() + seconds(1)));
  ASSERT_FALSE(too_early);
  EXPECT_EQ(too_early.error().kind, ErrorKind::refused);
  clock.ahead = seconds(31);
  const auto restored = run(io, n1->read(soon()));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->term, 2u);
}

// F34: nothing in the header tells the histories apart. The key that was not written since the restore would keep what
// it never was in this one.
TEST_F(ScriptedEtcd, WhatAnotherProcessTellsIsNotMergedWithWhatIsKnown) {
  const auto kv = [](std::string_view key, std::string_view value, int revision) {
    return fmt::format(R"({{"key":"{}","value":"{}","create_revision":"1","mod_revision":"{}"}})",
                       to_base64(fmt::format("/service/demo/{}", key)), to_base64(value), revision);
  };
  answer(*first, "/v3/kv/range",
         [=] { return "{" + header(5) + R"(,"count":"1","kvs":[)" + kv("initialize", "lost", 5) + "]}"; });
  const auto n1 = connect();
  const auto before = run(io, n1->read(soon()));
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(before->initialize.value, "lost");
  first->paths["/v3/kv/range"] = [](const std::string&) { return Reply{503, "{}"}; };
  second->paths["/v3/kv/range"] = [=](const std::string& request) {
    const bool all = request.find("min_mod_revision") == request.npos;
    return Reply{200, "{" + header(5) + R"(,"count":"1","kvs":[)" + (all ? kv("initialize", "kept", 4) : "") + "]}"};
  };
  const auto after = run(io, n1->read(soon()));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->initialize.value, "kept");
}

TEST_F(ScriptedEtcd, ALeaseThatIsGoneIsAConflict) {
  const auto n1 = connect();
  ASSERT_TRUE(run(io, n1->acquire_leader({}, soon())));
  for (auto& fake : {first, second}) {
    answer(*fake, "/v3/lease/keepalive", [this] { return R"({"result":{)" + header(term) + R"(,"ID":"77"}})"; });
  }
  const auto renewed = run(io, n1->renew_leader(Version{5}, soon()));
  ASSERT_FALSE(renewed);
  EXPECT_EQ(renewed.error().kind, ErrorKind::conflict);
  EXPECT_TRUE(n1->session().empty());
}

// F39: the token expires in flight.
TEST_F(ScriptedEtcd, AnExpiredTokenIsReplacedWithinTheCall) {
  std::string valid = "t1";
  int logins = 0;
  first->paths["/v3/auth/authenticate"] = [&](const std::string&) {
    ++logins;
    return Reply{200, "{" + header(5) + fmt::format(R"(,"token":"{}"}})", valid)};
  };
  first->paths["/v3/kv/range"] = [&](const std::string& head) {
    if (head.find("Authorization: " + valid + "\r\n") != head.npos) return Reply{200, "{" + header(5) + "}"};
    return Reply{401,
                 R"({"error":"etcdserver: invalid auth token","code":16,"message":"etcdserver: invalid auth token"})"};
  };
  const auto n1 = connect(Json{{"username", "u"}, {"password", "p"}});
  ASSERT_TRUE(run(io, n1->read(soon())));
  valid = "t2";
  ASSERT_TRUE(run(io, n1->read(soon())));
  EXPECT_EQ(logins, 2);
  EXPECT_EQ(second->calls.size(), 0u);
}

TEST_F(ScriptedEtcd, SpeaksTheOlderNamesOfTheApi) {
  first->paths["/version"] = [](const std::string&) { return Reply{200, R"({"etcdserver":"3.3.25"})"}; };
  answer(*first, "/v3beta/kv/range", [] { return "{" + header(5) + "}"; });
  const auto n1 = connect();
  ASSERT_TRUE(run(io, n1->read(soon())));
  EXPECT_EQ(first->calls["/v3beta/kv/range"], 1);
  // It is replaced by a newer one: the old name is unknown there, and the new one is found out.
  first->paths["/version"] = [](const std::string&) { return Reply{200, R"({"etcdserver":"3.5.9"})"}; };
  first->paths.erase("/v3beta/kv/range");
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(run(io, n1->read(soon())));
}

// A store that tells of a change and cannot be read is news once, then once a second.
TEST_F(ScriptedEtcd, NewsThatIsNotReadDoesNotKeepTheLoopSpinning) {
  const auto n1 = connect();
  answer(*first, "/v3/watch", [] {
    return R"({"result":{)" + header(5) + R"(,"events":[{"type":"DELETE","kv":{"key":")" +
           to_base64("/service/demo/leader") + "\",\"mod_revision\":\"9\"}}]}}\n";
  });
  ASSERT_TRUE(run(io, n1->read(soon())));
  const Instant start = clock.now();
  run(io, n1->changed(soon()));
  run(io, n1->changed(soon()));
  EXPECT_LT(clock.now() - start, seconds(8));
  const Instant until = clock.now() + 300ms;
  run(io, n1->changed(until));
  EXPECT_GE(clock.now(), until);
}

// F30: the stream is open, and tells nothing of what every read finds.
TEST_F(ScriptedEtcd, AStreamThatDiedInSilenceIsOpenedAgain) {
  const auto n1 = connect();
  // An answer that never ends.
  answer(*first, "/v3/watch", [] { return std::string(); });
  first->endless = "/v3/watch";
  ASSERT_TRUE(run(io, n1->read(soon())));
  const auto opened = [&](int times) {
    const Instant until = soon();
    while (first->calls["/v3/watch"] < times && clock.now() < until) run(io, n1->changed(clock.now() + 10ms));
    return first->calls["/v3/watch"] == times;
  };
  ASSERT_TRUE(opened(1));
  answer(*first, "/v3/kv/range", [] {
    return "{" + header(5) + R"(,"count":"1","kvs":[{"key":")" + to_base64("/service/demo/leader") +
           R"(","value":"bjI=","mod_revision":"9","lease":"77"}]})";
  });
  ASSERT_TRUE(run(io, n1->read(soon())));
  ASSERT_TRUE(run(io, n1->read(soon())));
  EXPECT_EQ(first->calls["/v3/watch"], 1) << "it was given no time to tell";
  clock.ahead = seconds(5);
  ASSERT_TRUE(run(io, n1->read(soon())));
  clock.ahead = Duration::zero();
  EXPECT_TRUE(opened(2));
}

TEST_F(ScriptedEtcd, WhatIsNoEtcdIsNamed) {
  for (auto& fake : {first, second}) fake->paths["/version"] = [](const std::string&) { return Reply{200, "<html>"}; };
  const auto n1 = connect();
  const auto seen = run(io, n1->read(clock.now() + 500ms));
  ASSERT_FALSE(seen);
  EXPECT_NE(seen.error().message.find("is no etcd"), std::string::npos) << seen.error().message;
}

}  // namespace
}  // namespace regent
