#include "adapters/postgres/server_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/os/files.h"
#include "adapters/postgres/parameter_check.h"
#include "adapters/postgres/quoting.h"
#include "base/log.h"
#include "model/config_value.h"

namespace regent {
namespace {

constexpr Duration reload_interval = std::chrono::milliseconds(5);
constexpr Duration reload_time = std::chrono::seconds(2);
constexpr Duration check_time = std::chrono::seconds(5);

std::vector<RefusedParameter> ineffective(const Json& dynamic_config) {
  std::vector<RefusedParameter> found;
  const Json* parameters = value_of(dynamic_section(dynamic_config), "postgresql.parameters");
  if (parameters == nullptr) return found;
  for (const auto& [name, why] : without_effect(*parameters)) {
    found.push_back({name, setting_text(parameters->at(name)), false, why});
  }
  return found;
}

}  // namespace

// An agent that was just started finds out whether the one before it, or Patroni, had taken the setting over: what is
// not the configuration's own value is kept until somebody decides otherwise (I17, F65).
Task<Result<void>> ServerConfig::learn_sync_names(Instant deadline) {
  if (sync_names_known_) co_return Result<void>();
  std::function<Result<std::optional<std::string>>()> work =
      [path = context_.layout.conf()]() -> Result<std::optional<std::string>> {
    const auto text = read_file(path);
    if (!text && text.error().kind == ErrorKind::not_found) return std::optional<std::string>();
    if (!text) return tl::unexpected(text.error());
    return assigned_value(*text, sync_names_parameter);
  };
  auto asking = context_.ask<std::optional<std::string>>(std::move(work), deadline, context_.layout.conf());
  const auto found = co_await std::move(asking);
  if (!found) co_return tl::unexpected(found.error());
  const auto configured = context_.configured_parameters();
  const auto own = configured.values.find(sync_names_parameter);
  const bool users = !*found || (own != configured.values.end() && own->second == **found);
  context_.sync_names = users ? std::nullopt : *found;
  sync_names_known_ = true;
  // Whoever wrote it may have got no further.
  postmaster_.reload();
  co_return Result<void>();
}

// PostgreSQL is asked only about what it was not asked before. It not answering is no reason to leave anything out.
Task<void> ServerConfig::weed(Instant deadline) {
  const auto values = context_.asked_parameters().values;
  auto idle = ineffective(context_.dynamic);
  // What has no effect changes none of the values.
  if (values == checked_ && idle == idle_) co_return;
  auto checking = check_parameters(context_, values, std::min(deadline, context_.clock.now() + check_time));
  const auto refused = co_await std::move(checking);
  if (!refused) {
    log::warning("{}", refused.error().message);
    co_return;
  }
  const Json* from_file = value_of(context_.config().section, "postgresql.parameters");
  std::vector<RefusedParameter> found;
  for (const auto& [name, why] : *refused) {
    const bool local = from_file != nullptr && find(*from_file, name) != nullptr && !is_governed(name);
    found.push_back({name, values.at(name), local, why});
  }
  found.insert(found.end(), idle.begin(), idle.end());
  for (const auto& parameter : found) {
    const bool known = std::find(context_.refused.begin(), context_.refused.end(), parameter) != context_.refused.end();
    if (!known) log::warning("postgresql.parameters: {}; it is not used", to_sentence(parameter));
  }
  checked_ = values;
  idle_ = std::move(idle);
  context_.refused = std::move(found);
  context_.forget_parameters();
}

Task<Result<std::vector<RefusedParameter>>> ServerConfig::check(Json dynamic_config, Instant deadline) {
  auto versioning = context_.ensure_version(deadline);
  if (const auto known = co_await std::move(versioning); !known) co_return tl::unexpected(known.error());
  const Json* parameters = value_of(dynamic_section(dynamic_config), "postgresql.parameters");
  const ServerIdentity identity{context_.config().listen_addresses, context_.config().port, context_.local.scope};
  const auto values =
      effective_parameters(parameters != nullptr ? *parameters : Json(), Json(), identity, context_.major_version)
          .values;
  auto found = ineffective(dynamic_config);
  auto checking = check_parameters(context_, values, deadline);
  const auto refused = co_await std::move(checking);
  if (!refused) co_return tl::unexpected(refused.error());
  for (const auto& [name, why] : *refused) found.push_back({name, values.at(name), false, why});
  co_return found;
}

ServerParameters ServerConfig::parameters(bool replica) const {
  auto parameters = context_.parameters();
  if ((replica || context_.first_recovery()) && context_.control) {
    raise_for_standby(parameters, context_.control->settings);
  }
  return parameters;
}

Task<Result<WrittenConfig>> ServerConfig::write(bool replica, Instant deadline) {
  auto learning = learn_sync_names(deadline);
  if (const auto learnt = co_await std::move(learning); !learnt) co_return tl::unexpected(learnt.error());
  auto weeding = weed(deadline);
  co_await std::move(weeding);
  auto wanted = context_.wanted_files(parameters(replica));
  if (context_.bootstrapping) {
    wanted.keep_recovery_settings = context_.first.keeps_recovery;
    wanted.recovers_to_target = context_.first.recovery.has_value();
    if (context_.first.recovery) wanted.recovery = context_.first.recovery;
    // Until the roles have the passwords of this place, nobody can log in by one.
    const auto& superuser = context_.config().superuser.username;
    if (context_.first.restored && !superuser.empty()) wanted.hba = superuser_only(superuser);
  }
  std::function<Result<WrittenConfig>()> work = [layout = context_.layout, wanted = std::move(wanted)] {
    return write_config(layout, wanted);
  };
  auto asking = context_.ask<WrittenConfig>(std::move(work), deadline, "the directory " + context_.layout.config_dir);
  co_return co_await std::move(asking);
}

Task<Result<bool>> ServerConfig::apply(Instant deadline) {
  auto versioning = context_.ensure_version(deadline);
  if (const auto known = co_await std::move(versioning); !known) co_return tl::unexpected(known.error());
  auto looking = context_.directory(deadline);
  const auto look = co_await std::move(looking);
  if (!look) co_return tl::unexpected(look.error());
  // Nothing to configure: a file in there would make the directory look like something it is not.
  if (look->version.empty() || look->rewind_marker || (look->incomplete && !context_.bootstrapping)) co_return false;
  auto writing = write(look->standby_signal, deadline);
  const auto written = co_await std::move(writing);
  if (!written) co_return tl::unexpected(written.error());
  log_changes(*written);
  if (written->changed) postmaster_.reload();
  co_return written->changed;
}

void ServerConfig::note_restart_parameters(const RunningSettings& settings) {
  for (const auto& [name, setting] : settings) restart_parameters_.insert(name);
}

void ServerConfig::log_changes(const WrittenConfig& written) const {
  for (const auto& change : written.parameters) {
    log::info("Changed {} from '{}' to '{}'{}", change.name, change.before.value_or("None"),
              change.after.value_or("None"),
              restart_parameters_.contains(change.name) ? " (restart might be required)" : "");
  }
  if (written.changed) {
    log::info("Reloading PostgreSQL configuration.");
  } else {
    log::info("No PostgreSQL configuration items changed, nothing to reload.");
  }
}

// The postmaster passes a reload on to its children; until the setting is seen in effect it may or may not be.
Task<Result<void>> ServerConfig::await_sync_names(std::string names, Instant deadline) {
  std::string seen;
  while (context_.clock.now() < deadline) {
    auto asking = monitor_.ask(postmaster_.incarnation(), deadline);
    const auto answer = co_await std::move(asking);
    if (!answer) co_return tl::unexpected(answer.error());
    seen = answer->facts.synchronous_standby_names;
    if (seen == names) co_return Result<void>();
    auto sleeping = context_.clock.sleep_until(context_.clock.now() + reload_interval);
    co_await std::move(sleeping);
  }
  co_return fail(
      ErrorKind::failed,
      fmt::format("synchronous_standby_names is still '{}' instead of '{}'; does ALTER SYSTEM set it?", seen, names));
}

Task<Result<void>> ServerConfig::set_sync_names(std::optional<std::string> names, Instant deadline) {
  auto looking = context_.directory(deadline);
  const auto look = co_await std::move(looking);
  if (!look) co_return tl::unexpected(look.error());
  if (look->version.empty() || look->rewind_marker || look->incomplete) {
    co_return fail(ErrorKind::refused, "the data directory is not complete");
  }
  context_.sync_names = names;
  sync_names_known_ = true;
  auto writing = write(look->standby_signal, deadline);
  const auto written = co_await std::move(writing);
  // What the file holds now is found out again.
  if (!written) sync_names_known_ = false;
  if (!written) co_return tl::unexpected(written.error());
  // Also when the file was right: an earlier reload may not have got through. A server that is down reads it later.
  if (!postmaster_.reload() || !names) co_return Result<void>();
  auto waiting = await_sync_names(*names, std::min(deadline, context_.clock.now() + reload_time));
  co_return co_await std::move(waiting);
}

}  // namespace regent
