#include "postgres/server_support.h"

#include <arpa/inet.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace regent::test {

namespace fs = std::filesystem;

std::string bin_dir() {
  int newest = 0;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql")) {
    newest = std::max(newest, std::atoi(entry.path().filename().c_str()));
  }
  return "/usr/lib/postgresql/" + std::to_string(newest) + "/bin";
}

void leave_root() {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr || setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0) {
    throw std::runtime_error("cannot become user postgres");
  }
}

std::string free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  close(fd);
  return std::to_string(ntohs(address.sin_port));
}

std::string contents(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Place::Place() {
  char name[] = "/tmp/regent-pg-XXXXXX";
  if (mkdtemp(name) == nullptr) throw std::runtime_error("cannot make a directory in /tmp");
  path_ = name;
}

Place::~Place() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void Loop::run(Task<void> task) {
  std::exception_ptr failure;
  boost::asio::co_spawn(context_, std::move(task), [&](std::exception_ptr error) { failure = error; });
  context_.restart();
  context_.run();
  if (failure) std::rethrow_exception(failure);
}

Server::Server(Loop& loop, const Place& place, std::string name) : loop_(loop) {
  const auto home = place.path() + "/" + name;
  fs::create_directory(home);
  config.name = MemberName(name);
  config.scope = "demo";
  auto& postgres = config.postgres;
  postgres.listen_addresses = "127.0.0.1";
  postgres.port = free_port();
  postgres.connect_address = {"127.0.0.1", postgres.port};
  postgres.data_dir = home + "/data";
  postgres.bin_dir = bin_dir();
  postgres.pgpass = home + "/pgpass";
  postgres.superuser = {"postgres", "postgres-pw", {}};
  postgres.replication = {"replicator", "replicator-pw", {}};
  postgres.rewind = {"rewinder", "rewinder-pw", {}};
  postgres.section = {{"basebackup", {{{"checkpoint", "fast"}}, "no-sync"}},
                      {"parameters",
                       {{"unix_socket_directories", home},
                        {"shared_buffers", "16MB"},
                        {"logging_collector", "on"},
                        {"log_directory", home},
                        {"log_filename", "postgresql.log"},
                        {"dynamic_shared_memory_type", "mmap"},
                        {"fsync", "off"}}}};
  config.bootstrap = {{"initdb", {"data-checksums", "no-sync", {{"encoding", "UTF8"}}, {{"locale", "C.UTF-8"}}}},
                      {"pg_hba",
                       {"local all all trust", "host all all 127.0.0.1/32 scram-sha-256",
                        "host replication replicator 127.0.0.1/32 scram-sha-256"}}};
  node_ = make_postgres(config, loop.clock);
}

Server::~Server() {
  // Killed, it would leave its shared memory behind.
  const auto stopped = loop_.run(node_->stop(StopMode::immediate, loop_.in(10s)));
  if (!stopped) loop_.run(node_->kill_tree(loop_.in(10s)));
}

void Server::adopt() {
  node_ = make_postgres(config, loop_.clock);
  node_->set_config({{"ttl", 30}});
}

void Server::check(const Result<void>& result, const char* what) {
  if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().message);
}

void Server::bootstrap(const Json& dynamic) {
  node_->set_config(dynamic);
  check(loop_.run(node_->initdb(loop_.in(30s))), "initdb");
  start(true);
  check(loop_.run(node_->bootstrap_roles(loop_.in(20s))), "roles");
}

void Server::start(bool as_primary, const Upstream& upstream) {
  check(loop_.run(node_->start(job::Start{as_primary, upstream}, loop_.in(30s))), "start");
}

void Server::stop() {
  check(loop_.run(node_->stop(StopMode::fast, loop_.in(20s))), "stop");
}

PostgresFacts Server::observe() {
  return loop_.run(node_->observe(loop_.in(5s)));
}

PostgresFacts Server::observe_until(const std::function<bool(const PostgresFacts&)>& condition, const char* what) {
  const auto end = loop_.in(20s);
  for (;;) {
    auto facts = observe();
    if (condition(facts)) return facts;
    if (loop_.clock.now() > end) throw std::runtime_error(std::string("never seen: ") + what);
    loop_.run(loop_.clock.sleep_until(loop_.in(10ms)));
  }
}

std::string Server::sql(const std::string& text) {
  ConnectionOptions options{{"host", "127.0.0.1"},
                            {"port", config.postgres.port},
                            {"user", "postgres"},
                            {"password", "postgres-pw"},
                            {"dbname", "postgres"}};
  auto connection = loop_.run(Connection::open(options, loop_.clock, loop_.in(10s)));
  if (!connection) throw std::runtime_error(connection.error().message);
  const auto rows = loop_.run(connection->query(text, loop_.clock, loop_.in(20s)));
  if (!rows) throw std::runtime_error(text + ": " + rows.error().message);
  std::string out;
  for (const auto& row : *rows) {
    if (!out.empty()) out += '\n';
    for (std::size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : "|") + row[i].value_or("");
  }
  return out;
}

Upstream Server::upstream(const std::string& slot) const {
  return Upstream{config.name, config.postgres.connect_address, slot};
}

pid_t Server::postmaster() const {
  return std::atoi(contents(data("postmaster.pid")).c_str());
}

}  // namespace regent::test
