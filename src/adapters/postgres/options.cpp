#include "adapters/postgres/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>

#include "adapters/postgres/quoting.h"

namespace regent {
namespace {

std::string_view option_name(std::string_view text) {
  while (text.starts_with('-')) text.remove_prefix(1);
  return text.substr(0, text.find('='));
}

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

std::vector<std::string> long_options(const Json* options, const std::set<std::string, std::less<>>& blocked,
                                      std::string_view tool, std::vector<std::string>& problems) {
  std::vector<std::string> arguments;
  const auto add = [&](std::string_view name, const std::string* value) {
    if (name.empty()) return;
    if (blocked.contains(option_name(name))) {
      problems.push_back(fmt::format("the {} option {} is not allowed and is left out", tool, option_name(name)));
      return;
    }
    arguments.push_back(fmt::format("--{}{}", name, value == nullptr ? "" : "=" + *value));
  };
  const auto add_pair = [&](const std::string& name, const Json& value) {
    if (value.is_boolean()) {
      // A flag switched on; off is as if it were not there.
      if (value.get<bool>()) add(name, nullptr);
    } else if (value.is_string() || value.is_number()) {
      const auto text = setting_text(value);
      add(name, &text);
    } else if (value.is_null()) {
      add(name, nullptr);
    } else {
      problems.push_back(fmt::format("the value of the {} option {} must be a string or a number", tool, name));
    }
  };
  if (options == nullptr) return arguments;
  if (options->is_object()) {
    for (const auto& [name, value] : options->items()) add_pair(name, value);
  } else if (options->is_array()) {
    for (const auto& option : *options) {
      if (option.is_object()) {
        for (const auto& [name, value] : option.items()) add_pair(name, value);
      } else {
        auto text = setting_text(option);
        text.erase(0, text.find_first_not_of('-') == std::string::npos ? text.size() : text.find_first_not_of('-'));
        add(text, nullptr);
      }
    }
  } else {
    problems.push_back(fmt::format("the options of {} must be a list or a mapping", tool));
  }
  return arguments;
}

std::vector<std::string> basebackup_options(const Json* options, std::vector<std::string>& problems) {
  static const std::set<std::string, std::less<>> blocked{"pgdata", "format",   "wal-method", "xlog-method",
                                                          "gzip",   "version",  "dbname",     "host",
                                                          "port",   "username", "password"};
  auto arguments = long_options(options, blocked, "basebackup", problems);
  std::erase_if(arguments, [&](const std::string& argument) {
    const bool client_side = option_name(argument) == "compress" && argument.find("=server") == std::string::npos;
    if (client_side) problems.emplace_back("the basebackup option compress is possible on the server's side only");
    return client_side;
  });
  return arguments;
}

std::optional<CopyProgress> parse_progress(std::string_view text) {
  const auto kb = text.rfind(" kB (");
  if (kb == std::string_view::npos) return std::nullopt;
  auto begin = kb;
  while (begin > 0 && (is_digit(text[begin - 1]) || text[begin - 1] == '/')) --begin;
  const auto figures = text.substr(begin, kb - begin);
  const auto slash = figures.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  CopyProgress progress;
  std::from_chars(figures.data(), figures.data() + slash, progress.done);
  std::from_chars(figures.data() + slash + 1, figures.data() + figures.size(), progress.total);
  progress.done *= 1024;
  progress.total *= 1024;
  return progress;
}

std::string progress_text(const CopyProgress& progress, Duration elapsed) {
  constexpr std::uint64_t mb = 1024 * 1024;
  std::string text = fmt::format("{} MB", progress.done / mb);
  // What the source grows by while it is copied comes on top of the total.
  const auto total = std::max(progress.total, progress.done);
  if (progress.total > 0) {
    text = fmt::format("{} of {} MB ({}%)", progress.done / mb, total / mb,
                       progress.done * 100 / std::max<std::uint64_t>(total, 1));
  }
  const double seconds = to_seconds(elapsed);
  if (seconds < 1 || progress.done == 0) return text;
  const double speed = static_cast<double>(progress.done) / seconds;
  text += fmt::format(", {:.0f} MB/s", speed / mb);
  if (progress.total > 0) text += fmt::format(", {:.0f} s left", static_cast<double>(total - progress.done) / speed);
  return text;
}

}  // namespace regent
