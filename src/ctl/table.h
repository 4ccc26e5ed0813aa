// Tables and their other spellings, to the letter of what scripts around patronictl parse (compat 1.16).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace regent::ctl {

struct Table {
  std::vector<std::string> columns;     // names in tsv, json and yaml; tables may show other ones
  std::vector<std::string> headings;    // names in a table; empty: as `columns`
  std::vector<std::vector<Json>> rows;  // cells; a cell with several lines separates all rows by rules
  std::set<std::size_t> right;          // columns aligned to the right
  std::string title;                    // stands in the top rule; empty: a plain rule
  bool skip_first = false;              // a table leaves the first column out: the title says it
  bool omit_empty = false;              // json and yaml leave out keys with an empty text
};

// A cell as text: Python's words for null and booleans, which is what the other tool prints.
std::string cell_text(const Json& cell);

// format: pretty, topology, tsv, json, yaml or yml. Ends with a newline.
std::string render(const Table& table, const std::string& format, const std::string& delimiter = "\t");

}  // namespace regent::ctl
