#include "model/cluster_view.h"

#include <algorithm>

namespace regent {
namespace {

template <class T>
void take(Versioned<T>& slot, Result<T> value, Version version, std::vector<std::string>& problems) {
  slot.version = version;
  if (value) {
    slot.value = std::move(*value);
  } else {
    problems.push_back(value.error().message);
  }
}

Result<Json> parse_object(std::string_view value, std::string_view where) {
  auto parsed = parse_json(value, where);
  if (parsed && !parsed->is_object()) return fail(ErrorKind::invalid, std::string(where) + " holds no JSON object");
  return parsed;
}

Result<std::map<std::string, std::string>> parse_failsafe(std::string_view value) {
  const auto parsed = parse_object(value, "the failsafe key");
  if (!parsed) return tl::unexpected(parsed.error());
  std::map<std::string, std::string> out;
  for (const auto& [name, url] : parsed->items()) {
    if (url.is_string()) out[name] = url.get<std::string>();
  }
  return out;
}

}  // namespace

const Member* ClusterView::member(const MemberName& name) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.name == name; });
  return found == members.end() ? nullptr : &*found;
}

ClusterView parse_cluster_view(const std::vector<RawKey>& keys, std::uint64_t revision, std::uint64_t term) {
  ClusterView view;
  view.revision = revision;
  view.term = term;
  const RawKey* old_optime = nullptr;
  for (const auto& key : keys) {
    auto& problems = view.problems;
    if (key.path == "initialize") {
      view.initialize = {key.value, key.version};
      view.initialize_session = key.session;
    } else if (key.path == "leader") {
      view.leader = {MemberName(key.value), key.version, key.session};
    } else if (key.path == "config") {
      take(view.config, parse_object(key.value, "the config key"), key.version, problems);
    } else if (key.path == "status") {
      take(view.status, parse_status(key.value), key.version, problems);
    } else if (key.path == "optime/leader") {
      old_optime = &key;
    } else if (key.path == "failover") {
      take(view.failover, parse_failover(key.value), key.version, problems);
    } else if (key.path == "sync") {
      take(view.sync, parse_sync(key.value), key.version, problems);
    } else if (key.path == "history") {
      take(view.history, parse_history(key.value), key.version, problems);
    } else if (key.path == "regent/timeline") {
      take(view.timelines, parse_timelines(key.value), key.version, problems);
    } else if (key.path == "failsafe") {
      take(view.failsafe, parse_failsafe(key.value), key.version, problems);
    } else if (key.path.starts_with("members/")) {
      auto member = parse_member(MemberName(key.path.substr(8)), key.value);
      if (member) {
        member->session = key.session;
        view.members.push_back(std::move(*member));
      } else {
        problems.push_back(member.error().message);
      }
    }
  }
  // Only written while a member is older than the status key; never newer than it.
  if (!view.status.exists() && old_optime != nullptr) {
    if (auto status = parse_status(old_optime->value)) view.status.value = *status;
  }
  std::sort(view.members.begin(), view.members.end(), [](const Member& a, const Member& b) { return a.name < b.name; });
  return view;
}

}  // namespace regent
