#include "adapters/postgres/bootstrap_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "adapters/os/files.h"

namespace regent {
namespace {

std::string without_numbers(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

}  // namespace

std::string configuration_of(const LocalConfig& config) {
  const auto text = to_compact(config.bootstrap) + to_compact(config.postgres.section);
  return fmt::format("{:016x}", std::hash<std::string>()(text));
}

BootstrapFailure read_bootstrap_failure(const Layout& layout) {
  const auto path = layout.bootstrap_failure();
  const auto text = read_file(path);
  if (!text) return {};
  const auto parsed = parse_json(*text, path);
  if (!parsed) return {};
  const Json* why = find(*parsed, "why");
  const Json* times = find(*parsed, "times");
  const Json* configuration = find(*parsed, "configuration");
  const Json* at = find(*parsed, "at");
  const bool whole = why != nullptr && why->is_string() && times != nullptr && times->is_number_integer() &&
                     configuration != nullptr && configuration->is_string() && at != nullptr && at->is_number_integer();
  if (!whole) return {};
  return {why->get<std::string>(), times->get<int>(), configuration->get<std::string>(),
          WallTime(std::chrono::seconds(at->get<std::int64_t>()))};
}

Result<void> write_bootstrap_failure(const Layout& layout, const BootstrapFailure& failure) {
  std::error_code error;
  std::filesystem::create_directories(layout.put_aside(), error);
  if (error) return fail(ErrorKind::failed, fmt::format("cannot make {}: {}", layout.put_aside(), error.message()));
  const auto at = std::chrono::duration_cast<std::chrono::seconds>(failure.at.time_since_epoch()).count();
  const Json record{
      {"why", failure.why}, {"times", failure.times}, {"configuration", failure.configuration}, {"at", at}};
  const auto written = write_file(layout.bootstrap_failure(), to_compact(record) + "\n", 0600);
  if (!written) return tl::unexpected(written.error());
  return {};
}

BootstrapFailure next_failure(const BootstrapFailure& before, const std::string& why, const std::string& configuration,
                              WallTime now) {
  const bool again = before.configuration == configuration && without_numbers(before.why) == without_numbers(why);
  return {why, again ? before.times + 1 : 1, configuration, now};
}

std::optional<WallTime> retry_after(const BootstrapFailure& failure, const std::string& configuration, WallTime now) {
  if (failure.times < 2 || failure.configuration != configuration) return std::nullopt;
  const auto wait = std::min<std::chrono::minutes>(std::chrono::minutes(5) * (1 << std::min(failure.times - 2, 4)),
                                                   std::chrono::hours(1));
  // A clock that was set back since tells nothing.
  if (failure.at > now) return std::nullopt;
  return failure.at + wait;
}

}  // namespace regent
