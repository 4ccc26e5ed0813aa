// list, topology: who is who, and who lags (T2: the columns changed over the generations).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/yaml.h"
#include "ctl/commands.h"
#include "ctl/prompt.h"
#include "ctl/table.h"
#include "model/cluster_report.h"

namespace regent::ctl {
namespace {

constexpr double bytes_per_mb = 1024.0 * 1024.0;

std::string strip(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string role_title(const std::string& role) {
  std::string out = role;
  bool start = true;
  for (auto& c : out) {
    if (c == '_') c = ' ';
    if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    start = c == ' ';
  }
  return out;
}

// Half to even, as Python rounds.
Json in_mb(std::uint64_t bytes) {
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(bytes) / bytes_per_mb));
}

struct Node {
  MemberReport member;
  int level = 0;
};

// Children below the member they replicate from; a replica whose parent is no replica hangs on the leader.
std::vector<Node> tree_of(const std::vector<MemberReport>& members) {
  std::vector<Node> out;
  std::map<std::string, std::vector<const MemberReport*>> children;
  const auto is_replica = [&](const std::string& name) {
    return std::any_of(members.begin(), members.end(),
                       [&](const MemberReport& m) { return m.name.str() == name && !m.leads(); });
  };
  for (const auto& member : members) {
    if (member.leads()) {
      out.push_back({member, 0});
      continue;
    }
    const Json* tag = find(member.tags, "replicatefrom");
    std::string parent = tag != nullptr && tag->is_string() ? tag->get<std::string>() : "";
    if (parent == member.name.str() || !is_replica(parent)) parent.clear();
    children[parent].push_back(&member);
  }
  const std::function<void(const std::string&, int)> descend = [&](const std::string& parent, int level) {
    for (const auto* child : children[parent]) {
      out.push_back({*child, level});
      descend(child->name.str(), level + 1);
    }
  };
  descend("", 1);
  // Members that replicate from each other in a circle hang on nobody; they must not vanish from the list.
  for (const auto& member : members) {
    const bool shown =
        std::any_of(out.begin(), out.end(), [&](const Node& node) { return node.member.name == member.name; });
    if (!shown) out.push_back({member, 1});
  }
  return out;
}

std::string scheduled_cell(const Json& restart) {
  const Json* at = find(restart, "schedule");
  if (at == nullptr || !at->is_string()) return "";
  std::string out = at->get<std::string>();
  if (const Json* version = find(restart, "postgres_version")) out += " if version < " + cell_text(*version);
  return out;
}

std::string reason_cell(const Json& reasons) {
  std::string out;
  if (!reasons.is_object()) return out;
  for (const auto& [parameter, change] : reasons.items()) {
    const Json* before = find(change, "old_value");
    const Json* after = find(change, "new_value");
    out += fmt::format("{}{}: {}->{}", out.empty() ? "" : "\n", parameter, before == nullptr ? "" : cell_text(*before),
                       after == nullptr ? "" : cell_text(*after));
  }
  return out;
}

Json tags_cell(const Json& tags, const std::string& format) {
  if (tags.empty()) return "";
  if (format == "pretty") return strip(to_yaml(tags));
  if (format == "tsv" || format == "topology") return strip(to_yaml_flow(tags));
  return tags;
}

// Builds the table column by column: a column is its names and how a member fills it.
class TableBuilder {
 public:
  explicit TableBuilder(const std::vector<Node>& nodes) : nodes_(nodes) { table_.rows.resize(nodes.size()); }

  template <class Fill>
  void column(const std::string& name, const std::string& heading, bool right, Fill fill) {
    if (right) table_.right.insert(table_.columns.size());
    table_.columns.push_back(name);
    table_.headings.push_back(heading);
    for (std::size_t i = 0; i < nodes_.size(); ++i) table_.rows[i].push_back(fill(nodes_[i]));
  }

  // Only where some member has something to say, or when everything was asked for.
  template <class Fill>
  void optional_column(const std::string& name, bool always, Fill fill) {
    const bool wanted =
        std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& node) { return fill(node) != Json(""); });
    if (always || wanted) column(name, name, false, fill);
  }

  Table take() { return std::move(table_); }

 private:
  const std::vector<Node>& nodes_;
  Table table_;
};

