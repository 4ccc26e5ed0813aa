#include "base/time.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>

namespace regent {
namespace {

std::string print(WallTime time, char separator) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  const auto micros = clock.subseconds().count();
  // Python leaves the fraction out when it is zero; parsers of our output know both forms.
  const std::string fraction = micros == 0 ? std::string() : fmt::format(".{:06}", micros);
  return fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}+00:00", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), separator,
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(), fraction);
}

// A cursor over the text of a time: each step consumes or fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (std::isdigit(static_cast<unsigned char>(rest_[i])) == 0) return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<char> any_of(std::string_view set) {
    if (rest_.empty() || set.find(rest_.front()) == std::string_view::npos) return std::nullopt;
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }
  bool at_digit() const { return !rest_.empty() && std::isdigit(static_cast<unsigned char>(rest_.front())) != 0; }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::minutes> scan_zone(Scanner& in) {
  const auto sign = in.any_of("Zz+-");
  if (!sign) return std::nullopt;
  if (*sign == 'Z' || *sign == 'z') return std::chrono::minutes(0);
  const auto hours = in.digits(2);
  if (!hours) return std::nullopt;
  in.skip(':');
  const auto minutes = in.at_digit() ? in.digits(2) : std::optional<int>(0);
  if (!minutes) return std::nullopt;
  const std::chrono::minutes offset(*hours * 60 + *minutes);
  return *sign == '-' ? -offset : offset;
}

}  // namespace

std::string to_rest_time(WallTime time) {
  return print(time, ' ');
}
std::string to_iso_time(WallTime time) {
  return print(time, 'T');
}

std::optional<WallTime> parse_iso_time(std::string_view text) {
  Scanner in(text);
  const auto year = in.digits(4);
  if (!year || !in.skip('-')) return std::nullopt;
  const auto month = in.digits(2);
  if (!month || !in.skip('-')) return std::nullopt;
  const auto day = in.digits(2);
  if (!day || !in.any_of("T ")) return std::nullopt;
  const auto hour = in.digits(2);
  if (!hour || !in.skip(':')) return std::nullopt;
  const auto minute = in.digits(2);
  if (!minute) return std::nullopt;
  int second = 0;
  std::chrono::microseconds fraction(0);
  if (in.skip(':')) {
    const auto seconds = in.digits(2);
    if (!seconds) return std::nullopt;
    second = *seconds;
    if (in.skip('.')) {
      int scale = 100000;
      if (!in.at_digit()) return std::nullopt;
      for (; in.at_digit(); scale /= 10) fraction += std::chrono::microseconds(*in.digits(1) * scale);
    }
  }
  const auto offset = scan_zone(in);
  if (!offset || !in.done()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(second) + fraction - *offset;
}

}  // namespace regent
