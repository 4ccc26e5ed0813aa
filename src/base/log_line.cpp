#include "base/log_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <optional>

namespace regent::log {
namespace {

using SystemTime = std::chrono::system_clock::time_point;

std::string_view level_name(Level level) {
  constexpr std::array<std::string_view, 5> names{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
  return names.at(static_cast<std::size_t>(level));
}

int level_number(Level level) {
  return 10 * (static_cast<int>(level) + 1);
}

long milliseconds_of(SystemTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds).count());
}

// Local time.
std::string print_time(SystemTime time, const std::string& format) {
  const std::time_t clock = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm fields{};
  localtime_r(&clock, &fields);
  std::array<char, 256> text{};
  const auto size =
      std::strftime(text.data(), text.size(), format.empty() ? "%Y-%m-%d %H:%M:%S" : format.c_str(), &fields);
  std::string out(text.data(), size);
  return format.empty() ? out + fmt::format(",{:03}", milliseconds_of(time)) : out;
}

struct Line {
  const LineForm& form;
  SystemTime time;
  Level level;
  std::string_view text;
};

struct Attribute {
  std::string_view name;
  Json (*value)(const Line& line);
};

// Those of the place in a Python program are there, so that every format can be taken, and say nothing.
constexpr Attribute attributes[] = {
    {"asctime", [](const Line& line) { return Json(print_time(line.time, line.form.date_format)); }},
    {"created",
     [](const Line& line) { return Json(std::chrono::duration<double>(line.time.time_since_epoch()).count()); }},
    {"filename", [](const Line&) { return Json("regent"); }},
    {"funcName", [](const Line&) { return Json("-"); }},
    {"levelname", [](const Line& line) { return Json(level_name(line.level)); }},
    {"levelno", [](const Line& line) { return Json(level_number(line.level)); }},
    {"lineno", [](const Line&) { return Json(0); }},
    {"message", [](const Line& line) { return Json(line.text); }},
    {"module", [](const Line&) { return Json("regent"); }},
    {"msecs", [](const Line& line) { return Json(milliseconds_of(line.time)); }},
    {"name", [](const Line&) { return Json("regent"); }},
    {"pathname", [](const Line&) { return Json("regent"); }},
    {"process", [](const Line&) { return Json(::getpid()); }},
    {"processName", [](const Line&) { return Json("MainProcess"); }},
    {"thread", [](const Line&) { return Json(0); }},
    {"threadName", [](const Line&) { return Json("MainThread"); }},
};

const Attribute* find_attribute(std::string_view name) {
  const auto* found = std::find_if(std::begin(attributes), std::end(attributes),
                                   [&](const Attribute& attribute) { return attribute.name == name; });
  return found == std::end(attributes) ? nullptr : found;
}

// "%(levelname)-8s"
struct Conversion {
  std::string_view name;
  bool left = false;
  bool zeros = false;
  std::size_t width = 0;
  std::size_t size = 0;  // of the whole
};

// What `text`, which begins with %(, is; nullopt: nothing that has an end.
std::optional<Conversion> parse_conversion(std::string_view text) {
  const auto close = text.find(')');
  if (close == std::string_view::npos) return std::nullopt;
  Conversion out;
  out.name = text.substr(2, close - 2);
  std::size_t at = close + 1;
  for (; at < text.size() && std::string_view("-0+ #").find(text[at]) != std::string_view::npos; ++at) {
    out.left = out.left || text[at] == '-';
    out.zeros = out.zeros || text[at] == '0';
  }
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && out.width < 1000; ++at)
    out.width = out.width * 10 + static_cast<std::size_t>(text[at] - '0');
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) continue;
  }
  if (at == text.size() || std::string_view("sdifr").find(text[at]) == std::string_view::npos) return std::nullopt;
  out.size = at + 1;
  return out;
}

std::string padded(std::string text, const Conversion& conversion) {
  if (text.size() >= conversion.width) return text;
  const auto missing = conversion.width - text.size();
  if (conversion.left) return text + std::string(missing, ' ');
  return std::string(missing, conversion.zeros ? '0' : ' ') + text;
}

std::string plain_line(const Line& line) {
  std::string out;
  std::string_view rest = line.form.format;
  while (!rest.empty()) {
    if (rest.starts_with("%%")) {
      out += '%';
      rest.remove_prefix(2);
      continue;
    }
    const auto conversion = rest.starts_with("%(") ? parse_conversion(rest) : std::nullopt;
    const auto* attribute = conversion ? find_attribute(conversion->name) : nullptr;
    if (attribute == nullptr) {
      out += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    const Json value = attribute->value(line);
    out += padded(value.is_string() ? value.get<std::string>() : value.dump(), *conversion);
    rest.remove_prefix(conversion->size);
  }
  return out;
}

std::string json_line(const Line& line) {
  Json out = Json::object();
  for (const auto& [name, key] : line.form.fields) {
    if (const auto* attribute = find_attribute(name)) out[key] = attribute->value(line);
  }
  for (const auto& [key, value] : line.form.static_fields.items()) out[key] = value;
  return to_spaced(out);
}

}  // namespace

std::string line_attributes() {
  std::string out;
  for (const auto& attribute : attributes) out += fmt::format("{}{}", out.empty() ? "" : ", ", attribute.name);
  return out;
}

bool is_line_attribute(std::string_view name) {
  return find_attribute(name) != nullptr;
}

Result<std::vector<std::string>> attributes_of(std::string_view format) {
  std::vector<std::string> out;
  while (!format.empty()) {
    const auto percent = format.find('%');
    if (percent == std::string_view::npos) break;
    format.remove_prefix(percent);
    if (format.starts_with("%%")) {
      format.remove_prefix(2);
      continue;
    }
    const auto conversion = format.starts_with("%(") ? parse_conversion(format) : std::nullopt;
    if (!conversion)
      return fail(ErrorKind::invalid, fmt::format("cannot be understood at \"{}\"", format.substr(0, 20)));
    if (!is_line_attribute(conversion->name))
      return fail(ErrorKind::invalid, fmt::format("names {}, which lines here do not have", conversion->name));
    out.emplace_back(conversion->name);
    format.remove_prefix(conversion->size);
  }
  return out;
}

std::string print_line(const LineForm& form, SystemTime time, Level level, std::string_view text) {
  const Line line{form, time, level, text};
  return (form.json ? json_line(line) : plain_line(line)) + "\n";
}

}  // namespace regent::log
