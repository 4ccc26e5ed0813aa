// regent-sim: runs seeds, or replays one with its whole story.
#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "core/decide.h"
#include "core/record.h"
#include "sim/coverage.h"
#include "sim/simulation.h"

namespace {

using regent::sim::Outcome;
using regent::sim::Sabotage;

struct Options {
  std::uint64_t seeds = 0;
  std::uint64_t from = 1;
  std::optional<std::uint64_t> seed;
  std::optional<regent::Duration> time;  // instead of a number of seeds
  std::string records;                   // a file of them
  unsigned jobs = 2;
  const Sabotage* sabotage = nullptr;
  std::vector<regent::sim::FaultKind> often;
  bool until_caught = false;
  bool coverage = false;
  bool uncovered_is_failure = false;
  std::size_t show = 20;
};

struct Tally {
  std::mutex mutex;
  std::uint64_t seeds = 0;
  std::uint64_t decisions = 0, events = 0, commits = 0, faults = 0, promotions = 0;
  double virtual_seconds = 0;
  regent::sim::Coverage coverage;
  std::map<std::string, std::uint64_t> by_invariant;
  std::vector<std::string> failures;
};

void count(Tally& tally, std::uint64_t seed, const Outcome& outcome) {
  const std::lock_guard lock(tally.mutex);
  ++tally.seeds;
  tally.decisions += outcome.decisions;
  tally.events += outcome.events;
  tally.commits += outcome.commits;
  tally.faults += static_cast<std::uint64_t>(outcome.faults);
  tally.promotions += static_cast<std::uint64_t>(outcome.promotions);
  tally.virtual_seconds += regent::to_seconds(outcome.virtual_time);
  tally.coverage.add(outcome.rules);
  if (outcome.violations.empty()) return;
  const auto& violation = outcome.violations.front();
  ++tally.by_invariant[violation.invariant];
  tally.failures.push_back(fmt::format("seed {}: {} at {:.3f} s: {}", seed, violation.invariant,
                                       regent::to_seconds(violation.at), violation.text));
}

Outcome run_seed(std::uint64_t seed, const Options& options, bool tracing) {
  regent::sim::Params params = regent::sim::draw_params(seed);
  for (const auto kind : options.often) params.faults.insert(params.faults.end(), 10, kind);
  regent::sim::Simulation simulation(std::move(params), options.sabotage, tracing);
  return simulation.run();
}

int print_summary(const Options& options, const Tally& tally) {
  std::size_t shown = 0;
  for (const auto& line : tally.failures) {
    if (++shown > options.show) {
      fmt::print("... and {} more\n", tally.failures.size() - options.show);
      break;
    }
    fmt::print("{}\n", line);
  }
  if (options.coverage) fmt::print("{}", tally.coverage.table());
  if (options.coverage || options.uncovered_is_failure) fmt::print("{}", tally.coverage.unreached());
  const auto missing = tally.coverage.missing();
  const auto excused = tally.coverage.wrongly_excused();
  if (!excused.empty()) fmt::print("excused, and reached:\n{}", regent::sim::lines(excused));
  if (!missing.empty()) fmt::print("{} rules never reached, see --coverage\n", missing.size());
  fmt::print("{} decisions, {} events, {} acknowledged commits, {} faults, {} promotions in {:.0f} virtual hours\n",
             tally.decisions, tally.events, tally.commits, tally.faults, tally.promotions,
             tally.virtual_seconds / 3600);
  for (const auto& [invariant, times] : tally.by_invariant) fmt::print("violated: {} {} times\n", invariant, times);
  fmt::print("{} seeds, {} violations\n", tally.seeds, tally.failures.size());
  if (options.uncovered_is_failure && !(missing.empty() && excused.empty())) return 1;
  return tally.failures.empty() ? 0 : 1;
}

int run_many(const Options& options) {
  Tally tally;
  std::atomic<std::uint64_t> next = options.from;
  std::atomic<bool> enough = false;
  const std::uint64_t end = options.time ? ~std::uint64_t{0} : options.from + options.seeds;
  const auto over = std::chrono::steady_clock::now() + options.time.value_or(regent::Duration{});
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed < end && !enough; seed = next++) {
      const Outcome outcome = run_seed(seed, options, false);
      count(tally, seed, outcome);
      if (options.until_caught && !outcome.violations.empty()) enough = true;
      if (options.time && std::chrono::steady_clock::now() >= over) enough = true;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.jobs; ++i) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  std::sort(tally.failures.begin(), tally.failures.end());
  return print_summary(options, tally);
}

