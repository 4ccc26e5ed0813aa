// What is known of one key of the configuration. The rows themselves are in model/config_table.h.
// Pure. Threading: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace regent {

enum class ConfigKind {
  text,
  flag,     // any of the truth words
  integer,  // whole
  number,
  seconds,  // a number, or one with a unit: "30min"
  list,     // of texts, or one text with commas
  mapping,  // its keys are the user's
  any,      // its reader knows more than one shape
  section,  // its keys have rows of their own
  open,     // likewise, and the user may add keys
};

enum class ConfigPlace {
  file,     // this node's file and environment
  dynamic,  // the store's `config` key, and bootstrap.dcs for a new cluster
  both,     // either; the file wins on its node
};

struct ConfigRow {
  std::string_view path;  // "restapi.listen"; a part `*` stands for any name
  ConfigKind kind;
  std::string_view help;
  ConfigPlace place = ConfigPlace::file;
  std::string_view environment = {};  // without PATRONI_, `*` as in the path; several with blanks, the last one wins
  std::string_view formerly = {};   // older names of the last part, with blanks; read where the present one is missing
  std::string_view standard = {};   // the value where nothing is written
  std::string_view otherwise = {};  // where it depends: what then holds, in words
  double number = 0;                // the standard value of numbers, seconds and flags; of an address: its port
  double least = std::numeric_limits<double>::lowest();
  double most = std::numeric_limits<double>::max();
  double least_alone = std::numeric_limits<double>::lowest();  // of a time, where no member is one of Patroni's
  std::string_view words = {};                                 // with blanks: nothing else makes sense
  std::string_view idle = {};                                  // why it has no effect; empty: it has one
  bool ours = false;                                           // no Patroni knows it

  constexpr ConfigRow dynamic() const {
    return with([](ConfigRow& row) { row.place = ConfigPlace::dynamic; });
  }
  constexpr ConfigRow both() const {
    return with([](ConfigRow& row) { row.place = ConfigPlace::both; });
  }
  constexpr ConfigRow env(std::string_view names) const {
    return with([names](ConfigRow& row) { row.environment = names; });
  }
  constexpr ConfigRow was(std::string_view names) const {
    return with([names](ConfigRow& row) { row.formerly = names; });
  }
  constexpr ConfigRow or_else(std::string_view text) const {
    return with([text](ConfigRow& row) { row.standard = text; });
  }
  constexpr ConfigRow or_else(std::string_view text, double number) const {
    return with([=](ConfigRow& row) {
      row.standard = text;
      row.number = number;
    });
  }
  // Of an address.
  constexpr ConfigRow or_port(double port) const {
    return with([port](ConfigRow& row) { row.number = port; });
  }
  constexpr ConfigRow or_what(std::string_view words) const {
    return with([words](ConfigRow& row) { row.otherwise = words; });
  }
  constexpr ConfigRow from(double least) const {
    return with([least](ConfigRow& row) { row.least = row.least_alone = least; });
  }
  constexpr ConfigRow alone(double least) const {
    return with([least](ConfigRow& row) { row.least_alone = least; });
  }
  constexpr ConfigRow to(double most) const {
    return with([most](ConfigRow& row) { row.most = most; });
  }
  constexpr ConfigRow among(std::string_view words) const {
    return with([words](ConfigRow& row) { row.words = words; });
  }
  constexpr ConfigRow idle_because(std::string_view why) const {
    return with([why](ConfigRow& row) { row.idle = why; });
  }
  constexpr ConfigRow regent() const {
    return with([](ConfigRow& row) { row.ours = true; });
  }

  // "listen" of "restapi.listen".
  constexpr std::string_view name() const { return path.substr(path.rfind('.') + 1); }
  // "restapi" of "restapi.listen"; empty at the top.
  constexpr std::string_view parent() const {
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
  }
  constexpr bool in_file() const { return place != ConfigPlace::dynamic; }
  constexpr bool in_dynamic() const { return place != ConfigPlace::file; }
  constexpr bool allows(double value) const { return value >= least && value <= most; }
  // ", at least 1", " from 1 to 1000"; empty: any.
  std::string bounds() const;
  constexpr bool is_section() const { return kind == ConfigKind::section || kind == ConfigKind::open; }

 private:
  template <class Change>
  constexpr ConfigRow with(Change change) const {
    ConfigRow row = *this;
    change(row);
    return row;
  }
};

// Of a text with blanks.
template <class Do>
constexpr void for_each_word(std::string_view words, Do perform) {
  while (!words.empty()) {
    const auto blank = words.find(' ');
    perform(words.substr(0, blank));
    words = blank == std::string_view::npos ? std::string_view() : words.substr(blank + 1);
  }
}

namespace config_table {

constexpr ConfigRow text(std::string_view path, std::string_view help) {
  return {path, ConfigKind::text, help};
}
constexpr ConfigRow flag(std::string_view path, std::string_view help) {
  return ConfigRow{path, ConfigKind::flag, help}.or_else("false", 0);
}
constexpr ConfigRow integer(std::string_view path, std::string_view help) {
  return {path, ConfigKind::integer, help};
}
constexpr ConfigRow number(std::string_view path, std::string_view help) {
  return {path, ConfigKind::number, help};
}
constexpr ConfigRow seconds(std::string_view path, std::string_view help) {
  return ConfigRow{path, ConfigKind::seconds, help}.from(0);
}
constexpr ConfigRow list(std::string_view path, std::string_view help) {
  return {path, ConfigKind::list, help};
}
constexpr ConfigRow mapping(std::string_view path, std::string_view help) {
  return {path, ConfigKind::mapping, help};
}
constexpr ConfigRow any(std::string_view path, std::string_view help) {
  return {path, ConfigKind::any, help};
}
constexpr ConfigRow section(std::string_view path, std::string_view help) {
  return {path, ConfigKind::section, help};
}
constexpr ConfigRow open(std::string_view path, std::string_view help) {
  return {path, ConfigKind::open, help};
}

}  // namespace config_table
}  // namespace regent
