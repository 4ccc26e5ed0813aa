#include "adapters/postgres/hook.h"

#include <fmt/format.h>

#include "adapters/os/process.h"

namespace regent {

Task<Result<void>> run_hook(Context& context, ConfigName key, Instant deadline) {
  const auto text = section_text(context.config(), context.dynamic, key);
  if (text.empty()) co_return Result<void>();
  auto words = split_command(text);
  if (!words) co_return fail(words.error().kind, fmt::format("{}: {}", key->path, words.error().message));
  Command command;
  command.arguments = std::move(*words);
  auto running = run_ok(std::move(command), context.clock, deadline);
  const auto outcome = co_await std::move(running);
  if (!outcome) co_return fail(outcome.error().kind, fmt::format("{} script {}", key->name(), outcome.error().message));
  co_return Result<void>();
}

}  // namespace regent
