// Printing YAML to the letter as PyYAML's safe_dump does, so that edit-config diffs and scripts see no difference.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/yaml.h"

namespace regent {
namespace {

constexpr std::size_t block_width = 200;
constexpr std::size_t one_line_width = std::numeric_limits<std::size_t>::max() / 2;
// 128 less the five characters of the tag !!str, which PyYAML counts although it never prints it.
constexpr std::size_t longest_simple_key = 123;

std::u32string decode(std::string_view text) {
  std::u32string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 0;
    if (length == 0 || i + length > text.size()) {
      out += U'\uFFFD';
      ++i;
      continue;
    }
    char32_t code = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t k = 1; k < length; ++k) code = (code << 6U) | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    out += code;
    i += length;
  }
  return out;
}

void encode(char32_t code, std::string& out) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

bool is_break(char32_t c) {
  return c == U'\n' || c == 0x85 || c == 0x2028 || c == 0x2029;
}
bool is_blank(char32_t c) {
  return c == 0 || c == U' ' || c == U'\t' || c == U'\r' || is_break(c);
}
bool is_one_of(char32_t c, std::u32string_view set) {
  return set.find(c) != std::u32string_view::npos;
}
bool is_ascii(char32_t c) {
  return c >= 0x20 && c <= 0x7E;
}
bool is_unicode(char32_t c) {
  return c == 0x85 || (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD && c != 0xFEFF) ||
         (c >= 0x10000 && c < 0x10FFFF);
}

// In which styles a text can be written without changing its meaning.
struct Styles {
  bool empty = false;
  bool multiline = false;
  bool flow_plain = true;
  bool block_plain = true;
  bool single_quoted = true;
};

// Indicators: characters that end or change a plain scalar at that place.
void check_indicators(const std::u32string& text, Styles& styles) {
  if (text.starts_with(U"---") || text.starts_with(U"...")) styles.flow_plain = styles.block_plain = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    const bool blank_before = i == 0 || is_blank(text[i - 1]);
    const bool blank_after = i + 1 >= text.size() || is_blank(text[i + 1]);
    bool flow = false;
    bool block = false;
    if (i == 0) {
      flow = block = is_one_of(c, U"#,[]{}&*!|>'\"%@`") || (c == U'-' && blank_after);
      if (c == U'?' || c == U':') {
        flow = true;
        block = blank_after;
      }
    } else {
      flow = is_one_of(c, U",?[]{}:");
      block = c == U':' && blank_after;
      if (c == U'#' && blank_before) flow = block = true;
    }
    if (flow) styles.flow_plain = false;
    if (block) styles.block_plain = false;
  }
}

Styles analyze(const std::u32string& text) {
  Styles styles;
  if (text.empty()) {
    styles.empty = true;
    styles.flow_plain = false;
    return styles;
  }
  check_indicators(text, styles);
  bool special = false;
  bool break_space = false;
  bool space_break = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (is_break(c)) styles.multiline = true;
    if (c != U'\n' && !is_ascii(c) && !is_unicode(c)) special = true;
    if (i > 0 && c == U' ' && is_break(text[i - 1])) break_space = true;
    if (i > 0 && is_break(c) && text[i - 1] == U' ') space_break = true;
  }
  const auto is_edge = [](char32_t c) { return c == U' ' || is_break(c); };
  if (is_edge(text.front()) || is_edge(text.back()) || break_space || space_break || special || styles.multiline)
    styles.flow_plain = styles.block_plain = false;
  if (break_space || space_break || special) styles.single_quoted = false;
  return styles;
}

class Printer {
 public:
  Printer(std::size_t width, bool flow) : width_(width), flow_(flow) {}

  std::string print(const Json& value) {
    root_ = true;
    node(value, false, false);
    write_indent();
    if (open_ended_) out_ += "...\n";
    return std::move(out_);
  }

