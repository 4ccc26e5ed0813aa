// The REST API's server over real loopback sockets.
#include "adapters/net/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "adapters/net/http_wire.h"

namespace regent {
namespace {

constexpr int patience_ms = 20000;  // before a test gives up; nothing waits this long when all is well

// A blocking client; every wait ends.
class Client {
 public:
  explicit Client(std::uint16_t port, const char* own_address = "127.0.0.1")
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    ::inet_pton(AF_INET, own_address, &address.sin_addr);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  void send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }
  // Everything up to the end of the stream; "<reset>" or "<timeout>" at the end tell when it did not end well.
  std::string read_all() {
    std::string out;
    while (true) {
      pollfd wait{fd_, POLLIN, 0};
      if (::poll(&wait, 1, patience_ms) <= 0) return out + "<timeout>";
      char buffer[4096];
      const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n == 0) return out;
      if (n < 0) return out + "<reset>";
      out.append(buffer, static_cast<std::size_t>(n));
    }
  }
  std::string ask(const std::string& bytes) {
    send(bytes);
    return read_all();
  }

 private:
  int fd_;
  bool connected_ = false;
};

RestConfig loopback() {
  RestConfig config;
  config.listen_host = "127.0.0.1";
  config.listen_port = 0;
  return config;
}

std::string first_line(const std::string& response) {
  return response.substr(0, response.find("\r\n"));
}

std::string without_date(std::string response) {
  const auto from = response.find("Date: ");
  if (from == std::string::npos) return response;
  return response.erase(from, response.find("\r\n", from) + 2 - from);
}

// Says back what it was asked.
void echo(HttpRequest request, HttpReply reply) {
  HttpResponse response;
  if (request.method == "OPTIONS") {
    response.status_line_only = true;
  } else {
    response.headers = {{"Content-Type", "text/plain"}};
    response.body = request.method + " " + request.target + " " + request.body.value_or("-") + " " +
                    request.authorization.value_or("-") + " " + request.peer;
  }
  reply(std::move(response));
}

TEST(HttpServer, AnswersLikeHttp10) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  EXPECT_EQ(without_date(Client(server.port()).ask("GET /patroni?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")),
            "HTTP/1.0 200 OK\r\nServer: Regent\r\nContent-Type: text/plain\r\n\r\nGET /patroni?x=1 - - 127.0.0.1");
  EXPECT_EQ(Client(server.port()).ask("OPTIONS / HTTP/1.0\r\n\r\n"), "HTTP/1.0 200 OK\r\n\r\n");
}

TEST(HttpServer, BodiesAndAuthorization) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  const auto body = [&](const std::string& request) {
    const auto response = Client(server.port()).ask(request);
    return response.substr(response.find("\r\n\r\n") + 4);
  };
  EXPECT_EQ(body("PATCH /config HTTP/1.1\r\nContent-Length: 2\r\nAuthorization: Basic dTpw\r\n\r\n{}"),
            "PATCH /config {} Basic dTpw 127.0.0.1");
  // The recorder's clients know the difference between no body and an empty one.
  EXPECT_EQ(body("POST /restart HTTP/1.1\r\n\r\n"), "POST /restart - - 127.0.0.1");
  EXPECT_EQ(body("POST /restart HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), "POST /restart  - 127.0.0.1");
  EXPECT_EQ(body("FOO * HTTP/1.1\r\n\r\n"), "FOO * - - 127.0.0.1");
}

TEST(HttpServer, AnswersOncePerConnection) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  EXPECT_EQ(Client(server.port()).ask("OPTIONS /a HTTP/1.0\r\n\r\nOPTIONS /b HTTP/1.0\r\n\r\n"),
            "HTTP/1.0 200 OK\r\n\r\n");
}

// The listening socket of this process on a port.
int listener_on(std::uint16_t port) {
  for (int fd = 3; fd < 1024; ++fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    int listens = 0;
    socklen_t length = sizeof listens;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 || listens == 0) continue;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (ntohs(address.sin_port) == port) return fd;
  }
  return -1;
}

TEST(HttpServer, ASocketThatListensNoMoreIsOpenedAgain) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  const auto port = server.port();
  ASSERT_EQ(::shutdown(listener_on(port), SHUT_RDWR), 0);
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
  std::string answer;
  while (answer.empty() && std::chrono::steady_clock::now() < until) {
    // From another address: while nobody listens there, the kernel may choose the port itself for the client's end, and
    // the client would be connected to itself.
    Client client(port, "127.0.0.2");
    if (client.connected()) answer = client.ask("OPTIONS / HTTP/1.0\r\n\r\n");
    std::this_thread::yield();
  }
  EXPECT_EQ(answer, "HTTP/1.0 200 OK\r\n\r\n");
}

