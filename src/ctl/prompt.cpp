#include "ctl/prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace regent::ctl {
namespace {

struct ZoneSplit {
  std::string naive;
  std::string zone;  // empty: none
};

// The zone is what follows the time of day: Z, +hh, +hhmm or +hh:mm.
ZoneSplit split_zone(const std::string& text) {
  const auto time = text.find(':');
  if (time == std::string::npos) return {text, ""};
  const auto zone = text.find_first_of("Zz+-", time);
  if (zone == std::string::npos) return {text, ""};
  std::string naive = text.substr(0, zone);
  while (naive.ends_with(' ')) naive.pop_back();
  return {naive, text.substr(zone)};
}

std::string zone_text(std::chrono::minutes offset) {
  const auto minutes = offset.count() < 0 ? -offset.count() : offset.count();
  return fmt::format("{}{:02}:{:02}", offset.count() < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::string date_and_time(WallTime time, char separator) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(time - day)};
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), separator,
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

WallTime local_now(Context& context) {
  const WallTime now = context.terminal.now();
  return now + context.terminal.zone_offset(now);
}

}  // namespace

Outcome<std::string> prompt(Context& context, const std::string& question, std::optional<std::string> preset,
                            bool hidden) {
  const std::string text = preset ? fmt::format("{} [{}]: ", question, *preset) : question + ": ";
  while (true) {
    context.terminal.out(text);
    const auto answer = context.terminal.read_line(hidden);
    if (!answer) return abort_command();
    if (!answer->empty()) return *answer;
    if (preset) return *preset;
  }
}

Outcome<bool> confirm(Context& context, const std::string& question) {
  while (true) {
    context.terminal.out(question + " [y/N]: ");
    auto answer = context.terminal.read_line(false);
    if (!answer) return abort_command();
    std::transform(answer->begin(), answer->end(), answer->begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (*answer == "y" || *answer == "yes") return true;
    if (answer->empty() || *answer == "n" || *answer == "no") return false;
    context.line("Error: invalid input");
  }
}

Outcome<std::optional<Schedule>> parse_schedule(Context& context, const std::string& text) {
  if (text.empty() || text == "now") return std::optional<Schedule>();
  auto [naive, zone] = split_zone(text);
  const auto local = parse_iso_time(naive + "Z");
  if (local && zone.empty()) {
    // The offset of the hour in question, not of today: summer time may begin in between.
    const auto guess = *local - context.terminal.zone_offset(*local);
    zone = zone_text(context.terminal.zone_offset(guess));
  }
  const auto at = parse_iso_time(naive + zone);
  if (!local || !at) {
    return refuse(fmt::format(
        "Unable to parse scheduled timestamp ({}). It should be in an unambiguous format (e.g. ISO 8601)", text));
  }
  const auto offset = zone_text(std::chrono::duration_cast<std::chrono::minutes>(*local - *at));
  // Microseconds stay: what is shown is what is sent.
  const auto shown = [&](const std::string& utc) { return utc.substr(0, utc.size() - 6) + offset; };
  return Schedule{*at, shown(to_iso_time(*local)), shown(to_rest_time(*local))};
}

std::string timestamp(Context& context, int digits) {
  const WallTime now = local_now(context);
  std::string out = date_and_time(now, ' ');
  if (digits == 0) return out;
  const auto micros = (now - std::chrono::floor<std::chrono::seconds>(now)).count();
  return out + "." + fmt::format("{:06}", micros).substr(0, static_cast<std::size_t>(digits));
}

std::string next_hour(Context& context) {
  return date_and_time(local_now(context) + std::chrono::hours(1), 'T').substr(0, 16);
}

}  // namespace regent::ctl
