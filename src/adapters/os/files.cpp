#include "adapters/os/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "adapters/os/unique_fd.h"

namespace regent {
namespace {

constexpr std::size_t largest_file = 16U << 20U;

std::string parent_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const auto written = write(fd, content.data(), content.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

tl::unexpected<Error> system_error(std::string_view verb, std::string_view path, int code) {
  const auto kind = code == ENOENT                    ? ErrorKind::not_found
                    : code == EACCES || code == EPERM ? ErrorKind::refused
                                                      : ErrorKind::failed;
  char buffer[128];
  return fail(kind, fmt::format("cannot {} {}: {}", verb, path, strerror_r(code, buffer, sizeof buffer)));
}

Result<std::string> read_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return system_error("read", path, errno);
  std::string content;
  char buffer[16384];
  for (;;) {
    const auto count = read(fd.get(), buffer, sizeof buffer);
    if (count == 0) return content;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", path, errno);
    content.append(buffer, static_cast<std::size_t>(count));
    if (content.size() > largest_file) return system_error("read", path, EFBIG);
  }
}

Result<bool> write_file(const std::string& path, std::string_view content, mode_t mode) {
  struct stat present {};
  if (lstat(path.c_str(), &present) == 0 && S_ISREG(present.st_mode) && (present.st_mode & 07777U) == mode) {
    const auto old = read_file(path);
    if (old && *old == content) return false;
  }
  const std::string temporary = path + ".regent-new";
  unlink(temporary.c_str());
  {
    const UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd.valid()) return system_error("create", temporary, errno);
    int code = write_all(fd.get(), content);
    if (code == 0 && fchmod(fd.get(), mode) != 0) code = errno;
    if (code == 0 && fsync(fd.get()) != 0) code = errno;
    if (code != 0) {
      unlink(temporary.c_str());
      return system_error("write", temporary, code);
    }
  }
  if (const auto renamed = rename_file(temporary, path); !renamed) {
    unlink(temporary.c_str());
    return tl::unexpected(renamed.error());
  }
  return true;
}

Result<bool> exists(const std::string& path) {
  struct stat present {};
  if (lstat(path.c_str(), &present) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return system_error("look at", path, errno);
}

Result<void> remove_file(const std::string& path) {
  if (unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return system_error("remove", path, errno);
  }
  return sync_directory(parent_of(path));
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return system_error(fmt::format("rename {} to", from), to, errno);
  return sync_directory(parent_of(to));
}

Result<void> sync_directory(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return system_error("open", path, errno);
  if (fsync(fd.get()) != 0) return system_error("sync", path, errno);
  return {};
}

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return system_error("remove", path, error.value());
  return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return system_error("list", path, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  const int code = errno;
  closedir(directory);
  if (code != 0) return system_error("list", path, code);
  return names;
}

}  // namespace regent