 private:
  // Keeps the indentation of the enclosing node while a nested one is printed.
  class Nested {
   public:
    Nested(Printer& printer, bool flow, bool indentless = false) : printer_(printer), before_(printer.indent_) {
      if (before_ < 0) {
        printer_.indent_ = flow ? 2 : 0;
      } else if (!indentless) {
        printer_.indent_ = before_ + 2;
      }
    }
    ~Nested() { printer_.indent_ = before_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;

   private:
    Printer& printer_;
    int before_;
  };

  void write(std::u32string_view text) {
    for (const char32_t c : text) encode(c, out_);
    column_ += text.size();
  }

  void write_indicator(std::u32string_view indicator, bool need_whitespace, bool whitespace = false,
                       bool indention = false) {
    if (!whitespace_ && need_whitespace) write(U" ");
    whitespace_ = whitespace;
    indention_ = indention_ && indention;
    open_ended_ = false;
    write(indicator);
  }

  void write_line_break(char32_t c = U'\n') {
    whitespace_ = true;
    indention_ = true;
    encode(c, out_);
    column_ = 0;
  }

  void write_indent() {
    const auto indent = static_cast<std::size_t>(std::max(indent_, 0));
    if (!indention_ || column_ > indent || (column_ == indent && !whitespace_)) write_line_break();
    if (column_ < indent) {
      whitespace_ = true;
      write(std::u32string(indent - column_, U' '));
    }
  }

  // `mapping`: the node is a key or a value of a mapping. `simple_key`: it is a key that fits before a colon.
  void node(const Json& value, bool mapping, bool simple_key) {
    const bool root = std::exchange(root_, false);
    if (value.is_object()) {
      flow_ || flow_level_ > 0 || value.empty() ? flow_mapping(value) : block_mapping(value);
    } else if (value.is_array()) {
      flow_ || flow_level_ > 0 || value.empty() ? flow_sequence(value) : block_sequence(value, mapping);
    } else {
      const Nested nested(*this, true);
      scalar(value, simple_key, root);
    }
  }

  static std::vector<std::pair<std::string, const Json*>> sorted(const Json& value) {
    std::vector<std::pair<std::string, const Json*>> items;
    for (const auto& [key, item] : value.items()) items.emplace_back(key, &item);
    std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return items;
  }

  static bool is_simple_key(const std::string& key) {
    const auto text = decode(key);
    const auto styles = analyze(text);
    return text.size() < longest_simple_key && !styles.empty && !styles.multiline;
  }

  void block_mapping(const Json& value) {
    const Nested nested(*this, false);
    for (const auto& [key, item] : sorted(value)) {
      write_indent();
      if (is_simple_key(key)) {
        node(key, true, true);
        write_indicator(U":", false);
      } else {
        write_indicator(U"?", true, false, true);
        node(key, true, false);
        write_indent();
        write_indicator(U":", true, false, true);
      }
      node(*item, true, false);
    }
  }

  void block_sequence(const Json& value, bool mapping) {
    const Nested nested(*this, false, mapping && !indention_);
    for (const auto& item : value) {
      write_indent();
      write_indicator(U"-", true, false, true);
      node(item, false, false);
    }
  }

  void flow_mapping(const Json& value) {
    write_indicator(U"{", true, true);
    {
      ++flow_level_;
      const Nested nested(*this, true);
      bool first = true;
      for (const auto& [key, item] : sorted(value)) {
        if (!first) write_indicator(U",", false);
        first = false;
        if (column_ > width_) write_indent();
        const bool simple = is_simple_key(key);
        if (!simple) write_indicator(U"?", true);
        node(key, true, simple);
        write_indicator(U":", !simple);
        node(*item, true, false);
      }
      --flow_level_;
    }
    write_indicator(U"}", false);
  }

  void flow_sequence(const Json& value) {
    write_indicator(U"[", true, true);
    {
      ++flow_level_;
      const Nested nested(*this, true);
      bool first = true;
      for (const auto& item : value) {
        if (!first) write_indicator(U",", false);
        first = false;
        if (column_ > width_) write_indent();
        node(item, false, false);
      }
      --flow_level_;
    }
    write_indicator(U"]", false);
  }

