#include "base/host.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace regent {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// What bind() says about one address; 0 when it is free.
int try_to_bind(const addrinfo& address) {
  const int handle = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, address.ai_protocol);
  if (handle < 0) return 0;  // a family this machine does not have
  const int yes = 1;
  ::setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (address.ai_family == AF_INET6) ::setsockopt(handle, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  const int error = ::bind(handle, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  ::close(handle);
  return error;
}

}  // namespace

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = "";
  return ::gethostname(name, sizeof name) == 0 ? name : "localhost";
}

std::string home_directory() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') return home;
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(::geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) return found->pw_dir;
  return "/tmp";
}

Result<std::string> read_text_file(const std::string& path, std::size_t largest) {
  const auto fail_with = [&](int error) {
    return fail(ErrorKind::invalid, fmt::format("cannot read {}: {}", path, std::strerror(error)));
  };
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  if (!file) return fail_with(errno);
  std::string text;
  char buffer[4096];
  while (const auto count = std::fread(buffer, 1, sizeof buffer, file.get())) {
    text.append(buffer, count);
    if (text.size() > largest)
      return fail(ErrorKind::invalid, fmt::format("{} is larger than {} bytes", path, largest));
  }
  if (std::ferror(file.get()) != 0) return fail_with(errno);
  return text;
}

std::string why_no_access(const std::string& path, Access access) {
  const int mode = access == Access::read ? R_OK : access == Access::execute ? X_OK : W_OK | X_OK;
  return ::access(path.c_str(), mode) == 0 ? "" : std::strerror(errno);
}

std::string why_no_listen(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  if (const int error = ::getaddrinfo(host == "*" ? nullptr : host.c_str(), port.c_str(), &hints, &raw); error != 0)
    return ::gai_strerror(error);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(raw, ::freeaddrinfo);
  for (const addrinfo* entry = raw; entry != nullptr; entry = entry->ai_next) {
    const int error = try_to_bind(*entry);
    // A family that is switched off does not matter when every address is meant.
    if (error == 0 || (error == EADDRNOTAVAIL && host == "*")) continue;
    if (error == EADDRINUSE) return fmt::format("Port {} is already in use.", port);
    return error == EADDRNOTAVAIL ? fmt::format("{} is not an address of this machine", host) : std::strerror(error);
  }
  return "";
}

}  // namespace regent