int replay(const Options& options) {
  const Outcome outcome = run_seed(*options.seed, options, true);
  for (const auto& violation : outcome.violations) {
    fmt::print("seed {}: {} at {:.3f} s: {}\n", *options.seed, violation.invariant, regent::to_seconds(violation.at),
               violation.text);
  }
  if (outcome.violations.empty()) fmt::print("seed {}: nothing violated\n", *options.seed);
  return outcome.violations.empty() ? 0 : 1;
}

// Decisions of an agent, made again: its trace, and whether this program decides as that one did.
int replay_records(const std::string& path) {
  std::ifstream in(path);
  if (!in) {
    fmt::print(stderr, "regent-sim: {} cannot be read\n", path);
    return 2;
  }
  std::size_t number = 0, different = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto record = regent::parse_record(line);
    if (!record) {
      fmt::print(stderr, "regent-sim: {}:{}: {}\n", path, number, record.error().message);
      return 2;
    }
    const auto decision = regent::decide(record->observation, record->memory);
    fmt::print("{}\n", regent::to_rest_time(record->observation.wall));
    fmt::print("{}----\n{}\n", regent::to_text(record->memory), regent::to_text(decision));
    if (decision.rule == record->rule) continue;
    ++different;
    fmt::print("decided differently: it was rule {:03}\n\n", record->rule);
  }
  fmt::print("{} decisions, {} different\n", number, different);
  return different == 0 ? 0 : 1;
}

void usage() {
  fmt::print(
      "usage: regent-sim --seeds N [--from S] [--jobs J]   runs N seeds, prints what was violated\n"
      "       regent-sim --hours H [--from S]              the same for so long, 0.5 is half an hour\n"
      "       regent-sim --seed S                          replays one seed, one line per event\n"
      "       regent-sim --replay FILE                     decides again what an agent wrote down on SIGUSR1\n"
      "  --sabotage NAME    with a deliberate defect; --until-caught ends at the first violation\n"
      "  --list-sabotages   their names\n"
      "  --often FAULT      ten times as often as it was drawn\n"
      "  --coverage         for every rule, in how many seeds it decided; and which were never reached\n"
      "  --full-coverage    a rule that is never reached, and not known to be out of reach, is a failure\n"
      "  --show N           at most so many violations in full (20)\n");
}

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    fmt::print(stderr, "regent-sim: '{}' is not a number\n", text);
    std::exit(2);
  }
  return value;
}

int list_sabotages() {
  for (const Sabotage* sabotage : regent::sim::sabotages()) {
    fmt::print("{:32} {:8} {}\n", sabotage->name(), sabotage->invariant(), sabotage->what());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 >= arguments.size()) {
        fmt::print(stderr, "regent-sim: {} needs a value\n", argument);
        std::exit(2);
      }
      return arguments[++i];
    };
    if (argument == "--seeds") {
      options.seeds = number(value());
    } else if (argument == "--hours") {
      options.time = regent::from_seconds(3600 * std::strtod(value().c_str(), nullptr));
    } else if (argument == "--from") {
      options.from = number(value());
    } else if (argument == "--seed") {
      options.seed = number(value());
    } else if (argument == "--replay") {
      options.records = value();
    } else if (argument == "--jobs") {
      options.jobs = static_cast<unsigned>(number(value()));
    } else if (argument == "--show") {
      options.show = number(value());
    } else if (argument == "--until-caught") {
      options.until_caught = true;
    } else if (argument == "--coverage") {
      options.coverage = true;
    } else if (argument == "--full-coverage") {
      options.uncovered_is_failure = true;
    } else if (argument == "--sabotage") {
      options.sabotage = regent::sim::find_sabotage(value());
      if (options.sabotage == nullptr) {
        fmt::print(stderr, "regent-sim: there is no sabotage '{}', see --list-sabotages\n", arguments[i]);
        return 2;
      }
    } else if (argument == "--often") {
      const auto kind = regent::sim::find_fault(value());
      if (!kind) {
        fmt::print(stderr, "regent-sim: there is no fault '{}', see a run's line \"faults:\"\n", arguments[i]);
        return 2;
      }
      options.often.push_back(*kind);
    } else if (argument == "--list-sabotages") {
      return list_sabotages();
    } else {
      usage();
      return argument == "--help" || argument == "-h" ? 0 : 2;
    }
  }
  regent::log::set_level(regent::log::Level::none);
  if (!options.records.empty()) return replay_records(options.records);
  if (options.seed) return replay(options);
  if (options.seeds == 0 && !options.time) {
    usage();
    return 2;
  }
  return run_many(options);
}
