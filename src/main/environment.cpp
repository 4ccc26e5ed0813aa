#include "main/environment.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace regent {

std::map<std::string, std::string> take_environment() {
  std::map<std::string, std::string> taken;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with("PATRONI_")) continue;
    taken.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const auto& [name, value] : taken) ::unsetenv(name.c_str());
  return taken;
}

std::string take_notify_socket() {
  const char* value = std::getenv("NOTIFY_SOCKET");
  std::string socket = value != nullptr ? value : "";
  ::unsetenv("NOTIFY_SOCKET");
  return socket;
}

void notify(const std::string& socket, const std::string& message) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() < 2 || socket.size() >= sizeof address.sun_path || (socket[0] != '/' && socket[0] != '@')) return;
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (socket[0] == '@') address.sun_path[0] = '\0';
  const int handle = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (handle < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  [[maybe_unused]] const auto sent = ::sendto(handle, message.data(), message.size(), MSG_NOSIGNAL,
                                              reinterpret_cast<const sockaddr*>(&address), length);
  ::close(handle);
}

}  // namespace regent