// More than the kernel takes at once, with and without something behind the request that nobody reads.
TEST(HttpServer, LongAnswersArriveWhole) {
  RestServer server(loopback());
  const std::string text(std::size_t{8} << 20U, 'x');
  ASSERT_TRUE(server.start([&](HttpRequest, HttpReply reply) {
    HttpResponse response;
    response.body = text;
    reply(std::move(response));
  }));
  for (const std::string behind : {"", "GET /b HTTP/1.1\r\n\r\n"}) {
    const auto answer = Client(server.port()).ask("GET /a HTTP/1.1\r\n\r\n" + behind);
    EXPECT_EQ(answer.size() - (answer.find("\r\n\r\n") + 4), text.size()) << behind;
  }
}

// Whatever part of it is there when the server looks.
TEST(HttpServer, RequestsComeInPieces) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  Client slow(server.port());
  for (const std::string piece : {"POST /restart HTTP/1.1\r\nContent-Le", "ngth: 4\r\n", "\r\n{", "\"\"}"}) {
    slow.send(piece);
    // Served after the piece came, on the same thread: the server has seen it.
    EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
  }
  const auto answer = slow.read_all();
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), "POST /restart {\"\"} - 127.0.0.1");
}

TEST(HttpServer, RefusesWhatIsNoRequest) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  EXPECT_EQ(first_line(Client(server.port()).ask("rubbish\r\n\r\n")), "HTTP/1.0 400 Bad Request");
  EXPECT_EQ(first_line(Client(server.port()).ask("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n")),
            "HTTP/1.0 400 Bad Request");
  EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n")),
            "HTTP/1.0 431 Request Header Fields Too Large");
  EXPECT_EQ(first_line(Client(server.port()).ask("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")),
            "HTTP/1.0 413 Request Entity Too Large");
}

// Who may not ask is refused before any of the body came, and who may is listened to.
TEST(HttpServer, TheGateComesBeforeTheBody) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo, [](HttpRequest head, HttpVerdict verdict) {
    EXPECT_FALSE(head.body);
    if (head.authorization == "Basic dTpw") return verdict(std::nullopt);
    if (head.target == "/dropped") return;
    verdict(error_page(401));
  }));
  const std::string announced = " HTTP/1.1\r\nContent-Length: 4\r\n";
  EXPECT_EQ(first_line(Client(server.port()).ask("POST /restart" + announced + "\r\n")), "HTTP/1.0 401 Unauthorized");
  EXPECT_EQ(first_line(Client(server.port()).ask("POST /dropped" + announced + "\r\n")),
            "HTTP/1.0 500 Internal Server Error");
  const auto answer =
      Client(server.port()).ask("POST /restart" + announced + "Authorization: Basic dTpw\r\n\r\n{\"\"}");
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), "POST /restart {\"\"} Basic dTpw 127.0.0.1");
  EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
}

// A body whose length nobody knows beforehand would be taken for none.
TEST(HttpServer, ChunkedBodiesAreRefused) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  EXPECT_EQ(first_line(Client(server.port())
                           .ask("POST /restart HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "4\r\n{\"\"}\r\n0\r\n\r\n")),
            "HTTP/1.0 411 Length Required");
}

// Waits for the end of a change.
Result<void> reconfigure(RestServer& server, const RestConfig& config) {
  std::promise<Result<void>> promise;
  server.reconfigure(config, [&](Result<void> done) { promise.set_value(std::move(done)); });
  return promise.get_future().get();
}