  static std::string float_text(double value) {
    if (std::isnan(value)) return ".nan";
    if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
    std::string text = fmt::format("{}", value);
    if (text.find('.') != std::string::npos) return text;
    // A float must not read as an integer, and YAML 1.1 wants a point before the exponent.
    const auto exponent = text.find('e');
    return exponent == std::string::npos ? text + ".0" : text.insert(exponent, ".0");
  }

  void scalar(const Json& value, bool simple_key, bool root) {
    if (!value.is_string()) {
      const std::string text = value.is_number_float() ? float_text(value.get<double>()) : value.dump();
      write_plain(decode(text), false, root);
      return;
    }
    const auto& raw = value.get_ref<const std::string&>();
    const auto text = decode(raw);
    const auto styles = analyze(text);
    const bool plain = flow_level_ > 0 ? styles.flow_plain : styles.block_plain;
    if (plain && !resolves_otherwise(raw) && !(simple_key && (styles.empty || styles.multiline))) {
      write_plain(text, !simple_key, root);
    } else if (styles.single_quoted && !(simple_key && styles.multiline)) {
      write_single_quoted(text, !simple_key);
    } else {
      write_double_quoted(text, !simple_key);
    }
  }

  // Whether a reader would take the plain text for something else than this text.
  static bool resolves_otherwise(const std::string& text) {
    return !resolve_plain_scalar(text).is_string() || text == "<<" || text == "=" || is_timestamp(text) ||
           is_number_without_digits(text);
  }

  // "0b_" and "0x_" count as integers by their look although they have no value.
  static bool is_number_without_digits(std::string_view text) {
    if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
    return text.size() > 2 && (text.starts_with("0b") || text.starts_with("0x")) &&
           text.find_first_not_of('_', 2) == std::string_view::npos;
  }

  static bool is_timestamp(std::string_view text) {
    std::size_t at = 0;
    const auto digits = [&](std::size_t least, std::size_t most) {
      std::size_t count = 0;
      while (count < most && at < text.size() && text[at] >= '0' && text[at] <= '9') ++at, ++count;
      return count >= least;
    };
    const auto skip = [&](char c) { return at < text.size() && text[at] == c && ++at > 0; };
    if (!digits(4, 4) || !skip('-')) return false;
    const auto month = at;
    if (!digits(1, 2) || !skip('-')) return false;
    const bool wide_month = at - month == 3;
    const auto day = at;
    if (!digits(1, 2)) return false;
    if (at == text.size()) return wide_month && at - day == 2;
    if (!skip('T') && !skip('t')) {
      if (text[at] != ' ' && text[at] != '\t') return false;
      while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    }
    if (!digits(1, 2) || !skip(':') || !digits(2, 2) || !skip(':') || !digits(2, 2)) return false;
    if (skip('.')) digits(0, std::numeric_limits<std::size_t>::max());
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    if (at == text.size()) return text.back() != ' ' && text.back() != '\t';
    if (skip('Z')) return at == text.size();
    if (!skip('-') && !skip('+')) return false;
    if (!digits(1, 2)) return false;
    if (skip(':') && !digits(2, 2)) return false;
    return at == text.size();
  }

  void write_plain(const std::u32string& text, bool split, bool root) {
    if (root) open_ended_ = true;
    if (text.empty()) return;
    if (!whitespace_) write(U" ");
    whitespace_ = false;
    indention_ = false;
    for (std::size_t start = 0; start < text.size();) {
      const bool spaces = text[start] == U' ';
      std::size_t end = start;
      while (end < text.size() && (text[end] == U' ') == spaces) ++end;
      if (spaces && end == start + 1 && column_ > width_ && split) {
        write_indent();
        whitespace_ = false;
        indention_ = false;
      } else {
        write(std::u32string_view(text).substr(start, end - start));
      }
      start = end;
    }
  }

