#include "sim/coverage.h"

#include <fmt/format.h>

#include <algorithm>

namespace regent::sim {

namespace {

const Excuse* excuse_of(int rule) {
  const auto found =
      std::find_if(excuses().begin(), excuses().end(), [&](const Excuse& excuse) { return excuse.rule == rule; });
  return found == excuses().end() ? nullptr : &*found;
}

template <class Wanted>
std::vector<const Rule*> rules_that(Wanted wanted) {
  std::vector<const Rule*> found;
  for (const auto& section : rule_sections()) {
    for (const auto& rule : section.rules) {
      if (wanted(rule)) found.push_back(&rule);
    }
  }
  return found;
}

}  // namespace

const std::vector<Excuse>& excuses() {
  using Kind = Excuse::Kind;
  static const std::vector<Excuse> all = {
      {244, Kind::seldom, "the store has to fall silent in the very cycle after it refused a renewal"},
      {306, Kind::seldom, "the lock has to go in the very cycle in which a promotion is given up"},
      {417, Kind::never, "a bootstrap that failed is not remembered on its disk"},
      {418, Kind::never, "no watchdog is required, and none is missing"},
      {428, Kind::seldom, "the tag nofailover has to come to the very member that bootstraps, between two attempts"},
      {556, Kind::never, "nobody but the agent works in the data directory in single-user mode"},
      {557, Kind::never, "every disk that was a primary's has the mark of the agent that made it one"},
      {714, Kind::seldom, "a voter has to turn to another than the elected between the lock and the promotion"},
      {725, Kind::seldom, "the lock has to come to a node between its demotion and its start as a standby"},
      {841, Kind::seldom, "the twin of a promotion nobody followed has to stream before its histories are compared"},
      {890, Kind::never, "every situation has a rule"},
  };
  return all;
}

void Coverage::add(const std::map<int, std::uint64_t>& decisions) {
  for (const auto& [rule, times] : decisions) {
    ++reached_[rule].seeds;
    reached_[rule].decisions += times;
  }
}

std::vector<const Rule*> Coverage::missing() const {
  return rules_that(
      [&](const Rule& rule) { return reached_.count(rule.number) == 0 && excuse_of(rule.number) == nullptr; });
}

std::vector<const Rule*> Coverage::wrongly_excused() const {
  return rules_that([&](const Rule& rule) {
    const Excuse* excuse = excuse_of(rule.number);
    return reached_.count(rule.number) > 0 && excuse != nullptr && excuse->kind == Excuse::Kind::never;
  });
}

std::string Coverage::table() const {
  std::string text = "rule                                seeds  decisions\n";
  for (const auto& section : rule_sections()) {
    text += fmt::format("{:03} {}\n", section.first, section.title);
    for (const auto& rule : section.rules) {
      const auto found = reached_.find(rule.number);
      const Reached reached = found == reached_.end() ? Reached{} : found->second;
      text += fmt::format("  {:03} {:28} {:6} {:10}\n", rule.number, rule.name, reached.seeds, reached.decisions);
    }
  }
  return text;
}

std::string Coverage::unreached() const {
  std::string text;
  for (const Rule* rule : missing()) {
    text += fmt::format("never reached: {:03} {}: {}\n", rule->number, rule->name, rule->when);
  }
  for (const Excuse& excuse : excuses()) {
    if (reached_.count(excuse.rule) == 0) text += fmt::format("excused: {:03}: {}\n", excuse.rule, excuse.why);
  }
  return text;
}

std::string lines(const std::vector<const Rule*>& rules) {
  std::string text;
  for (const Rule* rule : rules) text += fmt::format("{:03} {}: {}\n", rule->number, rule->name, rule->when);
  return text;
}

}  // namespace regent::sim