void lag_columns(TableBuilder& builder, Generation generation) {
  if (generation != Generation::v4) {
    builder.column("Lag in MB", "Lag in MB", true, [](const Node& node) -> Json {
      if (node.member.leads()) return "";
      return node.member.any.lag ? in_mb(*node.member.any.lag) : Json("unknown");
    });
    return;
  }
  const auto pair = [&](const std::string& name, LagReport MemberReport::*which) {
    builder.column(name + " LSN", name + " LSN", true, [which](const Node& node) -> Json {
      if (node.member.leads()) return "";
      const auto& lsn = (node.member.*which).lsn;
      return lsn ? to_string(*lsn) : "unknown";
    });
    builder.column(name + " Lag", "Lag", true, [which](const Node& node) -> Json {
      const auto& lag = (node.member.*which).lag;
      return lag ? in_mb(*lag) : Json("");
    });
  };
  pair("Receive", &MemberReport::receive);
  pair("Replay", &MemberReport::replay);
}

Table members_table(const Cluster& cluster, const ClusterReport& report, const ListStyle& style,
                    Generation generation) {
  const bool tree = style.format == "topology";
  std::vector<Node> nodes;
  if (tree) {
    nodes = tree_of(report.members);
  } else {
    for (const auto& member : report.members) nodes.push_back({member, 0});
  }
  // Ports tell members apart where hosts do not.
  std::map<std::string, int> hosts;
  bool ports = false;
  for (const auto& node : nodes) {
    ports = ports || (!node.member.host.empty() && node.member.port != "5432") || ++hosts[node.member.host] > 1;
  }
  TableBuilder builder(nodes);
  builder.column("Cluster", "Cluster", false, [&](const Node&) -> Json { return cluster.name; });
  builder.column("Member", "Member", false, [](const Node& node) -> Json {
    const auto indent = static_cast<std::size_t>(std::max(0, 2 * (node.level - 1)));
    return std::string(indent, ' ') + (node.level > 0 ? "+ " : "") + node.member.name.str();
  });
  builder.column("Host", "Host", false, [&](const Node& node) -> Json {
    return node.member.host + (ports && !node.member.host.empty() ? ":" + node.member.port : "");
  });
  builder.column("Role", "Role", false, [](const Node& node) -> Json { return role_title(node.member.role); });
  builder.column("State", "State", false, [](const Node& node) -> Json { return node.member.state; });
  builder.column("TL", "TL", true, [](const Node& node) -> Json {
    return node.member.timeline ? Json(node.member.timeline->value) : Json("");
  });
  lag_columns(builder, generation);
  builder.optional_column("Pending restart", style.extended,
                          [](const Node& node) -> Json { return node.member.pending_restart ? "*" : ""; });
  if (generation == Generation::v4) {
    builder.optional_column("Pending restart reason", style.extended,
                            [](const Node& node) -> Json { return reason_cell(node.member.pending_restart_reason); });
  }
  builder.optional_column("Scheduled restart", style.extended,
                          [](const Node& node) -> Json { return scheduled_cell(node.member.scheduled_restart); });
  // Nothing that patronictl has: only while a member copies or rewinds its data.
  builder.optional_column("Progress", false, [](const Node& node) -> Json { return node.member.progress; });
  // Nor this: unless it is asked for, only when what should end the primary in time is missing.
  const auto guard = [&](const Node& node) -> Json {
    return style.extended || node.member.guard == "failed" ? node.member.guard : "";
  };
  builder.optional_column("Guard", false, guard);
  builder.optional_column("Tags", style.extended,
                          [&](const Node& node) -> Json { return tags_cell(node.member.tags, style.format); });
  Table table = builder.take();
  table.skip_first = true;
  table.omit_empty = true;
  return table;
}

std::string title_of(const Cluster& cluster, Generation generation) {
  // Patroni 3.0 left the identifier out.
  if (generation == Generation::v3) return "Cluster: " + cluster.name;
  const auto& initialize = cluster.view.initialize;
  const std::string id = !initialize.exists()       ? "uninitialized"
                         : initialize.value.empty() ? "initializing"
                                                    : initialize.value;
  return fmt::format("Cluster: {} ({})", cluster.name, id);
}

