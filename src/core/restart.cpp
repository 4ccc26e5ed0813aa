#include "core/restart.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "core/portrait.h"
#include "core/situation.h"

namespace regent {
Result<int> parse_version_number(std::string_view text) {
  std::vector<int> parts;
  std::string_view rest = text;
  while (true) {
    int part = 0;
    const auto dot = rest.find('.');
    const auto piece = rest.substr(0, dot);
    const auto [end, error] = std::from_chars(piece.data(), piece.data() + piece.size(), part);
    if (error != std::errc() || end != piece.data() + piece.size() || part < 0 || part > 9999) {
      return fail(ErrorKind::invalid, fmt::format("Invalid PostgreSQL version: {}", text));
    }
    parts.push_back(part);
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (parts.size() < 2 || parts.size() > 3 || (parts.size() == 2 && parts[0] < 10)) {
    return fail(ErrorKind::invalid,
                fmt::format("Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: {}", text));
  }
  if (parts.size() == 2) parts.insert(parts.begin() + 1, 0);
  return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

std::optional<ScheduledRestart> parse_scheduled_restart(const Json& published) {
  const auto text = [&](std::string_view key) -> std::string {
    const Json* value = published.is_object() ? find(published, key) : nullptr;
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  };
  const auto at = parse_iso_time(text("schedule"));
  if (!at) return std::nullopt;
  ScheduledRestart plan;
  plan.at = *at;
  plan.postmaster_start_time = text("postmaster_start_time");
  plan.filter.pending = find(published, "restart_pending") != nullptr;
  if (const auto role = text("role"); !role.empty()) plan.filter.role = parse_role(role);
  if (const auto version = text("postgres_version"); !version.empty()) {
    const auto number = parse_version_number(version);
    // A condition that cannot be read is not a condition that holds.
    if (!number) return std::nullopt;
    plan.filter.below_version = *number;
  }
  if (const Json* timeout = find(published, "timeout"); timeout != nullptr && timeout->is_number()) {
    plan.timeout = from_seconds(timeout->get<double>());
  }
  plan.published = published;
  return plan;
}

std::optional<std::string> restart_objection(const RestartFilter& filter, const Situation& s) {
  if (filter.role && portrait(s).role != filter.role) return "host role mismatch";
  // What is not known is not a condition that holds.
  if (filter.below_version && (s.server == nullptr || s.server->version >= *filter.below_version)) {
    return "postgres version mismatch";
  }
  if (filter.pending && s.o.postgres.pending_restart.empty()) return "pending restart flag is not set";
  return std::nullopt;
}

}  // namespace regent
