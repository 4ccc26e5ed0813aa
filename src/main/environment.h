// What main takes from its environment before anybody else can see it.
#pragma once

#include <map>
#include <string>

namespace regent {

// The PATRONI_* variables, removed from the process: they hold passwords, and children must not see them (T20).
// Call before other threads exist.
std::map<std::string, std::string> take_environment();

// The service manager's notification socket, removed likewise. Empty: there is none.
std::string take_notify_socket();

// Tells the service manager, e.g. "READY=1". Nothing happens when `socket` is empty; failures do not matter.
void notify(const std::string& socket, const std::string& message);

}  // namespace regent