std::string notes_of(const ClusterReport& report) {
  std::string out;
  if (report.pause) out += " Maintenance mode: on\n";
  if (const auto& scheduled = report.scheduled_switchover) {
    out += fmt::format(" Switchover scheduled at: {}\n", to_iso_time(*scheduled->scheduled_at));
    if (!scheduled->leader.empty()) out += fmt::format("{:>24}: {}\n", "from", scheduled->leader.str());
    if (!scheduled->candidate.empty()) out += fmt::format("{:>24}: {}\n", "to", scheduled->candidate.str());
  }
  return out;
}

// Why a member does not lead, by its own word; empty: it does not say, or is no Regent.
std::string reason_of(Context& context, const Member& member) {
  constexpr Duration patience = std::chrono::seconds(1);
  if (member.api_url.empty()) return "it does not tell where its REST API is";
  const auto answer = context.http.request("GET", member.api_url, std::nullopt, patience);
  if (!answer) return answer.error().message;
  const auto document = parse_json(answer->body, member.api_url);
  const Json* regent = document ? find(*document, "regent") : nullptr;
  if (regent == nullptr) return {};
  const auto text = [](const Json& from, std::string_view key) {
    const Json* value = find(from, key);
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  };
  std::string first;
  if (const Json* conditions = find(*regent, "conditions"); conditions != nullptr && conditions->is_array()) {
    for (const auto& condition : *conditions) {
      if (text(condition, "name") == "NotACandidate") return text(condition, "detail");
      if (first.empty()) first = text(condition, "detail");
    }
  }
  return first.empty() ? text(*regent, "sentence") : first;
}

// Nothing that patronictl has: the first question of whoever sees a list without a leader.
void print_reasons(Context& context, const ClusterView& view) {
  context.terminal.out(" Nobody leads:\n");
  for (const auto& member : view.members) {
    if (const auto reason = reason_of(context, member); !reason.empty()) {
      context.terminal.out(fmt::format("   {}: {}\n", member.name.str(), reason));
    }
  }
}

Status list_clusters(Context& context, const Arguments& arguments, const ListStyle& style) {
  auto names = arguments.positional("CLUSTER_NAMES");
  if (names.empty() && !context.config.scope.empty()) names.push_back(context.config.scope);
  if (names.empty()) {
    context.warn("Listing members: No cluster names were provided");
    return {};
  }
  return watching(context, arguments, true, [&]() -> Status {
    if (arguments.has("timestamp")) context.line(timestamp(context, 0));
    for (const auto& name : names) {
      const auto cluster = open_cluster(context, name, arguments.integer("group"));
      if (!cluster) return tl::unexpected(cluster.error());
      print_members(context, *cluster, style);
      const bool for_people = style.format == "pretty" || style.format == "topology";
      if (for_people && !cluster->view.leader.exists() && !cluster->view.members.empty()) {
        print_reasons(context, cluster->view);
      }
    }
    return {};
  });
}

}  // namespace

void print_members(Context& context, const Cluster& cluster, const ListStyle& style) {
  const ClusterReport report = report_cluster(cluster.view);
  Table table = members_table(cluster, report, style, context.generation());
  table.title = title_of(cluster, context.generation());
  context.terminal.out(render(table, style.format));
  if (style.format == "pretty" || style.format == "topology") context.terminal.out(notes_of(report));
  // A key nobody can read explains a list that looks wrong (F40).
  for (const auto& problem : cluster.view.problems) context.warn("WARNING: " + problem);
}

Status watching(Context& context, const Arguments& arguments, bool clear, const std::function<Status()>& body) {
  double interval = arguments.real("watch").value_or(0);
  if (interval <= 0 && arguments.has("W")) interval = 2;
  while (true) {
    if (interval > 0 && clear) context.terminal.clear();
    if (const auto done = body(); !done) return done;
    if (interval <= 0) return {};
    context.terminal.sleep(from_seconds(interval));
  }
}

Status run_list(Context& context, const CommandLine&, const Arguments& arguments) {
  return list_clusters(context, arguments, {arguments.text("format").value_or("pretty"), arguments.has("extended")});
}

Status run_topology(Context& context, const CommandLine&, const Arguments& arguments) {
  return list_clusters(context, arguments, {"topology", false});
}

}  // namespace regent::ctl