  void write_single_quoted(const std::u32string& text, bool split) {
    write_indicator(U"'", true);
    for (std::size_t start = 0; start < text.size();) {
      std::size_t end = start;
      if (text[start] == U' ') {
        while (end < text.size() && text[end] == U' ') ++end;
        if (end == start + 1 && column_ > width_ && split && start != 0 && end != text.size()) {
          write_indent();
        } else {
          write(std::u32string_view(text).substr(start, end - start));
        }
      } else if (is_break(text[start])) {
        while (end < text.size() && is_break(text[end])) ++end;
        if (text[start] == U'\n') write_line_break();
        for (std::size_t i = start; i < end; ++i) write_line_break(text[i]);
        write_indent();
      } else if (text[start] == U'\'') {
        write(U"''");
        ++end;
      } else {
        while (end < text.size() && text[end] != U' ' && text[end] != U'\'' && !is_break(text[end])) ++end;
        write(std::u32string_view(text).substr(start, end - start));
      }
      start = end;
    }
    write_indicator(U"'", false);
  }

  static std::string escape(char32_t c) {
    static const std::map<char32_t, char> letters{{0x00, '0'},  {0x07, 'a'}, {0x08, 'b'}, {0x09, 't'},   {0x0A, 'n'},
                                                  {0x0B, 'v'},  {0x0C, 'f'}, {0x0D, 'r'}, {0x1B, 'e'},   {0x22, '"'},
                                                  {0x5C, '\\'}, {0x85, 'N'}, {0xA0, '_'}, {0x2028, 'L'}, {0x2029, 'P'}};
    if (const auto found = letters.find(c); found != letters.end()) return fmt::format("\\{}", found->second);
    const auto code = static_cast<std::uint32_t>(c);
    if (code <= 0xFF) return fmt::format("\\x{:02X}", code);
    if (code <= 0xFFFF) return fmt::format("\\u{:04X}", code);
    return fmt::format("\\U{:08X}", code);
  }

  static bool needs_escape(char32_t c) {
    if (c == U'"' || c == U'\\' || c == 0x2028 || c == 0x2029 || c == 0xFEFF) return true;
    return !is_ascii(c) && !((c >= 0xA0 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD));
  }

  void write_double_quoted(const std::u32string& text, bool split) {
    write_indicator(U"\"", true);
    std::size_t start = 0;
    for (std::size_t end = 0; end <= text.size(); ++end) {
      const bool done = end == text.size();
      if (done || needs_escape(text[end])) {
        write(std::u32string_view(text).substr(start, end - start));
        start = end;
        if (!done) {
          write(decode(escape(text[end])));
          start = end + 1;
        }
      }
      const bool may_split = end > 0 && end + 1 < text.size() && (text[end] == U' ' || start >= end);
      // An escape just written puts `start` one past `end`.
      if (may_split && split && column_ + end > width_ + start) {
        if (start < end) {
          write(std::u32string_view(text).substr(start, end - start));
          start = end;
        }
        write(U"\\");
        write_indent();
        whitespace_ = false;
        indention_ = false;
        if (text[start] == U' ') write(U"\\");
      }
    }
    write_indicator(U"\"", false);
  }

  std::size_t width_;
  bool flow_;
  bool root_ = false;
  int indent_ = -1;  // none yet
  int flow_level_ = 0;
  std::size_t column_ = 0;
  bool whitespace_ = true;   // the last character written was white space
  bool indention_ = true;    // nothing but indentation on this line
  bool open_ended_ = false;  // a plain root scalar ends only with the document
  std::string out_;
};

}  // namespace

std::string to_yaml(const Json& value) {
  return Printer(block_width, false).print(value);
}

std::string to_yaml_flow(const Json& value) {
  std::string text = Printer(one_line_width, true).print(value);
  while (text.ends_with("\n...\n")) text.resize(text.size() - 4);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace regent
