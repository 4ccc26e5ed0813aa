#include "etcd_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "adapters/net/http_client.h"
#include "net/run_task.h"

namespace regent::testing {

namespace {

// Its output goes to `log`; it dies with the test.
pid_t spawn(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(fd, 1);
  dup2(fd, 2);
  execvp(argv[0], argv.data());
  _exit(127);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  path_ = (std::filesystem::temp_directory_path() / "regent-conformance.XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void run_program(const std::vector<std::string>& words) {
  TemporaryDirectory directory;
  const std::string log = directory.path() + "/log";
  const pid_t pid = spawn(words, log);
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0) throw std::runtime_error(words.front() + ": " + read_file(log));
}

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::runtime_error("no free port");
  }
  close(fd);
  return ntohs(address.sin_port);
}

Certificates::Certificates(const std::string& directory) {
  const auto file = [&directory](const char* name) { return directory + "/" + name; };
  const std::string authority_key = file("ca.key");
  authority = file("ca.crt");
  run_program({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test-ca",
               "-keyout", authority_key, "-out", authority});
  const auto issue = [&](const std::string& name, const std::string& extension, std::string& certificate,
                         std::string& key) {
    certificate = directory + "/" + name + ".crt";
    key = directory + "/" + name + ".key";
    const std::string request = directory + "/" + name + ".csr";
    const std::string extensions = directory + "/" + name + ".ext";
    std::ofstream(extensions) << extension << "\n";
    run_program(
        {"openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", key, "-out", request});
    run_program({"openssl", "x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key,
                 "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", certificate});
  };
  issue("server", "subjectAltName=IP:127.0.0.1,DNS:localhost", server, server_key);
  issue("client", "extendedKeyUsage=clientAuth", client, client_key);
}

EtcdCluster::EtcdCluster(std::size_t size, const Certificates* certificates, std::vector<std::string> options)
    : certificates_(certificates), options_(std::move(options)), members_(size) {
  // A port that was free may be taken when etcd binds it: then everything is tried again with others.
  for (int round = 0; round < 3; ++round) {
    std::filesystem::remove_all(directory_.path() + "/data");
    for (Member& member : members_) member = Member{-1, free_port(), free_port()};
    for (std::size_t i = 0; i < size; ++i) start(i);
    if (wait_until_healthy()) return;
    for (std::size_t i = 0; i < size; ++i) kill(i);
  }
  throw std::runtime_error("etcd does not start: " + read_file(directory_.path() + "/0.log"));
}

EtcdCluster::~EtcdCluster() {
  for (std::size_t i = 0; i < members_.size(); ++i) kill(i);
}

std::string EtcdCluster::peer_url(std::size_t member) const {
  return fmt::format("http://127.0.0.1:{}", members_[member].peer_port);
}

std::string EtcdCluster::initial_cluster() const {
  std::string cluster;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    cluster += fmt::format("{}m{}={}", i == 0 ? "" : ",", i, peer_url(i));
  }
  return cluster;
}

void EtcdCluster::start(std::size_t member) {
  const char* scheme = certificates_ != nullptr ? "https" : "http";
  const std::string client = fmt::format("{}://127.0.0.1:{}", scheme, members_[member].client_port);
  const std::string peer = peer_url(member);
  std::vector<std::string> words = {"etcd",
                                    "--name",
                                    fmt::format("m{}", member),
                                    "--data-dir",
                                    fmt::format("{}/data/m{}", directory_.path(), member),
                                    "--listen-client-urls",
                                    client,
                                    "--advertise-client-urls",
                                    client,
                                    "--listen-peer-urls",
                                    peer,
                                    "--initial-advertise-peer-urls",
                                    peer,
                                    "--initial-cluster",
                                    initial_cluster(),
                                    "--initial-cluster-state",
                                    "new"};
  if (certificates_ != nullptr) {
    for (const auto& word :
         {std::string("--cert-file"), certificates_->server, std::string("--key-file"), certificates_->server_key,
          std::string("--client-cert-auth"), std::string("--trusted-ca-file"), certificates_->authority}) {
      words.push_back(word);
    }
  }
  words.insert(words.end(), options_.begin(), options_.end());
  std::filesystem::create_directories(directory_.path() + "/data");
  members_[member].pid = spawn(words, fmt::format("{}/{}.log", directory_.path(), member));
}