TEST(HttpServer, ListensWhereItIsToldLater) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  const auto first = server.port();
  auto config = loopback();
  config.listen_host = "192.0.2.1";
  EXPECT_FALSE(reconfigure(server, config));
  ASSERT_EQ(server.port(), first);
  EXPECT_EQ(first_line(Client(first).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
  // The old socket is in the way of the new one.
  config.listen_host = "*";
  config.listen_port = first;
  ASSERT_TRUE(reconfigure(server, config));
  ASSERT_EQ(server.port(), first);
  EXPECT_EQ(first_line(Client(first).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
  config.listen_host = "127.0.0.1";
  config.listen_port = 0;
  ASSERT_TRUE(reconfigure(server, config));
  ASSERT_NE(server.port(), first);
  EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
  EXPECT_FALSE(Client(first).connected());
}

// The first takes longer, because a name is asked for; the last one that was asked for is in force.
TEST(HttpServer, ChangesAreMadeOneAfterTheOther) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  const auto first = server.port();
  auto by_name = loopback();
  by_name.listen_host = "localhost";
  auto back = loopback();
  back.listen_port = first;
  std::promise<Result<void>> named;
  server.reconfigure(by_name, [&](Result<void> done) { named.set_value(std::move(done)); });
  ASSERT_TRUE(reconfigure(server, back));
  auto earlier = named.get_future();
  ASSERT_EQ(earlier.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_TRUE(earlier.get());
  EXPECT_EQ(server.port(), first);
  EXPECT_EQ(first_line(Client(first).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
}

TEST(HttpServer, SlowClientsAreDropped) {
  HttpServerLimits limits;
  limits.header = std::chrono::milliseconds(100);
  limits.body = std::chrono::milliseconds(100);
  RestServer server(loopback(), limits);
  ASSERT_TRUE(server.start(echo));
  EXPECT_EQ(Client(server.port()).read_all(), "");
  EXPECT_EQ(Client(server.port()).ask("GET / HTTP/1.1\r\nHos"), "");
  EXPECT_EQ(Client(server.port()).ask("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"), "");
}

// F06: idle connections use up neither the server nor its patience.
class IdleClients {
 public:
  IdleClients(std::uint16_t port, const std::string& begin) {
    for (int i = 0; i < 300; ++i) {
      clients_.push_back(std::make_unique<Client>(port));
      EXPECT_TRUE(clients_.back()->connected());
      clients_.back()->send(begin);
    }
  }

  Client& oldest() { return *clients_.front(); }
  // Whoever hears something first; null when nobody does.
  Client* first_to_hear() {
    std::vector<pollfd> waits;
    for (const auto& client : clients_) waits.push_back({client->fd(), POLLIN, 0});
    if (::poll(waits.data(), waits.size(), patience_ms) <= 0) return nullptr;
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents != 0) return clients_[i].get();
    }
    return nullptr;
  }

 private:
  std::vector<std::unique_ptr<Client>> clients_;
};

HttpServerLimits patient_with_a_hundred() {
  HttpServerLimits limits;
  limits.connections = 100;
  limits.header = std::chrono::minutes(10);
  return limits;
}

TEST(HttpServer, HalfRequestsDoNotStopAnswers) {
  RestServer server(loopback(), patient_with_a_hundred());
  ASSERT_TRUE(server.start(echo));
  IdleClients idle(server.port(), "GET / HT");
  EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
  // The oldest made room.
  EXPECT_EQ(idle.oldest().read_all(), "");
}

// A crowd from one address costs the others nothing, however long they have been waiting; bodies count as well.
TEST(HttpServer, ACrowdMakesRoomItself) {
  RestServer server(loopback(), patient_with_a_hundred());
  ASSERT_TRUE(server.start(echo));
  Client patient(server.port(), "127.0.0.2");
  patient.send("POST /restart HTTP/1.1\r\nContent-Length: 4\r\n\r\n{");
  EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
  IdleClients idle(server.port(), "POST /restart HTTP/1.1\r\nContent-Length: 4\r\n\r\n{");
  EXPECT_EQ(idle.oldest().read_all(), "");
  patient.send("\"\"}");
  EXPECT_EQ(first_line(patient.read_all()), "HTTP/1.0 200 OK");
}

TEST(HttpServer, SilentConnectionsDoNotStopAnswers) {
  RestServer server(loopback(), patient_with_a_hundred());
  ASSERT_TRUE(server.start(echo));
  IdleClients idle(server.port(), "");
  EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
  // They count as well, once the kernel hands them over.
  Client* const ended = idle.first_to_hear();
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->read_all(), "");
  EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
}

// More than the kernel keeps for us while they say nothing.
TEST(HttpServer, ThousandsOfSilentConnectionsDoNotStopAnswers) {
  RestServer server(loopback(), patient_with_a_hundred());
  ASSERT_TRUE(server.start(echo));
  std::vector<std::unique_ptr<IdleClients>> crowd;
  for (int i = 0; i < 6; ++i) {
    crowd.push_back(std::make_unique<IdleClients>(server.port(), ""));
    EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
  }
}

// The handler's answer may come from any thread, and late.
TEST(HttpServer, LateAnswers) {
  RestServer server(loopback());
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<HttpReply> waiting;
  ASSERT_TRUE(server.start([&](HttpRequest request, HttpReply reply) {
    if (request.target == "/now") {
      echo(std::move(request), std::move(reply));
      return;
    }
    const std::lock_guard lock(mutex);
    waiting.push_back(std::move(reply));
    changed.notify_one();
  }));
  Client late(server.port());
  late.send("GET /late HTTP/1.1\r\n\r\n");
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::milliseconds(patience_ms), [&] { return !waiting.empty(); }));
  }
  // Others are served meanwhile.
  EXPECT_EQ(first_line(Client(server.port()).ask("GET /now HTTP/1.1\r\n\r\n")), "HTTP/1.0 200 OK");
  HttpResponse response;
  response.status = 202;
  waiting.front()(response);
  waiting.front()(HttpResponse{});  // a second one counts for nothing
  EXPECT_EQ(first_line(late.read_all()), "HTTP/1.0 202 Accepted");
}

