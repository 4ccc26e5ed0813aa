#include "adapters/postgres/data_directory.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "adapters/os/files.h"
#include "adapters/postgres/config_store.h"
#include "adapters/postgres/lock_record.h"

namespace regent {
namespace {

// What one of PostgreSQL's processes is, by the title it gives itself.
enum class Kind { postmaster, backend, tool };

Kind kind_of(pid_t pid) {
  const auto words = arguments(pid);
  if (!words.empty() && words.front().starts_with("postgres: ")) return Kind::backend;
  // They count as the first option only. A postmaster taken for a tool would be one that nobody ends (I3).
  const std::string first = words.size() > 1 ? words[1] : std::string();
  for (const char* option : {"--single", "--boot", "--check", "--describe-config", "--version"}) {
    if (first == option) return Kind::tool;
  }
  return std::find(words.begin(), words.end(), "-C") != words.end() ? Kind::tool : Kind::postmaster;
}

}  // namespace

std::optional<PidFile> parse_pid_file(std::string_view text) {
  PidFile file;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), file.pid);
  if (error != std::errc() || file.pid <= 0) return std::nullopt;
  std::array<std::string_view, 8> lines;
  for (auto& line : lines) {
    const auto end = std::min(text.find('\n'), text.size());
    line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  file.port = lines[3];
  file.socket_directory = lines[4];
  file.address = lines[5];
  file.status = lines[7].substr(0, lines[7].find(' '));
  return file;
}

Result<void> mark_led(const Layout& layout, const LedBy& mark) {
  std::string text = mark.name;
  if (mark.timeline.value > 0) text += fmt::format("\n{}", mark.timeline.value);
  const auto written = write_file(layout.led_marker(), text, file_mode(layout));
  return written ? Result<void>() : tl::unexpected(written.error());
}

Result<void> mark_promoting(const Layout& layout, const std::string& postmaster) {
  const auto written = write_file(layout.promoting_marker(), postmaster, file_mode(layout));
  return written ? Result<void>() : tl::unexpected(written.error());
}

LedBy read_led(const Layout& layout) {
  const auto text = read_file(layout.led_marker()).value_or("");
  LedBy mark{text.substr(0, text.find('\n')), {}};
  if (const auto end = text.find('\n'); end != std::string::npos) {
    std::from_chars(text.data() + end + 1, text.data() + text.size(), mark.timeline.value);
  }
  return mark;
}

Result<DirectoryLook> look_at_directory(const Layout& layout) {
  DirectoryLook look;
  const auto names = list_directory(layout.data_dir);
  if (!names && names.error().kind != ErrorKind::not_found) return tl::unexpected(names.error());
  look.empty = true;
  bool backup_parts = false;
  bool dynamic = false, led = false;
  for (const auto& name : names.value_or(std::vector<std::string>())) {
    if (!name.starts_with('.') && name != "lost+found") look.empty = false;
    if ("regent.incomplete" == name) look.incomplete = true;
    if ("regent.rewind" == name) look.rewind_marker = true;
    if ("regent.followed" == name) look.followed = true;
    if ("regent.copied" == name) look.copied = true;
    if ("regent.session" == name) look.lock_session = read_lock_record(layout);
    if ("regent.promoting" == name) look.promoting = read_file(layout.promoting_marker()).value_or("");
    if ("regent.led" == name) led = true;
    if (name == "standby.signal") look.standby_signal = true;
    if (name == "backup_label") look.backup_label = true;
    if (name == "backup_manifest.tmp") backup_parts = true;
    if (name == "patroni.dynamic.json") dynamic = true;
  }
  if (look.empty) look.bootstrap_failure = read_bootstrap_failure(layout);
  if (look.empty) return look;
  if (const auto version = read_file(layout.data("PG_VERSION"))) {
    look.version = version->substr(0, version->find('\n'));
  } else if (version.error().kind != ErrorKind::not_found) {
    return tl::unexpected(version.error());
  }
  struct stat control {};
  if (stat(layout.data("global/pg_control").c_str(), &control) == 0) {
    look.control_stamp =
        fmt::format("{}:{}:{}.{}", control.st_ino, control.st_size, control.st_mtim.tv_sec, control.st_mtim.tv_nsec);
  } else if (errno != ENOENT && errno != ENOTDIR) {
    return system_error("look at", layout.data("global/pg_control"), errno);
  }
  if (dynamic) look.dynamic = read_file(layout.dynamic_json()).value_or("");
  if (led) look.led = read_led(layout);
  // A base backup brings the control file last: without it nothing was ever complete here.
  if (look.control_stamp.empty() && (look.backup_label || backup_parts)) look.incomplete = true;
  return look;
}

std::string startup_activity(std::string_view title) {
  // Behind "postgres: " and the cluster's name, which may be anything.
  constexpr std::string_view word = "startup ";
  const auto at = title.rfind(word);
  if (!title.starts_with("postgres: ") || at == std::string_view::npos || title[at - 1] != ' ') return {};
  const auto activity = title.substr(at + word.size());
  return std::string(activity.substr(0, activity.find_last_not_of(' ') + 1));
}

Result<Tenants> look_for_tenants(const Layout& layout, const std::string& server, std::optional<ProcessId> started) {
  Tenants tenants;
  const auto belongs = [&](pid_t pid) {
    return executable_name(pid) == server && same_directory(pid, layout.data_dir);
  };
  const auto accept = [&](const ProcessInfo& info) {
    tenants.postmaster = info.id;
    tenants.frozen = info.frozen();
  };
  const auto text = read_file(layout.data("postmaster.pid"));
  const auto file = text ? parse_pid_file(*text) : std::nullopt;
  if (file) {
    const auto info = process_info(file->pid);
    if (info && !info->dead() && belongs(file->pid) && kind_of(file->pid) == Kind::postmaster) {
      accept(*info);
      tenants.status = file->status;
      tenants.file = file;
      if (file->status == "starting") {
        for (const auto& process : with_descendants(list_processes(), file->pid)) {
          if (tenants.startup.empty()) tenants.startup = startup_activity(command_line(process.id.pid));
        }
      }
      return tenants;
    }
  }
  if (started && is_alive(*started)) {
    accept(*process_info(started->pid));
    tenants.status = "starting";
    return tenants;
  }
  for (const auto& info : list_processes()) {
    if (info.dead() || !belongs(info.id.pid)) continue;
    switch (kind_of(info.id.pid)) {
      case Kind::postmaster:
        accept(info);
        break;
      case Kind::backend:
        tenants.orphans.push_back(info.id);
        break;
      case Kind::tool:
        tenants.tool = true;
        break;
    }
  }
  if (tenants.postmaster) tenants.orphans.clear();
  if (!tenants.postmaster && !text && text.error().kind != ErrorKind::not_found) return tl::unexpected(text.error());
  return tenants;
}

void kill_tenants(const Tenants& tenants) {
  if (tenants.postmaster) {
    const auto family = with_descendants(list_processes(), tenants.postmaster->pid);
    send_signal(*tenants.postmaster, SIGKILL);
    for (const auto& info : family) {
      if (info.id != *tenants.postmaster) send_signal(info.id, SIGKILL);
    }
  }
  for (const auto& id : tenants.orphans) send_signal(id, SIGKILL);
}

}  // namespace regent
