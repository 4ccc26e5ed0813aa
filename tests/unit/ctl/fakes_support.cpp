#include "ctl/ctl_support.h"

namespace regent::ctl::testing {
namespace {

class FakeStore : public Store {
 public:
  explicit FakeStore(FakeKeys& keys) : keys_(keys) {}

  Result<ClusterView> read() override {
    if (!keys_.broken.empty()) return fail(ErrorKind::unreachable, keys_.broken);
    std::vector<RawKey> raw;
    for (const auto& [path, key] : keys_.keys) raw.push_back(key);
    return parse_cluster_view(raw, static_cast<std::uint64_t>(keys_.revision), 1);
  }
  Result<Version> write(action::WriteKey write) override {
    const std::string path(to_string(write.key));
    const auto found = keys_.keys.find(path);
    const Version now = found == keys_.keys.end() ? Version{} : found->second.version;
    if (now != write.expect) return fail(ErrorKind::conflict, "the key has changed");
    keys_.put(path, write.value);
    return keys_.keys[path].version;
  }
  Result<void> erase(action::DeleteKey erase) override {
    keys_.drop(std::string(to_string(erase.key)));
    return {};
  }
  Result<void> remove_cluster() override {
    keys_.keys.clear();
    keys_.removed = true;
    return {};
  }

 private:
  FakeKeys& keys_;
};

class FakeSession : public Session {
 public:
  explicit FakeSession(World& world) : world_(world) {}
  Result<QueryRows> run(const std::string& sql) override {
    world_.queries.push_back(sql);
    if (world_.rows.empty()) return QueryRows{};
    auto rows = world_.rows.front();
    world_.rows.pop_front();
    return rows;
  }

 private:
  World& world_;
};

std::string member_value(int number, const std::string& role) {
  const std::string replica = R"("replay_lsn":50331648,"receive_lsn":50331648,"replication_state":"streaming",)";
  return R"({"conn_url":"postgres://127.0.0.1:543)" + std::to_string(number) +
         R"(/postgres","api_url":"http://127.0.0.1:800)" + std::to_string(number) +
         R"(/patroni","state":"running","role":")" + role +
         R"(","version":"4.1.4","tags":{"zone":"a"},"xlog_location":50331648,)" + (role == "replica" ? replica : "") +
         R"("timeline":1})";
}

}  // namespace

const char* const demo_table =
    "+ Cluster: demo (7001) ---+---------+-----------+----+-------------+-----+------------+-----+---------+\n"
    "| Member | Host           | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag | Tags    |\n"
    "+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+---------+\n"
    "| n1     | 127.0.0.1:5431 | Leader  | running   |  1 |             |     |            |     | zone: a |\n"
    "| n2     | 127.0.0.1:5432 | Replica | streaming |  1 |   0/3000000 |   0 |  0/3000000 |   0 | zone: a |\n"
    "| n3     | 127.0.0.1:5433 | Replica | streaming |  1 |   0/3000000 |   0 |  0/3000000 |   0 | zone: a |\n"
    "+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+---------+\n";

void FakeKeys::put(const std::string& path, const std::string& value, const std::string& session) {
  keys[path] = RawKey{path, value, Version{++revision}, session};
}

std::string FakeKeys::value(const std::string& path) const {
  const auto found = keys.find(path);
  return found == keys.end() ? "<absent>" : found->second.value;
}

World::World() {
  config.scope = "demo";
  config.store = {"etcd3", Json{{"host", "127.0.0.1:2379"}}};
  auto& keys = demo();
  keys.put("initialize", "7001");
  keys.put("leader", "n1", "1");
  keys.put("members/n1", member_value(1, "primary"), "1");
  keys.put("members/n2", member_value(2, "replica"), "2");
  keys.put("members/n3", member_value(3, "replica"), "3");
  keys.put("config",
           R"({"ttl":20,"loop_wait":2,"retry_timeout":5,"postgresql":{"parameters":{"max_connections":100}}})");
  keys.put("status", R"({"optime":50331648})");
}

int World::run(std::vector<std::string> words) {
  stdout_text.clear();
  stderr_text.clear();
  sent.clear();
  Context context{*this, *this, *this, *this, program, "0.1.0", {}};
  Launch launch;
  launch.words = std::move(words);
  launch.environment = environment;
  launch.load = [this](const std::string&, const std::map<std::string, std::string>&) -> Result<LocalConfig> {
    if (!config_error.empty()) return fail(ErrorKind::invalid, config_error);
    return config;
  };
  launch.readable = [](const std::string& path) { return path != "/nonexistent.yml"; };
  launch.configured = [this](const LocalConfig& used) { seen_config = used; };
  return ctl::run(context, launch);
}

Result<std::unique_ptr<Store>> World::open(const LocalConfig& used) {
  return std::make_unique<FakeStore>(clusters[used.scope]);
}

Result<HttpAnswer> World::request(std::string method, std::string url, std::optional<std::string> body, Duration) {
  sent.push_back({std::move(method), std::move(url), body.value_or("")});
  if (answers.empty()) return fail(ErrorKind::unreachable, "connection refused");
  auto next = answers.front();
  answers.pop_front();
  return next;
}

Result<std::unique_ptr<Session>> World::connect(const QueryTarget& target) {
  targets.push_back(target);
  return std::make_unique<FakeSession>(*this);
}

std::optional<std::string> World::read_line(bool) {
  if (input.empty()) return std::nullopt;
  auto line = input.front();
  input.pop_front();
  return line;
}

Result<std::string> World::read_file(const std::string& path) {
  const auto found = files.find(path);
  if (found == files.end()) return fail(ErrorKind::not_found, "'" + path + "': No such file or directory");
  return found->second;
}

Result<std::string> World::edit(const std::string& text, const std::string&) {
  if (!edited) return edited;
  return text + *edited;
}

void World::sleep(Duration) {
  ++sleeps;
  if (on_sleep) on_sleep();
}

WallTime World::now() {
  return *parse_iso_time("2024-08-28T19:39:26.352526Z");
}

std::chrono::minutes World::zone_offset(WallTime) {
  return std::chrono::minutes(zone_minutes);
}

}  // namespace regent::ctl::testing
