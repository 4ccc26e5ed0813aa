// The form of one line of the log, in the terms of Python's logging: users bring `log.format` with them (compat §1.11).
// Pure. Threading: any.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace regent::log {

// `none` is only for set_level(): nothing is logged.
enum class Level { debug, info, warning, error, critical, none };

struct LineForm {
  bool json = false;
  // Of a plain line: attributes such as %(levelname)s or %(levelname)-8s between other text.
  std::string format = "%(asctime)s %(levelname)s: %(message)s";
  // Of a JSON line: attributes, and the keys that they get.
  std::vector<std::pair<std::string, std::string>> fields{
      {"asctime", "asctime"}, {"levelname", "levelname"}, {"message", "message"}};
  Json static_fields = Json::object();  // added to each JSON line
  std::string date_format = {};         // as strftime has it; empty: "2024-08-28 19:39:26,352"

  friend bool operator==(const LineForm&, const LineForm&) = default;
};

// Which attributes of Python's log records there are, for a sentence: "asctime, created, ...".
std::string line_attributes();
bool is_line_attribute(std::string_view name);

// The attributes that a format of a plain line names, in their order; or what is wrong with it.
Result<std::vector<std::string>> attributes_of(std::string_view format);

// With its end. What is wrong in a format stands there as it is.
std::string print_line(const LineForm& form, std::chrono::system_clock::time_point time, Level level,
                       std::string_view text);

}  // namespace regent::log
