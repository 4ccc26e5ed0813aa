// slots: the replication slots of every member, as the members tell them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ctl/commands.h"
#include "ctl/members.h"
#include "ctl/table.h"

namespace regent::ctl {
namespace {

std::string text_in(const Json& slot, std::string_view key) {
  const Json* value = find(slot, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool flag_in(const Json& slot, std::string_view key) {
  const Json* value = find(slot, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

// 90061 seconds are "1d 01:01:01".
std::string age_text(const Json* seconds) {
  if (seconds == nullptr || !seconds->is_number()) return {};
  const auto all = static_cast<std::int64_t>(seconds->get<double>());
  const auto days = all / 86400;
  return fmt::format("{}{:02}:{:02}:{:02}", days > 0 ? fmt::format("{}d ", days) : "", all / 3600 % 24, all / 60 % 60,
                     all % 60);
}

std::string state_of(const Json& slot) {
  if (flag_in(slot, "missing")) return "missing";
  if (flag_in(slot, "lost")) return "lost";
  if (flag_in(slot, "active")) return "active";
  const Json* ready = find(slot, "ready");
  if (ready != nullptr && ready->is_boolean()) return ready->get<bool>() ? "copy, ready" : "copy, not ready";
  return "idle";
}

Json megabytes(const Json& slot) {
  const Json* bytes = find(slot, "retained_bytes");
  if (bytes == nullptr || !bytes->is_number()) return "";
  return static_cast<std::int64_t>(std::llround(bytes->get<double>() / 1048576));
}

void add_member(Context& context, const Member& member, Table& table) {
  const auto& name = member.name.str();
  const auto answer = request(context, member, "GET", "slots");
  const auto document =
      answer ? parse_json(answer->body, "its answer") : Result<Json>(tl::unexpected<Error>(answer.error()));
  const Json* slots = document ? find(*document, "slots") : nullptr;
  if (slots == nullptr || !slots->is_array()) {
    const bool silent = !answer;
    if (silent) context.unreachable = true;
    context.failed(fmt::format("{}: failed to get its slots: {}", name,
                               silent ? answer.error().message : "it does not tell (is it a Regent member?)"));
    return;
  }
  for (const auto& slot : *slots) {
    table.rows.push_back({name, text_in(slot, "name"), text_in(slot, "type"), text_in(slot, "database"),
                          text_in(slot, "owner"), state_of(slot), age_text(find(slot, "idle_seconds")), megabytes(slot),
                          text_in(slot, "wal_status")});
  }
}

}  // namespace

Status run_slots(Context& context, const CommandLine& line, const Arguments& arguments) {
  const auto cluster = open_named(context, line, arguments);
  if (!cluster) return tl::unexpected(cluster.error());
  Table table;
  table.columns = {"Member", "Slot", "Type", "Database", "Owner", "State", "Idle", "Retained MB", "WAL"};
  table.right = {6, 7};
  table.omit_empty = true;
  for (const auto& member : cluster->view.members) {
    if (!member.api_url.empty()) add_member(context, member, table);
  }
  context.terminal.out(render(table, arguments.text("format").value_or("pretty")));
  return {};
}

}  // namespace regent::ctl
