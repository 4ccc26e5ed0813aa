// The table of keys: that it is whole, that each row is read, and docs/settings.md, which is printed from it.
#include "model/config_table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "model/config_keys.h"
#include "model/environment.h"
#include "model/local_config.h"
#include "model/settings.h"

namespace regent {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool is_idle(const ConfigRow& row) {
  if (!row.idle.empty()) return true;
  return std::any_of(config_rows().begin(), config_rows().end(),
                     [&](const ConfigRow& parent) { return parent.path == row.parent() && !parent.idle.empty(); });
}

// These are read whole, whatever is in them.
bool is_read_whole(std::string_view section) {
  constexpr std::string_view whole[] = {"postgresql.bin_name", "postgresql.callbacks", "postgresql.authentication.*"};
  return std::find(std::begin(whole), std::end(whole), section) != std::end(whole);
}

TEST(ConfigTable, EachKeyHasOneRowBelowASection) {
  std::set<std::string_view> paths;
  for (const ConfigRow& row : config_rows()) {
    EXPECT_TRUE(paths.insert(row.path).second) << row.path << " stands there twice";
    EXPECT_FALSE(row.help.empty()) << row.path;
    auto parent = std::string(row.parent());
    if (parent.ends_with(".*")) parent.resize(parent.size() - 2);
    EXPECT_TRUE(parent.empty() || paths.contains(parent)) << row.path << " comes before its section, or it has none";
  }
}

TEST(ConfigTable, EachVariableIsOneKey) {
  std::set<std::string_view> names;
  for (const ConfigRow& row : config_rows()) {
    for_each_word(row.environment, [&](std::string_view name) {
      EXPECT_TRUE(names.insert(name).second) << name;
      if (name.find('*') != std::string_view::npos) return;
      const auto layer = read_environment({{fmt::format("PATRONI_{}", name), "{a: 1}"}});
      EXPECT_TRUE(layer.warnings.empty()) << name;
      EXPECT_FALSE(layer.document.empty()) << name;
    });
  }
}

// A row that no reader names does nothing, and nobody would notice.
TEST(ConfigTable, EachRowIsReadOrSaysWhyNot) {
  std::string sources;
  for (const auto& entry : fs::recursive_directory_iterator(REGENT_SOURCE_DIR "/src")) {
    if (entry.path().extension() == ".cpp") sources += text_of(entry.path());
  }
  for (const ConfigRow& row : config_rows()) {
    if (is_idle(row) || row.is_section() || is_read_whole(row.parent())) continue;
    EXPECT_NE(sources.find(fmt::format("\"{}\"", row.path)), std::string::npos) << "nobody reads " << row.path;
  }
}

// What is written instead of nothing is what would have held.
TEST(ConfigTable, StandardValuesAreWithinTheirBounds) {
  for (const ConfigRow& row : config_rows()) {
    if (row.kind == ConfigKind::flag) {
      EXPECT_EQ(row.standard, row.number != 0 ? "true" : "false") << row.path;
    } else if (row.kind == ConfigKind::integer || row.kind == ConfigKind::number || row.kind == ConfigKind::seconds) {
      if (row.standard.empty()) continue;
      EXPECT_EQ(row.standard, fmt::format("{}", row.number)) << row.path;
      EXPECT_TRUE(row.allows(row.number)) << row.path;
    } else if (!row.words.empty() && !row.standard.empty()) {
      EXPECT_NE(fmt::format(" {} ", row.words).find(fmt::format(" {} ", row.standard)), std::string::npos) << row.path;
    }
  }
}

TEST(ConfigTable, StandardSettingsAreThoseOfAnEmptyConfiguration) {
  EXPECT_TRUE(Settings().problems.empty());
  EXPECT_EQ(Settings().ttl, from_seconds(ConfigName("ttl")->number));
  EXPECT_EQ(Settings().maximum_lag_on_syncnode, -1);
  EXPECT_TRUE(Settings().use_slots);
}

// Every value that the table allows and refuses, through the reader.
TEST(ConfigTable, BoundsOfTheDynamicConfigurationAreKept) {
  for (const ConfigRow& row : config_rows()) {
    if (!row.in_dynamic() || row.parent() != "" || row.kind != ConfigKind::seconds) continue;
    Json config{{std::string(row.path), "no time"}};
    EXPECT_EQ(parse_settings(config).problems.size(), 1U) << row.path;
    config[std::string(row.path)] = row.least - 1;
    EXPECT_FALSE(parse_settings(config).problems.empty()) << row.path;
    config[std::string(row.path)] = row.number;
    EXPECT_TRUE(parse_settings(config).problems.empty()) << row.path;
  }
}

std::string_view kind_word(ConfigKind kind) {
  constexpr std::string_view words[] = {"text", "truth word", "number",   "number", "seconds",
                                        "list", "mapping",    "see help", "",       ""};
  return words[static_cast<std::size_t>(kind)];
}

std::string values_of(const ConfigRow& row) {
  if (!row.words.empty()) {
    std::string out;
    for_each_word(row.words, [&](std::string_view word) { out += fmt::format("{}{}", out.empty() ? "" : ", ", word); });
    return out;
  }
  auto out = std::string(kind_word(row.kind)) + row.bounds();
  if (row.least_alone != row.least) out += fmt::format(" ({} where all members are of Regent)", row.least_alone);
  return out;
}

std::string variables_of(const ConfigRow& row) {
  std::string out;
  for_each_word(row.environment, [&](std::string_view name) {
    auto full = fmt::format("`PATRONI_{}`", name);
    if (const auto star = full.find('*'); star != std::string::npos) full.replace(star, 1, "…");
    out = out.empty() ? full : fmt::format("{}, {}", full, out);
  });
  return out;
}

std::string help_of(const ConfigRow& row) {
  auto out = std::string(row.help);
  if (!row.formerly.empty()) {
    for_each_word(row.formerly, [&](std::string_view older) { out += fmt::format("; also `{}`", older); });
  }
  if (row.ours) out += " *(Regent's)*";
  if (!row.idle.empty()) out += fmt::format(" — **no effect: {}**", row.idle);
  return out;
}

std::string document() {
  std::ostringstream out;
  out << "# Settings\n\n"
         "Printed from the table of keys (src/model/config_table.h); `./run golden` rewrites it.\n\n"
         "*Where*: in the file of each node (file), in the store's `/config`, which `edit-config` changes and "
         "`bootstrap.dcs`\nfills for a new cluster (dynamic), or in either, where the file wins on its node (both). "
         "The environment wins over the\nfile. Truth words are true, on, yes, 1 and false, off, no, 0 in any case; "
         "seconds may have a unit (ms, s, min, h, d).\n";
  constexpr std::string_view places[] = {"file", "dynamic", "both"};
  constexpr std::string_view head =
      "\n| key | where | values | default | environment | what |\n|---|---|---|---|---|---|\n";
  std::string_view top = "-";
  for (const ConfigRow& row : config_rows()) {
    const auto first = row.path.substr(0, row.path.find('.'));
    const bool own_section = row.is_section() || row.path.find('.') != std::string_view::npos;
    const auto section = own_section     ? first
                         : row.in_file() ? std::string_view("the node")
                                         : std::string_view("dynamic");
    if (section != top) out << "\n## " << (own_section ? fmt::format("`{}`", section) : std::string(section)) << "\n";
    if (section != top) out << head;
    top = section;
    const auto standard =
        !row.standard.empty() && !row.is_section() ? fmt::format("`{}`", row.standard) : std::string(row.otherwise);
    out << "| `" << row.path << "` | " << places[static_cast<std::size_t>(row.place)] << " | " << values_of(row)
        << " | " << standard << " | " << variables_of(row) << " | " << help_of(row) << " |\n";
  }
  return out.str();
}

TEST(ConfigTable, DocumentIsCurrent) {
  const std::string path = REGENT_SOURCE_DIR "/docs/settings.md";
  if (std::getenv("REGENT_REWRITE_GOLDEN") != nullptr) std::ofstream(path) << document();
  EXPECT_EQ(text_of(path), document()) << "run `./run golden` to rewrite docs/settings.md";
}

}  // namespace
}  // namespace regent
