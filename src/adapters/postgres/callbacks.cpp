#include "adapters/postgres/callbacks.h"

#include "base/log.h"

namespace regent {

void Callbacks::run(const std::string& command, std::string_view action, std::string_view role,
                    const std::string& scope) {
  auto words = split_command(command);
  if (!words) {
    log::error("callback {}: {}", action, words.error().message);
    return;
  }
  Command call;
  call.arguments = std::move(*words);
  call.arguments.insert(call.arguments.end(), {std::string(action), std::string(role), scope});
  call.capture = false;
  call.outlives = true;  // on_stop runs while the agent ends
  auto& slot = action == "on_reload" ? reload_ : running_;
  if (slot.running()) {
    log::warning("killing the old callback process, because of {}", action);
    slot.kill();
  }
  auto child = Child::start(call);
  if (!child) {
    log::error("callback {}: {}", action, child.error().message);
    return;
  }
  slot = std::move(*child);
}

}  // namespace regent
