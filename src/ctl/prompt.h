// Questions to the person, in the form scripts with `expect` know (T28).
// Errors: a Stop "Aborted!" when the input ends before the answer.
#pragma once

#include <optional>
#include <string>

#include "ctl/context.h"

namespace regent::ctl {

// Asks until there is an answer; an empty one means `preset`, where there is one.
Outcome<std::string> prompt(Context& context, const std::string& question, std::optional<std::string> preset,
                            bool hidden = false);

// "<question> [y/N]: "; everything but yes and no is asked again.
Outcome<bool> confirm(Context& context, const std::string& question);

// A time somebody asked for, with the zone they wrote it in.
struct Schedule {
  WallTime at;
  std::string iso;     // 2100-01-01T00:00:00+00:00
  std::string spaced;  // 2100-01-01 00:00:00+00:00
};

// Empty and "now": nullopt. A time without a zone is local time.
Outcome<std::optional<Schedule>> parse_schedule(Context& context, const std::string& text);

// "YYYY-MM-DD hh:mm:ss", local time, with `digits` (0 to 6) of the fraction.
std::string timestamp(Context& context, int digits);
// An hour from now, as the examples of prompts show it.
std::string next_hour(Context& context);

}  // namespace regent::ctl
