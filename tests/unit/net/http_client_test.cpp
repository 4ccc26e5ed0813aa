#include "adapters/net/http_client.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "adapters/net/peers.h"
#include "net/run_task.h"

namespace regent {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using regent::testing::run;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// A server that says what it was told to, whatever it is asked.
struct Script {
  std::deque<std::string> replies;  // one per request; when none is left the connection stays silent
  bool close_after_reply = false;
  int connections = 0;
  std::vector<std::string> requests;
};

Task<void> serve_one(tcp::socket socket, std::shared_ptr<Script> script) {
  std::string buffer;
  while (true) {
    const auto [error, count] =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer), "\r\n\r\n", as_result);
    if (error) co_return;
    script->requests.push_back(buffer.substr(0, count));
    buffer.erase(0, count);
    if (script->replies.empty()) continue;
    const std::string reply = script->replies.front();
    script->replies.pop_front();
    co_await asio::async_write(socket, asio::buffer(reply), as_result);
    if (script->close_after_reply) co_return;
  }
}

Task<void> serve(std::shared_ptr<tcp::acceptor> acceptor, std::shared_ptr<Script> script) {
  while (true) {
    auto [error, socket] = co_await acceptor->async_accept(as_result);
    if (error) co_return;
    ++script->connections;
    asio::co_spawn(acceptor->get_executor(), serve_one(std::move(socket), script), [](std::exception_ptr) {});
  }
}

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() {
    endpoint = Endpoint{false, "127.0.0.1", acceptor->local_endpoint().port()};
    asio::co_spawn(io, serve(acceptor, script), [](std::exception_ptr) {});
  }

  Result<HttpResponse> get(Endpoint to, Duration time = std::chrono::seconds(20)) {
    return run(io, client.request(std::move(to), HttpRequest{}, clock.now() + time));
  }

  asio::io_context io;
  SystemClock clock;
  std::shared_ptr<Script> script = std::make_shared<Script>();
  std::shared_ptr<tcp::acceptor> acceptor =
      std::make_shared<tcp::acceptor>(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  Endpoint endpoint;
  HttpClient client{io.get_executor(), clock};
};

TEST_F(HttpClientTest, KeepsTheConnection) {
  script->replies = {
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: today\r\n\r\nok",
      "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"};
  const auto first = get(endpoint);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->status, 200);
  EXPECT_EQ(first->body, "ok");
  EXPECT_EQ(first->date, "today");
  const auto second = get(endpoint);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->status, 503);
  EXPECT_EQ(second->body, "abcde");
  EXPECT_EQ(script->connections, 1);
}

TEST_F(HttpClientTest, ReadsPatronisHttp10UntilItsEnd) {
  script->replies = {"HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6\r\n\r\n{\"state\": \"running\"}"};
  script->close_after_reply = true;
  const auto answer = get(endpoint);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "{\"state\": \"running\"}");
}

TEST_F(HttpClientTest, ConnectionThatTheServerClosedIsNotUsedAgain) {
  script->replies = {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"};
  script->close_after_reply = true;
  ASSERT_TRUE(get(endpoint));
  const auto second = get(endpoint);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->body, "2");
  EXPECT_EQ(script->connections, 2);
}

TEST_F(HttpClientTest, SilenceEndsAtTheDeadlineAndMayHaveHadAnEffect) {
  const auto answer = get(endpoint, 200ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::timeout);
}

TEST_F(HttpClientTest, RefusedConnectionWasNeverSent) {
  acceptor->close();
  const auto answer = get(endpoint);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
}

TEST_F(HttpClientTest, AnUnknownNameIsAnInvalidOne) {
  const auto answer = get(Endpoint{false, "no-such-host.invalid", 1}, std::chrono::seconds(15));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::invalid);
}

// T34: localhost may be ::1 first, and the server may listen on 127.0.0.1 only.
TEST_F(HttpClientTest, EveryAddressOfANameIsTried) {
  script->replies = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
  const auto answer = get(Endpoint{false, "localhost", endpoint.port});
  ASSERT_TRUE(answer) << answer.error().message;
}

TEST_F(HttpClientTest, GarbageIsAFailure) {
  script->replies = {"SSH-2.0-OpenSSH\r\n\r\n"};
  const auto answer = get(endpoint);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::failed);
}

