#include "model/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/config_value.h"

namespace regent {
namespace {

constexpr std::string_view bootstrap_dcs = "bootstrap.dcs";

using Keys = std::set<std::string_view>;

void add_with_older_names(const ConfigRow& row, Keys& out) {
  out.insert(row.name());
  for_each_word(row.formerly, [&](std::string_view name) { out.insert(name); });
}

// Whether the last part of a section's path is any name to the rows below it.
bool is_parent(std::string_view pattern, std::string_view path) {
  if (pattern == path) return true;
  return pattern.ends_with(".*") && path.substr(0, path.rfind('.') + 1) == pattern.substr(0, pattern.size() - 1);
}

template <class Wanted>
Keys keys_below(std::string_view path, Wanted wanted) {
  Keys keys;
  for (const ConfigRow& row : config_rows()) {
    if (is_parent(row.parent(), path) && wanted(row)) add_with_older_names(row, keys);
  }
  return keys;
}

constexpr auto in_file = [](const ConfigRow& row) { return row.in_file(); };
constexpr auto in_dynamic = [](const ConfigRow& row) { return row.in_dynamic(); };

// A slip of the finger: one character wrong, missing, doubled, or two swapped.
bool looks_like(std::string_view written, std::string_view known) {
  if (written.size() > known.size()) std::swap(written, known);
  if (known.size() - written.size() > 1 || known.size() < 4) return false;
  std::size_t start = 0;
  while (start < written.size() && written[start] == known[start]) ++start;
  const auto rest = known.substr(start);
  const auto mine = written.substr(start);
  if (known.size() > written.size()) return rest.substr(1) == mine;
  if (rest.size() <= 1) return true;
  return rest.substr(1) == mine.substr(1) ||
         (rest[0] == mine[1] && rest[1] == mine[0] && rest.substr(2) == mine.substr(2));
}

std::string below(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string unknown_sentence(std::string_view path, std::string_view key, const Keys& known) {
  const std::string name = below(path, key);
  for (const auto candidate : known)
    if (looks_like(key, candidate)) return fmt::format("{} is not known and has no effect; is it {}?", name, candidate);
  return fmt::format("{} is not known and has no effect", name);
}

void check(const Json* section, std::string_view path, const Keys& known, std::vector<std::string>& out) {
  if (section == nullptr || !section->is_object()) return;
  for (const auto& [key, value] : section->items())
    if (!known.contains(key)) out.push_back(unknown_sentence(path, key, known));
}

void rename(Json& section, std::string_view old_key, std::string_view new_key) {
  if (!section.is_object()) return;
  const auto found = section.find(std::string(old_key));
  if (found == section.end()) return;
  const Json value = *found;
  section.erase(std::string(old_key));
  if (find(section, new_key) == nullptr) section[std::string(new_key)] = value;
}

Json* mutable_section(Json& document, std::string_view key) {
  const auto found = document.find(std::string(key));
  return found == document.end() || !found->is_object() ? nullptr : &*found;
}

std::vector<std::string> replica_methods(const Json& postgresql) {
  const Json* list = value_of(postgresql, "postgresql.create_replica_methods");
  return list == nullptr ? std::vector<std::string>() : texts_of(*list);
}

void modernize_methods(Json& postgresql, std::vector<std::string>& notes) {
  for (const auto& method : replica_methods(postgresql)) {
    Json* section = mutable_section(postgresql, method);
    if (section == nullptr || !section->contains("no_master")) continue;
    rename(*section, "no_master", "no_leader");
    notes.push_back(fmt::format("postgresql.{}.no_master is read as its new name, no_leader", method));
  }
}

// "user:password" in one text.
void modernize_auth(Json& rest) {
  const Json* auth = value_of(rest, "restapi.auth");
  if (auth == nullptr || !auth->is_string() || value_of(rest, "restapi.authentication") != nullptr) return;
  const auto text = auth->get<std::string>();
  const auto colon = text.find(':');
  rest["authentication"] =
      Json{{"username", text.substr(0, colon)}, {"password", colon == std::string::npos ? "" : text.substr(colon + 1)}};
  rest.erase("auth");
}

// What stands in a mapping of the dynamic configuration, whose rows are below `path`, and which is shown as `shown`.
void check_dynamic(const Json& section, std::string_view path, std::string_view shown, std::vector<std::string>& out) {
  const Keys known = keys_below(path, in_dynamic);
  const Keys local = keys_below(path, in_file);
  const auto methods = replica_methods(section);
  for (const auto& item : section.items()) {
    const auto& key = item.key();
    // A custom method's section, wherever the method is named.
    const bool method = !path.empty() && find(item.value(), "command") != nullptr;
    if (method || known.contains(key) || std::find(methods.begin(), methods.end(), key) != methods.end()) continue;
    if (local.contains(key)) {
      out.push_back(
          fmt::format("{} has no effect here; it belongs to the configuration file of each node", below(shown, key)));
    } else {
      out.push_back(unknown_sentence(shown, key, known));
    }
  }
}

}  // namespace

const std::vector<std::string_view>& store_kinds() {
  static const std::vector<std::string_view> kinds{"consul",     "etcd", "etcd3",    "exhibitor",
                                                   "kubernetes", "raft", "zookeeper"};
  return kinds;
}

std::vector<std::string> modernize_config(Json& document) {
  std::vector<std::string> notes;
  for (const ConfigRow& row : config_rows()) {
    if (!row.in_file() || row.formerly.empty()) continue;
    if (Json* section = mutable_section(document, row.parent())) rename(*section, row.formerly, row.name());
  }
  if (Json* postgresql = mutable_section(document, "postgresql")) modernize_methods(*postgresql, notes);
  if (Json* rest = mutable_section(document, "restapi")) modernize_auth(*rest);
  if (at_path(document, ConfigName("bootstrap.users")->path) != nullptr)
    notes.emplace_back(
        "bootstrap.users is a key of Patroni before 4.0; create these roles in bootstrap.post_bootstrap instead");
  return notes;
}

std::vector<std::string> find_unknown_keys(const Json& document) {
  std::vector<std::string> out;
  if (!document.is_object()) return out;
  Keys top = keys_below("", in_file);
  top.insert(store_kinds().begin(), store_kinds().end());
  const Keys dynamic = keys_below("", in_dynamic);
  for (const auto& item : document.items()) {
    const auto& key = item.key();
    if (top.contains(key)) continue;
    if (dynamic.contains(key)) {
      out.push_back(
          fmt::format("{} has no effect here; it belongs to the dynamic configuration, bootstrap.dcs for a new cluster "
                      "or edit-config for a running one",
                      key));
    } else {
      out.push_back(unknown_sentence("", key, top));
    }
  }
  for (const ConfigRow& row : config_rows()) {
    const Json* value = row.in_file() ? at_path(document, row.path) : nullptr;
    if (value == nullptr) continue;
    if (!row.idle.empty() && !row.is_section()) out.push_back(fmt::format("{} has no effect: {}", row.path, row.idle));
    if (row.kind == ConfigKind::section && row.path != bootstrap_dcs)
      check(value, row.path, keys_below(row.path, in_file), out);
  }
  check(find(document, "etcd"), "etcd", keys_below("etcd3", in_file), out);
  if (const Json* postgresql = find(document, "postgresql")) {
    Keys keys = keys_below("postgresql", in_file);
    const auto methods = replica_methods(*postgresql);
    keys.insert(methods.begin(), methods.end());
    // As in the dynamic configuration, where these are to be.
    for (const auto& key : keys_below("postgresql", in_dynamic)) {
      if (keys.insert(key).second && find(*postgresql, key) != nullptr)
        out.push_back(fmt::format("postgresql.{} has no effect here; it belongs to the dynamic configuration", key));
    }
    check(postgresql, "postgresql", keys, out);
  }
  const Json* bootstrap = find(document, "bootstrap");
  if (bootstrap == nullptr) return out;
  Keys keys = keys_below("bootstrap", in_file);
  const Json* method = value_of(*bootstrap, "bootstrap.method");
  if (method != nullptr && method->is_string()) keys.insert(method->get_ref<const std::string&>());
  check(bootstrap, "bootstrap", keys, out);
  if (const Json* initial = at_path(document, bootstrap_dcs)) {
    auto found = find_unknown_dynamic_keys(*initial, bootstrap_dcs);
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

std::vector<std::string> find_unknown_dynamic_keys(const Json& dynamic, std::string_view shown) {
  std::vector<std::string> out;
  if (!dynamic.is_object()) return out;
  check_dynamic(dynamic, "", shown, out);
  if (const Json* postgresql = find(dynamic, "postgresql"); postgresql != nullptr && postgresql->is_object())
    check_dynamic(*postgresql, "postgresql", below(shown, "postgresql"), out);
  check(value_of(dynamic, "standby_cluster"), below(shown, "standby_cluster"),
        keys_below("standby_cluster", in_dynamic), out);
  for (const ConfigRow& row : config_rows()) {
    if (row.in_dynamic() && !row.idle.empty() && at_path(dynamic, row.path) != nullptr)
      out.push_back(fmt::format("{} has no effect: {}", below(shown, row.path), row.idle));
  }
  return out;
}

}  // namespace regent
