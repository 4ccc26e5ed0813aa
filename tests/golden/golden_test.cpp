// Runs every scenario below scenarios/ and compares the traces; REGENT_REWRITE_GOLDEN=1 rewrites them instead. Also
// keeps docs/rules.md equal to the table of rules, and fails when a rule has no scenario.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "core/rule.h"
#include "scenario.h"

namespace regent::golden {
namespace {

namespace fs = std::filesystem;

bool rewriting() {
  const char* flag = std::getenv("REGENT_REWRITE_GOLDEN");
  return flag != nullptr && std::string(flag) == "1";
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::vector<fs::path> scenario_files() {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(fs::path(REGENT_SOURCE_DIR) / "tests/golden/scenarios")) {
    if (entry.path().extension() == ".txt") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Comments and commands are kept; what stands between "----" and the next empty line is replaced by the trace. A line
// "new" forgets everything and starts another story in the same file.
std::string play(const std::string& text, std::set<int>& rules_hit) {
  std::istringstream in(text);
  std::string out;
  Scenario scenario;
  bool in_expected = false;
  const auto absorb = [&] { rules_hit.insert(scenario.rules_hit().begin(), scenario.rules_hit().end()); };
  for (std::string line; std::getline(in, line);) {
    if (in_expected) {
      in_expected = !line.empty();
      if (!in_expected) out += "\n";
      continue;
    }
    if (line == "----") {
      in_expected = true;
      continue;
    }
    out += line + "\n";
    if (line.empty() || line.front() == '#') continue;
    if (line == "new") {
      absorb();
      scenario = Scenario();
      continue;
    }
    const auto trace = scenario.run(line);
    if (!trace.empty()) out += "----\n" + trace;
  }
  absorb();
  return out;
}

std::string rules_document() {
  std::string out =
      "# The rules\n\n"
      "Generated from the table in `src/core/rules`; do not edit. One question, \"what is my part in this cluster "
      "now\", is\n"
      "answered by the first rule that matches. The number appears in the log, in REST and in the flight recorder.\n";
  for (const auto& section : rule_sections()) {
    out += fmt::format("\n## {:03} {}\n\n| rule | name | when | sentence | protects |\n|---|---|---|---|---|\n",
                       section.first, section.title);
    for (const auto& rule : section.rules) {
      out += fmt::format("| {:03} | {} | {} | {} | {} |\n", rule.number, rule.name, rule.when, rule.sentence,
                         rule.protects);
    }
  }
  return out;
}

TEST(Golden, ScenariosAreAsReviewed) {
  std::set<int> rules_hit;
  const auto files = scenario_files();
  ASSERT_FALSE(files.empty());
  for (const auto& file : files) {
    const auto expected = read_file(file);
    std::string actual;
    ASSERT_NO_THROW(actual = play(expected, rules_hit)) << file;
    if (rewriting()) {
      write_file(file, actual);
    } else {
      EXPECT_EQ(actual, expected) << file << ": run `./run golden` to rewrite it, then review the diff";
    }
  }
  // Nothing is left for it: a situation that comes to it lacks a rule.
  constexpr int no_rule = 890;
  EXPECT_FALSE(rules_hit.contains(no_rule));
  for (const auto& section : rule_sections()) {
    for (const auto& rule : section.rules) {
      if (rule.number == no_rule) continue;
      EXPECT_TRUE(rules_hit.contains(rule.number))
          << "no golden scenario hits rule " << rule.number << " " << rule.name;
    }
  }
}

TEST(Golden, RulesDocumentIsCurrent) {
  const auto path = fs::path(REGENT_SOURCE_DIR) / "docs/rules.md";
  if (rewriting()) write_file(path, rules_document());
  EXPECT_EQ(read_file(path), rules_document()) << "run `./run golden` to rewrite docs/rules.md";
}

TEST(RuleTable, NumbersAscendWithinTheirSection) {
  int last = 0;
  for (const auto& section : rule_sections()) {
    for (const auto& rule : section.rules) {
      EXPECT_GT(rule.number, last) << rule.name;
      EXPECT_GE(rule.number, section.first) << rule.name;
      EXPECT_LT(rule.number, section.first + 100) << rule.name;
      last = rule.number;
    }
  }
}

TEST(RuleTable, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const auto& section : rule_sections()) {
    for (const auto& rule : section.rules) EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
  }
}

}  // namespace
}  // namespace regent::golden
