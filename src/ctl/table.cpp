#include "ctl/table.h"

#include <algorithm>

#include "base/yaml.h"

namespace regent::ctl {
namespace {

// Characters, not bytes: member names may hold more than ASCII.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

using Cell = std::vector<std::string>;

std::string rule(const std::vector<std::size_t>& widths) {
  std::string out = "+";
  for (const auto width : widths) out += std::string(width + 2, '-') + "+";
  return out;
}

// The title takes the place of the rule's beginning and never makes it longer.
std::string title_rule(const std::string& plain, const std::string& title) {
  if (title.empty()) return plain;
  const std::string text = (" " + title + " ").substr(0, plain.size() - 2);
  const auto taken = std::min(width_of(text), plain.size() - 2);
  return plain.substr(0, 1) + text + plain.substr(1 + taken);
}

void print_row(const std::vector<Cell>& row, const std::vector<std::size_t>& widths, const std::set<std::size_t>& right,
               std::string& out) {
  std::size_t height = 1;
  for (const auto& cell : row) height = std::max(height, cell.size());
  for (std::size_t line = 0; line < height; ++line) {
    out += '|';
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string text = line < row[i].size() ? row[i][line] : std::string();
      const std::string pad(widths[i] - width_of(text), ' ');
      out += right.contains(i) ? " " + pad + text + " |" : " " + text + pad + " |";
    }
    out += '\n';
  }
}

std::string pretty(const Table& table) {
  const std::size_t first = table.skip_first ? 1 : 0;
  const auto& names = table.headings.empty() ? table.columns : table.headings;
  std::vector<std::vector<Cell>> rows(1);
  for (std::size_t i = first; i < names.size(); ++i) rows[0].push_back({names[i]});
  bool tall = false;
  for (const auto& row : table.rows) {
    rows.emplace_back();
    for (std::size_t i = first; i < row.size(); ++i) {
      rows.back().push_back(lines_of(cell_text(row[i])));
      tall = tall || rows.back().back().size() > 1;
    }
  }
  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      for (const auto& line : row[i]) widths[i] = std::max(widths[i], width_of(line));
    }
  }
  std::set<std::size_t> right;
  for (const auto column : table.right) {
    if (column >= first) right.insert(column - first);
  }
  const std::string plain = rule(widths);
  std::string out = title_rule(plain, table.title) + "\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    print_row(rows[i], widths, right, out);
    if (i == 0 || i + 1 == rows.size() || tall) out += plain + "\n";
  }
  // An empty table has the rule below its headings and the one at its end.
  if (rows.size() == 1) out += plain + "\n";
  return out;
}

std::string separated(const Table& table, const std::string& delimiter) {
  std::string out;
  const auto put = [&](const auto& cells, const auto& print) {
    for (std::size_t i = 0; i < cells.size(); ++i) out += (i == 0 ? "" : delimiter) + print(cells[i]);
    out += '\n';
  };
  if (!table.columns.empty()) put(table.columns, [](const std::string& name) { return name; });
  for (const auto& row : table.rows) put(row, cell_text);
  return out;
}

Json documents(const Table& table) {
  Json out = Json::array();
  for (const auto& row : table.rows) {
    Json item = Json::object();
    for (std::size_t i = 0; i < row.size() && i < table.columns.size(); ++i) {
      const bool empty = (row[i].is_string() && row[i].get_ref<const std::string&>().empty());
      if (!table.omit_empty || !empty) item[table.columns[i]] = row[i];
    }
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace

std::string cell_text(const Json& cell) {
  if (cell.is_string()) return cell.get<std::string>();
  if (cell.is_null()) return "None";
  if (cell.is_boolean()) return cell.get<bool>() ? "True" : "False";
  if (cell.is_structured()) return to_spaced(cell);
  return cell.dump();
}

std::string render(const Table& table, const std::string& format, const std::string& delimiter) {
  if (format == "json") return to_spaced(documents(table)) + "\n";
  // The other tool ends a YAML document, which has its own newline, with one more.
  if (format == "yaml" || format == "yml") return to_yaml(documents(table)) + "\n";
  if (format == "tsv") return separated(table, delimiter);
  return pretty(table);
}

}  // namespace regent::ctl
