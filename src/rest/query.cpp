#include "rest/query.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace regent::rest {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Unit {
  std::string_view name;
  double factor;
};

// A number and one of the units; no unit is the first of them.
template <std::size_t n>
std::optional<double> parse_number(std::string_view text, const Unit (&units)[n]) {
  text = trim(text);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const auto unit = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  if (unit.empty()) return number;
  const auto* found = std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return u.name == unit; });
  if (found == std::end(units)) return std::nullopt;
  return number * found->factor;
}

constexpr Unit sizes[] = {{"B", 1}, {"kB", 1024}, {"MB", 1048576}, {"GB", 1073741824}, {"TB", 1099511627776}};
constexpr Unit times[] = {{"s", 1}, {"ms", 0.001}, {"min", 60}, {"h", 3600}, {"d", 86400}};

// A century of seconds fits a Duration; more is a typing error.
constexpr double longest_seconds = 100.0 * 366 * 86400;

}  // namespace

const std::string* Target::find(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return &value;
  }
  return nullptr;
}

Target parse_target(std::string_view target) {
  Target result;
  if (const auto fragment = target.find('#'); fragment != std::string_view::npos) target = target.substr(0, fragment);
  std::string_view query;
  if (const auto mark = target.find('?'); mark != std::string_view::npos) {
    query = target.substr(mark + 1);
    target = target.substr(0, mark);
  }
  const auto slashes = std::min(target.find_first_not_of('/'), target.size());
  result.path = (slashes > 0 ? "/" : "") + std::string(target.substr(slashes));
  const auto rest = target.substr(slashes);
  result.endpoint = std::string(rest.substr(0, rest.find('/')));
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || equals + 1 == pair.size()) continue;
    result.query.emplace_back(decode(pair.substr(0, equals)), decode(pair.substr(equals + 1)));
  }
  return result;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto number = parse_number(text, sizes);
  if (!number || !(*number >= 0) || *number > 9e18) return std::nullopt;
  return static_cast<std::uint64_t>(std::llround(*number));
}

std::optional<Duration> parse_seconds(const Json& value) {
  std::optional<double> seconds;
  if (value.is_number()) {
    seconds = value.get<double>();
  } else if (value.is_string()) {
    seconds = parse_number(value.get_ref<const std::string&>(), times);
  }
  if (!seconds || !(std::abs(*seconds) <= longest_seconds)) return std::nullopt;
  return std::chrono::seconds(std::llround(*seconds));
}

bool is_true(const Json* value) {
  if (value == nullptr) return false;
  if (value->is_boolean()) return value->get<bool>();
  if (value->is_number_integer()) return value->get<std::int64_t>() == 1;
  if (!value->is_string()) return false;
  std::string text = value->get<std::string>();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text == "true" || text == "on" || text == "yes" || text == "y" || text == "t" || text == "1";
}

}  // namespace regent::rest