TEST(HttpServer, DroppedAndThrowingRepliesAre500) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start([](HttpRequest request, HttpReply) {
    if (request.target == "/throw") throw std::runtime_error("handler");
  }));
  EXPECT_EQ(first_line(Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n")), "HTTP/1.0 500 Internal Server Error");
  EXPECT_EQ(first_line(Client(server.port()).ask("GET /throw HTTP/1.1\r\n\r\n")), "HTTP/1.0 500 Internal Server Error");
}

TEST(HttpServer, RepliesAfterTheEndAreHarmless) {
  HttpReply kept;
  std::mutex mutex;
  std::condition_variable changed;
  std::unique_ptr<Client> client;
  {
    RestServer server(loopback());
    ASSERT_TRUE(server.start([&](HttpRequest, HttpReply reply) {
      const std::lock_guard lock(mutex);
      kept = std::move(reply);
      changed.notify_one();
    }));
    client = std::make_unique<Client>(server.port());
    client->send("GET / HTTP/1.1\r\n\r\n");
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::milliseconds(patience_ms), [&] { return kept != nullptr; }));
  }
  kept(HttpResponse{});
  EXPECT_EQ(client->read_all().find("HTTP/1.0 200"), std::string::npos);
}

TEST(HttpServer, TimersAndPostedWorkRunOnItsThread) {
  RestServer server(loopback());
  ASSERT_TRUE(server.start(echo));
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::thread::id> ran;
  const auto note = [&] {
    const std::lock_guard lock(mutex);
    ran.push_back(std::this_thread::get_id());
    changed.notify_one();
  };
  std::vector<std::string> addresses;
  server.thread()->post(note);
  server.thread()->after(std::chrono::milliseconds(1), note);
  server.thread()->resolve("localhost", [&](std::vector<std::string> found) {
    addresses = std::move(found);
    note();
  });
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, std::chrono::milliseconds(patience_ms), [&] { return ran.size() == 3; }));
  EXPECT_EQ(ran[0], ran[1]);
  EXPECT_EQ(ran[0], ran[2]);
  EXPECT_NE(ran[0], std::this_thread::get_id());
  EXPECT_FALSE(addresses.empty());
}

TEST(HttpServer, ATakenPortIsAClearSentence) {
  RestServer first(loopback());
  ASSERT_TRUE(first.start(echo));
  auto config = loopback();
  config.listen_port = first.port();
  RestServer second(config);
  const auto started = second.start(echo);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::refused);
  EXPECT_NE(started.error().message.find("restapi.listen: cannot listen on 127.0.0.1:" + std::to_string(first.port())),
            std::string::npos)
      << started.error().message;
}

TEST(HttpServer, EveryAddressAndNames) {
  for (const char* host : {"*", "", "localhost"}) {
    auto config = loopback();
    config.listen_host = host;
    RestServer server(config);
    ASSERT_TRUE(server.start(echo)) << host;
    if (std::string_view(host) == "localhost") continue;  // each family has a port of its own with port 0
    const auto response = Client(server.port()).ask("GET / HTTP/1.1\r\n\r\n");
    EXPECT_NE(response.find("GET / - - 127.0.0.1"), std::string::npos) << response;
  }
  auto config = loopback();
  config.listen_host = "192.0.2.1";
  EXPECT_FALSE(RestServer(config).start(echo));
}

TEST(HttpServer, MissingCertificateIsAClearSentence) {
  auto config = loopback();
  config.certfile = "/nonexistent/server.pem";
  const auto started = RestServer(config).start(echo);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::invalid);
  EXPECT_EQ(started.error().message.rfind("restapi.certfile: /nonexistent/server.pem cannot be used: ", 0), 0U)
      << started.error().message;
}

TEST(HttpWire, HeadersCannotBeSmuggled) {
  HttpResponse response;
  response.headers = {{"X", "a\r\nSet-Cookie: b"}};
  const auto wire = to_wire(response, WallTime(std::chrono::seconds(1724873966)));
  EXPECT_EQ(wire,
            "HTTP/1.0 200 OK\r\nServer: Regent\r\nDate: Wed, 28 Aug 2024 19:39:26 GMT\r\nX: aSet-Cookie: b\r\n\r\n");
}

}  // namespace
}  // namespace regent
