#include "adapters/net/http_wire.h"

#include <fmt/format.h>

namespace regent {
namespace {

// A header must not smuggle a second one in.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\r' && c != '\n') out += c;
  }
  return out;
}

// "Fri, 28 Aug 2024 19:39:26 GMT", in English whatever the locale.
std::string http_date(WallTime now) {
  constexpr std::string_view weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(now - day)};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", weekdays[std::chrono::weekday{day}.c_encoding()],
                     static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

}  // namespace

std::string to_wire(const HttpResponse& response, WallTime now) {
  const auto reason = response.reason.empty() ? std::string(reason_phrase(response.status)) : one_line(response.reason);
  auto out = fmt::format("HTTP/1.0 {} {}\r\n", response.status, reason);
  if (response.status_line_only) return out + "\r\n";
  out += fmt::format("Server: Regent\r\nDate: {}\r\n", http_date(now));
  for (const auto& [name, value] : response.headers) out += fmt::format("{}: {}\r\n", one_line(name), one_line(value));
  out += "\r\n";
  return out + response.body;
}

}  // namespace regent
