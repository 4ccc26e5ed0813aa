#include "rest/api.h"

#include <gtest/gtest.h>

#include <map>

#include "rest/snapshots_support.h"

namespace regent::rest {
namespace {

using namespace testing;

// A server's thread that runs when the test says so; its timers go off in their order, in no time.
class ManualThread : public HttpThread {
 public:
  void post(std::function<void()> work) override { after(Duration{}, std::move(work)); }
  void after(Duration delay, std::function<void()> work) override { work_.emplace(waited + delay, std::move(work)); }
  void resolve(std::string host, std::function<void(std::vector<std::string>)> done) override {
    resolved.push_back(host);
    post([done = std::move(done)] { done({"192.0.2.9"}); });
  }
  bool run_one() {
    if (work_.empty()) return false;
    auto next = work_.extract(work_.begin());
    waited = next.key();
    next.mapped()();
    return true;
  }

  Duration waited{};
  std::vector<std::string> resolved;

 private:
  std::multimap<Duration, std::function<void()>> work_;
};

class FakeControl : public Control {
 public:
  void take(Intent intent) override {
    // A look at the server changes nothing: answered at once, and no request that reached the loop.
    if (auto* observe = std::get_if<Asked<intent::Observe>>(&intent)) return looked("server", observe->reply);
    if (auto* read = std::get_if<Asked<intent::ReadStore>>(&intent)) return looked("store", read->reply);
    intents.push_back(std::move(intent));
  }
  // To the first request, which is of this kind.
  template <class Kind>
  void reply(Result<typename Kind::Answer> result) {
    std::get<Asked<Kind>>(intents.at(0)).reply(std::move(result));
  }

  std::vector<Intent> intents;
  std::vector<std::string> looks;

 private:
  void looked(const char* at, const std::function<void(Result<void>)>& reply) {
    looks.emplace_back(at);
    reply({});
  }
};

class ApiTest : public ::testing::Test {
 protected:
  void publish(Snapshot snapshot) { board.publish(std::make_shared<const Snapshot>(std::move(snapshot))); }

  void make(RestConfig config = {}) {
    api = std::make_shared<Api>(board, control, std::move(config), self("n1"),
                                Clocks{[this] { return at().now + thread->waited; }, [] { return at().wall; }}, thread);
  }

  void send(const std::string& method, const std::string& target, std::optional<std::string> body = {}) {
    if (!api) make();
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = std::move(body);
    request.peer = "192.0.2.9";
    api->handle(std::move(request), [this](HttpResponse response) { answers.push_back(std::move(response)); });
  }

  std::string last() const {
    if (answers.empty()) return "none";
    return std::to_string(answers.back().status) + " " + answers.back().body;
  }

