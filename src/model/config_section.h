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
  bool has(std::string_view key) const { return get(key) != nullptr; }
  const Json* get(std::string_view key) const;
  std::string path_of(std::string_view key) const;

  ConfigSection section(std::string_view key) const;

  // Numbers are text too: `password: 12345`. Booleans, lists and mappings are not.
  std::string text(std::string_view key, std::string default_value = "") const;
  std::string required_text(std::string_view key, std::string_view remedy) const;
  // The words YAML and Patroni know for booleans, in any case, also in quotes.
  bool flag(std::string_view key, bool default_value = false) const;
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) const;
  // A list, or text with commas.
  std::vector<std::string> list(std::string_view key) const;
  std::map<std::string, std::string> texts(std::string_view key) const;

  void problem(std::string_view key, std::string what, std::string remedy = "", bool fatal = true) const;

 private:
  const Json* value_;
  std::string path_;
  std::vector<ConfigProblem>* problems_;
};

// The text of a scalar as PyYAML and str() would give it; nullopt for booleans, lists and mappings.
std::optional<std::string> scalar_text(const Json& value);
std::optional<bool> scalar_flag(const Json& value);
std::optional<std::int64_t> scalar_integer(const Json& value);

}  // namespace regent
