#include "model/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "base/yaml.h"
#include "model/config_keys.h"
#include "model/config_table.h"

namespace regent {
namespace {

constexpr std::string_view prefix = "PATRONI_";

// The roles that take the place of `*` in a row's path and environment.
constexpr std::array roles{"superuser", "replication", "rewind"};

struct Variable {
  const ConfigRow* row = nullptr;
  std::string path;  // where it goes in the document
  int rank = 0;      // of two variables for one key the higher wins
};

std::string with_name(std::string_view pattern, std::string_view name) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return std::string(pattern);
  return fmt::format("{}{}{}", pattern.substr(0, star), name, pattern.substr(star + 1));
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

void add_names(const ConfigRow& row, std::string_view name, std::map<std::string, Variable>& out) {
  int rank = 0;
  for_each_word(row.environment, [&](std::string_view pattern) {
    auto path = with_name(row.path, name);
    const auto variable = with_name(pattern, upper(name));
    // A store that is read like another one keeps its own section.
    if (variable.starts_with("ETCD_")) path = "etcd" + path.substr(path.find('.'));
    out[variable] = Variable{&row, std::move(path), rank++};
  });
}

const std::map<std::string, Variable>& variables() {
  static const auto all = [] {
    std::map<std::string, Variable> out;
    for (const ConfigRow& row : config_rows()) {
      if (row.environment.find('*') == std::string_view::npos) {
        add_names(row, "", out);
      } else {
        for (const auto* role : roles) add_names(row, role, out);
      }
    }
    return out;
  }();
  return all;
}

bool is_of_store(std::string_view variable) {
  const auto name = variable.substr(0, variable.find('_'));
  return std::any_of(store_kinds().begin(), store_kinds().end(),
                     [&](std::string_view kind) { return upper(kind) == name; });
}

void put(Json& document, std::string_view path, Json value) {
  Json* place = &document;
  while (true) {
    const auto dot = path.find('.');
    place = &(*place)[std::string(path.substr(0, dot))];
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  *place = std::move(value);
}

class Reader {
 public:
  EnvironmentLayer read(const std::map<std::string, std::string>& environment) {
    for (const auto& [name, value] : environment) {
      const std::string_view full = name;
      if (!full.starts_with(prefix) || value.empty() || name == "PATRONI_CONFIGURATION") continue;
      const auto rest = full.substr(prefix.size());
      if (read_known(name, std::string(rest), value)) continue;
      // PATRONI_<STORE>_KEY_PASSWORD makes no role.
      if (!is_of_store(rest) && read_user(rest, value)) continue;
      layer_.warnings.push_back(fmt::format("the environment variable {} is not known and has no effect", name));
    }
    for (auto& [path, chosen] : chosen_) {
      if (!chosen.value.is_null()) put(layer_.document, path, std::move(chosen.value));
    }
    return std::move(layer_);
  }

 private:
  // Numbers and truth words follow YAML's rules; names, passwords and paths stay text whatever they look like.
  Json convert(std::string_view name, const ConfigRow& row, const std::string& value) {
    switch (row.kind) {
      case ConfigKind::text:
        return value;
      case ConfigKind::any:
        // A list or a text: what names attributes as Python's logging does is one text.
        return value.find("%(") == std::string::npos ? parse_env_list(value) : Json(value);
      case ConfigKind::flag:
      case ConfigKind::integer:
      case ConfigKind::number:
      case ConfigKind::seconds:
        return resolve_plain_scalar(trim(value));
      case ConfigKind::list:
        return parse_env_list(value);
      case ConfigKind::mapping:
      case ConfigKind::section:
      case ConfigKind::open:
        break;
    }
    Json result = parse_env_dictionary(value);
    if (result.is_null())
      layer_.warnings.push_back(
          fmt::format("the environment variable {} has no effect: write `key: value, key: value`", name));
    return result;
  }

  bool read_known(std::string_view name, const std::string& rest, const std::string& value) {
    const auto found = variables().find(rest);
    if (found == variables().end()) return false;
    const Variable& variable = found->second;
    Json converted = convert(name, *variable.row, value);
    auto& chosen = chosen_[variable.path];
    if (!converted.is_null() && variable.rank >= chosen.rank) chosen = {variable.rank, std::move(converted)};
    return true;
  }

  // PATRONI_<user>_PASSWORD and _OPTIONS: roles to create at bootstrap, until Patroni 4.0 (T19).
  bool read_user(std::string_view rest, const std::string& value) {
    constexpr std::string_view password = "_PASSWORD";
    constexpr std::string_view options = "_OPTIONS";
    const auto user_of = [&](std::string_view suffix) -> std::optional<std::string> {
      if (!rest.ends_with(suffix) || rest.size() == suffix.size()) return std::nullopt;
      return std::string(rest.substr(0, rest.size() - suffix.size()));
    };
    if (const auto user = user_of(password)) {
      layer_.document["bootstrap"]["users"][*user]["password"] = value;
    } else if (const auto owner = user_of(options)) {
      layer_.document["bootstrap"]["users"][*owner]["options"] = parse_env_list(value);
    } else {
      return false;
    }
    return true;
  }

  struct Chosen {
    int rank = 0;
    Json value;
  };
  EnvironmentLayer layer_;
  std::map<std::string, Chosen> chosen_;  // by path
};

}  // namespace

Json parse_env_list(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[') || text.starts_with("- ")) {
    auto parsed = parse_yaml(text, "list");
    if (parsed && parsed->is_array()) return *parsed;
  }
  if (text.find_first_of("'\"{") != std::string_view::npos) {
    auto parsed = parse_yaml(fmt::format("[{}]", text), "list");
    if (parsed && parsed->is_array()) return *parsed;
  }
  Json list = Json::array();
  while (!text.empty()) {
    const auto comma = text.find(',');
    const auto item = trim(text.substr(0, comma));
    if (!item.empty()) {
      // Status codes and ports are numbers; everything else in such lists is text: "10:20" is an address here.
      const bool digits = item.find_first_not_of("0123456789") == std::string_view::npos;
      list.push_back(digits ? resolve_plain_scalar(item) : Json(std::string(item)));
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return list;
}

Json parse_env_dictionary(std::string_view text) {
  text = trim(text);
  // As it stands first: a block mapping of several lines is YAML too.
  const bool wrapped = text.starts_with('{') || text.find('\n') != std::string_view::npos;
  auto parsed = parse_yaml(wrapped ? std::string(text) : fmt::format("{{{}}}", text), "mapping");
  if (!parsed || !parsed->is_object()) return nullptr;
  return *parsed;
}

EnvironmentLayer read_environment(const std::map<std::string, std::string>& environment) {
  return Reader().read(environment);
}

}  // namespace regent
