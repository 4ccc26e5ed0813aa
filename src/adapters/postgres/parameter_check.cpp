#include "adapters/postgres/parameter_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "adapters/postgres/quoting.h"

namespace regent {
namespace {

// They take effect while the rest is read: whatever comes after them might be said in other words, elsewhere or not at
// all.
const std::set<std::string, std::less<>> read_last{"lc_messages",     "log_destination",  "log_error_verbosity",
                                                   "log_line_prefix", "log_min_messages", "logging_collector",
                                                   "syslog_facility", "event_source"};

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// What follows the severity in a line of the server's; empty: it is of another severity.
std::string_view message_of(std::string_view line, std::initializer_list<std::string_view> severities) {
  for (const auto severity : severities) {
    if (const auto at = line.find(severity); at != std::string_view::npos) return line.substr(at + severity.size());
  }
  return {};
}

// The place in the file, which is none of the user's.
std::string without_place(std::string_view message) {
  return std::string(message.substr(0, message.find(" in file \"")));
}

// What the server's scanner takes for one; anything else would end its reading of the file.
bool is_name(std::string_view text) {
  const auto part = [](std::string_view word) {
    const auto letter = [](unsigned char c) { return std::isalpha(c) != 0 || c == '_' || c >= 0x80; };
    return !word.empty() && letter(static_cast<unsigned char>(word[0])) &&
           std::all_of(word.begin(), word.end(), [&](unsigned char c) { return letter(c) || std::isdigit(c) != 0; });
  };
  const auto dot = text.find('.');
  return dot == std::string_view::npos ? part(text) : part(text.substr(0, dot)) && part(text.substr(dot + 1));
}

std::string text_of(const std::map<std::string, std::string>& values) {
  std::string first, last;
  for (const auto& [name, value] : values) {
    (read_last.contains(lowered(name)) ? last : first) += fmt::format("{} = {}\n", name, quote_setting(value));
  }
  return first + last;
}

}  // namespace

std::map<std::string, std::string> complaints(std::string_view answer,
                                              const std::map<std::string, std::string>& values) {
  std::map<std::string, std::string> found;
  std::string* last = nullptr;
  while (!answer.empty()) {
    const auto line = next_line(answer);
    if (const auto more = message_of(line, {"DETAIL:  ", "HINT:  "}); !more.empty()) {
      if (last != nullptr) *last += "; " + std::string(more);
      continue;
    }
    last = nullptr;
    const auto message = message_of(line, {"LOG:  ", "ERROR:  ", "FATAL:  "});
    constexpr std::string_view names = "parameter \"";
    const auto begin = message.find(names);
    if (begin == std::string_view::npos) continue;
    const auto rest = message.substr(begin + names.size());
    const auto name = lowered(rest.substr(0, rest.find('"')));
    const auto ours =
        std::find_if(values.begin(), values.end(), [&](const auto& value) { return lowered(value.first) == name; });
    if (ours == values.end()) continue;
    last = &found.try_emplace(ours->first, without_place(message)).first->second;
  }
  return found;
}

Task<Result<std::map<std::string, std::string>>> check_parameters(Context& context,
                                                                  std::map<std::string, std::string> values,
                                                                  Instant deadline) {
  std::map<std::string, std::string> refused;
  for (const auto& value : values) {
    if (!is_name(value.first)) refused[value.first] = "no parameter can be called that";
  }
  for (const auto& name : refused) values.erase(name.first);
  // Unknown names are told first, and only without them the values.
  for (;;) {
    auto command = context.tool("postgres", {"-D", "/", "--config-file=/dev/stdin", "-C", "data_directory"});
    command.input = text_of(values);
    auto running = run(std::move(command), context.clock, deadline);
    const auto outcome = co_await std::move(running);
    if (!outcome) co_return tl::unexpected(outcome.error());
    if (outcome->ok()) co_return refused;
    const auto named = complaints(outcome->errors, values);
    if (named.empty()) {
      co_return fail(ErrorKind::failed, fmt::format("the parameters of PostgreSQL could not be checked: it {}: {}",
                                                    outcome->ending(), outcome->last_words()));
    }
    for (const auto& [name, why] : named) {
      values.erase(name);
      refused[name] = why;
    }
  }
}

}  // namespace regent