  SnapshotBoard board;
  FakeControl control;
  std::shared_ptr<ManualThread> thread = std::make_shared<ManualThread>();
  std::shared_ptr<Api> api;
  std::vector<HttpResponse> answers;
};

TEST_F(ApiTest, AnswersBeforeTheFirstCycle) {
  send("GET", "/patroni");
  EXPECT_EQ(last().rfind(R"(200 {"state": "unknown", "role": "uninitialized", "cluster_unlocked": true, )", 0), 0U)
      << last();
  send("GET", "/primary");
  EXPECT_EQ(answers.back().status, 503);
  send("GET", "/liveness");
  EXPECT_EQ(answers.back().status, 200);
}

TEST_F(ApiTest, HeadAndOptionsAreHealthChecksWhateverThePath) {
  publish(leader());
  send("HEAD", "/");
  EXPECT_EQ(answers.back().status, 200);
  EXPECT_TRUE(answers.back().status_line_only);
  send("OPTIONS", "/patroni");
  EXPECT_EQ(answers.back().status, 503);
  EXPECT_TRUE(answers.back().status_line_only);
}

TEST_F(ApiTest, UnknownPathsAndMethods) {
  publish(leader());
  send("GET", "/unknown");
  EXPECT_EQ(answers.back().status, 503);
  EXPECT_EQ(answers.back().body.rfind(R"({"state": "running")", 0), 0U);
  send("DELETE", "/primary");
  EXPECT_EQ(answers.back().status, 501);
  EXPECT_EQ(answers.back().reason, "Unsupported method ('DELETE')");
  EXPECT_EQ(answers.back().headers.back(), (std::pair<std::string, std::string>("Content-Length", "359")));
  EXPECT_EQ(answers.back().body,
            "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n        <title>Error "
            "response</title>\n    </head>\n    <body>\n        <h1>Error response</h1>\n        <p>Error code: "
            "501</p>\n        <p>Message: Unsupported method ('DELETE').</p>\n        <p>Error code explanation: 501 - "
            "Server does not support this operation.</p>\n    </body>\n</html>\n");
}

TEST_F(ApiTest, ErrorPagesHaveTheRecordedLength) {
  const auto length = [](const HttpResponse& page) { return page.headers.back().second; };
  EXPECT_EQ(length(error_page(400)), "343");
  EXPECT_EQ(length(error_page(411)), "341");
  EXPECT_EQ(length(error_page(502)), "346");
}

TEST_F(ApiTest, TheLoopsReplyComesBackOnTheServersThread) {
  publish(leader());
  send("PATCH", "/config", R"({"ttl": 25})");
  ASSERT_EQ(control.intents.size(), 1U) << last();
  control.reply<intent::PatchConfig>(Json{{"ttl", 25}});
  EXPECT_TRUE(answers.empty());
  ASSERT_TRUE(thread->run_one());
  EXPECT_EQ(last(), R"(200 {"ttl": 25})");
}

TEST_F(ApiTest, SwitchoverWaitsForTheNewLeader) {
  publish(leader());
  send("POST", "/switchover", R"({"leader": "n1", "candidate": "n2"})");
  ASSERT_TRUE(thread->run_one());  // the members were looked at
  ASSERT_EQ(control.intents.size(), 1U) << last();
  control.reply<intent::SetFailover>({});
  ASSERT_TRUE(thread->run_one());
  ASSERT_TRUE(thread->run_one());
  EXPECT_TRUE(answers.empty());
  auto done = leader();
  cluster_of(done).leader.name = MemberName("n2");
  publish(std::move(done));
  ASSERT_TRUE(thread->run_one());
  EXPECT_EQ(last(), "200 Successfully switched over to \"n2\"");
  while (thread->run_one()) {
  }
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(ApiTest, SwitchoverEndsUnknownWhenNothingHappens) {
  auto waiting = leader();
  cluster_of(waiting).failover = {Failover{MemberName("n1"), MemberName("n2"), {}}, Version{9}};
  publish(std::move(waiting));
  send("POST", "/switchover", R"({"leader": "n1", "candidate": "n2"})");
  ASSERT_TRUE(thread->run_one());
  ASSERT_EQ(control.intents.size(), 1U) << last();
  control.reply<intent::SetFailover>({});
  while (thread->run_one()) {
  }
  EXPECT_EQ(last(), "503 Switchover status unknown");
  EXPECT_EQ(answers.size(), 1U);
  EXPECT_EQ(thread->waited, Duration(20s));
}

TEST_F(ApiTest, FailedKeyIsTold) {
  publish(leader());
  send("POST", "/failover", R"({"candidate": "n2"})");
  ASSERT_TRUE(thread->run_one());
  ASSERT_EQ(control.intents.size(), 1U) << last();
  control.reply<intent::SetFailover>(fail(ErrorKind::conflict, "there is one already"));
  ASSERT_TRUE(thread->run_one());
  EXPECT_EQ(last(), "503 failed to write failover key into DCS");
}

TEST_F(ApiTest, NamesOfTheAllowlistAreResolvedOnce) {
  RestConfig config;
  config.allowlist = {"gate.example"};
  make(config);
  publish(leader());
  send("POST", "/reload");
  EXPECT_TRUE(control.intents.empty());
  ASSERT_TRUE(thread->run_one());
  EXPECT_EQ(control.intents.size(), 1U);
  send("POST", "/reload");
  EXPECT_EQ(control.intents.size(), 2U);
  EXPECT_EQ(thread->resolved, std::vector<std::string>{"gate.example"});
}

TEST_F(ApiTest, RefusedRequestsNeverReachTheLoop) {
  RestConfig config;
  config.username = "u";
  config.password = "p";
  make(config);
  publish(leader());
  send("PATCH", "/config", "{}");
  EXPECT_EQ(last(), "401 no auth header received");
  send("GET", "/config");
  while (thread->run_one()) {
  }
  EXPECT_EQ(answers.back().status, 200);
  EXPECT_TRUE(control.intents.empty());
}

// Before a body is read: who may not ask is told so, and handle() would say the same.
TEST_F(ApiTest, TheHeadOfARequestIsAdmittedOrRefused) {
  RestConfig config;
  config.username = "u";
  config.password = "p";
  make(config);
  publish(leader());
  std::vector<int> verdicts;
  const auto ask = [&](const std::string& method, const std::string& target, std::optional<std::string> authorization) {
    HttpRequest head;
    head.method = method;
    head.target = target;
    head.authorization = std::move(authorization);
    api->admit(std::move(head),
               [&](std::optional<HttpResponse> refusal) { verdicts.push_back(refusal ? refusal->status : 0); });
  };
  ask("POST", "/restart", {});
  ask("POST", "/restart", "Basic dTpw");
  ask("POST", "/nothing", {});
  EXPECT_EQ(verdicts, (std::vector<int>{401, 0, 0}));
}

// What tells of the store's keys alone is as young as the request, and costs no look at the server.
TEST_F(ApiTest, DocumentsOfTheStoreReadItOnly) {
  publish(leader());
  for (const char* path : {"/cluster", "/history", "/config"}) {
    send("GET", path);
    while (thread->run_one()) {
    }
    EXPECT_EQ(answers.back().status, 200) << path;
    EXPECT_EQ(control.looks, std::vector<std::string>{"store"}) << path;
    control.looks.clear();
  }
  // Whoever read it last counts.
  auto read_since = leader();
  ClusterView view = cluster_of(read_since);
  view.config = {Json{{"ttl", 77}}, Version{99}};
  read_since.last_cluster =
      Fact<ClusterView>::known(std::move(view), read_since.observation.cluster.at() + std::chrono::milliseconds(1));
  publish(std::move(read_since));
  send("GET", "/config");
  while (thread->run_one()) {
  }
  EXPECT_EQ(last(), R"(200 {"ttl": 77})");
}

TEST_F(ApiTest, ExtraHeadersGoWithDocumentsOnly) {
  RestConfig config;
  config.http_extra_headers = {{"X-Frame-Options", "SAMEORIGIN"}};
  make(config);
  publish(leader());
  send("GET", "/primary");
  EXPECT_EQ(answers.back().headers.back(), (std::pair<std::string, std::string>("X-Frame-Options", "SAMEORIGIN")));
  send("OPTIONS", "/primary");
  EXPECT_TRUE(answers.back().headers.empty());
}

}  // namespace
}  // namespace regent::rest
