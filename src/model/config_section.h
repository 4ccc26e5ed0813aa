// Reading one mapping of the configuration: typed values out, problems collected on the way so that all of them can be
// told at once. Used by local_config.cpp and validate.cpp only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/config_table.h"

namespace regent {

struct ConfigProblem {
  std::string key;     // "postgresql.data_dir"
  std::string value;   // as written, empty when there is none
  std::string what;    // "is not defined"
  std::string remedy;  // what to write there; may be empty
  bool fatal = true;   // false: it runs all the same, only --validate-config refuses it

  // "config.yml: postgresql.data_dir is not defined; write the path of the data directory"
  std::string sentence(std::string_view where) const;
  // As Patroni's --validate-config says it: "postgresql.data_dir  is not defined."
  std::string validator_line() const;
};

constexpr std::string_view not_defined = "is not defined";

class ConfigSection {
 public:
  // `value` may be null: the section is absent and every key has its default.
  ConfigSection(const Json* value, std::string path, std::vector<ConfigProblem>& problems);

  bool exists() const { return value_ != nullptr; }
  const Json& json() const;
  bool has(ConfigName key) const { return get(key) != nullptr; }
  const Json* get(ConfigName key) const;

  ConfigSection section(ConfigName key) const;
  // One that the user named.
  ConfigSection section_of(const std::string& name) const;

  // What is missing or cannot be understood has the standard value of its row; the latter is a problem.
  // Numbers are text too: `password: 12345`. Booleans, lists and mappings are not.
  std::string text(ConfigName key) const;
  std::string required_text(ConfigName key, std::string_view remedy) const;
  bool flag(ConfigName key) const;
  std::optional<std::int64_t> integer(ConfigName key) const;
  // A list, or text with commas.
  std::vector<std::string> list(ConfigName key) const;
  // Texts by the names that the user gave them.
  std::map<std::string, std::string> texts(ConfigName key) const;
  std::map<std::string, std::string> texts(std::vector<std::string_view> except = {}) const;

  void problem(ConfigName key, std::string what, std::string remedy = "", bool fatal = true) const;

 private:
  std::string path_of(std::string_view name) const;
  void problem_at(std::string_view name, const Json* value, std::string what, std::string remedy,
                  bool fatal = true) const;
  std::optional<std::string> text_at(std::string_view name, const Json& value) const;

  const Json* value_;
  std::string path_;
  std::vector<ConfigProblem>* problems_;
};

}  // namespace regent
