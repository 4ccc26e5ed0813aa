#include "adapters/postgres/lock_record.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "adapters/os/files.h"
#include "adapters/os/unique_fd.h"

namespace regent {
namespace {

constexpr std::size_t longest_record = 512;

// Of the kernel: anew with every boot.
const std::string& boot_id() {
  static const std::string id = read_file("/proc/sys/kernel/random/boot_id").value_or("");
  return id;
}

// What a record of this session in this file says.
std::string record_of(const std::string& session, const struct stat& file) {
  return fmt::format("{}\n{}:{}\n{}", session, file.st_dev, file.st_ino, boot_id());
}

}  // namespace

Result<void> write_lock_record(const Layout& layout, const std::string& session) {
  const std::string path = layout.lock_record();
  if (boot_id().empty()) return fail(ErrorKind::failed, "the boot of this machine has no id in /proc");
  // A directory that is empty, or being filled, stays as it is.
  if (const auto made = exists(layout.data("PG_VERSION")); !made || !*made) {
    return fail(ErrorKind::not_found, fmt::format("{} is no data directory", layout.data_dir));
  }
  // Anew each time: what is there may be linked into a copy, and is to prove nothing there.
  if (truncate(path.c_str(), 0) != 0 && errno != ENOENT) return system_error("empty", path, errno);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("remove", path, errno);
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  struct stat file {};
  if (!fd.valid() || fstat(fd.get(), &file) != 0) return system_error("create", path, errno);
  const std::string record = record_of(session, file);
  const auto written = write(fd.get(), record.data(), record.size());
  if (written != static_cast<ssize_t>(record.size())) return system_error("write", path, written < 0 ? errno : ENOSPC);
  return {};
}

std::string read_lock_record(const Layout& layout) {
  const UniqueFd fd(open(layout.lock_record().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat file {};
  if (!fd.valid() || fstat(fd.get(), &file) != 0 || boot_id().empty()) return {};
  if (!S_ISREG(file.st_mode) || file.st_nlink != 1) return {};
  std::array<char, longest_record> bytes{};
  const auto count = read(fd.get(), bytes.data(), bytes.size());
  if (count <= 0) return {};
  const std::string record(bytes.data(), static_cast<std::size_t>(count));
  const std::string session = record.substr(0, record.find('\n'));
  return record == record_of(session, file) ? session : std::string();
}

}  // namespace regent
