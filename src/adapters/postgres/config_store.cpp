#include "adapters/postgres/config_store.h"

#include <sys/stat.h>

#include <array>

#include "adapters/os/files.h"

namespace regent {
namespace {

std::array<std::string, 4> backed_up(const Layout& layout) {
  return {layout.hba(), layout.ident(), layout.base_conf(), layout.conf()};
}

// The first foreign postgresql.conf becomes the base that ours includes.
Result<void> take_over(const Layout& layout, mode_t mode) {
  if (!layout.custom_conf.empty()) return {};
  const auto base = exists(layout.base_conf());
  if (!base) return tl::unexpected(base.error());
  if (*base) return {};
  const auto present = read_file(layout.conf());
  if (!present && present.error().kind != ErrorKind::not_found) return tl::unexpected(present.error());
  if (present && !is_generated(*present)) return rename_file(layout.conf(), layout.base_conf());
  const auto written = write_file(layout.base_conf(), "", mode);
  if (!written) return tl::unexpected(written.error());
  return {};
}

Result<bool> strip_auto_conf(const Layout& layout, mode_t mode) {
  const auto text = read_file(layout.auto_conf());
  if (!text) {
    if (text.error().kind == ErrorKind::not_found) return false;
    return tl::unexpected(text.error());
  }
  const auto kept = without_recovery_settings(*text);
  if (kept == *text) return false;
  return write_file(layout.auto_conf(), kept, mode);
}

}  // namespace

mode_t file_mode(const Layout& layout) {
  struct stat directory {};
  const bool group = stat(layout.data_dir.c_str(), &directory) == 0 && (directory.st_mode & S_IRGRP) != 0;
  return group ? 0640 : 0600;
}

Result<void> fill_config_dir(const Layout& layout) {
  if (layout.config_dir == layout.data_dir) return {};
  const std::array<std::pair<std::string, std::string>, 4> files{
      std::pair{layout.data("pg_hba.conf"), layout.hba()}, std::pair{layout.data("pg_ident.conf"), layout.ident()},
      std::pair{layout.data("postgresql.base.conf"), layout.base_conf()},
      std::pair{layout.data("postgresql.conf"), layout.conf()}};
  for (const auto& [from, to] : files) {
    const auto present = exists(to);
    if (!present) return tl::unexpected(present.error());
    if (*present) continue;
    const auto text = read_file(from);
    if (!text && text.error().kind == ErrorKind::not_found) continue;
    if (!text) return tl::unexpected(text.error());
    if (auto done = write_file(to, *text, file_mode(layout)); !done) return tl::unexpected(done.error());
  }
  return {};
}

Result<WrittenConfig> write_config(const Layout& layout, const WantedFiles& wanted) {
  const auto mode = file_mode(layout);
  if (auto filled = fill_config_dir(layout); !filled) return tl::unexpected(filled.error());
  if (auto taken = take_over(layout, mode); !taken) return tl::unexpected(taken.error());
  if (auto restored = restore_backups(layout); !restored) return tl::unexpected(restored.error());
  const auto standby = exists(layout.standby_signal());
  if (!standby) return tl::unexpected(standby.error());
  std::optional<RecoverySettings> recovery;
  if (*standby || wanted.recovers_to_target) {
    recovery = wanted.recovery;
    if (!recovery && *standby) {
      if (const auto text = read_file(layout.conf())) recovery = recovery_section(*text);
    }
  }
  WrittenConfig outcome;
  const auto put = [&](const std::string& path, const std::string& text) -> Result<void> {
    const auto written = write_file(path, text, mode);
    if (!written) return tl::unexpected(written.error());
    outcome.changed = outcome.changed || *written;
    return {};
  };
  // The password is there before the file that refers to it.
  if (wanted.passfile && wanted.passfile_path) {
    if (auto done = write_file(*wanted.passfile_path, *wanted.passfile, 0600); !done) {
      return tl::unexpected(done.error());
    }
  }
  if (!wanted.keep_recovery_settings) {
    const auto stripped = strip_auto_conf(layout, mode);
    if (!stripped) return tl::unexpected(stripped.error());
    outcome.changed = *stripped;
  }
  if (wanted.hba && !wanted.parameters.values.contains("hba_file")) {
    if (auto done = put(layout.hba(), *wanted.hba); !done) return tl::unexpected(done.error());
  }
  const bool own_ident = !wanted.parameters.values.contains("ident_file");
  const auto has_ident = exists(layout.ident());
  if (own_ident && (wanted.ident || (has_ident && !*has_ident))) {
    if (auto done = put(layout.ident(), wanted.ident.value_or("")); !done) return tl::unexpected(done.error());
  }
  const auto text = postgresql_conf(layout, wanted.parameters, recovery);
  if (const auto before = read_file(layout.conf())) outcome.parameters = changed_parameters(*before, text);
  if (auto done = put(layout.conf(), text); !done) return tl::unexpected(done.error());
  if (wanted.dynamic) {
    if (auto done = write_file(layout.dynamic_json(), to_spaced(*wanted.dynamic), mode); !done) {
      return tl::unexpected(done.error());
    }
  }
  return outcome;
}

Result<void> set_standby(const Layout& layout, bool standby) {
  if (auto done = remove_file(layout.data("recovery.signal")); !done) return done;
  if (!standby) return remove_file(layout.standby_signal());
  const auto written = write_file(layout.standby_signal(), "", file_mode(layout));
  if (!written) return tl::unexpected(written.error());
  return {};
}

Result<void> set_recovery(const Layout& layout) {
  if (auto done = remove_file(layout.standby_signal()); !done) return done;
  const auto written = write_file(layout.data("recovery.signal"), "", file_mode(layout));
  if (!written) return tl::unexpected(written.error());
  return {};
}

Result<void> save_backups(const Layout& layout) {
  for (const auto& path : backed_up(layout)) {
    const auto text = read_file(path);
    if (!text && text.error().kind == ErrorKind::not_found) continue;
    if (!text) return tl::unexpected(text.error());
    if (auto done = write_file(path + ".backup", *text, file_mode(layout)); !done) return tl::unexpected(done.error());
  }
  return {};
}

Result<void> restore_backups(const Layout& layout) {
  for (const auto& path : backed_up(layout)) {
    const auto present = exists(path);
    if (!present) return tl::unexpected(present.error());
    if (*present) continue;
    const auto text = read_file(path + ".backup");
    if (!text && text.error().kind == ErrorKind::not_found) continue;
    if (!text) return tl::unexpected(text.error());
    if (auto done = write_file(path, *text, file_mode(layout)); !done) return tl::unexpected(done.error());
  }
  return {};
}

}  // namespace regent
