// Real etcd servers of a test: free loopback ports, a directory of their own, gone with the object.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/net/tls_options.h"
#include "base/json.h"

namespace regent::testing {

// A directory that is removed with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Runs a program to its end; fails the test when it does not succeed.
void run_program(const std::vector<std::string>& words);

std::uint16_t free_port();

// Certificates made by openssl: an authority, one certificate for servers on loopback, one for a client.
struct Certificates {
  explicit Certificates(const std::string& directory);
  std::string authority, server, server_key, client, client_key;
};

class EtcdCluster {
 public:
  // Returns when every member says that it is healthy.
  explicit EtcdCluster(std::size_t size, const Certificates* certificates = nullptr,
                       std::vector<std::string> options = {});
  ~EtcdCluster();
  EtcdCluster(const EtcdCluster&) = delete;
  EtcdCluster& operator=(const EtcdCluster&) = delete;

  std::string address(std::size_t member) const;  // host:port
  std::uint16_t port(std::size_t member) const { return members_[member].client_port; }
  // The `hosts` of a configuration: all members, beginning with `first`.
  std::string hosts(std::size_t first = 0) const;

  void freeze(std::size_t member);
  void thaw(std::size_t member);
  void kill(std::size_t member);
  // Ends a member and starts it again on its data. Returns when all are healthy.
  void restart(std::size_t member);
  // What the first member has, in a file that goes with the object.
  std::string save();
  // Ends all members and builds the cluster anew from such a file, under the same names and addresses: etcd gives it
  // the same id. Returns when all are healthy.
  void restore(const std::string& backup);

  // A request past the adapter, to `path` below /v3 of the first member; the answer of HTTP status 200.
  Json post(const std::string& path, const Json& request, const std::string& token = {}) const;

 private:
  struct Member {
    pid_t pid = -1;
    std::uint16_t client_port = 0;
    std::uint16_t peer_port = 0;
  };

  std::string initial_cluster() const;
  std::string peer_url(std::size_t member) const;
  void start(std::size_t member);
  bool healthy(std::size_t member) const;
  bool wait_until_healthy();

  TemporaryDirectory directory_;
  const Certificates* certificates_;
  std::vector<std::string> options_;
  std::vector<Member> members_;
  int backups_ = 0;
};

}  // namespace regent::testing
