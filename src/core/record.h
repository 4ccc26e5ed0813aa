// A decision with all that it was made from, as one line of JSON: what an agent saw can be decided again elsewhere, by
// `regent-sim --replay` (O3). Written and read by the same version of the program: the fields are those of the types.
// Threading: any.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "core/memory.h"
#include "core/observation.h"

namespace regent {

struct Record {
  int rule = 0;  // that decided
  Observation observation;
  Memory memory;  // before the decision
};

std::string print_record(const Record& record);
// The error names the field that is missing or makes no sense.
Result<Record> parse_record(std::string_view line);

}  // namespace regent
