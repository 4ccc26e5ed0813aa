// I16: whoever decodes the permanent logical slot, wherever the leader is, misses no committed transaction.
#include <algorithm>
#include <optional>
#include <set>

#include "sim/checkers/all.h"
#include "sim/simulation.h"

namespace regent::sim {

namespace {

// A consumer that follows the leader. It confirms what it has read, sometimes later than it could; in some runs it is
// far behind all the time.
class DecodingConsumer final : public Checker {
 public:
  explicit DecodingConsumer(Simulation& sim)
      : Checker(sim), zeal_(sim.world().rng().pick(std::vector<double>{0.01, 0.03, 0.2})) {}

  void initialized(Node&) override {
    delivered_.clear();
    attached_to_ = -1;
    published_ = false;
  }
  // Only what was published is promised: a slot that nobody else ever heard of is a new one after a failover.
  void key_changed(const std::string& path, const StoreKey*, const StoreKey* after, int) override {
    if (path == "config" && after != nullptr && after->value.find("\"standby_cluster\"") != std::string::npos) {
      // A standby cluster has no logical slots; what is made after its promotion is new.
      delivered_.clear();
      attached_to_ = -1;
      published_ = false;
    }
    if (path == "status" && after == nullptr) {
      // Somebody deleted it: nobody remembers that there was a slot, and should it be lost, its successor is a new one.
      delivered_.clear();
      attached_to_ = -1;
      published_ = false;
    }
    if (path != "status" || after == nullptr) return;
    const auto status = parse_status(after->value);
    const bool there = status && status->slots.contains(slot_of_the_run);
    if (!there && removed_) add_again();
    published_ = published_ || (there && !sim_.follows_remote());
  }
  // A slot that did not survive is given up by a person, who has it made anew.
  void decided(Node& node, const Observation&, const Decision& d) override {
    if (sim_.leader_node() != &node || removed_) return;
    const bool lost = std::any_of(d.conditions.begin(), d.conditions.end(),
                                  [](const Condition& condition) { return condition.name == "SlotLost"; });
    if (!lost) lost_since_.reset();
    if (lost && !lost_since_) lost_since_ = sim_.world().now();
    if (!lost || sim_.world().now() - *lost_since_ < std::chrono::seconds(10)) return;
    configure(false);
    delivered_.clear();
    attached_to_ = -1;
    published_ = false;
    lost_since_.reset();
    removed_ = true;
  }
  void record_written(Node& node, RecordId) override {
    if (sim_.world().rng().chance(zeal_)) consume(node);
  }

 private:
  static constexpr const char* slot_of_the_run = "cdc";

  void add_again() {
    removed_ = false;
    // Whoever had not heard of the removal may have published the old one once more.
    published_ = false;
    configure(true);
  }
  void configure(bool wanted) {
    const StoreKey* key = sim_.store().find("config");
    if (key == nullptr) return;
    Json config = Json::parse(key->value);
    config.erase("slots");
    if (wanted) config["slots"] = sim_.params().bootstrap_dcs().at("slots");
    sim_.world().trace("operator: {} the slot", wanted ? "adds" : "removes");
    sim_.store().put("config", to_compact(config), std::nullopt, "", -1);
  }

  void consume(Node& node) {
    if (!published_ || removed_ || sim_.leader_node() != &node || !node.server.can_acknowledge()) return;
    const Disk& disk = node.server.disk();
    const auto found = disk.slots.find(slot_of_the_run);
    if (found == disk.slots.end() || found->second.physical) return;
    const Slot slot = found->second;
    const Wal& wal = sim_.postgres().wal;
    if (attached_to_ < 0) {
      birth_ = slot.position;
    } else if (attached_to_ != node.index) {
      sim_.note_slot_takeover();
    }
    attached_to_ = node.index;
    if (slot.catalog_xmin.value_or(0) < node.server.horizon()) {
      sim_.violated("I16", fmt::format("the slot on {} is offered although catalog rows it needs are vacuumed away",
                                       node.name.str()));
      return;
    }
    check_nothing_skipped(node, slot, wal);
    deliver(node, slot, wal);
  }

  void check_nothing_skipped(Node& node, const Slot& slot, const Wal& wal) {
    const auto& chain = node.server.disk().chain;
    for (auto it = chain.rbegin(); it != chain.rend() && wal.at(*it).end > birth_; ++it) {
      const Record& record = wal.at(*it);
      if (record.end > slot.position || !record.acknowledged || delivered_.contains(*it)) continue;
      sim_.violated("I16", fmt::format("the slot on {} is at {} and skips what was committed at {}", node.name.str(),
                                       to_string(slot.position), to_string(record.end)));
      return;
    }
  }

  void deliver(Node& node, const Slot& slot, const Wal& wal) {
    const auto& chain = node.server.disk().chain;
    Rng& rng = sim_.world().rng();
    Lsn read_to = slot.position;
    std::vector<RecordId> unread;
    for (auto it = chain.rbegin(); it != chain.rend() && wal.at(*it).end > slot.position; ++it) unread.push_back(*it);
    auto many = rng.range(1, 12);
    for (auto it = unread.rbegin(); it != unread.rend() && many > 0; ++it, --many) {
      delivered_.insert(*it);
      read_to = wal.at(*it).end;
    }
    if (rng.chance(0.7)) node.server.confirm(slot_of_the_run, read_to);
  }

  const double zeal_;
  std::set<RecordId> delivered_;
  Lsn birth_;
  int attached_to_ = -1;
  std::optional<Duration> lost_since_;
  bool removed_ = false;
  bool published_ = false;
};

}  // namespace

void add_slot_checkers(Simulation& sim, Checkers& checkers) {
  checkers.push_back(std::make_unique<DecodingConsumer>(sim));
}

}  // namespace regent::sim