void EtcdCluster::restart(std::size_t member) {
  kill(member);
  start(member);
  if (!wait_until_healthy()) throw std::runtime_error("etcd does not start again");
}

std::string EtcdCluster::save() {
  const std::string file = fmt::format("{}/backup{}", directory_.path(), ++backups_);
  run_program({"env", "ETCDCTL_API=3", "etcdctl", "--endpoints", "http://" + address(0), "snapshot", "save", file});
  return file;
}

void EtcdCluster::restore(const std::string& backup) {
  for (std::size_t i = 0; i < members_.size(); ++i) kill(i);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::string data = fmt::format("{}/data/m{}", directory_.path(), i);
    std::filesystem::remove_all(data);
    run_program({"env", "ETCDCTL_API=3", "etcdctl", "snapshot", "restore", backup, "--name", fmt::format("m{}", i),
                 "--data-dir", data, "--initial-cluster", initial_cluster(), "--initial-advertise-peer-urls",
                 peer_url(i)});
  }
  for (std::size_t i = 0; i < members_.size(); ++i) start(i);
  if (!wait_until_healthy()) throw std::runtime_error("etcd does not start from its backup");
}

std::string EtcdCluster::address(std::size_t member) const {
  return fmt::format("127.0.0.1:{}", members_[member].client_port);
}

std::string EtcdCluster::hosts(std::size_t first) const {
  std::string hosts;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    hosts += (i == 0 ? "" : ",") + address((first + i) % members_.size());
  }
  return hosts;
}

void EtcdCluster::freeze(std::size_t member) {
  ::kill(members_[member].pid, SIGSTOP);
}
void EtcdCluster::thaw(std::size_t member) {
  ::kill(members_[member].pid, SIGCONT);
}

void EtcdCluster::kill(std::size_t member) {
  pid_t& pid = members_[member].pid;
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  pid = -1;
}

namespace {

Result<HttpResponse> ask(const Certificates* certificates, std::uint16_t port, HttpRequest request) {
  boost::asio::io_context io;
  SystemClock clock;
  TlsOptions tls;
  if (certificates != nullptr) {
    tls = TlsOptions{certificates->authority, certificates->client, certificates->client_key, "", true};
  }
  HttpClient client(io.get_executor(), clock, tls);
  const Endpoint endpoint{certificates != nullptr, "127.0.0.1", port};
  return run(io, client.request(endpoint, std::move(request), clock.now() + std::chrono::seconds(5)));
}

}  // namespace

bool EtcdCluster::healthy(std::size_t member) const {
  HttpRequest request;
  request.target = "/health";
  const auto answer = ask(certificates_, members_[member].client_port, request);
  return answer && answer->status == 200 && answer->body.find("true") != std::string::npos;
}

bool EtcdCluster::wait_until_healthy() {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (std::size_t i = 0; i < members_.size();) {
    if (healthy(i)) {
      ++i;
      continue;
    }
    if (std::chrono::steady_clock::now() > until) return false;
    if (waitpid(members_[i].pid, nullptr, WNOHANG) != 0) {
      members_[i].pid = -1;
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

Json EtcdCluster::post(const std::string& path, const Json& request, const std::string& token) const {
  HttpRequest post;
  post.method = "POST";
  post.target = "/v3" + path;
  post.body = request.dump();
  if (!token.empty()) post.headers.emplace_back("Authorization", token);
  const auto answer = ask(certificates_, members_[0].client_port, post);
  if (!answer || answer->status != 200) {
    throw std::runtime_error(path + ": " + (answer ? answer->body : answer.error().message));
  }
  return Json::parse(answer->body);
}

}  // namespace regent::testing
