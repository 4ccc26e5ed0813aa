#include "model/member.h"

#include <fmt/format.h>

#include <charconv>

#include "model/address.h"

namespace regent {
namespace {

std::string as_text(const Json& document, std::string_view key) {
  const Json* value = find(document, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::optional<std::uint64_t> as_number(const Json& document, std::string_view key) {
  const Json* value = find(document, key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && stop == text.data() + text.size() && !text.empty()) return number;
  }
  return std::nullopt;
}

std::optional<Lsn> as_lsn(const Json& document, std::string_view key) {
  const auto number = as_number(document, key);
  return number ? std::optional(Lsn{*number}) : std::nullopt;
}

// The value of one UTF-8 sequence, which is how the slot name counts a character outside its alphabet.
std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : '\0'); };
  const auto lead = byte(at++);
  int follow = 0;
  std::uint32_t point = lead;
  if (lead >= 0xF0) {
    follow = 3;
    point = lead & 0x07U;
  } else if (lead >= 0xE0) {
    follow = 2;
    point = lead & 0x0FU;
  } else if (lead >= 0xC0) {
    follow = 1;
    point = lead & 0x1FU;
  }
  for (; follow > 0 && (byte(at) & 0xC0U) == 0x80U; --follow) point = (point << 6U) | (byte(at++) & 0x3FU);
  return point;
}

}  // namespace

std::string print_member(const Member& member, Generation generation) {
  Json out = Json::object();
  out["conn_url"] = member.conn_url;
  out["api_url"] = member.api_url;
  if (!member.proxy_url.empty()) out["proxy_url"] = member.proxy_url;
  out["state"] = to_string(member.state);
  out["role"] = to_string(member.role, generation);
  out["version"] = member.version;
  if (!member.regent.empty()) out["regent"] = member.regent;
  if (!member.tags.all.empty()) out["tags"] = member.tags.all;
  if (member.pending_restart) {
    out["pending_restart"] = true;
    if (generation == Generation::v4 && member.pending_restart_reason.is_object()) {
      out["pending_restart_reason"] = member.pending_restart_reason;
    }
  }
  if (!member.checkpoint_after_promote) out["checkpoint_after_promote"] = false;
  if (member.xlog_location) out["xlog_location"] = member.xlog_location->value;
  if (generation == Generation::v4) {
    if (member.replay_lsn) out["replay_lsn"] = member.replay_lsn->value;
    if (member.receive_lsn) out["receive_lsn"] = member.receive_lsn->value;
    if (!member.replication_state.empty()) out["replication_state"] = member.replication_state;
  }
  if (member.timeline) out["timeline"] = member.timeline->value;
  if (!member.scheduled_restart.is_null()) out["scheduled_restart"] = member.scheduled_restart;
  if (member.pause) out["pause"] = true;
  if (!member.guard.empty()) out["guard"] = member.guard;
  if (!member.missing_wal.empty()) out["missing_wal"] = member.missing_wal;
  if (!member.libc.empty()) out["libc"] = member.libc;
  if (!member.progress.empty()) out["progress"] = member.progress;
  for (const auto& [timeline, began] : member.branches) out["branches"][std::to_string(timeline.value)] = began;
  return to_compact(out);
}

Result<Member> parse_member(MemberName name, std::string_view value) {
  auto parsed = parse_json(value, fmt::format("the key members/{}", name.str()));
  if (!parsed) return tl::unexpected(parsed.error());
  if (!parsed->is_object()) {
    return fail(ErrorKind::invalid, fmt::format("the key members/{} does not hold a JSON object", name.str()));
  }
  const Json& document = *parsed;
  Member member;
  member.name = std::move(name);
  member.conn_url = as_text(document, "conn_url");
  member.api_url = as_text(document, "api_url");
  member.proxy_url = as_text(document, "proxy_url");
  member.state = parse_state(as_text(document, "state")).value_or(PgState::stopped);
  member.role = parse_role(as_text(document, "role")).value_or(Role::uninitialized);
  member.version = as_text(document, "version");
  member.regent = as_text(document, "regent");
  member.xlog_location = as_lsn(document, "xlog_location");
  member.receive_lsn = as_lsn(document, "receive_lsn");
  member.replay_lsn = as_lsn(document, "replay_lsn");
  member.replication_state = as_text(document, "replication_state");
  if (const auto timeline = as_number(document, "timeline")) {
    member.timeline = Timeline{static_cast<std::uint32_t>(*timeline)};
  }
  if (const Json* tags = find(document, "tags")) member.tags = parse_tags(*tags);
  if (const Json* pending = find(document, "pending_restart"); pending != nullptr && pending->is_boolean()) {
    member.pending_restart = pending->get<bool>();
  }
  if (const Json* reason = find(document, "pending_restart_reason")) member.pending_restart_reason = *reason;
  if (const Json* restart = find(document, "scheduled_restart")) member.scheduled_restart = *restart;
  if (const Json* pause = find(document, "pause"); pause != nullptr && pause->is_boolean()) {
    member.pause = pause->get<bool>();
  }
  member.guard = as_text(document, "guard");
  member.missing_wal = as_text(document, "missing_wal");
  member.libc = as_text(document, "libc");
  member.progress = as_text(document, "progress");
  if (const Json* branches = find(document, "branches"); branches != nullptr && branches->is_object()) {
    for (const auto& [number, began] : branches->items()) {
      Timeline timeline;
      std::from_chars(number.data(), number.data() + number.size(), timeline.value);
      if (timeline.value > 0 && began.is_string()) member.branches[timeline] = began.get<std::string>();
    }
  }
  if (const Json* done = find(document, "checkpoint_after_promote"); done != nullptr && done->is_boolean()) {
    member.checkpoint_after_promote = done->get<bool>();
  }
  return member;
}

std::string print_conn_url(const HostPort& address) {
  return fmt::format("postgres://{}/postgres", to_string(address));
}

std::optional<HostPort> parse_conn_url(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  auto rest = url.substr(scheme + 3);
  rest = rest.substr(0, rest.find('/'));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest = rest.substr(at + 1);
  HostPort out;
  if (!rest.empty() && rest.front() == '[') {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = rest.substr(1, close - 1);
    rest = rest.substr(close + 1);
  } else {
    const auto colon = rest.find(':');
    out.host = rest.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon);
  }
  if (!rest.empty()) {
    if (rest.front() != ':' || rest.size() == 1) return std::nullopt;
    out.port = rest.substr(1);
  }
  if (out.host.empty()) return std::nullopt;
  return out;
}

std::string slot_name(const MemberName& name) {
  std::string out;
  const std::string& text = name.str();
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') {
      out += c;
      ++at;
    } else if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c - 'A' + 'a');
      ++at;
    } else if (c == '-' || c == '.') {
      out += '_';
      ++at;
    } else {
      out += fmt::format("u{:04d}", next_code_point(text, at));
    }
  }
  return out.substr(0, 63);
}

}  // namespace regent