TEST_F(HttpClientTest, TruncatedBodyIsAFailure) {
  script->replies = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"};
  script->close_after_reply = true;
  const auto answer = get(endpoint);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::failed);
}

TEST_F(HttpClientTest, StreamDeliversPiecesAsTheyCome) {
  script->replies = {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n"};
  auto stream = run(io, client.open(endpoint, HttpRequest{}, clock.now() + std::chrono::seconds(20)));
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ((*stream)->status(), 200);
  const auto piece = run(io, (*stream)->next(clock.now() + std::chrono::seconds(20)));
  ASSERT_TRUE(piece) << piece.error().message;
  EXPECT_EQ(*piece, "one\n");
  const auto silence = run(io, (*stream)->next(clock.now() + 100ms));
  ASSERT_FALSE(silence);
  EXPECT_EQ(silence.error().kind, ErrorKind::timeout);
}

TEST_F(HttpClientTest, PeersAnswerEachForItself) {
  script->replies = {"HTTP/1.0 200 OK\r\n\r\n{\"state\": \"running\", \"role\": \"replica\"}"};
  script->close_after_reply = true;
  PeersOptions options;
  options.username = "u";
  options.password = "p";
  const auto peers = make_peers(io.get_executor(), clock, options);
  std::vector<Member> members(3);
  members[0].name = MemberName("good");
  members[0].api_url = to_string(endpoint) + "/patroni";
  members[1].name = MemberName("dead");
  members[1].api_url = "http://127.0.0.1:1/patroni";
  members[2].name = MemberName("blank");
  const auto facts = run(io, peers->ask(members, clock.now() + std::chrono::seconds(20)));
  ASSERT_EQ(facts.answers.size(), 3u);
  EXPECT_TRUE(facts.answers[0].reachable) << facts.answers[0].why;
  EXPECT_FALSE(facts.answers[1].reachable);
  EXPECT_NE(facts.answers[1].why.find("127.0.0.1:1"), std::string::npos) << facts.answers[1].why;
  EXPECT_FALSE(facts.answers[2].reachable);
  ASSERT_EQ(script->requests.size(), 1u);
  EXPECT_TRUE(script->requests[0].starts_with("GET /patroni HTTP/1.1\r\n"));
  EXPECT_NE(script->requests[0].find("Authorization: Basic dTpw"), std::string::npos);
}

// No new descriptor while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// A takeover counts silence. What kept us from asking is none: unknown is not a no.
TEST_F(HttpClientTest, OnlyAQuestionThatWasAskedTellsOfASilence) {
  const auto peers = make_peers(io.get_executor(), clock, {});
  const auto ask = [&](const std::string& url, Duration time) {
    std::vector<Member> members(1);
    members[0].name = MemberName("n2");
    members[0].api_url = url;
    return run(io, peers->ask(members, clock.now() + time)).answers.at(0);
  };
  const auto closed = ask("http://127.0.0.1:1/patroni", std::chrono::seconds(20));
  EXPECT_TRUE(closed.silent) << closed.why;
  const auto mute = ask(to_string(endpoint) + "/patroni", std::chrono::milliseconds(200));
  EXPECT_TRUE(mute.silent) << mute.why;
  const auto nameless = ask("http://nowhere.invalid:1/patroni", std::chrono::seconds(20));
  EXPECT_FALSE(nameless.silent) << nameless.why;
  EXPECT_FALSE(nameless.reachable);
  const auto unasked = ask("", std::chrono::seconds(20));
  EXPECT_FALSE(unasked.silent) << unasked.why;
  const NoDescriptors none;
  const auto helpless = ask(to_string(endpoint) + "/patroni", std::chrono::seconds(20));
  EXPECT_FALSE(helpless.silent) << helpless.why;
  EXPECT_FALSE(helpless.reachable);
}

TEST_F(HttpClientTest, SilentPeerIsNotReachableAtTheDeadline) {
  const auto peers = make_peers(io.get_executor(), clock, {});
  std::vector<Member> members(1);
  members[0].name = MemberName("silent");
  members[0].api_url = to_string(endpoint) + "/patroni";
  const auto facts = run(io, peers->ask(members, clock.now() + 200ms));
  ASSERT_EQ(facts.answers.size(), 1u);
  EXPECT_FALSE(facts.answers[0].reachable);
  EXPECT_FALSE(facts.answers[0].why.empty());
}

}  // namespace
}  // namespace regent
